"""Classifiers that the operator takes in, and rules that name them: offered, adopted, refused, and laid into a run."""

import json
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from governance.errors import Refusal
from models_registry.models import EthicsRule
from models_registry.scorers import store
from models_registry.scorers.naming import Scorer
from tests.integration import hub_site
from tests.integration.conftest import RULE, Voter, pass_, sign_in
from tests.integration.hub_site import FIRST, artifacts, endpoint, model  # noqa: F401 - fixtures
from tests.integration.judges import change_config, make_judge
from training_jobs import folders
from training_jobs.models import Run
from training_jobs.rerun import inputs as rerun_inputs
from training_jobs.rerun.inputs import InputWrong
from training_jobs.suites import measuring

DIGEST = "ab" * 32


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_judge(tmp_path_factory.mktemp("judge") / "model")


@pytest.fixture
def own_store(settings: Any, tmp_path: Path, db: None) -> None:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"


@pytest.fixture
def kept(judge: Path) -> Any:
    """Return the name of the metric; classifiers lie beside what other tests keep, and go again."""
    name = keep(judge)
    yield name
    shutil.rmtree(store._folder())


def keep(source: Path | str, *options: str) -> str:
    out = StringIO()
    call_command("keep_classifier", str(source), *(options or ("--labels", "toxic")), stdout=out)
    return out.getvalue().splitlines()[0]


def rule_of(metric: object, **changes: Any) -> dict[str, Any]:
    return {**RULE, "slug": "no-insults", "title": "No insults", "metric": metric, **changes}


# --- taking one in --------------------------------------------------------------------------------------------------


def test_the_operator_takes_a_classifier_in_and_only_what_cannot_run_is_kept(
    own_store: None, judge: Path, tmp_path: Path
) -> None:
    shutil.copytree(judge, tmp_path / "judge")
    for name in ("pytorch_model.bin", "modeling_evil.py", "vocab.txt", "training_args.bin"):
        (tmp_path / "judge" / name).write_text("open('marker', 'w')")
    name = keep(tmp_path / "judge", "--labels", "toxic", "--threshold", "0.25")
    scorer = Scorer.read(name)
    assert (scorer.labels, scorer.threshold) == (("toxic",), 250_000)
    assert sorted(store.files_of(scorer.manifest_sha256)) == ["config.json", "model.safetensors", "tokenizer.json"]
    assert keep(judge, "--labels", "toxic", "--threshold", "0.25") == name, "the same files are the same classifier"
    assert [one.offered for one in store.kept()] == [name]
    assert store.kept()[0].labels == ("clean", "toxic")
    again = keep(judge, "--labels", "toxic", "clean")
    assert [one.offered for one in store.kept()] == [again], "what is offered is the operator's latest word"


def test_a_repository_is_taken_at_its_pinned_commit(
    monkeypatch: pytest.MonkeyPatch, judge: Path, request: pytest.FixtureRequest
) -> None:
    def write(folder: Path, _marker: str) -> None:
        shutil.copytree(judge, folder)

    monkeypatch.setattr(hub_site, "write_version", write)
    address = request.getfixturevalue("endpoint")
    name = keep(f"{hub_site.MODEL}@{FIRST}", "--labels", "toxic", "--endpoint", address)
    assert Scorer.read(name).manifest_sha256 == store.describe(judge)[1]
    assert store.kept()[0].source == f"{hub_site.MODEL}@{FIRST}"
    with pytest.raises(CommandError):
        keep(f"{hub_site.MODEL}@{'9' * 40}", "--labels", "toxic", "--endpoint", address)


@pytest.mark.parametrize(
    "source",
    [
        "org/name",
        "org/name@main",
        "org/name@v1.0",
        f"org/name@{'A' * 40}",
        f"org/name@{'1' * 39}",
        f"name@{'1' * 40}",
        f"../name@{'1' * 40}",
        f"https://huggingface.co/org/name@{'1' * 40}",
        "no/such/folder",
        "",
    ],
)
def test_what_is_not_pinned_is_not_fetched(own_store: None, source: str) -> None:
    with pytest.raises(CommandError, match="40 hex digits"):
        keep(source)
    assert store.kept() == []


BROKEN: dict[str, tuple[Any, tuple[str, ...], str]] = {
    "weights as a pickle": (
        lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
        (),
        "no model.safetensors",
    ),
    "code": (lambda folder: change_config(folder, auto_map={"AutoModel": "x"}), (), "config_forbidden_key"),
    "no config": (lambda folder: (folder / "config.json").unlink(), (), "no config.json"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), (), "no tokenizer.json"),
    "a link": (
        lambda folder: (
            (folder / "config.json").rename(folder / "real"),
            (folder / "config.json").symlink_to(folder / "real"),
        ),
        (),
        "config.json",
    ),
    "a language model": (
        lambda folder: change_config(folder, architectures=["BertForMaskedLM"]),
        (),
        "not one for classifying",
    ),
    "a label that no rule could write": (
        lambda folder: change_config(folder, id2label={"0": "clean", "1": "very toxic"}),
        ("--labels", "clean"),
        "no rule could write",
    ),
    "an unknown label": (lambda _folder: None, ("--labels", "rude"), "not rude"),
    "a threshold of 0": (lambda _folder: None, ("--labels", "toxic", "--threshold", "0"), "above 0"),
    "a threshold of 2": (lambda _folder: None, ("--labels", "toxic", "--threshold", "2"), "above 0"),
    "a threshold in words": (lambda _folder: None, ("--labels", "toxic", "--threshold", "half"), "above 0"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_could_not_judge_is_not_taken_in(own_store: None, judge: Path, tmp_path: Path, name: str) -> None:
    change, options, why = BROKEN[name]
    shutil.copytree(judge, tmp_path / "judge")
    change(tmp_path / "judge")
    with pytest.raises(CommandError, match=why):
        keep(tmp_path / "judge", *options)
    assert store.kept() == []
    assert not store._folder().exists() or list(store._folder().iterdir()) == []


def test_a_note_that_cannot_be_read_hides_the_classifier_and_breaks_nothing(own_store: None, judge: Path) -> None:
    digest = Scorer.read(keep(judge)).manifest_sha256
    for content in ("{", "[]", "{}", '{"source": 1, "labels": 2, "offered": 3}'):
        (store._folder() / f"{digest}.json").write_text(content)
        assert store.kept() == []
    assert store.find("../x") is None
    assert store.files_of("0" * 64) == {}


# --- rules ----------------------------------------------------------------------------------------------------------


def test_a_rule_names_the_classifier_with_digest_labels_and_threshold(
    kept: str, community: Any, voters: dict[str, Voter], propose: Any
) -> None:
    digest = Scorer.read(kept).manifest_sha256
    proposal = propose("ethics_rule", rule_of(kept), author="Bob")
    page = Client().get(reverse("site:proposal", args=["water-commons", proposal.number])).content.decode()
    assert "Toxic answers, by a classifier" in page
    assert digest[:12] in page
    pass_(proposal, voters)
    adopted = EthicsRule.objects.get()
    assert adopted.record.body["metric"] == kept
    browser = Client()
    sign_in(browser, voters["Alice"])
    for path in ("/c/water-commons/propose/ethics_rule/", "/c/water-commons/rules/"):
        assert digest[:12] in browser.get(path).content.decode()


@pytest.mark.parametrize(
    ("metric", "code"),
    [
        (f"toxicity_classifier:{DIGEST}:toxic:0.5", "unknown_classifier"),
        ("toxicity_classifier", "unknown_metric"),
        (f"toxicity_classifier:{DIGEST}:toxic:0.50", "unknown_metric"),
        ("toxicity_classifier:../../etc:toxic:0.5", "unknown_metric"),
        ("harness:nothing", "unknown_metric"),
        ("harness:acc", "metric_does_not_fit"),
        ({"toxicity_classifier": DIGEST}, "unknown_metric"),
        (7, "unknown_metric"),
        ("", "unknown_metric"),
        ("toxicity_classifier:" + "a" * 10_000, "unknown_metric"),
    ],
)
def test_a_rule_about_a_judge_that_is_not_here_is_refused_before_the_vote(
    kept: str, propose: Any, metric: object, code: str
) -> None:
    with pytest.raises(Refusal) as refusal:
        propose("ethics_rule", rule_of(metric), author="Bob")
    assert refusal.value.code == code


def test_a_label_that_the_classifier_does_not_have_is_refused_before_the_vote(kept: str, propose: Any) -> None:
    digest = Scorer.read(kept).manifest_sha256
    with pytest.raises(Refusal) as refusal:
        propose("ethics_rule", rule_of(Scorer.of(digest, ["rude"], "0.5").name), author="Bob")
    assert refusal.value.code == "unknown_label"
    assert propose("ethics_rule", rule_of(Scorer.of(digest, ["clean", "toxic"], "0.9").name), author="Bob")


def test_a_run_gets_the_files_of_the_classifier_or_goes_without(
    kept: str, update: Any, voters: dict[str, Voter], propose: Any, tmp_path: Path
) -> None:
    pass_(propose("ethics_rule", rule_of(kept), author="Chloé"), voters)
    pass_(propose("model_update", update), voters)
    run = Run.objects.select_related("spec_record", "base", "community").get()
    wanted = measuring(run)
    digest = Scorer.read(kept).manifest_sha256
    assert wanted.classifiers == {digest}
    assert kept in wanted.metrics
    folders.lay_in(tmp_path / "run", run.base, run.spec_record.body, wanted.suites, wanted.classifiers)
    laid = tmp_path / "run" / "inputs" / "classifiers" / digest
    assert store.describe(laid)[1] == digest
    shutil.rmtree(store.folder_of(digest))
    folders.lay_in(tmp_path / "run", run.base, run.spec_record.body, wanted.suites, wanted.classifiers)
    assert not laid.exists()


def test_a_stranger_who_trains_again_gives_the_classifier_by_its_digest(judge: Path, tmp_path: Path) -> None:
    digest = store.describe(judge)[1]
    assert rerun_inputs.find_classifiers([digest], [judge]) == {digest: judge}
    shutil.copytree(judge, tmp_path / "other")
    (tmp_path / "other" / "config.json").write_text(json.dumps({}))
    for given in ([], [tmp_path / "other"]):
        with pytest.raises(InputWrong, match=digest):
            rerun_inputs.find_classifiers([digest], given)
