"""Before a vote on how computing is shared, a worker simulates the last months under both policies, side by side."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client, override_settings

from governance import clock, services
from governance.errors import Invalid
from governance.models import Community, Proposal
from tests.integration import commons
from tests.integration.books import decide
from tests.integration.conftest import FOR
from tests.integration.site_places import INPUTS, measured_site, signed_in
from training_jobs.commons import history, naming, policies, replaying
from training_jobs.commons.policies import NewcomerRule
from training_jobs.models import Allotment, ComputeRequest, PolicyReplay, Preview, Site
from training_jobs.scheduling.prices import MONEY_MAX
from training_jobs.scheduling.values import Policy, Standing
from training_jobs.sites import admitting
from training_jobs.sites import services as sites
from training_jobs.tasks import replay_job

HOUR = timedelta(hours=1)
DAY = 24 * HOUR
SETTINGS = {"VOTING_PERIOD_SECONDS_MIN": 1, "CHAIN_RPC": "http://127.0.0.1:9"}
INPUTS_OF_LONG_AGO = {name: {**each, "dated": "2020-01-01"} for name, each in INPUTS.items()}


@pytest.fixture(scope="module")
def founded(module_db, django_db_blocker):
    """Found a community forty days ago, whose council has let two sites with two devices each in."""
    with django_db_blocker.unblock(), override_settings(**SETTINGS):
        begin = clock.now().replace(microsecond=0) - 40 * DAY
        made = commons.found(begin, {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10})
        made.elect("Alice", "Bob", "Chloé", seats=2, now=begin)
        for slug in ("lake", "hill"):
            measured_site(made, "Daouda", begin + HOUR, slug=slug, name=f"The {slug}", inputs=INPUTS_OF_LONG_AGO)
            admitting.admit(slug, made.community, made.address("Alice"), "It runs on water.", begin + HOUR)
        return made


@pytest.fixture
def gardens(founded, db, settings):
    """The same for one test, which may change it."""
    for name, value in SETTINGS.items():
        setattr(settings, name, value)
    return founded


def payload(**changes: Any) -> dict[str, Any]:
    return policies.body_of(Policy(**changes), NewcomerRule())


def asked(
    gardens: commons.Commons, number: int, at: datetime, hours: int, waited: timedelta, **said: Any
) -> ComputeRequest:
    """Write down a request that had a device of a site for so many hours, after it had waited."""
    draft = Proposal.objects.filter(kind="text_signal").first() or gardens.draft(now=gardens.founded_at)
    preview = Preview.objects.create(
        proposal=draft, requested_by=gardens.address("Bob"), spec={}, spec_digest=f"{number:064}", created_at=at,
        steps_max=1, samples_max=1, seconds_max=1, finished_at=at, report={}, report_digest="a" * 64,
    )  # fmt: skip
    request = ComputeRequest.objects.create(
        community=gardens.community, name=f"preview:{number}", origin="sandbox", preview=preview, requested_at=at,
        devices=1, memory_bytes=0, seconds=2 * 86_400, ceiling=MONEY_MAX, waiting_since=at,
        **{"member": gardens.address("Bob"), "ended_at": at + waited + hours * HOUR, "outcome": "done", **said},
    )  # fmt: skip
    if hours:
        since = at + waited
        Allotment.objects.create(
            request=request, site=Site.objects.get(slug=("lake", "hill")[number % 2]), allotted_at=since,
            until=since + 3 * DAY, claimed_at=since, ended_at=since + hours * HOUR, how="ended", why="starts", price=0,
        )  # fmt: skip
    return request


def crowded(gardens: commons.Commons) -> None:
    """Let one member ask for twelve half days at once, and six newcomers for an hour each, an hour later."""
    begin = clock.now().replace(microsecond=0) - 20 * DAY
    for number in range(12):
        asked(gardens, number, begin, 12, number // 4 * 12 * HOUR)
    for number in range(12, 18):
        who = gardens.address(f"stranger {number}")
        asked(gardens, number, begin + HOUR, 1, 36 * HOUR, newcomer=True, member=who)


def replayed(proposal: Proposal) -> PolicyReplay:
    """Let sweeper and worker do what they do; return what came of it."""
    replaying.order_due(clock.now())
    for number in replaying.due(clock.now()):
        replay_job(number)
    return PolicyReplay.objects.get(proposal=proposal)


def test_a_larger_reserve_shortens_the_wait_of_newcomers_and_the_page_says_so(gardens):
    crowded(gardens)
    decide(gardens, "compute_policy", payload(reserved_bps=0))
    proposal = gardens.propose("compute_policy", payload(reserved_bps=5_000), now=clock.now())
    page = f"/c/gardens/proposals/{proposal.number}/"
    api = f"/api/v1/proposals/{proposal.public_id}/replay"
    assert Client().get(api).status_code == 404
    assert "A machine will simulate it within minutes." in Client().get(page).content.decode(), "no request simulates"
    assert replaying.order_due(clock.now()) == 1
    assert replaying.order_due(clock.now()) == 0
    assert Client().get(api).json()["state"] == "ordered"
    assert f"{page}replay/" in Client().get(page).content.decode(), "an open page looks again by itself"

    found = replayed(proposal)
    assert (found.failure, found.about["requests"], found.about["sites"]) == ("", 18, 2)
    rows = {name: (before, after) for name, before, after in found.rows}
    before, after = rows["waits.newcomers.p90"]
    assert before >= 8 * 3600
    assert after <= 4 * 3600
    assert rows["waits.others.p90"][1] >= rows["waits.others.p90"][0]
    assert rows["fates.done"] == (18, 18)
    assert found.about["waits_really"]["newcomers"] == {"count": 6, "p50": 36 * 3600, "p90": 36 * 3600}

    answer = Client().get(api).json()
    assert (answer["state"], answer["current"]) == ("done", True)
    assert {"name": "waits.newcomers.p90", "before": before, "after": after} in answer["rows"]
    shown = Client().get(page).content.decode()
    for words in ("Newcomers: 90 of 100 wait at most", ">better<", ">worse<", "1 day 12 hours", "What the simulation"):
        assert words in shown, words
    assert f"{page}replay/" not in shown
    assert Client().get(f"{page}replay/").status_code == 200
    assert "Newcomers: half wait at most" in Client().get(f"{page}evidence/").content.decode()
    assert Client().get(page, headers={"Accept-Language": "fr"}).status_code == 200
    replay_job(found.pk)
    assert PolicyReplay.objects.get().finished_at == found.finished_at, "a message that comes twice changes nothing"

    gardens.vote(proposal, "Alice", FOR)
    gardens.vote(proposal, "Bob", FOR)
    assert gardens.executed(proposal).passed
    assert replaying.order_due(clock.now()) == 0, "what is decided is not compared with itself"
    assert Client().get(api).json()["current"] is True


def test_a_history_without_sites_or_requests_says_so(gardens, list_community):
    proposal = gardens.propose("compute_policy", payload(backfill=False), now=clock.now())
    found = replayed(proposal)
    assert (found.rows, found.about["empty"]) == ([], "no_requests")
    page = Client().get(f"/c/gardens/proposals/{proposal.number}/").content.decode()
    assert "nobody has asked for computing in the last months" in page
    other = list_community(slug="water").propose("compute_policy", payload(backfill=False), now=clock.now())
    assert replayed(other).about["empty"] == "no_sites"


def test_a_history_tells_what_it_leaves_out(gardens, monkeypatch):
    begin = clock.now().replace(microsecond=0) - 20 * DAY
    asked(gardens, 1, begin, 5, HOUR)
    asked(gardens, 2, begin, 0, HOUR, outcome="canceled")
    asked(gardens, 3, begin, 0, HOUR, outcome="", ended_at=None)
    asked(gardens, 4, begin + HOUR, 0, HOUR, outcome="refused", reason="no_sites")
    asked(gardens, 5, begin - 400 * DAY, 0, HOUR, outcome="", ended_at=None)
    elsewhere = asked(gardens, 6, begin, 5, HOUR)
    other = measured_site(gardens, "Daouda", begin, slug="sea", name="The sea", inputs=INPUTS_OF_LONG_AGO)
    elsewhere.allotments.update(site=other)
    sites.show_life("hill", gardens.address("Daouda"), begin + DAY)
    sites.drain("hill", gardens.address("Daouda"), begin + DAY)
    admitting.remove("hill", gardens.community, gardens.address("Alice"), "It is loud.", begin + 2 * DAY)
    told = history.told_of(gardens.community, clock.now())
    assert dict(told.left_out) == {"before": 1, "elsewhere": 1, "grids": 1, "never_began": 1}
    requests = {naming.id_of(each): each.name for each in ComputeRequest.objects.all()}
    assert [(requests[each.asked.request.id], each.fate.value) for each in told.history.past] == [
        ("preview:1", "done"), ("preview:3", "open"), ("preview:4", "refused"),
    ]  # fmt: skip
    lives = {life.site.id: [turn.standing for turn in life.turns] for life in told.history.sites}
    assert lives == {"hill": [Standing.OPEN, Standing.DRAINING], "lake": [Standing.OPEN]}
    assert {life.site.kind for life in told.history.sites} == {"cpu"}, "the reserve is kept of each kind"
    monkeypatch.setattr(history, "REQUESTS_MAX", 2)
    assert history.told_of(gardens.community, clock.now()).left_out["too_many"] == 3


def test_a_site_that_another_community_governs_is_not_in_it(gardens, list_community):
    water = list_community(slug="water")
    water.elect("Alice", "Bob", "Chloé", seats=2, now=water.founded_at)
    now = clock.now()
    admitting.admit("lake", water.community, water.address("Alice"), "Its neighbours.", water.founded_at + HOUR)
    asked(gardens, 1, now - 5 * DAY, 5, HOUR)
    assert history.told_of(Community.objects.get(slug="water"), now).history.sites == ()
    assert {life.site.id: life.site.serves for life in history.told_of(gardens.community, now).history.sites} == {
        "hill": {"gardens"}, "lake": {"gardens", "water"},
    }  # fmt: skip


def test_a_draft_is_simulated_again_when_it_changes_and_shown_to_its_author_alone(gardens):
    crowded(gardens)
    draft = gardens.draft("compute_policy", payload(reserved_bps=5_000), now=clock.now())
    first = replayed(draft)
    assert first.rows
    alice, api = signed_in(gardens, "Alice"), f"/api/v1/drafts/{draft.pk}/replay"
    assert alice.get(api).json()["state"] == "done"
    assert (Client().get(api).status_code, signed_in(gardens, "Bob").get(api).status_code) == (404, 404)
    assert Client().get(f"/c/gardens/proposals/{draft.number}/replay/").status_code == 404
    assert "Proposed rules" in alice.get(f"/c/gardens/drafts/{draft.pk}/").content.decode()
    changed = services.Draft("compute_policy", "Another", "", payload(reserved_bps=0), {}, "", 1)
    services.edit_draft(draft.pk, gardens.address("Alice"), changed, clock.now())
    assert alice.get(api).json()["current"] is False
    assert replaying.order_due(clock.now()) == 0, "not after every change"
    PolicyReplay.objects.update(ordered_at=clock.now() - replaying.DRAFT_REST)
    again = replayed(Proposal.objects.get(pk=draft.pk))
    assert {row[0]: row[2] for row in again.rows} != {row[0]: row[2] for row in first.rows}
    decide(gardens, "compute_policy", payload(reserved_bps=1_500))
    assert alice.get(api).json()["current"] is False, "another policy is in force"


def test_a_simulation_that_fails_says_why_and_holds_up_nothing(gardens, monkeypatch):
    proposal = gardens.propose("compute_policy", payload(reserved_bps=0), now=clock.now())

    def refuse(*_args: object) -> None:
        raise Invalid("history_too_large", "a shorter time can be replayed")

    monkeypatch.setattr(history, "told_of", refuse)
    assert replayed(proposal).failure == "history_too_large"
    page = Client().get(f"/c/gardens/proposals/{proposal.number}/").content.decode()
    assert "It could not be simulated." in page
    assert "More happened than can be simulated here." in page
    gardens.vote(proposal, "Alice", FOR)
    gardens.vote(proposal, "Bob", FOR)
    assert gardens.executed(proposal).passed


def test_a_worker_that_is_lost_is_followed_by_another_until_all_attempts_are_used(gardens, monkeypatch):
    proposal = gardens.propose("compute_policy", payload(reserved_bps=0), now=clock.now())
    moment = clock.now()
    replaying.order_due(moment)

    def die(*_args: object) -> None:
        raise MemoryError

    monkeypatch.setattr(history, "told_of", die)
    monkeypatch.setattr(clock, "now", lambda: moment)
    for _ in range(replaying.ATTEMPTS_MAX):
        [number] = replaying.due(moment)
        with pytest.raises(MemoryError):
            replay_job(number)
        assert replaying.due(moment) == [], "a worker is at it"
        moment += replaying.PATIENCE + timedelta(seconds=1)
    assert replaying.due(moment) == []
    replaying.order_due(moment)
    assert replaying.replay_of(proposal).failure == "attempts_used_up"


def test_a_sandbox_of_drafts_waits_behind_what_is_voted_on(gardens):
    for number in range(2):
        gardens.draft("compute_policy", payload(reserved_bps=number), now=clock.now())
    gardens.propose("compute_policy", payload(reserved_bps=3), now=clock.now())
    assert replaying.order_due(clock.now()) == 3
    first = PolicyReplay.objects.get(pk=replaying.due(clock.now())[0])
    assert first.proposal.submitted_at is not None
    assert len(replaying.due(clock.now())) == replaying.DUE_MAX
