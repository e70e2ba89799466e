"""The API of governance, read by strangers: any number, any name, any text in an address, by any method.

Reading changes nothing, is not in the audit log, and is never a defect.
"""

import pytest

from governance import services
from governance.models import Checkpoint
from tests.integration.conftest import NOON, query
from tests.integration.strangers import BEYOND, JUNK, NO_NUMBERS, PROBLEM, assert_problem, member, refusals, rows

MEMBERS = {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10}
HIGH = {"standard": {"proposal_threshold": "60"}}
HERE = "communities/gardens"


@pytest.fixture
def commons(list_community, at):
    at(NOON)
    return list_community(MEMBERS, tiers=HIGH)


@pytest.fixture
def sought(commons):
    made = commons.draft(author="Chloé")
    return services.seek_sponsors(made.pk, commons.address("Chloé"), NOON)


def numbers(proposal):
    yield from ((f"{HERE}/log/entries", "", name) for name in ("start", "count"))
    yield from ((f"{HERE}/log/inclusion", query(position=0, size=1), name) for name in ("position", "size"))
    yield from ((f"{HERE}/log/consistency", query(old=0, new=1), name) for name in ("old", "new"))
    yield f"proposals/{proposal.public_id}/census", "", "page"
    known = query(delegator="0x" + "ab" * 20, delegate="0x" + "ab" * 20, share_bps=1)
    yield from ((f"{HERE}/delegation-message", known, name) for name in ("share_bps", "expires_at"))


def test_numbers_in_addresses_have_one_spelling_and_may_be_too_large(client, commons):
    proposal = proposed(commons)
    before = (rows(), refusals())
    for path, known, name in numbers(proposal):
        for text in NO_NUMBERS:
            address = f"/api/v1/{path}?{known}&{query(**{name: text})}"
            assert_problem(client.get(address), 400, "malformed_field")
        for text in BEYOND:
            answer = client.get(f"/api/v1/{path}?{known}&{query(**{name: text})}")
            assert answer.status_code in {200, 400, 404, 422}, (path, name, text)
    assert (rows(), refusals()) == before, "reading changes nothing and is not in the log"


def proposed(commons):
    made = commons.draft(author="Alice")
    services.seek_sponsors(made.pk, commons.address("Alice"), NOON)
    commons.sponsor(made, "Bob")
    return services.submit(made.pk, commons.address("Alice"), NOON)


def test_any_text_in_an_address_gets_an_answer_that_is_no_defect(client, commons, sought, at):
    proposal = proposed(commons)
    at(proposal.opens_at)
    before = (rows(), refusals())
    paths = {
        f"{HERE}/delegation-message": ("delegator", "delegate", "topic", "share_bps", "expires_at"),
        f"{HERE}/log/entries": ("start", "count"),
        f"proposals/{proposal.public_id}/eligibility": ("voter",),
        f"proposals/{proposal.public_id}/ballot-message": ("voter", "choice", "reason"),
        f"proposals/{proposal.public_id}/events": ("page", "page_size", "format"),
        f"proposals/{proposal.public_id}/bundle": ("page", "format"),
        f"drafts/{sought.pk}/sponsorship-message": ("sponsor",),
        "proposals": ("community", "kind", "state", "page", "page_size"),
    }
    good = {"delegator": commons.address("Bob"), "delegate": commons.address("Alice"), "share_bps": 1, "choice": 1}
    good |= {"voter": commons.address("Bob"), "sponsor": commons.address("Bob")}
    for path, names in paths.items():
        for name in names:
            for text in JUNK:
                values = {**{key: good[key] for key in names if key in good}, name: text}
                answer = client.get(f"/api/v1/{path}?{query(**values)}")
                assert answer.status_code in {200, 400, 404, 413, 422}, (path, name, text[:20], answer.content)
                assert answer.status_code == 200 or answer["Content-Type"] == PROBLEM
    assert (rows(), refusals()) == before


def test_a_choice_in_an_address_has_one_spelling(client, commons):
    path = f"/api/v1/proposals/{proposed(commons).public_id}/ballot-message?voter={commons.address('Bob')}&"
    for text in ("01", "00", "+1", "1 ", "１", "256", "1000", "1.0", "-1", ""):
        assert_problem(
            client.get(path + query(choice=text)),
            *((409, "voting_not_open") if text == "256" else (400, "malformed_field")),
        )


WORDS = [
    "%00",
    "a%00b",
    "%ff",
    "１",
    "..%2f..",
    "%0a",
    "x" * 3_000,
    "0x" + "ab" * 20,
    "0x" + "AB" * 20,
    "-1",
    "9" * 400,
    "'%3B--",
]


@pytest.mark.parametrize("text", WORDS, ids=lambda text: text[:12])
def test_names_in_addresses_are_found_or_not(client, commons, text):
    proposal = proposed(commons)
    for address in (
        "communities/{}/charter",
        "communities/{}/history",
        "communities/{}/delegates",
        "communities/{}/log",
        "communities/{}/log/entries",
        "communities/{}/log/inclusion?position=0&size=1",
        "communities/{}/delegation-message?share_bps=1",
        "communities/{}/chain-delegation",
        "communities/gardens/delegates/{}",
        f"proposals/{proposal.public_id}/census/{{}}",
        "proposals/{}/census",
        "proposals/{}/eligibility",
        "proposals/{}/bundle",
        "drafts/{}/sponsors",
        "drafts/{}/sponsorship-message",
    ):
        answer = client.get(f"/api/v1/{address.format(text)}")
        known = address.startswith("communities/gardens/delegates") and text == "0x" + "ab" * 20
        assert answer.status_code in ({200} if known else {400, 404}), (address, answer.status_code)
        assert known or answer["Content-Type"] == PROBLEM, address
    for page in (
        "/c/gardens/delegates/{}/",
        "/c/{}/log/",
        "/c/{}/delegates/",
        "/c/gardens/sponsor/{}/",
        "/c/gardens/history/{}/",
    ):
        assert client.get(page.format(text)).status_code in {200, 301, 400, 404}, page


def test_proofs_exist_for_trees_that_existed_and_for_no_others(client, commons):
    proposed(commons)
    size = type(commons.community).objects.get().log_size
    for path, found in (
        (f"inclusion?position=0&size={size}", 200),
        (f"inclusion?position={size - 1}&size={size}", 200),
        (f"inclusion?position={size}&size={size}", 404),
        (f"inclusion?position=0&size={size + 1}", 404),
        ("inclusion?position=0&size=0", 404),
        ("inclusion?position=1&size=1", 404),
        (f"consistency?old=0&new={size}", 200),
        (f"consistency?old={size}&new={size}", 200),
        (f"consistency?old={size}&new={size + 1}", 404),
        (f"consistency?old={size}&new=0", 404),
        ("inclusion?size=1", 400),
        ("consistency?old=1", 400),
    ):
        assert client.get(f"/api/v1/{HERE}/log/{path}").status_code == found, path
    assert client.get(f"/api/v1/{HERE}/log").json() == {"size": size, "checkpoint": None}
    assert Checkpoint.objects.count() == 0


def test_a_bundle_is_sent_to_whoever_asks_for_lines_of_json(client, commons):
    address = f"/api/v1/proposals/{proposed(commons).public_id}/bundle"
    for accept in ("*/*", "application/jsonl", "application/json", "application/x-ndjson", "text/html"):
        answer = client.get(address, headers={"accept": accept})
        assert answer.status_code == 200, accept
        assert b"".join(answer.streaming_content).endswith(b"\n")


METHODS = ("put", "patch", "delete", "post", "options", "head")


def test_no_method_on_any_address_is_a_defect(client, commons, sought):
    proposal = proposed(commons)
    mallory = member(commons, "Mallory")
    for path in (
        *(f"{HERE}{rest}" for rest in ("", "/charter", "/history", "/delegates", "/statement", "/delegations", "/log")),
        *(
            f"proposals/{proposal.public_id}{rest}"
            for rest in ("", "/veto", "/census", "/bundle", "/ballots", "/execute")
        ),
        *(f"drafts/{sought.pk}{rest}" for rest in ("", "/submit", "/sponsors", "/seek-sponsors")),
        *("methods", "kinds", "ballots", "auth/nonce", "auth/session"),
    ):
        before = rows()
        for method in METHODS:
            for who in (client, mallory):
                answer = (
                    getattr(who, method)(f"/api/v1/{path}", "{}", content_type="application/json")
                    if method != "head"
                    else who.head(f"/api/v1/{path}")
                )
                assert answer.status_code < 500, (method, path)
        assert rows() == before, path
