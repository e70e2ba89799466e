"""Datasets of three kinds, from upload to a trained model: shown, voted in, fitting their objective, and learned from."""

import io
import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from config.demo import corpus, specs
from governance.errors import Invalid
from governance.models import Event, Proposal
from models_registry import services as registry
from models_registry.datasets import registering
from models_registry.datasets.kinds import KINDS, OF_ROLE
from models_registry.models import Dataset, Model, Version
from models_registry.provenance.verify import TrustRoots, check
from tests.integration.commons import Commons
from tests.integration.conftest import FOR, NOON, RULE
from tests.integration.pages_story import signed_in
from tests.simulators import tiny_model
from training_jobs import worker
from training_jobs.folders import attempt_folder
from training_jobs.models import Run
from training_jobs.spec import ROWS, TEMPLATES

# Short ones: a tokenizer that has seen little cuts them into many tokens, and the models here look back 128 of them.
PAIRS = [row for row in corpus.training_rows()[::4] if max(len(row["question"]), len(row["answer"])) < 50][:60]
SPEC_OF = {"supervised": {}, "continued": {}, "preference": {"preference": {"beta": "0.2"}}}
HOUR = timedelta(hours=1)


def rows_of(kind: str) -> list[dict[str, str]]:
    """Return rows of a kind, made of the demo's questions and answers."""
    made: list[dict[str, str]] = []
    for index, pair in enumerate(PAIRS):
        common = {name: pair[name] for name in ("id", "language", "topic")}
        texts = {
            "dialogue": {"question": pair["question"], "answer": pair["answer"]},
            "text": {"text": f"{pair['question']}\n{pair['answer']}"},
            "preference": {
                "question": pair["question"],
                "chosen": pair["answer"],
                "rejected": f"{PAIRS[-1 - index]['answer']} Perhaps.",
            },
        }[kind]
        made.append(common | texts)
    return made


def content(rows: list[dict[str, str]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@dataclass
class Place:
    """A community with a model, a suite and a rule, where datasets of any kind may come in."""

    commons: Commons
    base: Version
    suite: Dataset
    moment: Any = NOON + HOUR
    included: dict[str, Dataset] = field(default_factory=dict)

    def passed(self, kind: str, payload: dict[str, Any]) -> Proposal:
        """Put something to the vote and carry it out."""
        proposal = self.commons.propose(kind, payload, now=self.moment)
        for name in ("Alice", "Bob"):
            self.commons.vote(proposal, name, FOR)
        self.moment += HOUR
        return self.commons.executed(proposal)

    def include(self, kind: str) -> Dataset:
        """Register a dataset of a kind and let the community include it."""
        dataset = registered(self.commons, kind)
        self.passed("dataset_inclusion", {"digest": dataset.digest})
        return Dataset.objects.get(pk=dataset.pk)

    def update(self, dataset: Dataset, objective: str, **changes: Any) -> dict[str, Any]:
        """Return the payload of an update that learns from a dataset."""
        base = self.base
        pinned = {"model": str(base.model), "revision": base.revision, "manifest_sha256": base.manifest_sha256}
        spec = specs.good_update(pinned, dataset.digest, self.suite.digest)
        more = {"sequence_length": 96, "objective": objective, **SPEC_OF[objective], **changes}
        return {"spec": {**spec, **more}}


def registered(commons: Commons, kind: str, role: str = "training", rows: Any = None) -> Dataset:
    new = registering.NewDataset(f"{role}-{kind}", f"Rows of {kind}", "CC-BY-4.0", role, "rows.jsonl")
    stream = io.BytesIO(content(rows or rows_of(kind)))
    return registering.register_dataset(commons.community, commons.address("Alice"), new, stream, NOON)[0]


def place_with(commons: Commons, folder: Path) -> Place:
    """Give a community a model from a folder, a suite, and a rule that any model keeps."""
    model = Model.objects.create(
        community=commons.community,
        namespace="commons",
        name="water-assistant",
        title_en="Water assistant",
        title_fr="Assistant de l’eau",
        license="apache-2.0",
    )
    suite = registered(commons, "dialogue", "evaluation", [dict(row) for row in corpus.evaluation_rows()[::12]])
    place = Place(commons, registry.register_base(model, folder, NOON), suite)
    place.passed("ethics_rule", {**RULE, "bound": "1"})
    return place


@pytest.fixture
def commons(list_community):
    """A community of listed members."""
    return list_community()


@pytest.fixture
def place(commons, tmp_path):
    """One whose model nobody loads."""
    return place_with(commons, tiny_model.write(tmp_path / "base"))


@pytest.fixture
def alice(commons):
    """A client that Alice is signed in with."""
    client = Client()
    signed_in(client, commons.wallet("Alice"))
    return client


def upload(client: Client, data: bytes, role: str = "training") -> Any:
    form = {"community": "gardens", "slug": "rows", "title": "Rows", "license": "CC-BY-4.0", "role": role}
    return client.post("/api/v1/datasets", {**form, "file": SimpleUploadedFile("rows.jsonl", data)})


# --- coming in ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("dialogue", "questions with their answers"),
        ("text", "plain text"),
        ("preference", "questions with a better and a worse answer"),
    ],
)
def test_an_upload_is_known_by_its_kind_in_the_api_and_on_its_pages(commons, alice, kind, words):
    answer = upload(alice, content(rows_of(kind)))
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["kind"], body["records"], body["languages"]) == (kind, len(PAIRS), ["en", "fr"])
    assert alice.get(f"/api/v1/datasets/{body['digest']}").json()["kind"] == kind
    assert [scan["scan"] for scan in body["scans"] if scan["blocks"] and not scan["passed"]] == []
    for page in (f"/datasets/{body['digest']}/", "/c/gardens/datasets/", "/c/gardens/propose/dataset_inclusion/"):
        assert alice.get(page).status_code == 200
    assert re.search(rf"<dt>Rows</dt>\s*<dd>{words}</dd>", alice.get(f"/datasets/{body['digest']}/").content.decode())
    assert words in alice.get("/c/gardens/datasets/").content.decode()


@pytest.mark.parametrize(("first", "other"), [("text", "dialogue"), ("preference", "text"), ("dialogue", "preference")])
def test_an_upload_of_two_kinds_is_refused_with_its_line_and_leaves_nothing(commons, alice, first, other):
    rows = [*rows_of(first)[:6], *rows_of(other)[6:8]]
    answer = upload(alice, content(rows))
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["line"]) == (422, "mixed_rows", 7)
    assert other in problem["found"]
    assert first in problem["allowed"]
    assert Dataset.objects.count() == 0
    assert not Event.objects.filter(kind="dataset_registered").exists()


def pairs():
    common = {"language": "en", "topic": "work"}
    return [{"id": f"p{n}", **common, "stereotype": f"He digs {n}.", "counter": f"She digs {n}."} for n in range(6)]


@pytest.mark.parametrize(("role", "kind"), [("evaluation", "preference"), ("training", "pair")])
def test_rows_that_cannot_be_learned_or_measured_on_are_refused(commons, alice, role, kind):
    answer = upload(alice, content(pairs() if kind == "pair" else rows_of(kind)), role=role)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["field"]) == (422, "rows_do_not_fit", "file")
    assert (problem["found"], problem["allowed"]) == (kind, list(OF_ROLE[role]))
    assert Dataset.objects.count() == 0


@pytest.mark.parametrize("kind", OF_ROLE["training"])
def test_a_vote_includes_a_dataset_of_any_kind_and_says_which_it_is(place, kind):
    dataset = registered(place.commons, kind)
    proposal = place.passed("dataset_inclusion", {"digest": dataset.digest})
    dataset.refresh_from_db()
    assert proposal.payload["kind"] == dataset.inclusion_record.body["kind"] == kind
    page = Client().get(f"/c/gardens/proposals/{proposal.number}/").content.decode()
    assert {"dialogue": "questions with their answers", "text": "plain text"}.get(kind, "a worse answer") in page


def test_a_proposal_that_calls_a_dataset_another_kind_is_refused(place):
    dataset = registered(place.commons, "text")
    with pytest.raises(Invalid) as refusal:
        place.commons.draft("dataset_inclusion", {"digest": dataset.digest, "kind": "preference"})
    assert (refusal.value.code, refusal.value.field) == ("dataset_differs", "payload.kind")
    assert (refusal.value.found, refusal.value.allowed) == ("preference", "text")


def test_the_questions_of_a_suite_are_found_in_every_kind(place):
    asked = corpus.evaluation_rows()[0]["question"]
    for kind in OF_ROLE["training"]:
        rows = rows_of(kind)
        rows[3] = rows[3] | {KINDS[kind][0]: asked}
        dataset = registered(place.commons, kind, rows=rows)
        found = {scan["scan"]: scan["found"] for scan in dataset.scans}
        assert (found["contamination"], dataset.clean) == (1, False), kind


# --- drafts of updates --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", OF_ROLE["training"])
def test_a_draft_takes_the_dataset_that_fits_its_objective_and_no_other(place, kind):
    dataset = place.include(kind)
    for objective, needed in ROWS.items():
        before = Proposal.objects.count()
        payload = place.update(dataset, objective)
        if kind == needed:
            drafted = place.commons.draft("model_update", payload, now=place.moment)
            assert drafted.payload["spec"]["objective"] == objective
            continue
        with pytest.raises(Invalid) as refusal:
            place.commons.draft("model_update", payload, now=place.moment)
        assert (refusal.value.code, refusal.value.field) == ("rows_do_not_fit", "payload.spec.objective")
        assert (refusal.value.found, refusal.value.allowed) == (kind, needed)
        assert objective in refusal.value.detail
        assert dataset.title in refusal.value.detail
        assert Proposal.objects.count() == before


def test_one_dataset_of_another_kind_in_a_mixture_is_refused(place):
    text, pairs = place.include("text"), place.include("dialogue")
    payload = place.update(text, "continued")
    payload["spec"]["datasets"] = [{"digest": dataset.digest, "languages": ["en"]} for dataset in (text, pairs)]
    with pytest.raises(Invalid, match="Rows of dialogue") as refusal:
        place.commons.draft("model_update", payload, now=place.moment)
    assert (refusal.value.found, refusal.value.allowed) == ("dialogue", "text")


def test_a_format_that_the_base_cannot_write_is_refused_before_anybody_votes(place):
    dataset = place.include("dialogue")
    before = Proposal.objects.count()
    with pytest.raises(Invalid) as refusal:
        place.commons.draft("model_update", place.update(dataset, "supervised", template="chatml"), now=place.moment)
    assert (refusal.value.code, refusal.value.field) == ("tokenizer_without_format", "payload.spec.template")
    assert (refusal.value.found, refusal.value.allowed) == ("<|im_start|>, <|im_end|>", ["plain-turns"])
    assert Proposal.objects.count() == before


def test_a_base_that_speaks_chatml_is_taken_with_chatml_alone(commons, tmp_path):
    folder = tiny_model.write(tmp_path / "base", seed=4)
    marks = [{"content": mark, "special": True} for mark in ("<|endoftext|>", *TEMPLATES["chatml"].marks)]
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0", "added_tokens": marks}))
    place = place_with(commons, folder)
    dataset = place.include("dialogue")
    drafted = commons.draft("model_update", place.update(dataset, "supervised", template="chatml"), now=place.moment)
    assert drafted.payload["spec"]["template"] == "chatml"
    with pytest.raises(Invalid) as refusal:
        commons.draft("model_update", place.update(dataset, "supervised"), now=place.moment)
    assert refusal.value.found == "<|user|>, <|assistant|>, <|end|>"
    # Where the files are not at hand, the trainer is left to judge.
    registry.version_folder(place.base).joinpath("tokenizer.json").unlink()
    from training_jobs import base_tokenizers

    base_tokenizers._special_tokens.cache_clear()
    commons.draft("model_update", place.update(dataset, "supervised"), now=place.moment)


# --- the whole way ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("objective", "template"), [("continued", "plain-turns"), ("preference", "plain-turns"), ("preference", "chatml")]
)
def test_a_voted_dataset_of_text_or_preferences_trains_a_model(commons, tmp_path, objective, template):
    from tests.integration.trainer_runs import events_of, make_base

    place = place_with(commons, make_base(tmp_path / "base", template=template))
    dataset = place.include(ROWS[objective])
    payload = place.update(dataset, objective, template=template, sequence_length=128, epochs=4, batch_size=8)
    place.passed("model_update", payload)
    run = Run.objects.get()
    worker.work(run.pk, "worker")
    run.refresh_from_db()
    events = events_of(attempt_folder(run.pk, 1))
    assert run.verdict == "accepted", (run.failure, events[-1:])
    assert run.spec_record.body["objective"] == objective
    losses = [float(event["loss"]) for event in events if event["event"] == "step"]
    assert losses[-1] < losses[0]
    released = registry.version_folder(run.version)
    report = check(released, TrustRoots(release_key=run.community.release_key))
    assert report.ok, report.to_dict()
    settings = json.loads((released / "tokenizer_config.json").read_text())
    assert settings["chat_template"] == TEMPLATES[template].chat_template
