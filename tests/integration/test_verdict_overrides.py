"""A vote of the gravest tier releases what the rules rejected, marked for ever; no other way leads past the rules."""

import hashlib
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from config.demo import chain
from governance import services as governance
from governance.clock import now as clock
from governance.errors import Refusal
from governance.evidence.signing import generate_key
from governance.keys import release_key_path
from governance.models import Event, Member, Proposal
from models_registry import services as registry
from models_registry.provenance.verify import TrustRoots, check
from tests.integration.conftest import NOON, TIMELOCK, VOTING, charter_with, pass_, sign_in, vote
from tests.integration.machines import report
from tests.integration.test_registry_fsck import undone
from tests.simulators import tiny_model
from training_jobs import fsck, services, worker
from training_jobs.folders import attempt_folder
from training_jobs.lifecycle import State
from training_jobs.models import Run

RULES = {
    "quorum_bps": 2_000,
    "threshold_bps": 5_000,
    "proposal_threshold": str(10_000 * chain.UNIT),
    "voting_delay_seconds": 10,
    "voting_period_seconds": int(VOTING.total_seconds()),
    "timelock_seconds": int(TIMELOCK.total_seconds()),
    "execution_window_seconds": 14 * 24 * 3600,
}
GRAVE = {**RULES, "quorum_bps": 4_000, "threshold_bps": 6_000}


def founded(token, node, settings, tiers, **kinds):
    settings.CHAIN_RPC, settings.VOTING_PERIOD_SECONDS_MIN = node.rpc_url, 1
    key = release_key_path("water-commons")
    key.unlink(missing_ok=True)
    new = governance.NewCommunity(
        "water-commons",
        "Water commons",
        "Communs de l’eau",
        token.chain_id,
        token.address,
        generate_key(key),
        charter_with(token, tiers, **kinds),
    )
    community = governance.found_community(new, NOON)
    for member in token.members:
        Member.objects.create(community=community, address=member.address, name=member.name)
    return community


@pytest.fixture
def community(db, node, token, settings):
    """The water commons, with a tier of its own for overrides."""
    return founded(token, node, settings, {"standard": RULES, "gravest": GRAVE}, verdict_override="gravest")


@pytest.fixture
def rejected(run, stand_in):
    """A run whose result breaks the one rule in force."""
    lease = services.claim(run.pk, "worker", clock())
    artifact = tiny_model.write(attempt_folder(run.pk, lease.fence) / "artifact")
    files = [
        {"path": path.name, "size": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in sorted(artifact.iterdir())
    ]
    made = {"files": files, "steps": 1, "tokens": 1, "code_digest": "1" * 64, "trace_sha256": "2" * 64}
    services.trained(lease, {**made, "environment": {"python": "3.11"}}, "none", clock())
    measured = report(run)
    measured["candidate"]["language_gap"] = {"numerator": 1, "denominator": 2, "unit": "ratio", "samples": 2}
    judged = services.judge(lease, measured, clock())
    assert judged.verdict == "rejected"
    return judged


def override(run, changes=None):
    return {"run": run.pk, "reason": "The drought does not wait.", **(changes or {})}


@pytest.fixture
def overridden(rejected, propose, voters):
    pass_(propose("verdict_override", override(rejected), now=clock()), voters)
    return Run.objects.get(pk=rejected.pk)


def test_a_vote_releases_a_rejected_result_and_the_release_says_so_for_ever(overridden, client):
    assert overridden.state(clock()) == State.OVERRIDDEN
    assert services.due(clock()) == [overridden.pk]
    worker.release(overridden.pk)
    worker.release(overridden.pk)
    run = Run.objects.get(pk=overridden.pk)
    assert run.version.number == 1
    folder = registry.version_folder(run.version)
    verified = check(folder, TrustRoots(release_key=run.community.release_key))
    assert verified.ok, verified.to_dict()
    assert verified.findings[8].code == "overridden"
    assert verified.overridden["rules"] == ["equal-service"]
    card = (folder / "README.md").read_text()
    assert "> **OVERRIDDEN.**" in card
    assert "> **RÈGLES OUTREPASSÉES.**" in card
    assert "The drought does not wait" in card
    page = client.get(f"/releases/{run.version.revision}/")
    assert b"Overridden by a vote" in page.content
    assert b"The drought does not wait." in page.content
    shown = client.get(f"/runs/{run.pk}/").content
    assert b"Overridden by a vote" in shown
    answer = client.get(f"/api/v1/runs/{run.pk}").json()
    assert (answer["state"], answer["override"]) == ("overridden", run.override_record_id)
    assert Event.objects.filter(kind="verdict_overridden").get().data == {"run": run.pk, "rules": ["equal-service"]}


def test_a_version_that_a_vote_released_all_the_same_is_marked_wherever_it_is_listed(overridden, client):
    """On the pages of the model and of all models, in the API's lists, in the feed; a base is not."""
    worker.release(overridden.pk)
    version = Run.objects.get(pk=overridden.pk).version
    for page in ("/c/water-commons/models/", f"/models/{version.model}/", f"/models/{version.model}/feed/"):
        answer = client.get(page)
        assert (answer.status_code, answer.content.count(b"Overridden by a vote")) == (200, 1), page
    assert b"equal-service" in client.get(f"/models/{version.model}/").content
    (listed,) = client.get("/api/v1/models").json()["results"]
    assert [each["passed_over"] for each in listed["versions"]] == [["equal-service"], []]
    assert client.get(f"/api/v1/releases/{version.revision}").json()["passed_over"] == ["equal-service"]


BROKEN_OVERRIDES = [
    ({"override_record": None, "overridden_at": None}, "run"),
    ({"overridden_at": clock() - timedelta(days=9)}, "overridden_at"),
    ({"verdict": "accepted"}, "verdict"),
]


def test_fsck_names_an_override_that_the_vote_does_not_explain(overridden):
    assert list(fsck.check_one(overridden.community)) == []
    for changes, what in BROKEN_OVERRIDES:
        with undone():
            Run.objects.filter(pk=overridden.pk).update(**changes)
            found = list(fsck.check_one(overridden.community))
            assert what in {each.what for each in found}
            assert all(each.todo for each in found)
    with undone():
        Proposal.objects.filter(kind="verdict_override").update(executed_at=None)
        assert [each.what for each in fsck.check_one(overridden.community)] == ["override_record"]
    with undone():
        Run.objects.filter(pk=overridden.pk).update(override_record=overridden.proposal.execution_record)
        assert "kind" in {each.what for each in fsck.check_one(overridden.community)}


def test_the_vote_freezes_the_report_and_every_rule_that_is_broken(rejected, propose):
    proposal = propose("verdict_override", override(rejected), now=clock())
    assert proposal.payload == {
        "run": rejected.pk,
        "evaluation": rejected.evaluation_record_id,
        "rules": ["equal-service"],
        "reason": "The drought does not wait.",
    }
    assert proposal.tier == "gravest"


UNNAMED = [
    ({"run": 10**9}, "unknown_run"),
    ({"run": 0}, "unknown_run"),
    ({"run": "1"}, "unknown_run"),
    ({"run": True}, "unknown_run"),
    ({"run": 2**80}, "unknown_run"),
    ({"run": None}, "unknown_run"),
    ({"run": [1]}, "unknown_run"),
    ({"rules": []}, "override_differs"),
    ({"rules": None}, "override_differs"),
    ({"rules": ["equal-service", "another"]}, "override_differs"),
    ({"evaluation": "ab" * 32}, "override_differs"),
    ({"reason": " "}, "length_out_of_range"),
    ({"reason": "x" * 2_001}, "length_out_of_range"),
    ({"reason": 7}, "malformed_field"),
    ({"extra": 1}, "unknown_field"),
]


def test_an_override_that_does_not_name_what_it_is_about_is_refused(rejected, propose):
    before = Proposal.objects.count()
    for changes, code in UNNAMED:
        with pytest.raises(Refusal) as refusal:
            propose("verdict_override", override(rejected, changes), now=clock())
        assert refusal.value.code == code, changes
    assert Proposal.objects.count() == before, "a refusal leaves no row"


def test_a_run_that_was_not_rejected_cannot_be_overridden(run, propose):
    with pytest.raises(Refusal) as refusal:
        propose("verdict_override", override(run))
    assert refusal.value.code == "not_rejected"


def test_nothing_can_be_overridden_twice(overridden, propose):
    with pytest.raises(Refusal) as refusal:
        propose("verdict_override", override(overridden), author="Bob", now=clock())
    assert refusal.value.code == "already_overridden"


def test_a_lost_vote_releases_nothing(rejected, propose, voters):
    proposal = propose("verdict_override", override(rejected), now=clock())
    for name, choice in (("Alice", 1), ("Bob", 0), ("Chloé", 0)):
        vote(proposal, voters[name], choice)
    governance.close_voting(proposal.pk, proposal.closes_at)
    proposal.refresh_from_db()
    assert proposal.state(proposal.closes_at + timedelta(days=60)) == "defeated"
    worker.release(rejected.pk)
    rejected.refresh_from_db()
    assert (rejected.version, rejected.state(clock())) == (None, State.REJECTED)


def test_the_database_releases_no_rejected_run_without_a_vote(rejected):
    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.filter(pk=rejected.pk).update(version=rejected.base)
    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.filter(pk=rejected.pk).update(overridden_at=clock())


@pytest.mark.parametrize(
    ("tiers", "kinds"),
    [
        ({"standard": RULES}, {}),
        ({"standard": RULES, "gravest": GRAVE}, {"verdict_override": "standard", "model_update": "gravest"}),
        ({"standard": RULES, "gravest": GRAVE}, {"verdict_override": "gravest", "model_update": "gravest"}),
        ({"standard": {**RULES, "timelock_seconds": 9_999}, "gravest": GRAVE}, {"verdict_override": "gravest"}),
    ],
)
def test_a_charter_without_a_gravest_tier_for_it_knows_no_override(db, node, token, settings, voters, tiers, kinds):
    community = founded(token, node, settings, tiers, **kinds)
    draft = governance.Draft("verdict_override", "Override", "", {"run": 1, "reason": "Because."}, {})
    with pytest.raises(Refusal) as refusal:
        governance.create_draft(community, voters["Alice"].address, draft, NOON)
    assert refusal.value.code == "override_tier_missing"


def test_the_form_offers_rejected_runs_and_shows_what_is_broken(rejected, client, voters):
    sign_in(client, voters["Alice"])
    form = client.get("/c/water-commons/propose/verdict_override/")
    assert f'value="{rejected.pk}"' in form.content.decode()
    answers = {"proposal_title": "Pass over it", "run": str(rejected.pk), "reason": "The drought.", "proposal_text": ""}
    draft = client.post("/c/water-commons/propose/verdict_override/", answers, follow=True).content.decode()
    assert "although it breaks equal-service" in draft
    assert "found: 1/2; needed: at most 1/10" in draft
