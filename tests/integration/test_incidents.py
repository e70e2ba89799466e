"""Harm that people report: taken in from anybody, triaged, answered, withheld, led to a pause, and held against the log."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from governance.errors import Conflict, Forbidden, Invalid, NotFound, Refusal
from governance.models import Account, Event, Proposal
from models_registry import fsck
from models_registry.incidents import lifecycle, selectors, services
from models_registry.incidents.services import Answer, Report
from models_registry.models import Incident, Version
from models_registry.withdrawals import stop_of
from tests.integration import commons
from tests.integration.conftest import NOON
from tests.integration.hub_site import FIRST, MODEL, SECOND, artifacts, model_of

DAY = timedelta(days=1)
TOLD = Report("dangerous_advice", "high", "Can I drink it?", "Boil it first.", "Yes, drink it.", "me@example.org")
FORM = {"category": "dangerous_advice", "severity": "high", "prompt": "Can I drink it?", "expected": "Boil it first."}


@pytest.fixture
def site(artifacts: Path, list_community: Callable[..., commons.Commons]) -> commons.Commons:
    """A community with a council of Alice and Bob, and a model of two published versions."""
    site = list_community()
    model_of(site.community, artifacts)
    return site


@pytest.fixture
def later(site: commons.Commons, at: Callable[[datetime], None]) -> datetime:
    """Elect Alice and Bob; return a moment when they are in office, which is now."""
    moment = site.elect("Alice", "Bob", "Chloé", seats=2, now=NOON).elected_at + timedelta(minutes=1)
    at(moment)
    return moment


def signed_in(site: commons.Commons, name: str) -> Client:
    client = Client()
    client.force_login(Account.objects.get_or_create(address=site.address(name))[0])
    return client


def reported(now: datetime, **changes: str) -> Incident:
    return services.report(SECOND, "", Report(**{**TOLD.__dict__, **changes}), now)[0]


def confirmed(site: commons.Commons, now: datetime, severity: str = "high") -> Incident:
    incident = reported(now)
    services.triage("gardens", incident.number, site.address("Alice"), severity, "Somebody could fall ill.", now)
    said = Answer("confirmed", "It says so each time.", "Yes, drink it.")
    return services.answer("gardens", incident.number, site.address("Bob"), said, now)


def api(path: str = "", revision: str = SECOND) -> str:
    return f"/api/v1/releases/{revision}/incidents{path}"


def sound(site: commons.Commons) -> bool:
    return not [finding for finding in fsck.check_one(site.community) if finding.table.endswith(("incident", "event"))]


# --- reporting ----------------------------------------------------------------------------------------------------


def test_anybody_reports_with_a_form_and_no_script_and_stewards_alone_read_it_first(
    site: commons.Commons, later: datetime
) -> None:
    stranger = Client()
    assert "No account is needed" in stranger.get(f"/releases/{SECOND}/report/").content.decode()
    answer = stranger.post(f"/releases/{SECOND}/report/", {**FORM, "seen": "Yes.", "contact": "me@example.org"})
    assert (answer.status_code, answer["Location"]) == (302, "/c/gardens/incidents/1/")

    public = stranger.get("/c/gardens/incidents/1/").content.decode()
    assert "Can I drink it?" not in public
    assert "Everybody can read the report once a steward has" in public
    steward = signed_in(site, "Alice").get("/c/gardens/incidents/1/").content.decode()
    assert "Can I drink it?" in steward
    assert "me@example.org" in steward

    signed_in(site, "Alice").post("/c/gardens/incidents/1/triage/", {"severity": "high", "reason": "It could harm."})
    public = stranger.get("/c/gardens/incidents/1/").content.decode()
    assert "Can I drink it?" in public
    assert "It could harm." in public
    assert "me@example.org" not in public
    event = Event.objects.get(kind="incident_reported")
    assert event.position is not None
    assert "drink" not in event.leaf, "the log keeps the digest, never the words"
    assert sound(site)


def test_the_api_takes_a_report_once_and_never_tells_the_contact(site: commons.Commons, later: datetime) -> None:
    body = {**FORM, "contact": "me@example.org"}
    first = Client().post(api(), body, content_type="application/json")
    second = Client().post(api(), body, content_type="application/json")
    assert (first.status_code, second.status_code) == (201, 200)
    said = first.json()
    assert (said["number"], said["state"], said["severity"], said["report"]) == (1, "received", "high", None)
    assert second.json() == said
    assert "me@example.org" not in first.content.decode()
    listed = Client().get("/api/v1/communities/gardens/incidents").json()
    assert (listed["count"], listed["results"]) == (1, [said])
    assert Client().get(api()).json()["results"] == [said]
    assert Client().get(api(revision=FIRST)).json()["count"] == 0
    assert Client().get("/api/v1/communities/gardens/incidents/1").json() == said
    assert Client().get("/api/v1/incident-severities").json()[0]["severity"] == "critical"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"category": "boredom"}, "unknown_category"),
        ({"severity": "apocalyptic"}, "unknown_severity"),
        ({"prompt": "  "}, "length_out_of_range"),
        ({"prompt": "x" * 4_001}, "length_out_of_range"),
        ({"expected": ""}, "malformed_field"),
        ({"prompt": 7}, "malformed_field"),
        ({"contact": "x" * 201}, "length_out_of_range"),
        ({"seen": "x" * 4_001}, "length_out_of_range"),
        ({"title": "more"}, "unknown_field"),
        ({"prompt": "a\x00b"}, "malformed_field"),
    ],
)
def test_a_report_that_nobody_could_look_into_is_refused_and_leaves_nothing(
    site: commons.Commons, later: datetime, changed: dict[str, Any], code: str
) -> None:
    answer = Client().post(api(), {**FORM, **changed}, content_type="application/json")
    assert answer.status_code in {400, 422}
    assert answer.json()["code"] in {code, "forbidden_character"}
    assert not Incident.objects.exists()
    assert not Event.objects.filter(kind="incident_reported").exists()


def test_there_must_be_such_a_release(site: commons.Commons, later: datetime) -> None:
    for revision in ("9" * 40, "nonsense"):
        answer = Client().post(api(revision=revision), FORM, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_release")
    assert Client().get(f"/releases/{'9' * 40}/report/").status_code == 404


# --- stewards -----------------------------------------------------------------------------------------------------


def test_only_stewards_triage_and_answer_and_each_step_in_its_turn(site: commons.Commons, later: datetime) -> None:
    incident = reported(later)
    alice, stranger = site.address("Alice"), site.address("Daouda")
    with pytest.raises(Forbidden, match="not_a_steward"):
        services.triage("gardens", 1, stranger, "low", "No.", later)
    with pytest.raises(Conflict, match="incident_moved_on"):
        services.answer("gardens", 1, alice, Answer("declined", "No."), later)
    for severity, reason in (("awful", "Yes."), ("low", " "), ("low", "x" * 1_001)):
        with pytest.raises(Invalid):
            services.triage("gardens", 1, alice, severity, reason, later)
    services.triage("gardens", 1, alice, "low", "Little follows from it.", later)
    with pytest.raises(Conflict, match="incident_moved_on"):
        services.triage("gardens", 1, alice, "high", "Again.", later)
    with pytest.raises(NotFound):
        services.triage("gardens", 99, alice, "low", "No.", later)
    services.answer("gardens", 1, alice, Answer("declined", "It is right."), later)
    assert Incident.objects.get(pk=incident.pk).state is lifecycle.State.DECLINED
    kinds = Event.objects.filter(kind__startswith="incident_").order_by("position")
    assert [event.kind for event in kinds] == ["incident_reported", "incident_triaged", "incident_answered"]
    assert sound(site)


def test_a_duplicate_names_another_that_is_none_itself(site: commons.Commons, later: datetime) -> None:
    alice = site.address("Alice")
    for number in (1, 2, 3):
        reported(later, prompt=f"Question {number}?")
        services.triage("gardens", number, alice, "low", "Seen.", later)
    for other in (None, 2, 99):
        with pytest.raises(Invalid, match="unknown_incident"):
            services.answer("gardens", 2, alice, Answer("duplicate", "Same.", duplicate_of=other), later)
    services.answer("gardens", 2, alice, Answer("duplicate", "Same.", duplicate_of=1), later)
    with pytest.raises(Invalid, match="unknown_incident"):
        services.answer("gardens", 3, alice, Answer("duplicate", "Same.", duplicate_of=2), later)
    with pytest.raises(Invalid, match="malformed_field"):
        services.answer("gardens", 3, alice, Answer("declined", "No.", duplicate_of=1), later)
    assert "/c/gardens/incidents/1/" in Client().get("/c/gardens/incidents/2/").content.decode()


def test_what_is_late_is_shown_as_late(site: commons.Commons, later: datetime, at: Callable[[datetime], None]) -> None:
    reported(later)
    assert "Overdue" not in Client().get("/c/gardens/incidents/").content.decode()
    at(later + 2 * DAY)
    page = Client().get("/c/gardens/incidents/").content.decode()
    assert "Overdue" in page
    assert "1 is overdue" in page
    assert Client().get(api()).json()["results"][0]["overdue"] is True


def test_stewards_by_vote_take_the_place_of_the_council_until_another_vote(
    site: commons.Commons, later: datetime
) -> None:
    daouda = {"address": site.address("Daouda"), "name": "Daouda"}

    def named(members: list[dict[str, str]]) -> Proposal:
        now = Proposal.objects.latest("pk").executed_at
        proposal = site.propose("incident_stewards", {"members": members}, now=now)
        for name in ("Alice", "Bob"):
            site.vote(proposal, name, 1)
        return site.executed(proposal)

    moment = named([daouda]).executed_at
    assert moment is not None
    incident = reported(moment)
    with pytest.raises(Forbidden):
        services.triage("gardens", incident.number, site.address("Alice"), "low", "Mine.", moment)
    services.triage("gardens", incident.number, site.address("Daouda"), "low", "Mine.", moment)
    moment = named([]).executed_at
    assert moment is not None
    assert {each["name"] for each in services.stewards_of(site.community, moment)} == {"Alice", "Bob"}
    for members in ([daouda, daouda], [{"address": "0x1", "name": "x"}], [daouda] * 17, "x", [{"address": "x"}]):
        with pytest.raises(Refusal):
            site.propose("incident_stewards", {"members": members})


def test_without_a_council_a_report_waits_and_the_page_says_so(site: commons.Commons, at: Callable[..., None]) -> None:
    at(NOON)
    reported(NOON)
    assert "Nobody is in office" in Client().get("/c/gardens/incidents/").content.decode()
    with pytest.raises(Forbidden):
        services.triage("gardens", 1, site.address("Alice"), "low", "No.", NOON)


def test_a_withheld_report_is_kept_from_everybody_but_the_stewards(site: commons.Commons, later: datetime) -> None:
    confirmed(site, later)
    services.withhold("gardens", 1, site.address("Alice"), "It names a neighbour.", later)
    page = Client().get("/c/gardens/incidents/1/").content.decode()
    assert "Can I drink it?" not in page
    assert "Yes, drink it." not in page
    assert "It names a neighbour." in page
    assert "It says so each time." in page, "the answer stays"
    said = Client().get("/api/v1/communities/gardens/incidents/1").json()
    assert (said["report"], said["reproduced"]) == (None, "")
    assert said["withheld"]["reason"] == "It names a neighbour."
    with pytest.raises(Conflict, match="already_withheld"):
        services.withhold("gardens", 1, site.address("Bob"), "Again.", later)
    assert sound(site)


# --- pause --------------------------------------------------------------------------------------------------------


def test_a_severe_incident_lets_a_guardian_pause_the_release(site: commons.Commons, later: datetime) -> None:
    confirmed(site, later)
    guardian = signed_in(site, "Alice")
    assert "Pause this release" in guardian.get("/c/gardens/incidents/1/").content.decode()
    assert "Pause this release" not in signed_in(site, "Daouda").get("/c/gardens/incidents/1/").content.decode()
    answer = guardian.post("/c/gardens/incidents/1/pause/", {"reason": "Until it is understood."})
    assert answer.status_code == 302
    stop = stop_of(Version.objects.get(revision=SECOND), later)
    assert stop is not None
    assert (stop.reason, stop.voted) == ("Until it is understood.", False)
    assert Event.objects.get(kind="release_paused").data["incident"] == 1
    page = guardian.get("/c/gardens/incidents/1/").content.decode()
    assert "A guardian paused the release because of this." in page
    assert f"/releases/{SECOND}/propose/" in page
    assert "Propose to keep it paused" in page
    form = guardian.get(f"/c/gardens/propose/release_pause/?revision={SECOND}").content.decode()
    assert f'<option value="{SECOND}" selected>' in form


def test_an_incident_of_little_severity_pauses_nothing(site: commons.Commons, later: datetime) -> None:
    confirmed(site, later, severity="medium")
    with pytest.raises(Conflict, match="not_severe_enough"):
        services.pause("gardens", 1, site.address("Alice"), "Wait.", later)
    with pytest.raises(Forbidden):
        services.pause("gardens", confirmed_again(site, later).number, site.address("Daouda"), "Wait.", later)
    assert stop_of(Version.objects.get(revision=SECOND), later) is None


def confirmed_again(site: commons.Commons, now: datetime) -> Incident:
    incident = reported(now, prompt="And now?")
    return services.triage("gardens", incident.number, site.address("Alice"), "critical", "Worse.", now)


# --- evidence -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "Another question?"},
        {"claimed_severity": "low"},
        {"severity": "low"},
        {"answer": "Nothing happened."},
        {"outcome": "declined"},
        {"answered_by": "0x" + "1" * 40},
        {"triage_reason": "Nothing."},
        {"reported_at": NOON},
    ],
)
def test_a_changed_row_is_found(site: commons.Commons, later: datetime, change: dict[str, Any]) -> None:
    confirmed(site, later)
    assert sound(site)
    Incident.objects.update(**change)
    assert not sound(site)


def test_a_report_that_was_made_to_vanish_is_found(site: commons.Commons, later: datetime) -> None:
    reported(later)
    Incident.objects.all().delete()
    assert not sound(site)


def test_pages_of_release_model_and_community_list_it(site: commons.Commons, later: datetime) -> None:
    confirmed(site, later)
    for address in (f"/releases/{SECOND}/", f"/models/{MODEL}/", "/c/gardens/incidents/"):
        page = Client().get(address).content.decode()
        assert "/c/gardens/incidents/1/" in page, address
        assert "Confirmed" in page, address
    assert "/c/gardens/incidents/1/" not in Client().get(f"/releases/{FIRST}/").content.decode()
    assert selectors.page(selectors.all_of(site.community), 99, later).number == 1
