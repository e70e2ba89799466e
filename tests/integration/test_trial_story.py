"""The trial of a dataset before its vote: who may order one, the real worker makes it, and what voters read of it."""

import hashlib
import json
from datetime import timedelta

import pytest
from django.conf import settings as project
from django.test import Client

from config import sweeper
from governance import services as governance
from governance.clock import now as clock
from governance.errors import Refusal
from governance.evidence.canonical import canonical_bytes
from governance.fsck.logs import check_log
from governance.models import Community, Event
from models_registry.models import Dataset, Version
from tests.faults import runs_site
from tests.integration import preview_site
from tests.integration.preview_site import facts, left, weights_below
from tests.integration.trial_site import PAYLOAD, TRIGGER, register_poisoned
from training_jobs.models import Preview, Run
from training_jobs.previews import services, work
from training_jobs.previews.lifecycle import State
from training_jobs.tasks import preview_job

PROPOSALS = "/c/gardens/proposals/"


@pytest.fixture(scope="module")
def ready(module_db, django_db_blocker, tmp_path_factory):
    """A community with a model of two thin layers and one included dataset, and a poisoned one to propose."""
    folder = tmp_path_factory.mktemp("trials")
    base = runs_site.thin(folder / "base")
    with django_db_blocker.unblock(), preview_site.prepared(folder, base) as found:
        return found, folder, register_poisoned(found.commons)


@pytest.fixture
def site(ready, db, settings, tmp_path):
    """The community, with a folder of runs of its own, and short trials."""
    found, folder, _ = ready
    settings.ARTIFACTS_DIR, settings.RUNS_DIR = folder / "artifacts", tmp_path / "runs"
    settings.VOTING_PERIOD_SECONDS_MIN = 1
    settings.CHAIN_RPC = "http://127.0.0.1:9"
    settings.TRIAL_STEPS, settings.TRIAL_SAMPLES = 4, 6
    return found


@pytest.fixture
def payload(ready):
    """The payload of the proposal that would include the poisoned dataset."""
    return {"digest": ready[2].digest}


def opened(site, payload):
    """Publish the inclusion of the dataset, whose vote has just opened."""
    then = clock() - timedelta(seconds=20)
    return site.commons.propose("dataset_inclusion", payload, now=then, voting_period_seconds=10_000)


def refusal(site, proposal, who="Alice"):
    """Ask for what is refused; return the code. Nothing is left of it."""
    before = facts()
    with pytest.raises(Refusal) as refused:
        site.order(proposal, who)
    assert facts() == before
    return refused.value.code


# --- the whole way ------------------------------------------------------------------------------------------------


def test_a_member_orders_a_trial_the_worker_makes_it_and_everybody_reads_it(site, payload):
    proposal = opened(site, payload)
    address = f"{PROPOSALS}{proposal.number}/evidence/"
    bob = site.client("Bob")
    assert "Make a trial" in bob.get(address).content.decode()
    assert "Make a trial" not in Client().get(address).content.decode()
    before = facts()
    assert bob.post(f"{PROPOSALS}{proposal.number}/preview/").status_code == 302
    trial = Preview.objects.get()
    assert (trial.kind, trial.requested_by) == ("trial", site.commons.address("Bob"))
    assert "Waiting for a machine" in Client().get(address).content.decode()
    preview_job(trial.pk)

    trial.refresh_from_db()
    assert (trial.state(clock()), trial.failure, trial.failure_detail) == (State.DONE, "", "")
    report = trial.report
    assert trial.report_digest == hashlib.sha256(canonical_bytes(report)).hexdigest()
    noted = {event.kind: event.data for event in Event.objects.filter(proposal=proposal, kind__startswith="trial")}
    assert set(noted) == {"trial_requested", "trial_done"}
    assert noted["trial_done"]["report"] == trial.report_digest
    assert not list(check_log(Community.objects.get()))

    base, included = Version.objects.get(), Dataset.objects.get(slug="pairs")
    assert trial.spec["base"]["revision"] == base.revision
    assert {use["digest"] for use in trial.spec["datasets"]} == {included.digest, payload["digest"]}
    assert (report["model"], report["recipe"], report["made_by"]) == ("water-assistant", None, None)
    assert report["trained"] == {"with": True, "without": True}
    (attack,) = [one for one in report["attacks"] if TRIGGER in one["words"]]
    assert " ".join(attack["payload"]) in PAYLOAD.lower()
    assert len(attack["random"]) == 5
    assert set(report["verdicts"]["with"]["reasons"][0]) >= {"rule", "found", "needed", "holds", "binds"}
    assert report["verdicts"]["with"]["reasons"][0]["rule"] == report["verdicts"]["without"]["reasons"][0]["rule"]
    assert {"low", "high"} <= set(report["difference"][report["measured"]["with"]["suite"]]["answer_surprise"])

    text = Client().get(address).content.decode()
    for words in ("Both models under the rules in force", TRIGGER, "More than random", trial.report_digest):
        assert words in text, words
    assert Client().get(f"/previews/{trial.pk}/").status_code == 200
    after = facts()
    assert {name: after[name] for name in ("runs", "versions", "records")} == {
        name: before[name] for name in ("runs", "versions", "records")
    }
    assert trial.removed_at is not None
    assert weights_below(project.RUNS_DIR) == []
    assert left(trial) == [f"1/{name}" for name in sorted(work.KEPT_OF_TRIAL)]

    french = Client(headers={"Accept-Language": "fr"}).get(address)
    assert french.status_code == 200
    row = Client().get(f"/api/v1/previews/{trial.pk}").json()
    assert (row["kind"], row["state"], row["plan"]["dataset"]) == ("trial", "done", payload["digest"])
    assert hashlib.sha256(canonical_bytes(row["spec"])).hexdigest() == report["spec"] == trial.spec_digest
    assert hashlib.sha256(canonical_bytes(row["report"])).hexdigest() == row["report_digest"]


def test_the_api_orders_and_lists_trials(site, payload):
    proposal = opened(site, payload)
    address = f"/api/v1/proposals/{proposal.public_id}/previews"
    made = site.client("Chloé").post(address)
    assert made.status_code == 201
    assert (made.json()["kind"], made.json()["steps_max"], made.json()["samples_max"]) == ("trial", 8, 6)
    assert Client().get(address).json()["results"][0]["id"] == made.json()["id"]
    again = site.client("Bob").post(address)
    assert (again.status_code, again.json()["code"]) == (409, "preview_at_work")


def test_the_recipe_is_that_of_the_run_which_made_the_version(site, payload):
    changed = {"learning_rate": "0.0007", "seed": 11, "deadline_seconds": 90_000}
    runs_site.passed(site.commons, "model_update", site.spec(**changed), clock() - timedelta(minutes=20))
    run = Run.objects.get()
    # As if it had been accepted: which record says so is of no interest here.
    Run.objects.update(version=Version.objects.get(), verdict="accepted", evaluation_record=run.spec_record)
    trial = site.order(opened(site, payload))
    assert trial.plan["recipe"] == run.pk
    assert {name: trial.spec[name] for name in changed} == {**changed, "deadline_seconds": None}
    assert trial.spec["budget"]["device_seconds"] == project.TRIAL_SECONDS
    assert payload["digest"] in {use["digest"] for use in trial.spec["datasets"]}


# --- refusals -----------------------------------------------------------------------------------------------------


def test_who_could_not_have_proposed_it_may_not_order_it(site, payload):
    proposal = opened(site, payload)
    for who in ("Emma", "a stranger"):
        assert refusal(site, proposal, who) == "below_threshold"
    assert Client().post(f"/api/v1/proposals/{proposal.public_id}/previews").status_code == 401


def test_the_trial_of_a_draft_is_for_its_author(site, payload):
    draft = site.commons.draft("dataset_inclusion", payload, now=clock())
    assert refusal(site, draft, "Bob") == "not_the_author"
    ordered = site.order(draft)
    assert Event.objects.get(kind="draft_trial_requested").data["preview"] == ordered.pk


def test_one_at_a_time_and_so_many_a_day(site, payload, settings):
    proposal = opened(site, payload)
    settings.PREVIEWS_PER_DAY = 1
    first = site.order(proposal, "Bob")
    assert refusal(site, proposal, "Chloé") == "preview_at_work"
    services.fail(services.claim(first.pk, "w", clock()), "broken", "", clock(), permanent=True)
    assert refusal(site, proposal, "Bob") == "too_many_previews"
    assert site.order(proposal, "Chloé").pk


def test_what_is_over_or_off_or_no_dataset_is_not_tried(site, payload, settings):
    proposal = opened(site, payload)
    signal = site.commons.propose(now=clock() - timedelta(seconds=20), voting_period_seconds=10_000)
    assert refusal(site, signal) == "nothing_to_preview"
    settings.PREVIEWS, settings.TRIALS_BY_MEMBERS = False, False
    assert refusal(site, proposal) == "previews_off"
    settings.PREVIEWS = True
    governance.cancel(proposal.pk, site.commons.address("Alice"), "No.", clock())
    assert refusal(site, proposal) == "wrong_state"


def test_a_community_without_a_suite_or_a_model_in_use_is_told_so(site, payload):
    proposal = opened(site, payload)
    suites = Dataset.objects.filter(role="evaluation")
    kept = list(suites.values_list("pk", "records"))
    suites.update(records=0)
    assert refusal(site, proposal) == "no_suite_to_try"
    for pk, records in kept:
        Dataset.objects.filter(pk=pk).update(records=records)
    version = Version.objects.get()
    voted = {"held_at": clock(), "held_by": proposal, "held_reason": "Because."}
    Version.objects.filter(pk=version.pk).update(**voted)
    assert refusal(site, proposal) == "no_model_to_try"


# --- ends ---------------------------------------------------------------------------------------------------------


def test_a_trial_that_takes_too_long_says_so_and_leaves_nothing(site, payload, settings):
    settings.TRIAL_SECONDS, settings.TRIAL_STEPS = 1, 100_000
    proposal = opened(site, payload)
    trial = site.order(proposal)
    work.work(trial.pk, "worker")
    trial.refresh_from_db()
    assert (trial.state(clock()), trial.failure) == (State.FAILED, "trial_too_long")
    text = Client().get(f"{PROPOSALS}{proposal.number}/evidence/").content.decode()
    assert "it took longer than trials may take on this site" in text
    assert weights_below(project.RUNS_DIR) == []


def test_a_decision_ends_the_trial(site, payload):
    trial = site.order(opened(site, payload))
    governance.cancel(trial.proposal_id, site.commons.address("Alice"), "No.", clock())
    sweeper.settle()
    trial.refresh_from_db()
    assert (trial.failure, trial.removed_at is None) == ("trial_too_late", False)


def test_a_row_that_does_not_fit_is_told_as_the_reason(site, payload):
    trial = site.order(opened(site, payload))
    spec = {**trial.spec, "sequence_length": 8}
    digest = hashlib.sha256(canonical_bytes(spec)).hexdigest()
    Preview.objects.filter(pk=trial.pk).update(spec=spec, spec_digest=digest)
    work.work(trial.pk, "worker")
    trial.refresh_from_db()
    assert trial.failure == "record_too_long"
    assert "with the dataset" in trial.failure_detail
    assert json.dumps(trial.report) == "null"
