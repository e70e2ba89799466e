"""Task files of lm-evaluation-harness are data: what would run code, read elsewhere or blow up is refused with its line."""

import json
from pathlib import Path
from typing import Any

import pytest

from models_registry.datasets import harness_task
from models_registry.datasets.harness_yaml import TASK_BYTES_MAX, TaskError
from models_registry.datasets.intake import IntakeError, Reading
from tests.simulators.intake import taken

PLAIN = """\
task: water
output_type: multiple_choice
doc_to_text: "{{question}}"
doc_to_target: gold
doc_to_choice: [yes please, no thanks]
metadata: {language: en}
"""
ROWS = b'{"question":"Is it dawn?","gold":0}\n{"question":"Is it noon?","gold":1}\n'


def task_file(task: str, rows: bytes = ROWS) -> bytes:
    return task.encode() + b"---\n" + rows


def refusal(data: bytes, reading: Reading | None = None) -> IntakeError:
    with pytest.raises(IntakeError) as caught:
        taken(data, "suite.task.yaml", reading)
    return caught.value


def changed(line: str) -> str:
    """Return the plain task with one key in the place of its third line."""
    lines = PLAIN.splitlines(keepends=True)
    key = line.split(":", 1)[0]
    return "".join([*(each for each in lines if not each.startswith(f"{key}:"))]) + line + "\n"


def last(line: str) -> int:
    return changed(line).count("\n", 0, changed(line).rindex(line.splitlines()[0])) + 1


# What each of these would do where the harness reads it: create a file, open another, ask the network, never end.
MALICIOUS = {
    "python in a tag": ("process_docs: !function evil.run", "the tag !function"),
    "python under a known key": ("doc_to_text: !function evil.run", "the tag !function"),
    "python by name": ("process_results: evil.run", "it runs Python"),
    "a class": ("class: evil.Task", "it runs Python"),
    "a dataset by a function": ("custom_dataset: evil.load", "it runs Python"),
    "code that may run": ("unsafe_code: true", "it runs Python"),
    "an object of python": ('doc_to_target: !!python/object/apply:os.system ["touch marker"]', "python/object"),
    "a python name": ("doc_to_target: !!python/name:os.system", "python/name"),
    "another file": ("include: ../../evil.yaml", "it reads other files"),
    "a tag for another file": ("description: !include /etc/passwd", "the tag !include"),
    "a dataset elsewhere": ("dataset_path: evil/dataset", ": 'evil/dataset'"),
    "a dataset's script": ("dataset_path: ./evil.py", ": './evil.py'"),
    "another part of a dataset": ("dataset_name: evil", "it reads other files"),
    "rows elsewhere": ("dataset_kwargs: {data_files: https://evil.example/rows.jsonl}", "https://evil.example"),
    "rows above": ("dataset_kwargs: {data_files: {test: ../rows.jsonl}}", "../rows.jsonl"),
    "remote code": ("dataset_kwargs: {trust_remote_code: true}", "trust_remote_code"),
    "a prompt elsewhere": ("use_prompt: 'promptsource:evil'", "it reads other files"),
    "a metric by a function": ("metric_list: [{metric: !function evil.metric}]", "the tag !function"),
    "a metric from afar": ("metric_list: [{metric: acc, hf_evaluate: true}]", "hf_evaluate"),
    "an unknown metric": ("metric_list: [{metric: bleu}]", "'bleu'"),
    "a filter with a pattern": (
        "filter_list: [{name: x, filter: [{function: regex, regex_pattern: '(a+)+$'}]}]",
        "regex",
    ),
    "classes in a template": ("""doc_to_text: "{{ ''.__class__.__mro__[1].__subclasses__() }}\"""", "in a template"),
    "a call in a template": ("""doc_to_text: "{{ cycler.__init__.__globals__.os.popen('touch marker') }}\"""", "Call"),
    "a hidden attribute": ("""doc_to_text: "{{ question['__class__'] }}\"""", "'_'"),
    "an attribute by filter": ("""doc_to_text: "{{ question|attr('__class__') }}\"""", "filter attr"),
    "a loop": ("doc_to_text: '{% for a in question %}{{ a }}{% endfor %}'", "For"),
    "a long loop": ("doc_to_text: '{% for a in range(999999999) %}x{% endfor %}'", "in a template"),
    "a long text": ("""doc_to_text: "{{ 'x' * 9999999999 }}\"""", "Mul"),
    "a power": ("doc_to_text: '{{ 9 ** 9 ** 9 }}'", "Pow"),
    "an include in a template": ("""doc_to_text: "{% include '/etc/passwd' %}\"""", "Include"),
    "an import in a template": ("""doc_to_text: "{% import 'evil' as e %}\"""", "Import"),
    "a macro": ("doc_to_text: '{% macro m() %}{{ m() }}{% endmacro %}'", "Macro"),
    "a variable": ("doc_to_text: '{% set x = question %}{{ x }}'", "Assign"),
    "joins of joins": ("doc_to_text: '{{ question|join(question) }}'", "join in a template"),
    "two joins": ("doc_to_text: \"{{ (question|join(', '))|join(', ') }}\"", "join in a template"),
    "a replacement": ("doc_to_text: \"{{ question|replace('', question) }}\"", "filter replace"),
    "a template that does not parse": ("doc_to_text: '{{ question'", "does not parse"),
    "a deep template": ("doc_to_text: '{{ " + "(" * 2_000 + "1" + ")" * 2_000 + " }}'", "template"),
    "code in the choices": ("""doc_to_choice: "{{ namespace(x=1) }}\"""", "Call"),
    "an anchor": ("description: &a x", "anchor or alias"),
    "a merge": ("metadata: {<<: {language: fr}}", "this key"),
    "a key twice": ("description: x\ndescription: y", "this key twice"),
    "a key that is a list": ("? [a, b]\n: x", "this key"),
    "a date": ("description: 2026-01-01", "timestamp"),
    "nothing": ("description:", "null"),
    "a yes that is true": ("metric_list: [{metric: acc, higher_is_better: yes}]", "bool yes"),
    "an octal number": ("metadata: {batch_size: 010}", "int 010"),
    "a large batch": ("metadata: {batch_size: 65}", "65"),
    "no batch": ("metadata: {batch_size: 0}", ": 0"),
    "another language": ("metadata: {language: de}", "'de'"),
    "examples": ("num_fewshot: 5", ": 5"),
    "many answers": ("repeats: 9", ": 9"),
    "chance": ("generation_kwargs: {do_sample: true}", "True"),
    "no choices": ("doc_to_choice: []", "[]"),
    "an empty choice": ("doc_to_choice: ['', 'b']", "an empty text"),
    "a name with a path": ("task: ../water", "'../water'"),
    "an unknown key": ("colour: blue", "it is not known here"),
    "an unknown way to ask": ("output_type: loglikelihood", "'loglikelihood'"),
    "a metric of another way": ("metric_list: [{metric: exact_match}]", "exact_match"),
    "a metric twice": ("metric_list: [{metric: acc}, {metric: acc}]", "['acc', 'acc']"),
}


@pytest.mark.parametrize("name", MALICIOUS)
def test_a_malicious_or_broken_task_is_refused_with_its_line_and_nothing_is_executed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code = f"open({str(tmp_path / 'marker')!r}, 'w')\ndef run(*_a, **_k): open({str(tmp_path / 'marker')!r}, 'w')\nload = metric = run"
    (tmp_path / "evil.py").write_text(code)
    line, found = MALICIOUS[name]
    error = refusal(task_file(changed(line)))
    assert (error.code, error.status) == ("malformed_row", 422)
    assert found in error.found + error.allowed
    assert error.allowed
    assert error.line in {last(line), last(line) + 1}
    assert not (tmp_path / "marker").exists()


def test_the_planted_file_would_have_run_where_the_harness_reads_the_task_itself(tmp_path: Path) -> None:
    yaml_loader = pytest.importorskip("lm_eval.tasks._yaml_loader")
    (tmp_path / "evil.py").write_text(f"def run(*_a): pass\nopen({str(tmp_path / 'marker')!r}, 'w').close()\n")
    (tmp_path / "task.yaml").write_text(changed("process_docs: !function evil.run"))
    yaml_loader.load_yaml(tmp_path / "task.yaml")
    assert (tmp_path / "marker").exists()


@pytest.mark.parametrize(
    ("data", "line", "found"),
    [
        (task_file("[]\n"), 1, "no mapping"),
        (task_file("just text\n"), 1, "no mapping"),
        (task_file("task: [a\n"), 1, ""),
        (task_file("task: 'a\n" + PLAIN), None, ""),
        (task_file("\ttask: a\n"), 1, ""),
        (task_file("[" * 5_000 + "\n"), 1, "more levels"),
        (task_file("a: [" + "1, " * 3_000 + "1]\n"), 1, "more than 2000 parts"),
        (task_file("task: " + "a" * TASK_BYTES_MAX + "\n"), 1, "more than 32768 bytes"),
        (task_file("a: &a [x, x]\nb: [*a, *a]\n"), 1, "anchor or alias 'a'"),
        (PLAIN.encode(), None, "without rows"),
        (task_file(PLAIN, b""), None, "without rows"),
        (b"", 1, ""),
        (task_file(PLAIN, b"{}\n"), 8, "dict"),
        (task_file(PLAIN, b'{"gold":0}\n{"gold":"0"}\n'), 9, "document: {'gold': 'str'}"),
        (task_file(PLAIN, b'{"gold":0}\n{"other":0}\n'), 9, "document: {'other': 'int'}"),
        (task_file(PLAIN, b'{"gold":0}\n{"gold":0,"gold":1}\n'), 9, "gold"),
        (task_file(PLAIN, b'{"gold":0.5}\n'), 8, "gold: "),
        (task_file(PLAIN, b'{"gold":null}\n'), 8, "gold: NoneType"),
        (task_file(PLAIN, b'{"__class__":0}\n'), 8, "__class__: this key"),
        (task_file(PLAIN, b'{"gold":[[1]]}\n'), 8, "gold: list"),
        (task_file(PLAIN, b'{"gold":[1,"2"]}\n'), 8, "gold: list"),
        (task_file(PLAIN, b"[1]\n"), 8, "a JSON list"),
        (task_file(PLAIN, b'{"gold":\n'), 8, ""),
        (task_file(PLAIN, b'{"gold":"\xff"}\n'), 8, "an invalid byte"),
    ],
)
def test_a_file_that_is_no_task_is_refused_with_its_line(data: bytes, line: int | None, found: str) -> None:
    error = refusal(data)
    assert found in error.found
    if line is not None:
        assert error.line == line


@pytest.mark.parametrize("key", ["task", "output_type", "doc_to_text", "doc_to_target", "doc_to_choice"])
def test_a_task_without_what_it_needs_is_refused(key: str) -> None:
    lines = [line for line in PLAIN.splitlines(keepends=True) if not line.startswith(f"{key}:")]
    error = refusal(task_file("".join(lines)))
    assert error.found.startswith(f"{key}: nothing")


def test_a_task_says_its_language_or_whoever_sends_it_does() -> None:
    silent = PLAIN.replace("metadata: {language: en}\n", "")
    assert refusal(task_file(silent)).code == "columns_invalid"
    assert taken(task_file(silent), "a.task.yaml", Reading(language="fr"))[0].languages == ("fr",)
    assert refusal(task_file(PLAIN), Reading(columns={"q": "question"})).code == "columns_invalid"


def test_a_row_that_is_there_twice_counts_once() -> None:
    row = b'{"question":"Is it dawn?","gold":0}\n'
    assert taken(task_file(PLAIN, row * 2), "a.task.yaml")[0].canonical.records == 2


@pytest.mark.parametrize(
    "template",
    [
        "question",
        "Q: {{question|trim}}\nA:",
        "{{ choices[0] }} or {{ choices[1] }}?",
        "{{ choices|join(', ') }}",
        "{% if gold == 0 %}yes{% else %}no{% endif %}",
        "{{ question ~ ' ' ~ topic.title }}",
        "{{ 'a' if gold else 'b' }}",
        "{{ question.text|upper }}",
        "no template at all",
        "",
    ],
)
def test_a_template_may_name_choose_and_join(template: str) -> None:
    task = harness_task.read(PLAIN.replace('"{{question}}"', json.dumps(template)))
    assert task["doc_to_text"] == template


def test_what_is_read_is_read_again_as_it_is() -> None:
    generated = PLAIN.replace("multiple_choice", "generate_until").replace(
        "doc_to_choice: [yes please, no thanks]\n", ""
    )
    for text in (PLAIN, generated, "task: t\noutput_type: loglikelihood_rolling\ndoc_to_target: text\n"):
        task = harness_task.read(text)
        assert harness_task.check(task) == task
        assert harness_task.check(json.loads(json.dumps(task))) == task


@pytest.mark.parametrize("value", [None, [], "x", 3, {}, {"task": "t"}, {1: 2}, {"task": "t", "lines": {}}])
def test_what_is_no_task_is_refused_in_any_form(value: Any) -> None:
    with pytest.raises(TaskError):
        harness_task.check(value)
