"""Variations of list A for proposals: what authors write, when they may submit, and the same answers from API and forms."""

import html
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings as project
from django.utils.html import strip_tags

from frontend import words
from governance import services
from governance.clock import unix
from governance.models import Proposal
from tests.integration import commons as commons_module
from tests.integration.commons import charter_of_members, listed
from tests.integration.conftest import FOR, NOON
from tests.integration.strangers import assert_problem, assert_refused, member, rows, send

MEMBERS = {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10}
POLL = {"question": "Which?", "choices": ["Spring", "River"]}


@pytest.fixture
def commons(list_community, at):
    at(NOON)
    return list_community(MEMBERS)


@pytest.fixture
def alice(commons):
    return member(commons, "Alice")


def draft(about="text_signal", content=None, **changes):
    payload = content or {"statement": "Yes."}
    return {"community": "gardens", "kind": about, "title": "T", "payload": payload, **changes}


LENGTH = "length_out_of_range"
TITLES = [
    ("", 422, LENGTH),
    (" \t\n\u2003\u00a0", 422, LENGTH),
    ("x" * 201, 422, LENGTH),
    ("😀" * 201, 422, LENGTH),
    ("e\u0301" * 101, 422, LENGTH),
    ("x" * 60_000, 422, LENGTH),
    *((value, 400, "malformed_field") for value in (None, 1, True, [], ["T"], {})),
    ("T\0", 400, "forbidden_character"),
    ("\ud83d", 400, "forbidden_character"),
]
TEXTS = [
    ("x" * 20_001, 422, LENGTH),
    ("\u05d0" * 20_001, 422, LENGTH),
    *((value, 400, "malformed_field") for value in (None, 1, False, [], {})),
    ("\0", 400, "forbidden_character"),
    ("\udc00", 400, "forbidden_character"),
]
NUMBERS = ["1", "", None, True, [], {}, "１"]
TIMING = [
    *(("opens_at", value, 400, "malformed_field") for value in NUMBERS),
    *(("voting_period_seconds", value, 400, "malformed_field") for value in NUMBERS),
    *(("voting_period_seconds", value, 422, "period_too_short") for value in (-(10**90), -1, 0, 1, 99)),
    *(("voting_period_seconds", value, 422, "period_too_long") for value in (7_776_101, 2**31, 2**63, 10**90)),
    *(("seats", value, 400, "malformed_field") for value in NUMBERS),
]
OTHERS = [
    *(
        ({"kind": kind}, 422, "unknown_kind")
        for kind in ("coup", "Text_signal", "text_signal ", "__class__", "x" * 9_000)
    ),
    *(({"kind": kind}, 400, "malformed_field") for kind in (None, 1, [], "")),
    *(
        ({"community": slug}, 404, "unknown_community")
        for slug in ("nowhere", "Gardens", "gardens ", "../gardens", "％")
    ),
    *(({"community": slug}, 400, "malformed_field") for slug in (None, 1, [], "")),
    *(({"method": name}, 422, "method_not_allowed") for name in ("stv", "approval", "Governor", "governor ", "coin")),
    *(({"method": name}, 400, "malformed_field") for name in (None, 1, [])),
    *(({name: 1}, 400, "unknown_field") for name in ("id", "author", "number", "rules", "tier", "timing", "choices")),
    *(({"payload": value}, 400, "malformed_field") for value in (None, 1, "x", [], [{}], True)),
    ({"payload": {}}, 422, "missing_field"),
    ({"payload": {"statement": "Yes.", "__proto__": 1}}, 422, "unknown_field"),
    *(({"payload": {"statement": value}}, 422, "malformed_field") for value in (None, 1, True, [], {}, "a\nb")),
    *(({"payload": {"statement": value}}, 422, LENGTH) for value in ("", " ", "x" * 301)),
]


def polls(commons):
    invalid = ([], ["a"], ["a", "a"], ["a", "A"], ["a", " a "], ["a", "ａ"], ["é", "e\u0301"], ["a", "a\u200b"])
    yield from ((("poll", {**POLL, "choices": value}), "choices_invalid") for value in (*invalid, ["x"] * 51))
    for value in (["a", ""], ["a", " "], ["a", "\u200b"], ["a", "x" * 121]):
        yield ("poll", {**POLL, "choices": value}), LENGTH
    for value in (None, "a,b", {"a": "b"}, [1, 2], ["a", None], [["a"], ["b"]], ["a", True]):
        yield ("poll", {**POLL, "choices": value}), "malformed_field"
    yield ("poll", {"choices": ["a", "b"]}), "missing_field"
    yield ("poll", {**POLL, "seats": 1}), "unknown_field"


def elections(commons):
    people = [{"address": commons.address(name), "name": name} for name in ("Alice", "Bob", "Chloé")]
    good = {"seats": 2, "term_days": 30, "candidates": people}
    for name, most in (("seats", 50), ("term_days", 1_500)):
        for value in (0, -1, most + 1, 10**90, "2", None, True, [], "２"):
            yield ("council_election", {**good, name: value}), "malformed_field"
    for value in (None, "x", {}, [1, 2, 3], [[]], [*people, {}], [{**people[0], "power": 1}, *people]):
        yield ("council_election", {**good, "candidates": value}), "malformed_field"
    for value in ([], people[:1], people[:2], [*people, people[0]], [*people, {**people[0], "name": "Another"}]):
        yield ("council_election", {**good, "candidates": value}), "choices_invalid"
    for address in ("", "alice.eth", None, 1, "0x" + "１" * 40):
        yield (
            ("council_election", {**good, "candidates": [*people, {"address": address, "name": "X"}]}),
            "malformed_field",
        )
    wrong = {"address": people[0]["address"].swapcase().replace("0X", "0x"), "name": "X"}
    yield ("council_election", {**good, "candidates": [*people, wrong]}), "address_checksum"


def charters(commons):
    good = charter_of_members(MEMBERS)
    rules = good["tiers"]["standard"]
    wrong_rules = [
        *({**rules, "quorum_bps": value} for value in (-1, 10_001, 1.0, "2000", None, True, 10**90)),
        *(
            {**rules, "proposal_threshold": value}
            for value in (1, "1.5", "+1", "１", "1e3", "", "9" * 79, "9" * 5_000, None)
        ),
        *({**rules, "timelock_seconds": value} for value in (-1, 10**9, 2**63, "20")),
        {**rules, "quorum_basis": "everybody"},
        {**rules, "quorum_basis": ["supply"]},
        {**rules, "coup": 1},
        {name: value for name, value in rules.items() if name != "threshold_bps"},
        *([], None, "x", 1),
    ]
    for value in wrong_rules:
        yield ("governance_rules", {"charter": {**good, "tiers": {"standard": value}}}), "invalid_rules"
    for tiers in (
        {},
        [],
        None,
        {"Standard": rules},
        {"a" * 41: rules},
        {f"t{n}": rules for n in range(13)},
        {"": rules},
    ):
        yield ("governance_rules", {"charter": {**good, "tiers": tiers}}), "invalid_rules"
    for kinds in (
        {},
        {"default": "gone"},
        {"poll": "standard"},
        None,
        [],
        {"default": None},
        {"default": ["standard"]},
    ):
        yield ("governance_rules", {"charter": {**good, "kinds": kinds}}), "invalid_rules"
    for council in (None, {}, {"pause_seconds_max": -1}, {"pause_seconds_max": True}, {"pause_seconds_max": 2_592_001}):
        yield ("governance_rules", {"charter": {**good, "council": council}}), "invalid_rules"
    for power in (
        None,
        {},
        {"source": "fixed_list"},
        {"source": 1, "parameters": {}},
        {"source": "x", "parameters": []},
    ):
        yield ("governance_rules", {"charter": {**good, "power": power}}), "invalid_rules"
    yield (
        ("governance_rules", {"charter": {**good, "power": {"source": "coins", "parameters": {}}}}),
        "power_source_unknown",
    )
    one, two = commons.address("Alice"), commons.address("Bob")
    for members in (
        {},
        {one: 1},
        {one: "-1"},
        {one: "01"},
        {one: "1.0"},
        {one: "１"},
        {one: "9" * 79},
        {one: "1", one.lower(): "1"},
        {one: "9" * 78, two: "1"},
        {"alice.eth": "1"},
    ):
        power = {"source": "fixed_list", "parameters": {"members": members}}
        yield ("governance_rules", {"charter": {**good, "power": power}}), "malformed_field"
    nobody = {"source": "fixed_list", "parameters": {"members": {one: "0"}}}
    yield ("governance_rules", {"charter": {**good, "power": nobody}}), "no_power_exists"
    for house in ([], {}, {"name": {"en": "x"}, **listed(MEMBERS)}, {"name": {"en": "", "fr": "x"}, **listed(MEMBERS)}):
        yield ("governance_rules", {"charter": {**good, "house": house}}), "invalid_rules"
    for value in (None, [], "x", 1, {}, {**good, "motto": 1}):
        yield ("governance_rules", {"charter": value}), "invalid_rules"
    yield ("governance_rules", {"charter": good}), "nothing_changes"


def test_a25_titles_and_texts_have_limits(alice):
    for title, status, code in TITLES:
        assert_refused(alice, "drafts", draft(title=title), status, code)
    for text, status, code in TEXTS:
        body = json.dumps(draft(text=text), ensure_ascii=text == "\udc00").encode()
        assert_refused(alice, "drafts", body, status, code)
    for title, text in (
        ("x" * 200, "x" * 20_000),
        ("😀" * 200, "\u202e"),
        (" T ", "<script>"),
        ("%s {0} ${x}", "'; --"),
    ):
        assert send(alice, "drafts", draft(title=title, text=text)).status_code == 201


def test_a25_and_a26_every_other_field_has_its_form(alice):
    for name, value, status, code in TIMING:
        assert_refused(alice, "drafts", draft("poll", POLL, **{name: value}), status, code)
    for changes, status, code in OTHERS:
        assert_refused(alice, "drafts", draft(**changes), status, code)
    for seats in (-1, 0, 2, 51, 10**90):
        assert_refused(alice, "drafts", draft("poll", POLL, seats=seats), 422, "choices_invalid")
    for seats in (-1, 0, 3, 10**90):
        assert_refused(alice, "drafts", draft("poll", POLL, method="stv", seats=seats), 422, "choices_invalid")
    assert send(alice, "drafts", draft()).status_code == 201


@pytest.mark.parametrize("payloads", [polls, elections, charters], ids=lambda f: f.__name__)
def test_every_payload_has_the_form_of_its_kind(alice, commons, payloads):
    for (kind, payload), code in payloads(commons):
        assert_refused(alice, "drafts", draft(kind, payload), 422, code)
    assert send(alice, "drafts", draft()).status_code == 201


@pytest.mark.parametrize("opens_at", [-(10**90), -1, 0, 1, "now", "too late", 2**31, 2**63, 10**90])
def test_a26_voting_begins_after_the_delay_and_within_90_days(alice, opens_at):
    named = {"now": unix(NOON), "too late": unix(NOON) + 11 + 90 * 86_400}
    made = send(alice, "drafts", draft(opens_at=named.get(opens_at, opens_at))).json()["draft"]
    assert_refused(alice, f"drafts/{made}/submit", {}, 422, "start_out_of_range")
    assert send(alice, f"drafts/{made}", draft(opens_at=unix(NOON) + 10), "put").status_code == 200
    assert send(alice, f"drafts/{made}/submit", {}).status_code == 201


def test_a27_the_power_at_the_snapshot_is_what_counts(list_community, at):
    at(NOON)
    commons = list_community(MEMBERS, tiers={"standard": {"proposal_threshold": "40"}})
    for name in ("Bob", "Mallory"):
        client = member(commons, name)
        made = send(client, "drafts", draft()).json()["draft"]
        assert_refused(client, f"drafts/{made}/submit", {}, 403, "below_threshold")
    alice = member(commons, "Alice")
    made = send(alice, "drafts", draft()).json()["draft"]
    assert send(alice, f"drafts/{made}/submit", {}).status_code == 201


def test_a28_what_was_submitted_or_discarded_is_not_edited_by_anybody(alice, commons):
    made = send(alice, "drafts", draft()).json()["draft"]
    bob, stranger = member(commons, "Bob"), member(commons, "Mallory")
    for other in (bob, stranger):
        assert_problem(other.get(f"/api/v1/drafts/{made}"), 403, "not_the_author")
        for path, method in ((f"drafts/{made}", "put"), (f"drafts/{made}/submit", "post")):
            assert_refused(other, path, draft(), 403, "not_the_author", method)
        assert_refused(other, f"drafts/{made}/seek-sponsors", {}, 403, "not_the_author")
    shown = send(alice, f"drafts/{made}/submit", {}).json()
    assert_refused(alice, f"drafts/{made}", draft(title="Another"), 409, "proposal_frozen", "put")
    assert_refused(alice, f"drafts/{made}/submit", {}, 409, "already_submitted")
    assert_refused(alice, f"drafts/{made}/seek-sponsors", {}, 409, "wrong_state")
    assert_refused(alice, f"proposals/{shown['id']}", {}, 409, "proposal_frozen", "patch")
    assert_problem(alice.get(f"/api/v1/drafts/{made}"), 404, "unknown_draft")
    for number in (0, made + 1, 2**63, 10**30):
        assert_refused(alice, f"drafts/{number}", draft(), 404, "unknown_proposal", "put")
    for text in ("１", "0x1", "-1", "1.0", "%31%30%30", "+1", " 1"):
        assert_problem(
            alice.get(f"/api/v1/drafts/{text}"), 404, "unknown_draft" if text == "%31%30%30" else "not_found"
        )


def test_a29_one_author_has_three_open_proposals_and_twenty_drafts_and_fifty_in_a_day(alice, commons, at):
    made = [send(alice, "drafts", draft(title=f"{n}")).json()["draft"] for n in range(20)]
    assert_refused(alice, "drafts", draft(), 409, "too_many_drafts")
    opened = [send(alice, f"drafts/{pk}/submit", {}).json() for pk in made[:3]]
    assert_refused(alice, f"drafts/{made[3]}/submit", {}, 409, "too_many_open")
    assert send(alice, f"proposals/{opened[0]['id']}/cancel", {"reason": "No."}).status_code == 200
    assert send(alice, f"drafts/{made[3]}/submit", {}).status_code == 201
    others = Proposal.objects.filter(submitted_at__isnull=True)
    for number in range(30):
        for pk in others.filter(canceled_at__isnull=True).values_list("pk", flat=True)[:1]:
            services.cancel(pk, commons.address("Alice"), "Not now.", NOON)
        assert send(alice, "drafts", draft(title=f"again {number}")).status_code == 201
    services.cancel(others.filter(canceled_at__isnull=True).first().pk, commons.address("Alice"), "Not now.", NOON)
    assert_refused(alice, "drafts", draft(), 409, "too_many_changes")
    assert send(member(commons, "Bob"), "drafts", draft()).status_code == 201
    at(NOON + timedelta(days=1, seconds=1))
    assert send(alice, "drafts", draft()).status_code == 201


REASONS = [
    ("", 400, "malformed_field"),
    (" \n\t", 422, LENGTH),
    ("x" * 501, 422, LENGTH),
    ("😀" * 501, 422, LENGTH),
    (None, 400, "malformed_field"),
    (1, 400, "malformed_field"),
    ([], 400, "malformed_field"),
    ("\0", 400, "forbidden_character"),
    ("\ud800", 400, "forbidden_character"),
]


def test_a_reason_to_withdraw_is_a_few_words_and_only_the_author_s(alice, commons):
    made = send(alice, "drafts", draft()).json()["draft"]
    path = f"proposals/{send(alice, f'drafts/{made}/submit', {}).json()['id']}/cancel"
    for reason, status, code in REASONS:
        assert_refused(alice, path, {"reason": reason}, status, code)
    assert_refused(alice, path, {}, 400, "missing_field")
    assert_refused(alice, path, {"reason": "x", "force": True}, 400, "unknown_field")
    for name in ("Bob", "Mallory"):
        assert_refused(member(commons, name), path, {"reason": "x"}, 403, "not_the_author")
    assert send(alice, path, {"reason": "x" * 500}).status_code == 200
    assert_refused(alice, path, {"reason": "x"}, 409, "wrong_state")


# --- the same answers from the forms ------------------------------------------------------------------------------


def said(page):
    return " ".join(html.unescape(strip_tags(page.content.decode())).split())


FORMS = [
    ("text_signal", {"proposal_title": ""}, {"title": ""}),
    ("text_signal", {"proposal_title": "x" * 201}, {"title": "x" * 201}),
    ("text_signal", {"proposal_text": "x" * 20_001}, {"text": "x" * 20_001}),
    ("text_signal", {"statement": ""}, {"payload": {"statement": ""}}),
    ("text_signal", {"statement": "x" * 301}, {"payload": {"statement": "x" * 301}}),
    ("text_signal", {"voting_method": "stv"}, {"method": "stv"}),
    ("poll", {"question": ""}, {"payload": {**POLL, "question": ""}}),
    ("poll", {"choices": "one"}, {"payload": {**POLL, "choices": ["one"]}}),
    ("poll", {"choices": "a\nA"}, {"payload": {**POLL, "choices": ["a", "A"]}}),
    ("poll", {"voting_seats": "2"}, {"seats": 2}),
    ("poll", {"voting_method": "stv", "voting_seats": "9"}, {"method": "stv", "seats": 9}),
    ("governance_rules", {"charter": "{}"}, {"payload": {"charter": {}}}),
]
ANSWERS = {
    "text_signal": {"statement": "Yes."},
    "poll": {"question": "Which?", "choices": "Spring\nRiver", "voting_seats": "1"},
    "governance_rules": {"charter": "{}"},
}


@pytest.mark.parametrize(("kind", "answers", "changes"), FORMS, ids=lambda value: str(value)[:40])
def test_a_form_refuses_a_draft_with_the_status_and_the_reason_of_the_api(alice, kind, answers, changes):
    payload = POLL if kind == "poll" else None
    problem = send(alice, "drafts", draft(kind, payload, **changes)).json()
    before = rows()
    form = {"proposal_title": "T", "proposal_text": "", **ANSWERS[kind], **answers}
    page = alice.post(f"/c/gardens/propose/{kind}/", form)
    assert page.status_code == problem["status"]
    expected = words.refusal(problem["code"], problem["detail"], problem.get("found"), problem.get("allowed"))
    assert " ".join(str(expected).split())[:60] in said(page)
    assert rows() == before


FORM_SEATS = ("-1", "+1", "１", "1e0", "1.0", "0x1", "９" * 9, "1" * 5_000, "", "one")


def test_numbers_in_forms_have_one_spelling(alice):
    for seats in FORM_SEATS[:-2]:
        form = {"proposal_title": "T", **ANSWERS["poll"], "voting_method": "stv", "voting_seats": seats}
        assert alice.post("/c/gardens/propose/poll/", form).status_code == 400, seats
    people = "\n".join(f"0x{n:040x} P{n}" for n in range(3))
    for seats in (*FORM_SEATS, "0", "3", "51"):
        form = {"proposal_title": "T", "seats": seats, "term_days": "30", "candidates": people}
        assert alice.post("/c/gardens/propose/council_election/", form).status_code in {400, 422}, seats
    assert Proposal.objects.count() == 0
    form = {"proposal_title": "T", "seats": " 2 ", "term_days": "30", "candidates": people}
    assert alice.post("/c/gardens/propose/council_election/", form).status_code == 302


@pytest.fixture
def decided(settings):
    """A community today, with a council of Bob, a decision of Alice's that waits, and an open vote of hers."""
    settings.VOTING_PERIOD_SECONDS_MIN = 1
    now = datetime.now(UTC).replace(microsecond=0)
    slow = {"standard": {"timelock_seconds": 0}, "slow": {"timelock_seconds": 86_400}}
    found = commons_module.found(now - timedelta(hours=2), MEMBERS, tiers=slow, kinds={"text_signal": "slow"})
    found.elect("Bob", "Daouda", seats=1, now=now - timedelta(hours=2))
    waiting = found.propose(now=now - timedelta(hours=1))
    found.vote(waiting, "Alice", FOR)
    found.queued(waiting)
    open_vote = found.propose(payload={"statement": "Open."}, now=now - timedelta(seconds=30))
    return found, Proposal.objects.get(pk=waiting.pk), open_vote


@pytest.mark.django_db
def test_guardians_and_authors_are_refused_alike_by_api_and_form(decided):
    commons, waiting, open_vote = decided
    cases = [
        (action, name, proposal, reason)
        for action in ("veto", "withdraw", "pause")
        for name in ("Alice", "Bob", "Mallory")
        for proposal in (waiting, open_vote)
        for reason in (" ", "x" * 501, "Because.")
        if not (
            reason == "Because."
            and (name == "Alice" if action == "withdraw" else name == "Bob" and proposal is waiting)
        )
    ]
    for action, name, proposal, reason in cases:
        client = member(commons, name)
        client.cookies[project.LANGUAGE_COOKIE_NAME] = "en"
        path = f"proposals/{proposal.public_id}/{'cancel' if action == 'withdraw' else action}"
        before = rows()
        problem = send(client, path, {"reason": reason}).json()
        page = client.post(f"/c/gardens/proposals/{proposal.number}/{action}/", {"reason": reason})
        assert page.status_code == problem["status"], (action, name, reason, problem)
        expected = words.refusal(problem["code"], problem["detail"], problem.get("found"), problem.get("allowed"))
        if problem["code"] == "wrong_state":
            expected = words.refusal("wrong_state", "")
        assert " ".join(str(expected).split()) in said(page), (action, name, reason)
        assert rows() == before
    good = member(commons, "Bob")
    assert good.post(f"/c/gardens/proposals/{waiting.number}/pause/", {"reason": "Wait."}).status_code == 302
    assert send(good, f"proposals/{waiting.public_id}/veto", {"reason": "No."}).status_code == 200
    assert Proposal.objects.get(pk=waiting.pk).vetoed_at is not None
