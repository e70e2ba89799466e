"""Task files of lm-evaluation-harness, read strictly: a small safe part of their YAML, and nothing of it is executed.

The harness itself would import Python for `!function`, read files for `include`, fetch what `dataset_path` names and
render any Jinja without a sandbox (https://github.com/EleutherAI/lm-evaluation-harness, docs/task_guide.md, 0.4.13).
Here a task is data: keys from one table, scalars and short lists, and templates that can name a document's values,
choose between them and join them, and cannot call, loop, assign or import. Everything else is refused with its line.

`read` takes the text of a file, `check` a task in the canonical form that `read` returned: a suite may have come in
another way, so whoever runs a task checks it again. The YAML is in `harness_yaml`, the templates are in
`harness_templates`. No Django here; PyYAML and Jinja are imported when a task is read.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from models_registry.datasets.harness_yaml import TaskError, plain

TEXT_CHARACTERS_MAX = 8_000
VALUES_MAX = 200
DOCUMENT_LEVELS = 2
BATCH_MAX = 64
GENERATED_MAX = 256
TASK_ROW = "task"

# What each way to ask a model can be measured by, of what is computed from samples again.
METRICS: Mapping[str, tuple[str, ...]] = {
    "multiple_choice": ("acc", "acc_norm"),
    "generate_until": ("exact_match",),
    "loglikelihood_rolling": ("bits_per_byte",),
}
FILTERS = ("remove_whitespace", "take_first")
LANGUAGES = ("en", "fr")
# Keys of the harness that would run code or read elsewhere, and why they are not in the table below.
_CODE = dict.fromkeys(
    ("process_docs", "process_results", "custom_dataset", "unsafe_code", "class", "doc_to_decontamination_query"),
    "it runs Python",
)
_ELSEWHERE = dict.fromkeys(
    ("include", "dataset_name", "use_prompt", "doc_to_image", "doc_to_audio", "group"), "it reads other files"
)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}")
_ROWS_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}\.jsonl?")


def read(text: str) -> dict[str, Any]:
    """Return the task of a YAML file in canonical form; raise TaskError for what is not in the safe part."""
    return check(plain(text))


def check(task: object) -> dict[str, Any]:
    """Return a task in canonical form: exactly the keys that matter, with their defaults; raise TaskError.

    What it returns is what it returns again when it is given that.
    """
    if not isinstance(task, Mapping):
        raise TaskError("", type(task).__name__, "an object")
    lines = getattr(task, "lines", {})
    for key in task:
        if key not in _KEYS:
            why = _CODE.get(str(key)) or _ELSEWHERE.get(str(key)) or "it is not known here"
            raise TaskError(str(key)[:80], f"this key ({why})", ", ".join(_KEYS), lines.get(key))
    said: dict[str, Any] = {}
    for key, reader in _KEYS.items():
        try:
            if key in task:
                said[key] = reader(key, task[key])
        except TaskError as error:
            raise TaskError(error.key, error.found, error.allowed, lines.get(key)) from error
    try:
        return _whole(said)
    except TaskError as error:
        raise TaskError(error.key, error.found, error.allowed, lines.get(error.key)) from error


def check_document(document: object, like: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a document of a task if it is flat enough, and has the keys of the first (`like`); raise TaskError."""
    if not isinstance(document, dict) or not document:
        raise TaskError("document", type(document).__name__, "an object that is not empty")
    if len(document) > VALUES_MAX:
        raise TaskError("document", f"{len(document)} keys", f"at most {VALUES_MAX}")
    for key, value in document.items():
        if not _KEY.fullmatch(key):
            raise TaskError(key[:80] or "document", "this key", "letters, digits and '_', beginning with a letter")
        if not _is_plain(value, DOCUMENT_LEVELS):
            raise TaskError(key, type(value).__name__, "text, whole numbers, true, false, and short lists of those")
    if like is not None and _shape(document) != _shape(like):
        raise TaskError("document", _shape(document), f"keys and types of the first one: {_shape(like)}"[:600])
    return document


# --- the table of keys ----------------------------------------------------------------------------------------------


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > TEXT_CHARACTERS_MAX or "\x00" in value:
        raise TaskError(key, value, f"text of at most {TEXT_CHARACTERS_MAX} characters")
    return value


def _template(key: str, value: object) -> str:
    from models_registry.datasets.harness_templates import require_harmless

    text = _text(key, value)
    require_harmless(key, text)
    return text


def _one_of(*allowed: object) -> Callable[[str, object], Any]:
    def read_one(key: str, value: object) -> object:
        if not any(type(value) is type(one) and value == one for one in allowed):
            raise TaskError(key, repr(value), " or ".join(map(repr, allowed)))
        return value

    return read_one


def _matches(pattern: re.Pattern[str], words: str) -> Callable[[str, object], str]:
    def read_match(key: str, value: object) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise TaskError(key, repr(value), words)
        return value

    return read_match


def _within(least: int, most: int) -> Callable[[str, object], int]:
    def read_number(key: str, value: object) -> int:
        if type(value) is not int or not least <= value <= most:
            raise TaskError(key, repr(value), f"a whole number from {least} to {most}")
        return value

    return read_number


def _object(readers: Mapping[str, Callable[[str, object], Any]]) -> Callable[[str, object], dict[str, Any]]:
    def read_object(key: str, value: object) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not set(value) <= set(readers):
            raise TaskError(key, sorted(value) if isinstance(value, Mapping) else value, f"only {', '.join(readers)}")
        return {name: readers[name](f"{key}.{name}", item) for name, item in value.items()}

    return read_object


def _list_of(reader: Callable[[str, object], Any], most: int) -> Callable[[str, object], list[Any]]:
    def read_list(key: str, value: object) -> list[Any]:
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise TaskError(key, value, f"a list of 1 to {most}")
        return [reader(key, item) for item in value]

    return read_list


def _choices(key: str, value: object) -> str | list[str]:
    return _template(key, value) if isinstance(value, str) else _list_of(_written, 26)(key, value)


def _written(key: str, value: object) -> str:
    text = _text(key, value)
    if not text:
        raise TaskError(key, "an empty text", "text that says something")
    return text


def _tag(key: str, value: object) -> object:
    return _list_of(_text, 10)(key, value) if isinstance(value, list) else _text(key, value)


def _data_files(key: str, value: object) -> object:
    named = _matches(_ROWS_FILE, "the name of a file of rows beside the task, without a folder")
    return [named(key, item) for item in (value.values() if isinstance(value, Mapping) else [value])]


_METRIC = {
    "metric": _one_of(*(name for names in METRICS.values() for name in names)),
    "aggregation": _one_of("mean", "bits_per_byte"),
    "higher_is_better": _one_of(True, False),
}
_FILTER = {"name": _text, "filter": _list_of(_object({"function": _one_of(*FILTERS)}), 3)}
_GENERATION = {
    "until": _list_of(_written, 8),
    "max_gen_toks": _within(1, GENERATED_MAX),
    "do_sample": _one_of(False),
    "temperature": _one_of(0, "0.0"),
}
_METADATA = {
    "version": lambda key, value: _text(key, str(value)) if type(value) in {str, int} else _text(key, value),
    "language": _one_of(*LANGUAGES),
    "batch_size": _within(1, BATCH_MAX),
}
_SPLIT = _matches(_NAME, "the name of a split")
# Every key that a task may have, and how it is read.
_KEYS: Mapping[str, Callable[[str, object], Any]] = {
    "task": _matches(_NAME, "a name of letters, digits, '_' and '-'"),
    "output_type": _one_of(*METRICS),
    "doc_to_text": _template,
    "doc_to_target": _template,
    "doc_to_choice": _choices,
    "description": _template,
    "target_delimiter": _text,
    "metric_list": _list_of(_object(_METRIC), 4),
    "generation_kwargs": _object(_GENERATION),
    "filter_list": _list_of(_object(_FILTER), 1),
    "num_fewshot": _one_of(0),
    "repeats": _one_of(1),
    "metadata": _object(_METADATA),
    "tag": _tag,
    # The rows come with the task, so these only have to say nothing else.
    "dataset_path": _one_of("json"),
    "dataset_kwargs": _object({"data_files": _data_files}),
    "test_split": _SPLIT,
    "validation_split": _SPLIT,
}


def _whole(said: dict[str, Any]) -> dict[str, Any]:
    """Return the task with its defaults, in the form that the harness takes; raise TaskError for what does not fit."""
    needed = ["task", "output_type", "doc_to_target"]
    output = said.get("output_type", "")
    needed += {"multiple_choice": ["doc_to_text", "doc_to_choice"], "generate_until": ["doc_to_text"]}.get(output, [])
    for key in needed:
        if key not in said:
            raise TaskError(key, "nothing", "a value: without it there is no task")
    for key, only in (
        ("doc_to_choice", "multiple_choice"),
        ("generation_kwargs", "generate_until"),
        ("filter_list", "generate_until"),
    ):
        if key in said and output != only:
            raise TaskError(key, f"this key in a task of {output}", f"only with output_type {only}")
    metrics = [{"metric": name} for name in METRICS[output]] if "metric_list" not in said else said["metric_list"]
    names = [entry.get("metric") for entry in metrics]
    if not set(names) <= set(METRICS[output]) or len(set(names)) < len(names):
        raise TaskError("metric_list", names, f"each once, of {', '.join(METRICS[output])}")
    task: dict[str, Any] = {
        "task": said["task"],
        "output_type": output,
        "doc_to_text": said.get("doc_to_text", ""),
        "doc_to_target": said["doc_to_target"],
        "description": said.get("description", ""),
        "target_delimiter": said.get("target_delimiter", " "),
        "metric_list": [{"metric": name} for name in names],
        "metadata": {"batch_size": 1, **said.get("metadata", {})},
    }
    if output == "multiple_choice":
        task["doc_to_choice"] = said["doc_to_choice"]
    if output == "generate_until":
        given = said.get("generation_kwargs", {})
        task["generation_kwargs"] = {
            "until": given.get("until", ["\n\n"]),
            "max_gen_toks": given.get("max_gen_toks", GENERATED_MAX),
            "do_sample": False,
        }
        task["filter_list"] = [
            {"name": "none", "filter": [*said["filter_list"][0].get("filter", [])]}
            if "filter_list" in said
            else {"name": "none", "filter": [{"function": "take_first"}]}
        ]
    return task


def _is_plain(value: object, levels: int) -> bool:
    if type(value) in {str, int, bool}:
        return True
    if levels == 0 or not isinstance(value, list | dict) or not 1 <= len(value) <= VALUES_MAX:
        return False
    if isinstance(value, dict):
        return all(_KEY.fullmatch(key) and _is_plain(item, levels - 1) for key, item in value.items())
    return all(type(item) is type(value[0]) and type(item) in {str, int} for item in value)


def _shape(value: object) -> object:
    """Return the keys and types of a document: all documents of a task are alike."""
    if isinstance(value, Mapping):
        return {key: _shape(item) for key, item in sorted(value.items())}
    return [type(value[0]).__name__] if isinstance(value, list) else type(value).__name__
