"""Nothing of a hidden suite is told before its opening: every address of pages, API and hub is asked, and the machines."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from config.demo import corpus
from governance.clock import now as clock
from governance.clock import unix
from governance.models import Account
from models_registry.models import Dataset, HiddenSuite
from models_registry.provenance.case import TrustRoots
from tests.integration.hidden_site import (
    ON_HIDDEN,
    Base,
    Site,
    committed,
    everything_stored,
    kept_in,
    prepared,
    unseen,
    worked,
)
from training_jobs import services
from training_jobs.assignments import assignment
from training_jobs.bot import proof, remote
from training_jobs.models import Run
from training_jobs.runners import inputs
from training_jobs.runners import proof as sent
from training_jobs.runners.serializers import AssignmentOutput
from training_jobs.suites import measuring

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>")
ANSWERED_MIN = 60


@pytest.fixture(scope="module")
def base(module_db: None, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[Base]:
    with django_db_blocker.unblock(), prepared(tmp_path_factory.mktemp("hidden")) as made:
        yield made


@pytest.fixture
def site(base: Base, db: None, stand_in: Any, tmp_path: Path, capsys: Any) -> Site:
    return committed(base, tmp_path / "keeper", capsys)


def addresses(resolver: URLResolver | None = None, before: str = "") -> Iterator[str]:
    """Yield the template of every address that this site has."""
    for found in (resolver or get_resolver()).url_patterns:
        path = before + str(found.pattern)
        if isinstance(found, URLResolver):
            yield from addresses(found, path)
        elif isinstance(found, URLPattern):
            yield path


def filled(path: str, values: dict[str, str]) -> str | None:
    """Return an address with its parameters filled in; None where nothing is known for one."""
    names = {one or other for one, other in PARAMETER.findall(path)}
    if names - values.keys() or "(?P" in path or "^" in path.strip("^$"):
        return None
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values[found[1]], path).strip("^$").lstrip("/")


def body(answer: Any) -> str:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return content.decode("utf-8", "replace")


def client_of(site: Site, who: str) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(Account.objects.get_or_create(address=site.commons.address(who))[0])
    return client


def test_no_address_of_this_site_tells_a_row_or_the_salt_before_the_opening(site: Site) -> None:
    """Its keeper is signed in: whoever is not sees less."""
    run = worked(site.run())
    pairs = Dataset.objects.get(role="training")
    values = {
        "slug": "gardens",
        "commitment": site.suite.commitment,
        "number": str(run.proposal.number),
        "public_id": run.proposal.public_id,
        "pk": str(run.pk),
        "run_id": str(run.pk),
        "namespace": "gardens",
        "path": "croissant.json",
        "filename": "croissant.json",
        "address": site.commons.address("Bob"),
        "kind": "ethics_rule",
    }
    of_suite = dict.fromkeys(("digest", "sha256", "name"), site.suite.commitment)
    of_suite |= {"revision": site.suite.commitment[:40]}
    of_pairs = {"digest": pairs.digest, "sha256": pairs.digest, "name": pairs.slug, "revision": pairs.digest[:40]}
    keeper, answered, asked = client_of(site, "Bob"), 0, set()
    paths = [filled(each, values | these) for these in (of_suite, of_pairs) for each in addresses()]
    for path in paths:
        if path is None or path in asked:
            continue
        asked.add(path)
        answer = keeper.get(path, headers={"Accept-Language": "fr" if len(asked) % 2 else "en"})
        told = body(answer)
        assert site.secret not in told, path
        assert site.kept.salt not in told, path
        answered += answer.status_code == 200
    assert answered > ANSWERED_MIN, sorted(asked)


def test_the_hub_and_the_list_of_datasets_do_not_know_it(site: Site) -> None:
    worked(site.run())
    listed = Client().get("/api/v1/datasets").json()["results"]

    assert site.suite.commitment not in json.dumps(listed)
    for path in (f"/api/v1/datasets/{site.suite.commitment}", f"/api/v1/datasets/{site.suite.commitment}/rows"):
        assert Client().get(path).status_code == 404


def test_a_training_machine_gets_nothing_and_an_evaluating_one_the_opened_rows(site: Site, tmp_path: Path) -> None:
    run = site.run()
    lease = services.claim(run.pk, "runner:1", clock())
    assert lease is not None
    told = given(run, lease)
    approved = checked(run, tmp_path)

    assert (told.phase, told.openings) == ("train", {site.suite.name: None})
    assert approved.opened(told.openings) == frozenset()
    assert len([path for path in inputs.files_of(run, lease) if path.startswith("inputs/suite/")]) == 1
    assert measuring(run).further == {}

    services.stopped(lease, clock())
    worked(run)
    dataset = site.open()
    run = Run.objects.get(pk=run.pk)
    lease = services.claim(run.pk, "runner:1", clock())
    assert lease is not None
    told = given(run, lease)

    assert told.phase == "evaluate"
    assert approved.opened(told.openings) == {dataset.digest}
    assert f"inputs/suite/{dataset.digest}.jsonl" in inputs.files_of(run, lease)
    lying = {
        site.suite.name: {"digest": "9" * 64, "salt": site.kept.salt},
        f"hidden:{'0' * 64}": told.openings[site.suite.name],
    }
    assert approved.opened(lying) == frozenset()


def given(run: Run, lease: services.Lease) -> Any:
    """Return an assignment as a bot reads it."""
    run = Run.objects.select_related("base", "spec_record", "run_record", "model", "community").get(pk=run.pk)
    return remote.assignment_of(json.loads(json.dumps(AssignmentOutput(asdict(assignment(run, lease, clock()))).data)))


def checked(run: Run, folder: Path) -> proof.Approved:
    """Let a bot check the proof of a run."""
    proof.write(sent.lines(run), folder / "proof", 100_000_000)
    demand = proof.Demand(
        trust=TrustRoots(release_key=run.community.release_key),
        spec_record=run.spec_record.digest,
        proposal=run.proposal.record.digest,
        decision=run.proposal.decision_record.digest,
        now=unix(clock()),
    )
    return proof.check(folder / "proof", demand)


@pytest.mark.parametrize(
    "openings", [[], "none", {"x": 1}, {"x": {"digest": "a"}}, {"x": {"digest": 1, "salt": "b"}}, {"x": []}, 7]
)
def test_a_bot_takes_no_assignment_whose_openings_cannot_be_read(openings: object) -> None:
    with pytest.raises(TypeError):
        remote._openings(openings)


# --- through the API and the pages ---


def test_a_suite_is_committed_to_and_opened_through_the_api(site: Site, tmp_path: Path, capsys: Any) -> None:
    bob, kept = client_of(site, "Bob"), kept_in(tmp_path / "another", capsys)
    said = {"community": "gardens", "title": "Herons", "opens_within_seconds": 3_600, **kept.said}

    made = bob.post("/api/v1/hidden-suites", said, content_type="application/json")
    again = bob.post("/api/v1/hidden-suites", said, content_type="application/json")
    worked(site.run())
    path = f"/api/v1/hidden-suites/{site.suite.commitment}/opening"
    opened = bob.post(path, {"file": SimpleUploadedFile("rows.jsonl", site.kept.rows), "salt": site.kept.salt})

    assert (made.status_code, again.status_code) == (201, 200), made.content
    assert made.json()["dataset"] is None
    assert opened.status_code == 201, opened.content
    assert opened.json()["role"] == "evaluation"


BAD_BODIES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "nothing": lambda _: {},
    "a list": lambda said: [said],
    "text": lambda _: "commit",
    "an unknown key": lambda said: {**said, "rows": ["what"]},
    "a salt, which stays at home": lambda said: {**said, "salt": "0" * 64},
    "records as text": lambda said: {**said, "records": "12"},
    "records as a fraction": lambda said: {**said, "records": 12.5},
    "records as true": lambda said: {**said, "records": True},
    "no records": lambda said: {**said, "records": 0},
    "a huge number": lambda said: {**said, "records": 2**80},
    "languages as text": lambda said: {**said, "languages": "en"},
    "an unknown language": lambda said: {**said, "languages": ["de"]},
    "no language": lambda said: {**said, "languages": []},
    "an unknown kind": lambda said: {**said, "kind": "preference"},
    "a short commitment": lambda said: {**said, "commitment": "abc"},
    "a commitment as a number": lambda said: {**said, "commitment": 7},
    "a title with NUL": lambda said: {**said, "title": "a\0b"},
    "a long title": lambda said: {**said, "title": "x" * 201},
    "a long licence": lambda said: {**said, "license": "x" * 41},
    "an unknown community": lambda said: {**said, "community": "nowhere"},
    "no time": lambda said: {**said, "opens_within_seconds": 0},
    "time as text": lambda said: {**said, "opens_within_seconds": "3600"},
}


def test_bad_bodies_are_refused_with_the_field_and_leave_nothing(site: Site) -> None:
    bob, before = client_of(site, "Bob"), HiddenSuite.objects.count()
    said = {"community": "gardens", "title": "Herons", "opens_within_seconds": 3_600, **site.kept.said}
    said["commitment"] = "1" * 64
    for bad, change in BAD_BODIES.items():
        answer = bob.post("/api/v1/hidden-suites", json.dumps(change(said)), content_type="application/json")
        assert 400 <= answer.status_code < 500, (bad, answer.content)
        assert answer.json()["code"], bad
    assert Client().post("/api/v1/hidden-suites", said, content_type="application/json").status_code in {401, 403}
    assert HiddenSuite.objects.count() == before


def test_the_pages_say_what_is_known_and_open_for_the_keeper_alone(site: Site) -> None:
    run = worked(site.run())
    page = f"/hidden-suites/{site.suite.commitment}/"
    keeper, visitor = client_of(site, "Bob"), client_of(site, "Alice")

    shown = keeper.get(page).content.decode()
    assert "Open it for everybody" in shown
    assert "Nobody but its keeper has seen a row of it" in shown
    assert "Open it for everybody" not in visitor.get(page).content.decode()
    assert "Hidden until the run ends" in Client().get("/c/gardens/datasets/").content.decode()
    assert "Waits for hidden suites" in Client().get(f"/runs/{run.pk}/").content.decode()
    assert page in Client().get("/c/gardens/rules/").content.decode()

    wrong = keeper.post(f"{page}open/", {"salt": "0" * 64, "file": SimpleUploadedFile("rows.jsonl", site.kept.rows)})
    assert (wrong.status_code, "not what was committed" in wrong.content.decode()) == (422, True)
    for bad in ({}, {"salt": "1"}, {"file": SimpleUploadedFile("a.zip", b"PK\x03\x04"), "salt": site.kept.salt}):
        assert 400 <= keeper.post(f"{page}open/", bad).status_code < 500
    foreign = visitor.post(f"{page}open/", {"salt": site.kept.salt, "file": SimpleUploadedFile("r", site.kept.rows)})
    assert foreign.status_code == 403
    assert site.secret not in everything_stored()

    right = keeper.post(f"{page}open/", {"salt": site.kept.salt, "file": SimpleUploadedFile("r", site.kept.rows)})
    assert right.status_code == 302
    assert site.kept.salt in Client().get(page).content.decode()


def test_the_form_commits_and_comes_back_with_what_is_wrong(site: Site, tmp_path: Path, capsys: Any) -> None:
    bob, kept, path = client_of(site, "Bob"), kept_in(tmp_path / "another", capsys), "/c/gardens/hidden-suites/commit/"
    said = {"title": "Herons", "hours": "24", **kept.said}
    before = HiddenSuite.objects.count()

    assert Client().get(path).status_code == 302
    assert bob.get(path).status_code == 200
    for bad in (
        {"hours": ""},
        {"hours": "0"},
        {"hours": "1e3"},
        {"records": "٣"},
        {"languages": []},
        {"commitment": "x"},
    ):
        answer = bob.post(path, {**said, **bad})
        assert 400 <= answer.status_code < 500, bad
        assert "Nothing was kept." in answer.content.decode()
    assert HiddenSuite.objects.count() == before
    assert bob.post(path, said).status_code == 302
    assert HiddenSuite.objects.count() == before + 1


def test_a_voter_is_told_that_the_suite_is_hidden_and_that_a_used_one_refuses(
    site: Site, at: Callable[[datetime], None]
) -> None:
    voted = site.commons.draft("ethics_rule", {**ON_HIDDEN, "slug": "other", "suite": site.suite.name}, now=site.moment)
    facts = {str(fact.label): fact.text for fact in facts_of(voted)}
    assert "hidden until a model is fixed" in facts["Measured on"]

    worked(site.run())
    site.open()
    update = site.commons.draft("model_update", site.update, now=site.moment)
    from models_registry.constitution.selectors import outlook

    notes = {each.rule.slug: each.notes for each in outlook(update)}
    assert notes["unseen-answers"] == ("suite_used",)


def facts_of(proposal: Any) -> Any:
    from governance.kinds import all_kinds

    return all_kinds()[proposal.kind].facts(proposal.payload)


def test_contamination_is_no_oracle_for_what_a_hidden_suite_asks(site: Site) -> None:
    """Whoever registers rows to learn whether a hidden suite has them learns nothing: it is not compared with."""
    from io import BytesIO

    from models_registry.datasets import registering

    rows = [{**row, "id": f"g{row['id']}"} for row in unseen(site.secret)]
    new = registering.NewDataset("guesses", "Guesses", "CC-BY-4.0", "training", "rows.jsonl")
    alice = site.commons.address("Alice")
    made, _ = registering.register_dataset(site.commons.community, alice, new, BytesIO(corpus.jsonl(rows)), site.moment)

    (scan,) = [scan for scan in made.scans if scan["scan"] == "contamination"]
    assert (scan["passed"], scan["found"]) == (True, 0)
