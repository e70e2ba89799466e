"""Communities let sites in and out: by a vote, by stewards, never by the operator; and sites are suspended with evidence."""

from datetime import datetime, timedelta

import pytest

from governance.errors import Conflict, Forbidden, Invalid, NotFound, Refusal
from governance.kinds import kind_named
from governance.models import Event, Proposal
from tests.integration import commons
from tests.integration.conftest import FOR, NOON
from tests.integration.site_places import LAKE, PRICE, measured_site, register
from training_jobs.models import Admission, Site, SiteStewards
from training_jobs.sites import admitting, selectors, services
from training_jobs.sites.lifecycle import Standing

MINUTE = timedelta(minutes=1)
EVIDENCE = {"run": 7, "step": 120, "expected": "a" * 64, "found": "b" * 64}


@pytest.fixture
def gardens(list_community, settings):
    kinds = [
        f"training_jobs.sites.proposal_kinds.{name}" for name in ("SiteAdmission", "SiteRemoval", "SiteStewardsChange")
    ]
    settings.PROPOSAL_KINDS = [*(path for path in settings.PROPOSAL_KINDS if path not in kinds), *kinds]
    from governance.kinds import all_kinds

    all_kinds.cache_clear()
    yield list_community()
    all_kinds.cache_clear()


@pytest.fixture
def later(gardens: commons.Commons) -> datetime:
    """Elect Alice and Bob; return a moment when they are in office."""
    return gardens.elect("Alice", "Bob", "Chloé", seats=2, now=NOON).elected_at + MINUTE


def voted(gardens: commons.Commons, kind: str, payload: dict, now: datetime) -> Proposal:
    proposal = gardens.propose(kind, payload, author="Chloé", now=now)
    for name in ("Alice", "Bob"):
        gardens.vote(proposal, name, FOR)
    return gardens.executed(proposal)


def in_force() -> list[str]:
    return [str(each.community) for each in Admission.objects.in_force()]


def test_a_vote_lets_a_site_in_and_another_takes_it_out(gardens, later):
    measured_site(gardens, "Daouda", later)
    admitted = voted(gardens, "site_admission", {"site": "lake", "reason": "It runs on water."}, later)
    assert admitted.payload == {
        "site": "lake",
        "reason": "It runs on water.",
        "name": LAKE["name"],
        "operator": gardens.address("Daouda"),
        "country": "FR",
        "devices": 2,
        "price": PRICE,
        "currency": "EUR",
    }
    admission = Admission.objects.get()
    assert (admission.proposal, admission.admitted_by, admission.reason) == (admitted, "", "It runs on water.")
    event = Event.objects.get(kind="site_admitted")
    assert (event.data, event.proposal, event.community) == (
        {"site": "lake", "proposal_number": admitted.number}, admitted, gardens.community,
    )  # fmt: skip
    assert event.position is not None, "it stands in the community's log"

    removed = voted(gardens, "site_removal", {"site": "lake", "reason": "It is too dear."}, admitted.executed_at)
    admission.refresh_from_db()
    assert (admission.removal, admission.removed_reason) == (removed, "It is too dear.")
    assert Event.objects.get(kind="site_removed").data == {
        "site": "lake",
        "why": "voted",
        "proposal_number": removed.number,
    }
    assert in_force() == []


def test_two_votes_that_let_the_same_site_in_let_it_in_once(gardens, later):
    register(gardens, "Daouda", later)
    payload = {"site": "lake", "reason": "Near."}
    both = [gardens.propose("site_admission", payload, author=name, now=later) for name in ("Chloé", "Bob")]
    for proposal in both:
        for name in ("Alice", "Bob"):
            gardens.vote(proposal, name, FOR)
    for proposal in both:
        gardens.executed(proposal)
    assert in_force() == ["gardens"]


def test_a_vote_on_a_site_that_was_suspended_meanwhile_is_refused_and_can_be_carried_out_later(gardens, later):
    register(gardens, "Daouda", later)
    proposal = gardens.propose("site_admission", {"site": "lake", "reason": "Near."}, author="Chloé", now=later)
    for name in ("Alice", "Bob"):
        gardens.vote(proposal, name, FOR)
    admitting.suspend("lake", "", "A spot check did not agree.", EVIDENCE, later)
    with pytest.raises(Conflict) as refused:
        gardens.executed(proposal)
    assert (refused.value.code, refused.value.found) == ("site_moved_on", "suspended")
    assert in_force() == []


@pytest.mark.parametrize(
    ("kind", "payload", "code"),
    [
        ("site_admission", {"site": "ocean", "reason": "x"}, "unknown_site"),
        ("site_admission", {"site": 7, "reason": "x"}, "unknown_site"),
        ("site_admission", {"site": "a\x00", "reason": "x"}, "unknown_site"),
        ("site_admission", {"site": "lake", "reason": " "}, "length_out_of_range"),
        ("site_admission", {"site": "lake"}, "missing_field"),
        ("site_admission", {"site": "lake", "reason": "x", "colour": "green"}, "unknown_field"),
        ("site_removal", {"site": "lake", "reason": "x"}, "not_admitted"),
        ("site_stewards", {"members": "Alice"}, "malformed_field"),
    ],
)
def test_a_proposal_that_makes_no_sense_is_refused(gardens, later, kind, payload, code):
    register(gardens, "Daouda", later)
    with pytest.raises(Refusal) as refused:
        gardens.draft(kind, payload, now=later)
    assert refused.value.code == code
    assert refused.value.field.startswith("payload")


def test_what_a_payload_says_of_a_site_is_written_anew(gardens, later):
    register(gardens, "Daouda", later)
    lie = {
        "site": "lake",
        "reason": "Cheap.",
        "price": 0,
        "name": "Free energy",
        "operator": "",
        "country": "",
        "devices": 9,
    }
    frozen = kind_named("site_admission").clean(gardens.community, lie)
    assert (frozen["price"], frozen["name"], frozen["devices"]) == (PRICE, LAKE["name"], 0)


def test_a_steward_lets_a_site_in_and_out_and_nobody_decides_about_their_own(gardens, later):
    register(gardens, "Daouda", later)
    register(gardens, "Alice", later, slug="hill")
    for name in ("Daouda", "Chloé", "Mallory"):
        with pytest.raises(Forbidden) as no_steward:
            admitting.admit("lake", gardens.community, gardens.address(name), "Mine.", later)
        assert no_steward.value.code == "not_a_steward"
    with pytest.raises(Forbidden) as own:
        admitting.admit("hill", gardens.community, gardens.address("Alice"), "Mine.", later)
    assert own.value.code == "own_site"
    admitting.admit("hill", gardens.community, gardens.address("Bob"), "On a hill.", later)
    admitting.admit("lake", gardens.community, gardens.address("Alice"), "Near.", later)
    with pytest.raises(Conflict) as twice:
        admitting.admit("lake", gardens.community, gardens.address("Alice"), "Near.", later)
    assert twice.value.code == "already_admitted"
    admitting.remove("lake", gardens.community, gardens.address("Bob"), "Too slow.", later)
    with pytest.raises(Conflict):
        admitting.remove("lake", gardens.community, gardens.address("Bob"), "Too slow.", later)
    admitting.admit("lake", gardens.community, gardens.address("Alice"), "It was repaired.", later)
    assert Admission.objects.filter(site__slug="lake").count() == 2
    after_the_term = later + timedelta(days=40)
    with pytest.raises(Forbidden):
        admitting.remove("lake", gardens.community, gardens.address("Bob"), "Too slow.", after_the_term)


def test_stewards_whom_a_vote_named_decide_in_the_place_of_the_council(gardens, later):
    register(gardens, "Daouda", later)
    members = [{"address": gardens.address("Chloé"), "name": "Chloé"}]
    named = voted(gardens, "site_stewards", {"members": members}, later)
    now = named.executed_at
    assert SiteStewards.objects.get().proposal == named
    with pytest.raises(Forbidden):
        admitting.admit("lake", gardens.community, gardens.address("Alice"), "Near.", now)
    assert admitting.admit("lake", gardens.community, gardens.address("Chloé"), "Near.", now).pk
    again = voted(gardens, "site_stewards", {"members": []}, now)
    assert admitting.remove("lake", gardens.community, gardens.address("Alice"), "Far.", again.executed_at).pk
    assert "Chloé" in str(kind_named("site_stewards").facts({"members": members}))


def test_a_site_serves_several_communities_and_each_has_its_own_log(gardens, later):
    hills = commons.found(NOON, {"Alice": 40, "Emma": 40, "Fatou": 30}, slug="hills")
    council = hills.elect("Emma", "Fatou", seats=1, now=NOON).elected_at + MINUTE
    measured_site(gardens, "Daouda", later)
    now = max(later, council)
    admitting.admit("lake", gardens.community, gardens.address("Alice"), "Near.", now)
    admitting.admit("lake", hills.community, hills.address("Emma"), "Below.", now)
    assert selectors.as_value(selectors.site_named("lake"), now).serves == {"gardens", "hills"}
    services.drain("lake", gardens.address("Daouda"), now)
    for community in (gardens.community, hills.community):
        told = [
            event.data["why"]
            for event in Event.objects.filter(kind="site_standing", community=community).order_by("pk")
        ]
        assert told == ["admitted", "drained"]
    admitting.remove("lake", hills.community, hills.address("Emma"), "Too far.", now)
    assert in_force() == ["gardens"]


def test_each_log_is_told_whose_policy_holds_at_a_site_and_anew_when_that_changes(gardens, later):
    hills = commons.found(NOON, {"Alice": 40, "Emma": 40, "Fatou": 30}, slug="hills")
    council = hills.elect("Emma", "Fatou", seats=1, now=NOON).elected_at + MINUTE
    measured_site(gardens, "Daouda", later)
    now = max(later, council)

    def told(community):
        found = Event.objects.filter(kind="site_standing", community=community).order_by("position")
        return [(event.data["why"], event.data["governed_by"]) for event in found]

    admitting.admit("lake", hills.community, hills.address("Emma"), "Below.", now)
    admitting.admit("lake", gardens.community, gardens.address("Alice"), "Near.", now + MINUTE)
    assert told(hills.community) == [("admitted", "")]
    assert told(gardens.community) == [("admitted", "hills")]
    services.drain("lake", gardens.address("Daouda"), now + MINUTE)
    admitting.remove("lake", hills.community, hills.address("Emma"), "Too far.", now + 2 * MINUTE)
    assert told(gardens.community) == [("admitted", "hills"), ("drained", "hills"), ("governed", "")]
    admitting.admit("lake", hills.community, hills.address("Emma"), "Near again.", now + 3 * MINUTE)
    admitting.remove("lake", hills.community, hills.address("Emma"), "Too far.", now + 4 * MINUTE)
    assert len(told(gardens.community)) == 3, "gardens governs there, whoever comes and goes"
    assert told(hills.community)[2:] == [("admitted", "gardens")]
    services.leave("lake", gardens.address("Daouda"), now + 5 * MINUTE)
    assert len(told(gardens.community)) == 3


def test_a_suspension_holds_everywhere_with_evidence_in_every_log_and_a_steward_ends_it(gardens, later):
    measured_site(gardens, "Daouda", later)
    with pytest.raises(Forbidden):
        admitting.suspend("lake", gardens.address("Alice"), "It lies.", EVIDENCE, later)
    admitting.admit("lake", gardens.community, gardens.address("Alice"), "Near.", later)
    site = admitting.suspend("lake", gardens.address("Alice"), "It sent other weights.", EVIDENCE, later)
    assert site.standing(later) is Standing.SUSPENDED
    event = Event.objects.get(kind="site_suspended", community=gardens.community)
    assert event.data == {"site": "lake", "reason": "It sent other weights.", "evidence": EVIDENCE}
    with pytest.raises(Conflict):
        admitting.suspend("lake", gardens.address("Bob"), "It lies.", EVIDENCE, later)
    services.describe("lake", gardens.address("Daouda"), {"name": "Lake, repaired"}, later)
    with pytest.raises(Forbidden):
        admitting.restore("lake", gardens.address("Daouda"), "I am honest.", later)
    site = admitting.restore("lake", gardens.address("Bob"), "A disk was broken.", later)
    assert (site.standing(later), site.suspended_evidence) == (Standing.OPEN, {})
    standings = [each.data["standing"] for each in Event.objects.filter(kind="site_standing").order_by("pk")]
    assert standings == ["open", "suspended", "open"]


@pytest.mark.parametrize("evidence", [{}, {"found": 0.5}, {"found": "x" * 9_000}, {"found": 2**60}])
def test_a_suspension_needs_evidence_that_can_be_kept(gardens, later, evidence):
    register(gardens, "Daouda", later)
    with pytest.raises(Invalid) as refused:
        admitting.suspend("lake", "", "It lies.", evidence, later)
    assert refused.value.field == "evidence"
    assert Site.objects.get().suspended_at is None


def test_a_site_that_nobody_knows_is_not_admitted(gardens, later):
    with pytest.raises(NotFound):
        admitting.admit("ocean", gardens.community, gardens.address("Alice"), "Wide.", later)


def test_the_editor_offers_the_sites_that_can_be_let_in_or_taken_out(gardens, later):
    register(gardens, "Daouda", later)

    def offered(kind: str) -> list[str]:
        (field, _) = kind_named(kind).fields(gardens.community)
        return [name for name, _ in field.options]

    assert (offered("site_admission"), offered("site_removal")) == (["lake"], [])
    admitting.admit("lake", gardens.community, gardens.address("Alice"), "Near.", later)
    assert (offered("site_admission"), offered("site_removal")) == ([], ["lake"])
    form = kind_named("site_removal").from_form({"site": "lake", "reason": "Far."})
    frozen = kind_named("site_removal").clean(gardens.community, form)
    assert "Lake cluster" in kind_named("site_removal").describe(frozen)
    assert len(kind_named("site_removal").facts(frozen)) == 6
