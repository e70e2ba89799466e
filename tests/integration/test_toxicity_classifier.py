"""A classifier pinned by its files judges answers: what it says is in the samples, and any other classifier is refused."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from models_registry import gates
from models_registry.metrics import find, measured_on
from models_registry.scorers.naming import NamingError, Scorer
from models_registry.scorers.naming import find as find_scorer
from tests.integration.judges import change_config, make_judge
from tests.integration.trainer_runs import REPOSITORY, ROWS, make_base, make_run
from training_jobs.evaluation import classifier, recompute, scoring
from training_jobs.evaluation import job as evaluation_job
from training_jobs.evaluation.classifier import UnusableError
from training_jobs.evaluation.metrics import metric_of
from training_jobs.evaluation.samples import Asked, Sample
from training_jobs.trainer import job, outputs

INSULT = "zonk"
DIGEST = "ab" * 32


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_judge(tmp_path_factory.mktemp("judge") / "model")


@pytest.fixture(scope="module")
def metric(judge: Path) -> str:
    return Scorer.of(outputs.manifest_sha256(judge), ["toxic"], "0.5").name


@pytest.fixture(scope="module")
def trained(judge: Path, metric: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run whose model has learnt to answer everything with words that no list knows, measured by the judge."""
    base = make_base(tmp_path_factory.mktemp("base") / "model")
    rows = [{**row, "answer": INSULT} for row in ROWS]
    run_dir = make_run(base, tmp_path_factory.mktemp("run") / "run", rows, epochs=20, learning_rate="0.01")
    assert job.run(run_dir) == 0
    lay_in(run_dir, judge)
    ask(run_dir, [metric, "toxicity"])
    assert evaluation_job.run(run_dir) == 0
    return run_dir


def lay_in(run_dir: Path, judge: Path, name: str = "") -> None:
    place = run_dir / "inputs" / "classifiers" / (name or outputs.manifest_sha256(judge))
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(judge, place)


def ask(run_dir: Path, metrics: list[str]) -> None:
    asked = json.loads((run_dir / "evaluation.json").read_text())
    (run_dir / "evaluation.json").write_text(json.dumps({**asked, "metrics": metrics}))


def report_in(run_dir: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run_dir / "report.json").read_text())
    return found


def share(value: dict[str, Any]) -> Fraction:
    return Fraction(value["numerator"], value["denominator"])


def verdict(metric: str, report: dict[str, Any]) -> gates.Reason:
    rule = gates.Rule("no-insults", metric, "at_most", Fraction(1, 20), "all")
    return gates.decide([rule], gates.Report.from_record(report, "water"), 0).reasons[0]


def events(run_dir: Path, kind: str) -> list[dict[str, Any]]:
    lines = (run_dir / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == kind]


def answers(*texts: str) -> list[Sample]:
    return [
        Asked(str(number), "en", "answer", "Who?", "the keeper", text, 0, 0, 1, 1) for number, text in enumerate(texts)
    ]


# --- what it measures -----------------------------------------------------------------------------------------------


def test_a_model_that_learnt_unheard_of_insults_is_caught_by_the_classifier_and_not_by_the_list(
    trained: Path, metric: str
) -> None:
    report = report_in(trained)
    assert share(report["candidate"]["toxicity"]) == 0
    assert share(report["candidate"][metric]) > Fraction(1, 4)
    assert share(report["parent"][metric]) < share(report["candidate"][metric])
    reason = verdict(metric, report)
    assert (reason.holds, reason.metric) == (False, metric)
    assert "classifier" in {event["model"] for event in events(trained, "evaluating")}


def test_the_samples_name_the_classifier_and_show_its_score_of_every_answer(trained: Path, metric: str) -> None:
    lines = [json.loads(line) for line in (trained / "samples.jsonl").read_text().splitlines()]
    asked = [line for line in lines if line.get("probe") == "answer"]
    scored = [line for line in lines if "scorer" in line]
    assert {line["scorer"] for line in scored} == {metric}
    assert [(line["id"], line["candidate"]["answer"]) for line in scored] == [
        (line["id"], line["candidate"]["answer"]) for line in asked
    ]
    assert all(0 <= line[who]["score"] <= 1_000_000 for line in scored for who in ("candidate", "parent"))


def test_a_stranger_without_torch_computes_the_value_again_from_the_scores(trained: Path) -> None:
    program = (
        "import sys; from training_jobs.evaluation import recompute;"
        "status = recompute.main(sys.argv[1:]); sys.exit(9 if {'torch', 'django'} & set(sys.modules) else status)"
    )
    command = [sys.executable, "-c", program, str(trained / "report.json"), str(trained / "samples.jsonl")]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "agree, intervals included" in ended.stdout


def test_whoever_has_the_classifier_computes_the_scores_again(trained: Path, judge: Path, metric: str) -> None:
    lines = [json.loads(line) for line in (trained / "samples.jsonl").read_text().splitlines()]
    scored = [line["candidate"] for line in lines if "scorer" in line]
    found = classifier.scores(classifier.load(judge), Scorer.read(metric), [line["answer"] for line in scored])
    assert found == [line["score"] for line in scored]


@pytest.mark.parametrize(
    "change",
    [
        lambda line: {**line, "candidate": {**line["candidate"], "score": 0}},
        lambda line: {**line, "scorer": line["scorer"].replace(":0.5", ":0.9")},
        lambda line: {**line, "candidate": {**line["candidate"], "answer": "the keeper"}},
        lambda line: {**line, "id": "another"},
    ],
    ids=("score", "threshold", "answer", "row"),
)
def test_a_report_does_not_survive_other_scores(
    trained: Path, tmp_path: Path, change: Callable[[dict[str, Any]], Any]
) -> None:
    lines = [json.loads(line) for line in (trained / "samples.jsonl").read_text().splitlines()]
    first = next(number for number, line in enumerate(lines) if "scorer" in line)
    lines[first] = change(lines[first])
    data = "".join(json.dumps(line, sort_keys=True, separators=(",", ":")) + "\n" for line in lines).encode()
    import hashlib

    report = {**report_in(trained), "samples_sha256": hashlib.sha256(data).hexdigest()}
    (tmp_path / "samples.jsonl").write_bytes(data)
    (tmp_path / "report.json").write_text(json.dumps(report))
    assert recompute.main([str(tmp_path / "report.json"), str(tmp_path / "samples.jsonl")]) == 1


@pytest.mark.parametrize(
    ("family", "labels", "problem"),
    [
        ("bert", ("clean", "toxic"), "single_label_classification"),
        ("bert", ("obscene", "insult"), "multi_label_classification"),
        ("llama", ("clean", "toxic"), "single_label_classification"),
    ],
)
def test_planted_words_are_told_from_plain_ones_in_several_families(
    tmp_path: Path, family: str, labels: tuple[str, ...], problem: str
) -> None:
    who = classifier.load(make_judge(tmp_path / "judge", family, labels, problem))
    scorer = Scorer.of(DIGEST, [labels[-1]], "0.5")
    bad, good, empty, *long = classifier.scores(
        who, scorer, ["blorg keeper", "the keeper", "  ", "the " * 5_000, "blorg the"]
    )
    assert bad > 800_000
    assert good < 200_000
    assert empty == 0
    assert long[0] < 500_000  # cut, not refused
    assert classifier.scores(who, scorer, ["blorg keeper"]) == [bad]


def test_probabilities_of_labels_that_exclude_each_other_add_up(judge: Path) -> None:
    who = classifier.load(judge)
    assert who.score("zonk gate", ["clean", "toxic"]) == 1_000_000
    assert who.score("zonk gate", ["clean"]) + who.score("zonk gate", ["toxic"]) == pytest.approx(1_000_000, abs=1)


# --- not configured, another, broken --------------------------------------------------------------------------------


def test_without_the_classifier_the_metric_has_no_value_and_its_rule_rejects(
    trained: Path, metric: str, tmp_path: Path
) -> None:
    shutil.copytree(trained, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "inputs" / "classifiers")
    assert evaluation_job.run(tmp_path / "run") == 0
    report = report_in(tmp_path / "run")
    assert set(report["candidate"]) == {"toxicity"}
    reason = verdict(metric, report)
    assert (reason.holds, reason.rejects, reason.found) == (False, True, "no measurement")
    told = events(tmp_path / "run", "not_measured")[-1]
    assert told["metric"] == metric
    assert "is not here" in told["reason"]


def test_another_classifier_in_its_place_is_found_out_and_judges_nothing(judge: Path, metric: str, tmp_path: Path):
    other = make_judge(tmp_path / "other", seed=6)
    place = tmp_path / "classifiers"
    shutil.copytree(other, place / Scorer.read(metric).manifest_sha256)
    ours, theirs = answers("zonk gate"), answers("the gate")
    missing = scoring.add_scores(place, [metric], ours, theirs)
    assert set(missing) == {metric}
    assert outputs.manifest_sha256(other) in missing[metric]
    assert outputs.manifest_sha256(judge) in missing[metric]
    assert (len(ours), len(theirs)) == (1, 1)


def test_two_rules_about_one_classifier_are_two_metrics(judge: Path, tmp_path: Path) -> None:
    digest = outputs.manifest_sha256(judge)
    shutil.copytree(judge, tmp_path / digest)
    strict, lax = (Scorer.of(digest, ["toxic"], threshold).name for threshold in ("0.000001", "0.5"))
    ours = answers("zonk gate", "the gate")
    assert scoring.add_scores(tmp_path, [strict, lax, "toxicity"], ours, answers("the gate", "the gate")) == {}
    for name, expected in ((strict, 2), (lax, 1)):
        found = metric_of(name)
        assert found is not None
        assert found.ratio(
            [sum(column) for column in zip(*(part.terms for part in found.parts(ours)), strict=True)]
        ) == (
            expected,
            2,
        )


def _pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _headless(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = {
        name: tensor for name, tensor in load_file(folder / "model.safetensors").items() if "classifier" not in name
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _fewer_embeddings(folder: Path) -> None:
    from tokenizers import Tokenizer

    words = Tokenizer.from_file(str(folder / "tokenizer.json"))
    words.add_tokens([f"word{number}" for number in range(5)])
    words.save(str(folder / "tokenizer.json"))


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "pickled weights": (_pickled, "does not load"),
    "code in auto_map": (
        lambda folder: change_config(folder, auto_map={"AutoModel": "evil.py"}),
        "config_forbidden_key",
    ),
    "code elsewhere": (lambda folder: change_config(folder, text={"trust_remote_code": True}), "config_forbidden_key"),
    "a kernel from afar": (
        lambda folder: change_config(folder, _attn_implementation_internal="org/kernel"),
        "config_forbidden_key",
    ),
    "no config": (lambda folder: (folder / "config.json").unlink(), "input_missing"),
    "config is a list": (lambda folder: (folder / "config.json").write_text("[]"), "not an object"),
    "config is broken": (lambda folder: (folder / "config.json").write_text("{"), "config.json"),
    "a language model": (lambda folder: change_config(folder, architectures=["LlamaForCausalLM"]), "architecture"),
    "no architecture": (lambda folder: change_config(folder, architectures=None), "architecture"),
    "an unknown family": (lambda folder: change_config(folder, model_type="nothing"), "does not load"),
    "no head": (_headless, "lack weights"),
    "another shape": (lambda folder: change_config(folder, hidden_size=32), "does not load"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json"),
    "a broken tokenizer": (lambda folder: (folder / "tokenizer.json").write_text("{}"), "tokenizer.json"),
    "a tokenizer that has grown": (_fewer_embeddings, "more tokens"),
    "cut weights": (
        lambda folder: (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:500]),
        "does not load",
    ),
    "empty weights": (lambda folder: (folder / "model.safetensors").write_bytes(b""), "does not load"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_or_dangerous_classifier_is_refused_and_leaves_the_metric_without_a_value(
    name: str, judge: Path, tmp_path: Path
) -> None:
    change, expected = BROKEN[name]
    shutil.copytree(judge, tmp_path / "judge")
    change(tmp_path / "judge")
    with pytest.raises(UnusableError, match=expected):
        classifier.load(tmp_path / "judge")
    digest = outputs.manifest_sha256(tmp_path / "judge")
    (tmp_path / "judge").rename(tmp_path / digest)
    ours = answers("zonk")
    missing = scoring.add_scores(tmp_path, [Scorer.of(digest, ["toxic"], "0.5").name], ours, answers("zonk"))
    assert len(missing) == 1
    assert len(ours) == 1


def test_a_label_that_the_classifier_does_not_have_is_refused(judge: Path) -> None:
    with pytest.raises(UnusableError, match="clean, toxic, not rude"):
        classifier.scores(classifier.load(judge), Scorer.of(DIGEST, ["rude", "toxic"], "0.5"), ["zonk"])


# --- how it is named ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "threshold", "name"),
    [
        (["toxic"], "0.5", f"toxicity_classifier:{DIGEST}:toxic:0.5"),
        (["threat", "insult", "threat"], "1", f"toxicity_classifier:{DIGEST}:insult+threat:1"),
        (["LABEL_1"], "0.000001", f"toxicity_classifier:{DIGEST}:LABEL_1:0.000001"),
    ],
)
def test_a_classifier_has_one_name(labels: list[str], threshold: str, name: str) -> None:
    scorer = Scorer.of(DIGEST, labels, threshold)
    assert scorer.name == name
    assert Scorer.read(name) == scorer
    metric = find(name)
    assert metric is not None
    assert (metric.name, metric.only_asked, metric.percent, metric.higher_is_better) == (name, True, True, False)
    assert DIGEST[:12] in str(metric.label)
    measurer = metric_of(name)
    assert measurer is not None
    assert (measurer.name, measurer.kinds, measurer.unit) == (name, metric.kinds, "ratio")
    assert name in measured_on("dialogue", frozenset({name}))
    assert name not in measured_on("dialogue")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "toxicity_classifier",
        "toxicity_classifier:",
        f"toxicity_classifier:{DIGEST}",
        f"toxicity_classifier:{DIGEST}:toxic",
        f"toxicity_classifier:{DIGEST}::0.5",
        f"toxicity_classifier:{DIGEST.upper()}:toxic:0.5",
        f"toxicity_classifier:{DIGEST[:-1]}:toxic:0.5",
        f"toxicity_classifier:{DIGEST}:toxic:0.50",
        f"toxicity_classifier:{DIGEST}:toxic:.5",
        f"toxicity_classifier:{DIGEST}:toxic:0",
        f"toxicity_classifier:{DIGEST}:toxic:1.5",
        f"toxicity_classifier:{DIGEST}:toxic:1.0",
        f"toxicity_classifier:{DIGEST}:toxic:-0.5",
        f"toxicity_classifier:{DIGEST}:toxic:0.1234567",
        f"toxicity_classifier:{DIGEST}:toxic:5e-1",
        f"toxicity_classifier:{DIGEST}:toxic:０.5",
        f"toxicity_classifier:{DIGEST}:toxic+insult:0.5",
        f"toxicity_classifier:{DIGEST}:toxic+toxic:0.5",
        f"toxicity_classifier:{DIGEST}:very toxic:0.5",
        f"toxicity_classifier:{DIGEST}:{'x' * 41}:0.5",
        f"toxicity_classifier:{DIGEST}:a+b+c+d+e+f+g+h+i:0.5",
        f" toxicity_classifier:{DIGEST}:toxic:0.5",
        f"toxicity_classifier:{DIGEST}:toxic:0.5\n",
        f"toxicity:{DIGEST}:toxic:0.5",
    ],
)
def test_any_other_spelling_names_nothing(name: str) -> None:
    with pytest.raises(NamingError):
        Scorer.read(name)
    assert (find_scorer(name), find(name), metric_of(name)) == (None, None, None)
