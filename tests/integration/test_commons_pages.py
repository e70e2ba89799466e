"""The pages of the compute commons: the calendar, sites and books, for visitors, operators and stewards."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from icalendar import Calendar

from governance.models import Account
from governance.services import note
from tests.integration import commons_rows as rows
from tests.integration.books import EURO, decide, metered, opening
from tests.integration.commons_rows import HOUR, OPERATOR
from tests.integration.conftest import NOON
from tests.integration.site_places import machine
from training_jobs.commons import timetable
from training_jobs.ledger import services as ledger
from training_jobs.models import Admission, Site, SiteStewards

NOW = NOON + timedelta(hours=3)
CALENDAR = "/c/gardens/calendar/"
LANGUAGES = ("en", "fr")


@pytest.fixture
def gardens(list_community, at):
    at(NOW)
    return list_community()


@pytest.fixture
def page(client):
    """Return what a page says, with its status."""

    def fetch(path, status=200, **headers):
        answer = client.get(path, headers=headers)
        assert answer.status_code == status, answer.content.decode()[:2000]
        return answer.content.decode()

    return fetch


def said(html: str) -> str:
    """Return the words of a page."""
    text = re.sub(r"<(?:option|script|style)\b.*?</(?:option|script|style)>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)).replace("&#x27;", "'")


def signed_in(address: str) -> Client:
    client = Client()
    client.force_login(Account.objects.get_or_create(address=address)[0])
    return client


def stewards(gardens, *names: str) -> None:
    """Put members in office as stewards of sites, as a vote does."""
    members = [{"address": gardens.address(name), "name": name} for name in names]
    proposal = gardens.propose("text_signal")
    SiteStewards.objects.create(community=gardens.community, members=members, proposal=proposal, named_at=NOW)


# --- the calendar -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_community_without_sites_is_told_how_runs_find_machines(gardens, page, language):
    for path in (CALENDAR, "/c/gardens/sites/", "/c/gardens/books/"):
        html = page(path, **{"accept-language": language})
        assert f'<html lang="{language}">' in html
        assert 'class="empty"' in html
    if language == "en":
        assert "Runs go to whichever machine asks first" in page(CALENDAR)


def test_the_week_shows_who_has_which_devices_and_a_table_says_the_same(gardens, page):
    rows.a_busy_week(gardens.community, NOW)
    html = page(CALENDAR)
    assert "Week 2026-W47" in said(html)
    pictures = re.findall(r'<svg class="week__strip" role="img" aria-label="([^"]+)"', html)
    assert pictures == [
        "Forest cluster: 2 times are taken this week; the table below says which.",
        "Lake cluster: 5 times are taken this week; the table below says which.",
    ]
    assert html.count('class="week__bar week__bar--') == 2 + 5 + 4, "seven bars and the four of the key"
    assert {"own", "lent", "busy"} <= set(re.findall(r"week__bar--(\w+)", html))
    table = html[html.index("<caption>Week") : html.index("</table>")]
    assert table.count('<tr role="row">') == 1 + 7
    for what in ("Preview 1", "Upkeep", "the site fell silent", "ended", "at work", "a newcomer’s", "on lent devices"):
        assert what in said(table), what


def test_a_week_that_is_over_and_one_ahead_can_be_looked_at(gardens, page):
    rows.a_busy_week(gardens.community, NOW)
    ahead = page(f"{CALENDAR}?week=2026-W48")
    assert "Nothing is taken in this week" in said(ahead)
    assert "week=2026-W47" in ahead
    assert "week=2026-W49" in ahead
    long = rows.asked_for(gardens.community, NOW)
    rows.allotted(long, Site.objects.get(slug="lake"), NOW, NOW + 100 * HOUR)
    assert f"Preview {long.preview_id}" in said(page(f"{CALENDAR}?week=2026-W48")), "it reaches into the next week"


@pytest.mark.parametrize("week", ["2026-W54", "now", "2026-W47'--", "2026-W47%00"])
def test_what_is_no_week_is_refused_in_words(gardens, page, week):
    if week.endswith("%00"):
        assert page(f"{CALENDAR}?week={week}"), "the NUL character is read as nothing"
        return
    for form in ("", "week.csv", "week.json"):
        assert "A week is written like" in said(page(f"{CALENDAR}{form}?week={week}", 400))


def test_what_waits_is_explained(gardens, page):
    lake = rows.site(gardens.community, NOW)
    at_work = rows.asked_for(gardens.community, NOW)
    rows.allotted(at_work, lake, NOW, NOW + 2 * HOUR)
    waits = rows.asked_for(gardens.community, NOW, devices=7)
    rows.asked_for(gardens.community, NOW, devices=9)
    text = said(page(CALENDAR))
    assert "2 requests wait" in text
    assert f"Preview {waits.preview_id} Waits for: devices, until 17:00" in text, text[text.index("What waits") :][:900]
    assert "Expected start: 17:00" in text
    assert "None of those that are here has the devices" in text


def test_many_that_wait_are_paged(gardens, page):
    rows.site(gardens.community, NOW)
    for number in range(21):
        rows.asked_for(gardens.community, NOW + timedelta(seconds=number), devices=9)
    assert "21 requests wait" in said(page(CALENDAR))
    assert page(CALENDAR).count("Waits for") == 20
    assert page(f"{CALENDAR}?page=2").count("Waits for") == 1
    assert page(f"{CALENDAR}?page=99999").count("Waits for") == 1


def test_the_reserve_of_newcomers_is_said_in_devices(gardens, page):
    rows.a_busy_week(gardens.community, NOW)
    text = said(page(CALENDAR))
    assert "10% of the open devices that share the policy of Gardens: 2 of 16." in text
    assert "Newcomers use 2 now, 2 are lent to others, 0 stand free." in text
    assert "It is kept of each kind" not in text


def test_where_there_are_several_kinds_of_devices_the_reserve_of_each_is_said(gardens, page):
    rows.site(gardens.community, NOW, devices=12, devices_measured=12)
    rows.site(gardens.community, NOW, "forest", device_kind="cpu")
    text = said(page(CALENDAR))
    assert "policy of Gardens: 2 of 20." in text
    assert "It is kept of each kind of devices, for none stands in for another: 1 of 8 cpu, 1 of 12 cuda." in text


def test_the_reserve_is_that_of_all_sites_of_the_community_that_governs(gardens, list_community):
    """Also of those that do not serve this one, where its newcomers cannot be; kinds that it has not are left out."""
    hills = list_community(slug="hills").community
    lake = rows.site(hills, NOW, "lake", devices=4, devices_measured=4)
    forest = rows.site(hills, NOW, "forest", devices=16, devices_measured=16)
    rows.site(hills, NOW, "meadow", device_kind="cpu")
    Admission.objects.create(
        site=lake, community=gardens.community, admitted_at=NOW + HOUR, admitted_by=OPERATOR, reason="Near."
    )
    ours, theirs = (timetable.reserves(each, NOW)[0] for each in (gardens.community, hills))
    assert [each.kind for each in theirs.kinds] == ["cpu", "cuda"]
    assert ours.governed_by == hills
    assert ours.kinds == (theirs.kinds[1],)
    assert (ours.devices, ours.held) == (20, 2), "10 % of 28 are three: two of cuda, one of cpu"
    for _ in range(3):
        rows.allotted(rows.asked_for(hills, NOW, newcomer=True, devices=1), forest, NOW, NOW + HOUR)
    assert [(each.newcomers, each.idle) for each in timetable.reserves(gardens.community, NOW)] == [(2, 0)]


def test_what_waits_and_needs_nobody_knows_how_much_memory_says_none(gardens, page):
    rows.site(gardens.community, NOW)
    rows.asked_for(gardens.community, NOW, devices=9, memory_bytes=0)
    text = said(page(CALENDAR))
    assert "9 devices for 1 hour at most" in text
    assert "0 bytes" not in text


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("devices=2&memory=8&hours=1.5", "There is room now: at Lake cluster, until 16:30"),
        ("devices=7&memory=8&hours=1", "The next room is at Lake cluster, from 17:00"),
        ("devices=100&memory=8&hours=1", "No site that computes here could ever do this"),
        ("devices=0&memory=8&hours=1", "This is more than can be asked for"),
        ("devices=2&memory=8&hours=9999", "This is more than can be asked for"),
        ("devices=two&memory=8&hours=1", "Write a number"),
        ("devices=2", "Write a number"),
    ],
)
def test_the_next_free_slot_is_answered_in_words(gardens, page, asked, answer):
    lake = rows.site(gardens.community, NOW)
    rows.allotted(rows.asked_for(gardens.community, NOW), lake, NOW, NOW + 2 * HOUR)
    assert answer in said(page(f"{CALENDAR}?{asked}"))


def test_a_week_can_be_downloaded_as_it_is_shown(gardens, client):
    rows.a_busy_week(gardens.community, NOW)
    told = client.get(f"{CALENDAR}week.json?week=2026-W47")
    found = json.loads(told.getvalue())
    assert (found["community"], found["week"], len(found["rows"])) == ("gardens", "2026-W47", 7)
    lines = list(csv.DictReader(io.StringIO(client.get(f"{CALENDAR}week.csv").getvalue().decode("utf-8-sig"))))
    assert [line["name"] for line in lines] == [row["name"] for row in found["rows"]]
    assert {line["ended"] for line in lines} == {"", "ended", "site_silent"}


def test_the_feed_has_stable_names_and_folded_lines_and_lasts_through_other_clocks(gardens, client, at):
    rows.a_busy_week(gardens.community, NOW)
    first = client.get(f"{CALENDAR}reserved.ics")
    assert first["Content-Type"] == "text/calendar; charset=utf-8"
    body = first.getvalue()
    assert all(len(line) <= 75 for line in body.split(b"\r\n"))
    events = Calendar.from_ical(body).walk("VEVENT")
    assert len(events) == 7
    assert len({str(event["uid"]) for event in events}) == 7
    assert all(str(event["uid"]).endswith("@" + str(events[0]["uid"]).split("@")[1]) for event in events)
    at(NOW + timedelta(minutes=20))
    assert client.get(f"{CALENDAR}reserved.ics").getvalue() == body, "what did not change is the same bytes"
    summaries = {str(event["summary"]) for event in Calendar.from_ical(body).walk("VEVENT")}
    assert "Lake cluster: preview 1" in summaries
    assert any(summary.startswith("Lake cluster: Courses of the university") for summary in summaries)


# --- sites --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_site_is_shown_with_what_it_offers_costs_and_did(gardens, page, language):
    rows.a_busy_week(gardens.community, NOW)
    html = page("/sites/lake/", **{"accept-language": language})
    assert f'<html lang="{language}">' in html
    assert len(re.findall(r"<h1[ >]", html)) == 1
    assert not re.search(r"\s(style|onclick)=", html)
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    if language == "en":
        text = said(html)
        for what in (
            "It takes work.",
            "Memory of each 17.1 GB 17.1 GB",
            "Speed of the slowest — 1,000 tokens a second",
            "For a device-hour 0.10 EUR",
            "Energy 0.10 EUR: power × PUE × price of energy",
            "the bill of October",
            "The policy of Gardens holds here",
            "The site fell silent 1",
        ):
            assert what in text, what


def test_sites_that_serve_and_sites_that_offer_to_are_listed_apart(gardens, page):
    rows.site(gardens.community, NOW)
    rows.site(None, NOW, "hill")
    rows.site(None, NOW, "gone", left_at=NOW)
    html = page("/c/gardens/sites/")
    ours, _, others = html.partition('id="offered"')
    assert "/sites/lake/" in ours
    assert "/sites/hill/" in others
    assert "/sites/gone/" not in html
    assert page("/sites/gone/"), "what has left can still be looked up"
    page("/sites/nowhere/", 404)


def test_since_when_a_site_stands_so_is_what_the_logs_were_told(gardens, page):
    lake = rows.site(gardens.community, NOW - 30 * HOUR)
    Site.objects.update(last_seen_at=NOW)
    for hours, standing in ((20, "open"), (10, "silent"), (5, "open"), (2, "open")):
        note("site_standing", NOW - hours * HOUR, community=gardens.community, site=lake.slug, standing=standing)
    assert re.search(r"So since\s+21 Nov 2026, 10:00", said(page("/sites/lake/")))


def test_a_suspended_site_says_why_with_its_evidence(gardens, page):
    values = {
        "suspended_at": NOW,
        "suspended_reason": "Its digests are wrong.",
        "suspended_evidence": {"step": "<120>"},
    }
    rows.site(gardens.community, NOW, **values)
    html = page("/sites/lake/")
    assert "Its digests are wrong." in html
    assert "&lt;120&gt;" in html
    assert "after a check that the site did not pass" in html
    assert "suspended" in said(page("/c/gardens/sites/"))


def test_an_operator_drains_a_site_attaches_a_machine_and_leaves(gardens):
    lake = rows.site(gardens.community, NOW, operator=gardens.address("Daouda"))
    runner, _token = machine(gardens, "Daouda", None, NOW)
    daouda = signed_in(gardens.address("Daouda"))
    assert "You operate it" in daouda.get("/sites/lake/").content.decode()
    for action, said_so in (("drain", {}), ("attach", {"machine": runner.pk})):
        assert daouda.post(f"/sites/lake/{action}/", said_so).status_code == 302
    lake.refresh_from_db()
    runner.refresh_from_db()
    assert (lake.drained_at, runner.site) == (NOW, lake)
    assert "draining" in said(daouda.get("/sites/lake/").content.decode())
    daouda.post("/sites/lake/undrain/")
    daouda.post("/sites/lake/detach/", {"machine": runner.pk})
    daouda.post("/sites/lake/leave/")
    lake.refresh_from_db()
    assert (lake.drained_at, lake.left_at) == (None, NOW)
    assert not lake.runners.filter(pk=runner.pk).exists()
    assert not Admission.objects.in_force().exists()
    refused = daouda.post("/sites/lake/drain/")
    assert refused.status_code == 409
    assert 'role="alert"' in refused.content.decode()


def test_a_steward_lets_a_site_in_suspends_restores_and_removes_it(gardens):
    stewards(gardens, "Alice")
    lake = rows.site(None, NOW, operator=gardens.address("Daouda"))
    alice = signed_in(gardens.address("Alice"))
    orders = (
        ("admit", {"community": "gardens", "reason": "It runs on water."}),
        ("suspend", {"reason": "It lies.", "evidence": "Step 120 differs."}),
        ("restore", {"reason": "It was our clock."}),
        ("remove", {"community": "gardens", "reason": "No longer needed."}),
    )
    for action, values in orders:
        shown = alice.get("/sites/lake/").content.decode()
        assert f'action="/sites/lake/{action}/"' in shown, action
        assert alice.post(f"/sites/lake/{action}/", values).status_code == 302
        if action == "suspend":
            lake.refresh_from_db()
            assert lake.suspended_evidence == {"found": "Step 120 differs."}
    admission = Admission.objects.get()
    assert (admission.reason, admission.removed_reason) == ("It runs on water.", "No longer needed.")
    assert "No longer needed." in alice.get("/sites/lake/").content.decode()


def test_who_may_not_do_it_is_refused_on_the_page_and_nothing_changes(gardens):
    stewards(gardens, "Alice", "Daouda")
    rows.site(gardens.community, NOW, operator=gardens.address("Daouda"))
    bob, daouda = (signed_in(gardens.address(name)) for name in ("Bob", "Daouda"))
    alice = signed_in(gardens.address("Alice"))
    reason = {"community": "gardens", "reason": "Because."}
    before = list(Site.objects.values()) + list(Admission.objects.values())
    for who, action, values, status in (
        (bob, "drain", {}, 403),
        (bob, "remove", reason, 403),
        (daouda, "remove", reason, 403),  # their own site
        (alice, "remove", {"community": "gardens", "reason": ""}, 422),
        (alice, "remove", {"community": "nowhere", "reason": "Because."}, 404),
        (alice, "suspend", {"reason": "It lies.", "evidence": " "}, 400),
        (alice, "suspend", {"reason": "It lies.", "evidence": "x" * 9_000}, 422),
        (alice, "admit", reason, 409),
        (alice, "restore", reason, 409),
        (daouda, "attach", {"machine": "no number"}, 400),
        (daouda, "attach", {"machine": "99"}, 404),
        (alice, "nothing", {}, 400),
    ):
        answer = who.post(f"/sites/lake/{action}/", values)
        assert answer.status_code == status, (action, values)
        assert 'role="alert"' in answer.content.decode() or status in {400, 404}
    assert list(Site.objects.values()) + list(Admission.objects.values()) == before
    assert "/sign-in/" in Client().post("/sites/lake/drain/")["Location"]
    assert bob.get("/sites/lake/drain/").status_code == 405
    assert bob.get("/sites/lake/describe/").status_code == 403
    assert Client(enforce_csrf_checks=True).post("/sites/lake/drain/").status_code in {302, 403}


def form_of(**changes: str) -> dict[str, str]:
    """Return a filled form of a site."""
    values = {
        "slug": "hill",
        "name": "Hill",
        "region": "FR",
        "country": "FR",
        "currency": "EUR",
        "device_kind": "cpu",
        "devices": "4",
        "memory_bytes": "16",
        "hours_max": "0",
        "commons_share_bps": "50",
        "data_in": "public, internal",
        "data_out": "-",
    }
    written = {"watts": "400", "pue_permille": "1.25", "tariff": "20", "purchase": "0", "lifetime_hours": "40000"}
    for name, value in {**written, "utilisation_bps": "50", "operations_bps": "12.5"}.items():
        values |= {f"{name}_value": value, f"{name}_dated": "2026-11-01", f"{name}_source": "the bill of October"}
    return values | changes


def test_anybody_who_is_signed_in_offers_a_site_and_describes_it_anew(gardens):
    bob = signed_in(gardens.address("Bob"))
    assert "/sign-in/" in Client().get("/c/gardens/sites/register/")["Location"]
    assert "Offer a site" in bob.get("/c/gardens/sites/register/").content.decode()
    assert bob.post("/c/gardens/sites/register/", form_of()).status_code == 302
    hill = Site.objects.get()
    assert (hill.operator, hill.memory_bytes, hill.commons_share_bps) == (gardens.address("Bob"), 16 * 10**9, 5_000)
    assert (hill.data_in, hill.data_out) == (["internal", "public"], [])
    assert hill.inputs["tariff"] == {"value": 20_000_000, "dated": "2026-11-01", "source": "the bill of October"}
    assert hill.inputs["operations_bps"]["value"] == 1_250
    shown = bob.get("/sites/hill/describe/").content.decode()
    assert 'value="12.5"' in shown
    changed = {
        name: value for name, value in form_of(devices="8").items() if name not in {"slug", "country", "currency"}
    }
    assert bob.post("/sites/hill/describe/", changed).status_code == 302
    hill.refresh_from_db()
    assert (hill.devices, hill.slug) == (8, "hill")


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"devices": "many"}, 400, "devices"),
        ({"slug": "Hill!"}, 422, "slug"),
        ({"country": "XX"}, 422, "country"),
        ({"tariff_value": "-1"}, 400, "tariff_value"),
        ({"tariff_dated": "yesterday"}, 422, "tariff_dated"),
        ({"tariff_source": ""}, 422, "tariff_source"),
        ({"watts_dated": "2027-01-01"}, 422, "watts_dated"),
        ({"utilisation_bps_value": "0"}, 422, "utilisation_bps_value"),
    ],
)
def test_a_form_with_a_mistake_comes_back_as_it_was_written(gardens, changes, status, field):
    answer = signed_in(gardens.address("Bob")).post("/c/gardens/sites/register/", form_of(**changes))
    assert answer.status_code == status
    html = answer.content.decode()
    assert 'role="alert"' in html
    assert f"<code>{field}</code>" in html
    assert re.search(rf'name="{field}"[^>]*aria-invalid="true"', html), field
    assert 'value="Hill"' in html
    assert not Site.objects.exists()


# --- books --------------------------------------------------------------------------------------------------------


def test_the_books_show_budgets_what_is_set_aside_and_every_entry(gardens, page):
    decide(gardens, "budget_opening", opening())
    rows.site(gardens.community, NOW, "grid")
    ledger.hold(gardens.community, "run:7", 10 * EURO, "EUR", NOW)
    ledger.settle(gardens.community, "run:7", "attempt:1", metered(3_600), NOW)
    text = said(page("/c/gardens/books/"))
    for what in (
        "Budget general 90.00 EUR",
        "Set aside for runs runs 4.00 EUR",
        "Owed to a site grid 6.00 EUR",
        "Run 7 10.00 EUR 6.00 EUR 4.00 EUR",
        "3 entries, the newest first",
        "A site was credited for what it metered",
        "7,200 device-seconds",
        "0 runs have ended so far; from 9 on",
        "Grid cluster",
    ):
        assert what in text, what
    assert "90,00 EUR" in said(page("/c/gardens/books/", **{"accept-language": "fr"}))


def test_the_books_link_to_files_that_are_there_and_many_entries_are_paged(gardens, page, client):
    decide(gardens, "budget_opening", opening())
    for number in range(30):
        ledger.hold(gardens.community, f"run:{number}", EURO, "EUR", NOW)
    html = page("/c/gardens/books/")
    for path in re.findall(r'href="(/api/v1/communities/gardens/ledger[^"]*)"', html):
        assert client.get(path).status_code == 200
    assert html.count("ledger.csv") == html.count("ledger.beancount") == 1
    assert "31 entries" in said(html)
    assert "Page 1 of 2" in said(html)
    assert "Money came in by a vote" in said(page("/c/gardens/books/?page=2"))
    assert "Page 2 of 2" in said(page("/c/gardens/books/?page=77"))


# --- the page of a run --------------------------------------------------------------------------------------------


def test_the_page_of_a_run_says_where_it_is_computed_and_why_it_waits(run, client):
    now = datetime.now(UTC)
    assert "Where and when it is computed" not in client.get(f"/runs/{run.pk}/").content.decode()
    lake = rows.site(run.community, now)
    asked = rows.asked_for(run.community, now, run, devices=1)
    other = rows.asked_for(run.community, now, devices=8)
    blocks = rows.allotted(other, lake, now, now + 2 * HOUR)
    text = said(client.get(f"/runs/{run.pk}/").content.decode())
    assert "Where and when it is computed Waits for: devices, until" in text
    assert "No site was given to it" not in text
    blocks.ended_at, blocks.how = now, "site_silent"
    blocks.save()
    rows.allotted(asked, lake, now, now + HOUR, ended_at=now + HOUR / 2, how="recalled")
    rows.allotted(asked, lake, now + HOUR / 2, now + 2 * HOUR)
    text = said(client.get(f"/runs/{run.pk}/").content.decode())
    assert "At work at Lake cluster , until" in text
    assert "given back to a newcomer" in text
    assert OPERATOR not in text
