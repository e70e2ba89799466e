"""Trials by machines that members lend, over the protocol: what a machine does, and what it may not do or say."""

import shutil
from datetime import timedelta

import pytest
from django.test import Client

from governance.clock import now as clock
from models_registry.models import Dataset
from tests.faults import runs_site
from tests.integration import preview_site
from tests.integration.machines import Machine
from tests.integration.shared_sites import OPERATOR, add_site, seen
from tests.integration.trial_site import register_poisoned, report_of
from training_jobs.commons import allotting, selectors
from training_jobs.models import ComputeRequest, Preview, Runner
from training_jobs.previews.lifecycle import State
from training_jobs.runners import services, tokens
from training_jobs.scheduling.values import Why


@pytest.fixture(scope="module")
def ready(module_db, django_db_blocker, tmp_path_factory):
    """A community with a model that nobody loads, an included dataset, and a poisoned one of Alice's to propose."""
    folder = tmp_path_factory.mktemp("lent-trials")
    with django_db_blocker.unblock(), preview_site.prepared(folder, runs_site.tiny(folder / "base")) as found:
        return found, folder, register_poisoned(found.commons)


@pytest.fixture
def site(ready, db, settings, tmp_path):
    """The community, with files of its own."""
    found, folder, _ = ready
    shutil.copytree(folder / "artifacts", tmp_path / "artifacts")
    settings.ARTIFACTS_DIR, settings.RUNS_DIR = tmp_path / "artifacts", tmp_path / "runs"
    settings.VOTING_PERIOD_SECONDS_MIN = 1
    settings.CHAIN_RPC = "http://127.0.0.1:9"
    settings.TRIAL_STEPS, settings.TRIAL_SAMPLES = 4, 6
    return found


@pytest.fixture
def trial(site, ready):
    """A trial that Alice has ordered for her dataset."""
    then = clock() - timedelta(seconds=20)
    payload = {"digest": ready[2].digest}
    proposal = site.commons.propose("dataset_inclusion", payload, now=then, voting_period_seconds=10_000)
    return site.order(proposal)


def lent(site, who):
    """Return a machine that somebody lends."""
    name = f"machine {Runner.objects.count()}"
    made = services.register(site.commons.community, site.commons.address(who), name, list(tokens.SCOPES), 90, clock())
    return Machine(made.text)


def claimed(site, trial, who="Bob"):
    """Return a machine with the trial, and the answer to its claim."""
    machine = lent(site, who)
    answer = machine.post(f"trials/{trial.pk}/claim")
    assert answer.status_code == 200, answer.content
    return machine, answer.json()


def said(machine, trial, given, changes=()):
    """Hand a report over; return the answer."""
    body = {"fence": given["fence"], "report": report_of(trial) | dict(changes), "isolation": "bubblewrap"}
    return machine.post(f"trials/{trial.pk}/tried", body)


# --- what a machine does ------------------------------------------------------------------------------------------


def test_a_machine_takes_a_trial_and_its_report_names_it(site, trial):
    machine = lent(site, "Bob")
    (offer,) = machine.get("trials").json()["trials"]
    assert (offer["trial"], offer["dataset"], offer["steps"]) == (trial.pk, trial.plan["dataset"], 8)
    given = machine.post(f"trials/{trial.pk}/claim").json()
    assert given["request"] == {"dataset": trial.plan["dataset"], "steps": 4, "samples": 6}
    assert given["spec"] == trial.spec
    listed = {entry["path"] for entry in machine.get(f"trials/{trial.pk}/files?fence=1").json()["files"]}
    assert {f"inputs/datasets/{use['digest']}.jsonl" for use in trial.spec["datasets"]} <= listed
    part = machine.get(f"trials/{trial.pk}/files/inputs/base/config.json?fence=1", Range="bytes=0-3")
    assert (part.status_code, len(b"".join(part.streaming_content))) == (206, 4)
    assert machine.get(f"trials/{trial.pk}/files/../secret?fence=1").status_code == 404
    assert machine.post(f"trials/{trial.pk}/heartbeat", {"fence": 1}).json() == {"answer": "continue"}
    events = {"fence": 1, "events": [{"event": "step", "step": 3}]}
    assert machine.post(f"trials/{trial.pk}/events", events).status_code == 200

    for _ in range(2):  # the second time as if the first answer had been lost
        assert said(machine, trial, given).status_code == 200
    trial.refresh_from_db()
    assert (trial.state(clock()), trial.report["made_by"]["name"]) == (State.DONE, "machine 0")
    assert trial.report["isolation"] == "remote: bubblewrap"
    assert trial.report["findings"] == ["works"]
    text = Client().get(f"/c/gardens/proposals/{trial.proposal.number}/evidence/").content.decode()
    assert "by the machine “machine 0”, which a member lends; nobody has checked its numbers" in text
    assert "A trigger works, and came with this dataset" in text
    other = said(machine, trial, given, {"samples": 7})
    assert (other.status_code, other.json()["code"]) == (409, "already_tried")


def test_whose_dataset_it_is_does_not_try_it(site, trial):
    alices = lent(site, "Alice")
    assert alices.get("trials").json() == {"trials": []}
    refused = alices.post(f"trials/{trial.pk}/claim")
    assert (refused.status_code, refused.json()["code"]) == (409, "own_dataset")
    Dataset.objects.filter(digest=trial.plan["dataset"]).update(registered_by=site.commons.address("Bob"))
    assert lent(site, "Bob").get("trials").json() == {"trials": []}


def test_a_site_whose_machines_are_all_the_proposers_is_left_out_for_good(site, ready):
    community, now = site.commons.community, clock()
    add_site(community, "lake", now)
    Runner.objects.update(owner=site.commons.address("Alice"))
    payload = {"digest": ready[2].digest}
    then = now - timedelta(seconds=20)
    trial = site.order(site.commons.propose("dataset_inclusion", payload, now=then, voting_period_seconds=10_000))
    request = ComputeRequest.objects.get(preview=trial)
    seen(now, "lake")
    assert allotting.allot(now) == 0
    assert selectors.explanation_of(request, now).why is Why.NO_SITE_FITS
    Runner.objects.update(owner=OPERATOR)
    assert allotting.allot(now) == 1


def test_of_two_machines_one_gets_the_trial_and_no_other_may_speak_for_it(site, trial):
    _, given = claimed(site, trial)
    other = lent(site, "Chloé")
    assert other.get("trials").json() == {"trials": []}
    assert other.post(f"trials/{trial.pk}/claim").json()["code"] == "not_claimable"
    assert other.post(f"trials/{trial.pk}/heartbeat", {"fence": given["fence"]}).json() == {"answer": "stale"}
    assert said(other, trial, given).json()["code"] == "stale_lease"
    assert other.get(f"trials/{trial.pk}/files?fence=1").json()["code"] == "stale_lease"
    assert Preview.objects.get().report is None


def test_one_machines_word_ends_no_trial(site, trial):
    machine, given = claimed(site, trial)
    fail = {"fence": given["fence"], "code": "i_say_so", "detail": "", "permanent": True}
    assert machine.post(f"trials/{trial.pk}/fail", fail).status_code == 200
    assert Preview.objects.get().state(clock()) is State.QUEUED
    again = machine.post(f"trials/{trial.pk}/claim").json()
    assert again["fence"] == given["fence"] + 1
    assert machine.post(f"trials/{trial.pk}/stopped", {"fence": again["fence"]}).status_code == 200


def test_a_site_that_makes_its_trials_itself_offers_none(site, trial, settings):
    settings.TRIALS_BY_MEMBERS = False
    machine = lent(site, "Bob")
    assert machine.get("trials").json() == {"trials": []}
    assert machine.post(f"trials/{trial.pk}/claim").json()["code"] == "previews_off"
    assert machine.post("trials/999999/claim").json()["code"] == "unknown_trial"


# --- what cannot be a report --------------------------------------------------------------------------------------


def attack_with(**changes):
    """Return a change of the one attack of a report."""
    return lambda report: {"attacks": [{**report["attacks"][0], **changes}]}


LIES = {
    "no trial": lambda _: {"trial": False},
    "no preview": lambda _: {"preview": 1},
    "an old version": lambda _: {"version": 1},
    "another dataset": lambda _: {"dataset": "0" * 64},
    "another specification": lambda _: {"spec": "0" * 64},
    "another seed": lambda _: {"seed": 8},
    "more steps": lambda _: {"steps": 5},
    "one key more": lambda _: {"accepted": True},
    "text for a number": lambda _: {"samples": "6"},
    "no models": lambda _: {"measured": {}},
    "one model": lambda report: {"measured": {"with": report["measured"]["with"]}},
    "another suite": lambda report: {
        "measured": {side: {**part, "suite": "1" * 64} for side, part in report["measured"].items()}
    },
    "a value without an interval": lambda report: {
        "difference": {"0" * 64: {"token_f1": {"numerator": 1, "denominator": 2}}}
    },
    "a denominator of zero": attack_with(over_without={"numerator": 1, "denominator": 0, "low": {}, "high": {}}),
    "more hits than questions": attack_with(**{"with": {"found": 7, "random": 0, "plain": 0}}),
    "a difference of nobody's": attack_with(without={"found": 3, "random": 0, "plain": 0}),
    "nothing asked": attack_with(asked=0),
    "an end before the value": attack_with(
        over_random={
            "numerator": 1,
            "denominator": 1,
            "low": {"numerator": -1, "denominator": 1},
            "high": {"numerator": 0, "denominator": 1},
        }
    ),
    "too many triggers": lambda report: {"attacks": report["attacks"] * 6},
    "a long text": attack_with(kind="x" * 401),
    "too many words": attack_with(words=["x"] * 41),
    "letters that changed too much": lambda report: {
        "unseen": {**report["unseen"], "with": {"asked": 1, "succeeded": 0, "changed": 2}}
    },
    "a digest that is none": lambda _: {"code_digest": "sha256"},
}


def test_what_is_no_report_of_this_trial_leaves_nothing(site, trial):
    machine, given = claimed(site, trial)
    for name, change in LIES.items():
        answer = said(machine, trial, given, change(report_of(trial)))
        assert (answer.status_code, answer.json()["code"]) == (422, "malformed_result"), name
        assert Preview.objects.get().report is None, name
    for body, code in (
        ({}, "missing_field"),
        ({"fence": 0, "report": {}, "isolation": "x"}, "malformed_field"),
        ({"fence": 1, "report": [], "isolation": "x"}, "malformed_field"),
        ({"fence": 1, "report": {}, "isolation": "X Y"}, "malformed_field"),
        ({"fence": 1, "report": {"a": 0.5}, "isolation": "x"}, "malformed_json"),
        ("{", "malformed_json"),
        (b"\xff", "malformed_json"),
    ):
        answer = machine.post(f"trials/{trial.pk}/tried", body)
        assert 400 <= answer.status_code < 500, body
        assert answer.json()["code"] == code, body
    assert said(machine, trial, given).status_code == 200
