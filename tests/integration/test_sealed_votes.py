"""Shielded ballots: nobody can read them until voting has closed, then everybody can, and a stranger counts them again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from frontend import words
from governance.counting import tally_body
from governance.eip712 import SignatureError
from governance.errors import Refusal
from governance.fsck import check_one
from governance.lifecycle import NotAllowed, State
from governance.log import publish_checkpoint
from governance.models import Ballot, Community, Proposal
from governance.onchain.taking import CANCELED
from governance.portability.exporting import export_community
from governance.portability.importing import import_community
from governance.receipts import verify_receipt
from governance.records import closure
from governance.sealed.box import SealError
from governance.sealed.casting import cast_sealed_ballot
from governance.sealed.facts import issuer_of, sealing_of
from governance.sealed.keys import key_message
from governance.sealed.missing_keys import TOO_FEW
from governance.sealed.opening import read_keys
from governance.selectors.receipts import receipt, receipt_document
from governance.selectors.sealed import sealed
from governance.services import close_voting, take_census
from models_registry.provenance import shapes
from models_registry.provenance.ballot_lines import BallotLine
from models_registry.provenance.entries import CensusEntry
from models_registry.provenance.votes import Vote
from tests.integration.commons import end_of, recounted
from tests.integration.exports import empty, instance
from tests.integration.sealed_votes import SealedVote, found_sealed, secret_of, set_clock

NOON = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
FOR, AGAINST = 1, 0

pytestmark = pytest.mark.django_db


@pytest.fixture
def commons(settings):
    settings.VOTING_PERIOD_SECONDS_MIN = 1
    settings.CHAIN_RPC = "http://127.0.0.1:9"
    return found_sealed(NOON)


def test_a_sealed_vote_from_its_keys_to_its_count(commons):
    vote = SealedVote.submitted(commons)
    assert vote.fresh().census_at is None  # nobody has published a key, so voting cannot open
    for name in ("Emma", "Farid", "Gaëlle"):
        vote.publish_key(name)
    assert vote.fresh().census_at is not None
    vote.vote("Alice", FOR, "Water first.")
    vote.vote("Bob", AGAINST)
    vote.vote("Bob", FOR)
    vote.vote("Chloé", AGAINST)
    assert not Ballot.objects.exists()
    assert recounted(vote.proposal).totals is None
    assert close_voting(vote.proposal.pk, end_of(vote.proposal)).passed is None
    vote.publish_secret("Gaëlle")
    assert vote.fresh().passed is None
    vote.publish_secret("Emma")
    closed = vote.fresh()
    assert closed.passed is True
    ballots = {ballot.voter: ballot for ballot in Ballot.objects.counting()}
    assert ballots[commons.address("Alice")].reason == "Water first."
    assert {ballot.choice for ballot in ballots.values()} == {FOR, AGAINST}
    report = recounted(closed)
    assert report.totals == {"against": "20", "for": "70", "abstain": "0"}
    assert report.passed is True


def test_secrets_that_never_come_make_the_vote_fail_for_that_reason(commons):
    vote = SealedVote.opened(commons)
    vote.vote("Alice", FOR)
    end = end_of(vote.proposal)
    vote.publish_secret("Emma", end)
    assert close_voting(vote.proposal.pk, end + timedelta(seconds=59)).passed is None
    closed = close_voting(vote.proposal.pk, end + timedelta(seconds=60))
    assert closed.passed is False
    decision = Proposal.objects.get(pk=closed.pk).decision_record
    assert decision is not None
    first = decision.body["conditions"][0]
    assert first == {"condition": "opened", "holds": False, "found": "1", "needed": "2"}
    assert recounted(closed).passed is False


@pytest.fixture
def patient(settings):
    """A community that waits half a minute for keys."""
    settings.VOTING_PERIOD_SECONDS_MIN = 1
    settings.CHAIN_RPC = "http://127.0.0.1:9"
    return found_sealed(NOON, keys_wait_seconds=30)


def test_a_vote_goes_on_without_a_keyholder_who_does_not_come(patient):
    vote = SealedVote.submitted(patient)
    for name in ("Farid", "Gaëlle"):
        vote.publish_key(name)
    assert take_census(vote.proposal.pk, NOON + timedelta(seconds=29)).census_at is None
    assert take_census(vote.proposal.pk, NOON + timedelta(seconds=30)).census_at is not None
    with pytest.raises(Refusal) as late:
        vote.publish_key("Emma", NOON + timedelta(seconds=30))
    assert late.value.code == "keys_are_settled"
    vote.vote("Alice", FOR, "Without Emma.")
    vote.vote("Bob", AGAINST)
    assert list(check_one(Community.objects.get())) == []
    vote.publish_secret("Gaëlle")
    vote.publish_secret("Farid")
    closed = vote.fresh()
    assert closed.passed is True
    assert list(check_one(Community.objects.get())) == []
    assert recounted(closed).totals == {"against": "30", "for": "40", "abstain": "0"}
    _release_verifier_agrees(closed)
    shown = sealed(closed, end_of(closed))
    assert shown is not None
    assert (shown.opening, shown.secrets) == (2, 2)


def test_a_vote_for_which_too_few_keys_come_ends_and_says_why(patient):
    vote = SealedVote.submitted(patient)
    vote.publish_key("Emma")
    ended = take_census(vote.proposal.pk, NOON + timedelta(seconds=31))
    assert (ended.state(NOON + timedelta(seconds=31)), ended.canceled_by, ended.cancel_reason) == (
        State.CANCELED, "", TOO_FEW)  # fmt: skip
    event = ended.events.get(kind="proposal_canceled")
    assert (event.data["keys"], event.data["needed"]) == (1, 2)
    assert "nobody could have opened the ballots" in str(words.reason(ended.cancel_reason))
    assert str(words.reason(CANCELED)) != CANCELED
    assert list(check_one(Community.objects.get())) == []
    with pytest.raises(NotAllowed):
        take_census(vote.proposal.pk, NOON + timedelta(seconds=40))


def test_attack_keys_that_are_left_out_before_the_wait_is_over_are_missed_offline(patient):
    vote = SealedVote.opened(patient)
    proposal = vote.fresh()
    rows = proposal.sealed_vote.sealing_record.body["keys"]
    terms, issuer = sealing_of(proposal), issuer_of(proposal)
    read = partial(read_keys, str(proposal.record_id), terms)
    assert read({"keys": rows[1:]}, issuer, 30).keyholders == terms.keyholders[1:]
    for left, waited in ((rows[1:], 29), (rows[2:], 30), ([rows[2], rows[1]], 30), ([rows[0]] * 2, 30)):
        with pytest.raises(SealError):
            read({"keys": left}, issuer, waited)
    with pytest.raises(SealError):
        read_keys(str(proposal.record_id), replace(terms, keys_wait_seconds=None), {"keys": rows[1:]}, issuer, 10**9)


def test_what_stands_as_opened_is_what_the_secrets_open(commons):
    vote = SealedVote.opened(commons)
    vote.vote("Alice", FOR, "Because.")
    void = vote.seal_content("Bob", b'{"choice":7,"reason":""}')
    cast_sealed_ballot(vote.request("Bob", void), vote.during)
    other = SealedVote(commons, vote.proposal)
    for_alice = other.seal("Alice", AGAINST)
    cast_sealed_ballot(vote.request("Chloé", for_alice), vote.during)  # a copy of somebody else's sealed ballot
    assert list(check_one(Community.objects.get())) == []
    end = end_of(vote.proposal)
    vote.publish_secret("Emma", end)
    vote.publish_secret("Farid", end)
    said = {ballot.voter: ballot.choice for ballot in Ballot.objects.counting()}
    assert said == {
        commons.address("Alice"): FOR,
        commons.address("Bob"): "void",
        commons.address("Chloé"): "void",
    }
    assert list(check_one(Community.objects.get())) == []
    report = recounted(vote.fresh())
    assert report.totals == {"against": "0", "for": "40", "abstain": "0"}
    _release_verifier_agrees(vote.fresh())
    Ballot.objects.filter(voter=commons.address("Bob")).update(choice=1)
    assert [found.table for found in check_one(Community.objects.get())][:1] == ["governance_ballot"]


def _release_verifier_agrees(proposal):
    records = closure(proposal.decision_record or proposal.tally_record)
    vote = Vote(records[proposal.record_id], records, "records")
    entries = proposal.census.order_by("voter_key").values_list("voter", "power", "house_power")
    ballots = {
        ballot.voter: BallotLine.from_bytes(ballot.record.canonical.encode())
        for ballot in proposal.ballots.counting().select_related("record")
    }
    lines = []
    for voter, power, house_power in entries:
        lines.append(CensusEntry(proposal.record_id, voter, power, house_power))
        if voter in ballots:
            lines.append(ballots[voter])
    vote.read(enumerate(lines, 1))
    assert vote.opener is not None
    assert vote.opener.problem is None
    assert vote.problems == []
    assert vote.result is not None
    assert tally_body(vote.terms, vote.result)["totals"] == proposal.tally_record.body["totals"]
    assert vote.ballots_root == proposal.tally_record.body["ballots_root"]
    for record in records.values():
        assert shapes.body_problem(record) is None
        assert shapes.parents_problem(record, records) is None


@pytest.mark.parametrize(
    ("attempt", "code"),
    [
        (lambda vote: vote.commons.vote(vote.proposal, "Alice", FOR, vote.during), "ballots_are_sealed"),
        (lambda vote: vote.publish_secret("Emma", vote.during), "close_voting"),
        (lambda vote: vote.publish_key("Emma", vote.during, secret=b"x" * 32), "key_published"),
        (lambda vote: cast_sealed_ballot(replace(vote.request("Alice", vote.seal("Alice", 1)), sealed=vote.seal("Alice", 0)), vote.during), "signature_invalid"),
        (lambda vote: vote.vote("Alice", FOR, now=end_of(vote.proposal)), "vote"),
        (lambda vote: vote.vote("Hugo", FOR), "no_voting_power"),
    ],
)  # fmt: skip
def test_an_attempt_that_is_refused(commons, attempt, code):
    vote = SealedVote.opened(commons)
    with pytest.raises((Refusal, NotAllowed, SignatureError)) as refused:
        attempt(vote)
    assert getattr(refused.value, "code", getattr(refused.value, "action", "")) == code


def test_a_keyholder_without_a_usable_or_own_key_is_refused(commons):
    vote = SealedVote.submitted(commons)
    vote.publish_key("Emma")
    assert vote.publish_key("Emma").place == 1  # the same key again
    refusals = []
    for attempt in (
        lambda: vote.publish_key("Farid", secret=secret_of("Emma")),
        lambda: vote.publish_key("Farid", signer="Emma"),
        lambda: vote.publish_key("Alice"),
        lambda: key_message(vote.proposal, commons.address("Farid"), "00" * 32),
        lambda: vote.vote("Alice", FOR, now=NOON + timedelta(seconds=20)),
    ):
        with pytest.raises((Refusal, NotAllowed)) as refused:
            attempt()
        refusals.append(getattr(refused.value, "code", "vote"))
    assert refusals == ["key_taken", "signature_invalid", "not_a_keyholder", "key_unusable", "vote"]


def test_a_sealed_vote_leaves_with_its_community_and_is_opened_elsewhere(commons, tmp_path):
    opened, waiting = SealedVote.opened(commons), SealedVote.opened(commons, payload={"statement": "No."})
    for vote in (opened, waiting):
        vote.vote("Alice", FOR)
        vote.vote("Alice", AGAINST, "I thought again.")
    end = end_of(opened.proposal)
    opened.publish_secret("Emma", end)
    opened.publish_secret("Farid", end)
    export_community("gardens", tmp_path / "gardens", NOON)
    template = empty(tmp_path / "empty.sqlite3")
    with instance(tmp_path / "elsewhere", template):
        assert import_community(tmp_path / "gardens", NOON).findings == {}
        assert [str(found) for found in check_one(Community.objects.get())] == []
        there = SealedVote(commons, Proposal.objects.get(number=waiting.proposal.number))
        there.publish_secret("Emma", end)
        there.publish_secret("Gaëlle", end)
        assert there.fresh().passed is False
        assert recounted(there.proposal).totals == {"against": "40", "for": "0", "abstain": "0"}


def test_the_receipt_of_a_sealed_ballot_verifies_alone(commons):
    vote = SealedVote.opened(commons)
    ballot = vote.vote("Alice", FOR)
    publish_checkpoint(commons.community.pk, vote.during)
    key = Community.objects.get().release_key
    seen = verify_receipt(receipt_document(receipt(ballot.record_id)), key)
    assert (seen.status, seen.ok) == ("seen", True)
    end = end_of(vote.proposal)
    vote.publish_secret("Emma", end)
    vote.publish_secret("Farid", end)
    publish_checkpoint(commons.community.pk, end)
    counted = verify_receipt(receipt_document(receipt(ballot.record_id)), key)
    assert (counted.status, counted.ok) == ("counted", True)


def test_nothing_that_is_served_tells_a_sealed_choice(commons, client, monkeypatch):
    vote = SealedVote.opened(commons)
    set_clock(monkeypatch, vote.during)
    for choice, reason in ((FOR, "Canary one."), (AGAINST, "Canary two.")):
        ballot = vote.vote("Alice", choice, reason)
        for address in _addresses(vote, ballot):
            answer = client.get(address)
            assert answer.status_code == 200, address
            content = b"".join(answer.streaming_content) if answer.streaming else answer.content
            assert b"Canary" not in content, address
            assert b'"choice": 1' not in content, address
    api = f"/api/v1/proposals/{vote.proposal.public_id}"
    assert client.get(f"{api}/ballots").json()["results"] == []
    standing = client.get(api).json()
    assert standing["sealed"] is True
    assert set(standing["totals"].values()) == {"0"}
    assert client.get(f"{api}/sealing").json()["voted"] == 1
    page = client.get(f"/c/gardens/proposals/{vote.proposal.number}/").content.decode()
    assert "The ballots are sealed" in page
    assert "pass if voting closed now" not in page


def _addresses(vote, ballot):
    page, api = f"/c/gardens/proposals/{vote.proposal.number}/", f"/api/v1/proposals/{vote.proposal.public_id}"
    places = [page, f"{page}voters/", f"{page}evidence/", f"{page}keys/", "/c/gardens/proposals/", "/c/gardens/"]
    files = ("results.csv", "results.json", "rounds.csv", "pairwise.csv", "over-time.csv", "voters.csv", "voters.json")
    places += [f"{page}{name}" for name in files]
    places += [api, f"{api}/voters", f"{api}/ballots", f"{api}/bundle", f"{api}/events", f"{api}/sealing"]
    return [*places, f"/receipts/{ballot.record_id}/", f"/receipts/{ballot.record_id}/receipt.json"]
