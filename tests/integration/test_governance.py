"""The life of a proposal on a real chain and a real database: the happy path first, then its nearest refusals."""

from datetime import timedelta
from itertools import product

import pytest
from django.db import IntegrityError, transaction

from config import sweeper
from governance import lifecycle, services
from governance.errors import Conflict, Forbidden, Invalid, Refusal
from governance.evidence import merkle
from governance.evidence.canonical import CanonicalError
from governance.lifecycle import State
from governance.models import Account, Ballot, Event, Proposal, Record
from governance.power import PowerError
from governance.services import ballots
from governance.tally import UnknownMethod
from tests.integration.conftest import (
    ABSTAIN,
    AGAINST,
    FOR,
    NOON,
    TIMELOCK,
    decided,
    opened,
    request_from,
    sign_in,
    vote,
)

SECOND = timedelta(seconds=1)


def parents_of(record):
    """Return the records that one rests on, by kind."""
    return {parent.kind: parent for parent in Record.objects.filter(pk__in=record.value.parents)}


def test_a_proposal_that_members_approve_is_executed_after_its_timelock(propose, voters):
    proposal = propose()
    assert proposal.state(NOON) == State.PENDING
    for name in ("Alice", "Bob"):
        vote(proposal, voters[name], FOR)
    vote(proposal, voters["Chloé"], AGAINST)
    closed = services.close_voting(proposal.pk, proposal.closes_at)
    assert closed.passed is True
    queued = services.queue(proposal.pk, proposal.closes_at)
    with pytest.raises(lifecycle.NotAllowed) as refusal:
        services.execute(proposal.pk, queued.eta - SECOND)
    assert refusal.value.found == State.QUEUED
    executed, did_it = services.execute(proposal.pk, queued.eta)
    assert did_it
    assert executed.state(queued.eta) == State.EXECUTED
    assert services.execute(proposal.pk, queued.eta + SECOND) == (executed, False)


def test_power_is_what_was_delegated_at_the_snapshot(propose, voters, token):
    proposal = propose()
    ballot = vote(proposal, voters["Chloé"], FOR)
    tokens = {member.name: member.tokens for member in token.members}
    assert ballot.power == tokens["Chloé"] + tokens["Emma"]
    assert proposal.total_supply == sum(tokens.values())


def test_a_voter_who_delegated_everything_is_told_so(propose, voters):
    with pytest.raises(Invalid) as refusal:
        vote(propose(), voters["Emma"], FOR)
    assert refusal.value.code == "no_voting_power"


def test_a_changed_vote_counts_once_with_its_newest_choice(propose, voters):
    proposal = propose()
    vote(proposal, voters["Alice"], AGAINST)
    vote(proposal, voters["Alice"], FOR, reason="I have read it again.")
    assert proposal.ballots.count() == 2
    assert [ballot.choice for ballot in proposal.ballots.counting()] == [FOR]
    conditions = {item.condition: item for item in services.count_so_far(proposal).outcome.conditions}
    assert conditions["majority"].holds


def test_replay_the_same_ballot_twice_is_one_ballot_with_one_receipt(propose, voters):
    proposal = propose()
    now = opened(proposal)
    request = request_from(services.offer_ballot(proposal, voters["Alice"].address, FOR, "", now), voters["Alice"])
    first, created = services.cast_ballot(request, now)
    again, created_again = services.cast_ballot(request, proposal.closes_at + SECOND)
    assert (created, created_again) == (True, False)
    assert first.record_id == again.record_id


def test_one_nonce_is_not_two_ballots_and_an_older_ballot_does_not_come_back(propose, voters):
    proposal, alice = propose(), voters["Alice"]
    now = opened(proposal)
    older = request_from(services.offer_ballot(proposal, alice.address, AGAINST, "", now), alice)
    newer_offer = services.offer_ballot(proposal, alice.address, FOR, "", now)
    conflicting = request_from(newer_offer, alice)
    services.cast_ballot(older, now)
    with pytest.raises(Conflict) as refusal:
        services.cast_ballot(conflicting, now)
    assert refusal.value.code == "nonce_conflict"

    from governance import eip712

    fields = {
        "chain_id": proposal.community.chain_id,
        "token": proposal.community.token,
        "instance": proposal.community.instance,
        "community": proposal.community.slug,
        "proposal": proposal.public_id,
        "voter": alice.address,
        "choice": FOR,
        "reason": "",
    }
    high = eip712.ballot_message(**fields, nonce=9)
    services.cast_ballot(services.BallotRequest(proposal.public_id, alice.address, FOR, "", 9, alice.sign(high)), now)
    low = eip712.ballot_message(**fields, nonce=5)
    with pytest.raises(Conflict) as superseded:
        services.cast_ballot(
            services.BallotRequest(proposal.public_id, alice.address, FOR, "", 5, alice.sign(low)), now
        )
    assert superseded.value.code == "ballot_superseded"


def test_ballots_outside_the_voting_window_are_refused(propose, voters):
    proposal = propose()
    with pytest.raises(lifecycle.NotAllowed):
        vote(proposal, voters["Alice"], FOR, proposal.opens_at - SECOND)
    vote(proposal, voters["Alice"], FOR, proposal.closes_at - SECOND)
    with pytest.raises(lifecycle.NotAllowed):
        vote(proposal, voters["Bob"], FOR, proposal.closes_at)


def test_a_tie_and_a_missed_quorum_defeat_a_proposal_and_say_why(propose, voters):
    proposal = propose()
    vote(proposal, voters["Daouda"], ABSTAIN)
    closed = services.close_voting(proposal.pk, proposal.closes_at)
    assert closed.passed is False
    assert closed.state(proposal.closes_at) == State.DEFEATED
    conditions = {item["condition"]: item["holds"] for item in closed.decision_record.body["conditions"]}
    assert conditions == {"quorum": False, "majority": False}
    with pytest.raises(lifecycle.NotAllowed):
        services.queue(proposal.pk, proposal.closes_at)


def test_the_tally_commits_to_every_counting_ballot(propose, voters):
    proposal = propose()
    for name in ("Alice", "Bob", "Chloé", "Daouda"):
        vote(proposal, voters[name], FOR)
    closed = services.close_voting(proposal.pk, proposal.closes_at)
    leaves = [ballot.record.canonical.encode() for ballot in proposal.ballots.counting().select_related("record")]
    body = closed.tally_record.body
    assert body["ballots_root"] == merkle.root(leaves)
    for index, leaf in enumerate(leaves):
        proof = merkle.inclusion_proof(leaves, index)
        assert merkle.verify_inclusion(leaf, index, body["ballot_count"], proof, body["ballots_root"])


def test_the_chain_of_records_leads_from_the_execution_back_to_the_community(propose, voters):
    proposal = propose()
    for name in ("Alice", "Bob"):
        vote(proposal, voters[name], FOR)
    executed = decided(proposal)
    decision = parents_of(executed.execution_record)["decision"]
    vote_of = parents_of(decision)
    assert vote_of.keys() == {"proposal", "tally"}
    assert parents_of(vote_of["tally"]) == {"proposal": executed.record, "census": executed.census_record}
    assert parents_of(executed.record) == {
        "community": executed.community.record,
        "charter": executed.community.charter,
    }
    assert parents_of(executed.community.record) == {"charter": executed.community.charter}
    assert executed.execution_record.body["executed_at"] - decision.body["queued_at"] >= TIMELOCK.total_seconds()


def test_bait_and_switch_a_payload_that_changed_after_the_vote_is_not_executed(propose, voters):
    proposal = propose()
    for name in ("Alice", "Bob"):
        vote(proposal, voters[name], FOR)
    Proposal.objects.filter(pk=proposal.pk).update(payload={"statement": "Something else."})
    with pytest.raises(Conflict) as refusal:
        decided(proposal)
    assert refusal.value.code == "blocked_payload_changed"
    assert Proposal.objects.get(pk=proposal.pk).executed_at is None


def test_an_author_below_the_threshold_may_not_submit(propose, node, token):
    from config.demo import chain

    poor = chain.rpc(node.rpc_url, "eth_accounts")[-1]
    from governance.eip712 import checksum_address
    from governance.models import Community

    community = Community.objects.get()
    draft = services.Draft("text_signal", "Mine", "", {"statement": "Mine."}, {})
    proposal = services.create_draft(community, checksum_address(poor), draft, NOON)
    with pytest.raises(Forbidden) as refusal:
        services.submit(proposal.pk, checksum_address(poor), NOON)
    assert refusal.value.code == "below_threshold"


def test_a_fourth_open_proposal_of_one_author_is_refused(propose):
    for _ in range(3):
        propose()
    with pytest.raises(Conflict) as refusal:
        propose()
    assert refusal.value.code == "too_many_open"


def test_an_author_keeps_a_bounded_number_of_drafts(community, voters):
    draft = services.Draft("text_signal", "Mine", "", {"statement": "Mine."}, {})
    for _ in range(20):
        services.create_draft(community, voters["Emma"].address, draft, NOON)
    with pytest.raises(Conflict) as refusal:
        services.create_draft(community, voters["Emma"].address, draft, NOON)
    assert refusal.value.code == "too_many_drafts"


@pytest.mark.parametrize(
    ("timing", "code"),
    [
        ({"voting_period_seconds": 60}, "period_too_short"),
        ({"voting_period_seconds": 10**12}, "period_too_long"),
        ({"opens_at": 1}, "start_out_of_range"),
        ({"opens_at": 10**17}, "start_out_of_range"),
    ],
)
def test_a_voting_window_outside_the_rules_is_refused(propose, timing, code):
    with pytest.raises(Refusal) as refusal:
        propose(**timing)
    assert refusal.value.code == code


def test_only_the_author_cancels_in_any_state_before_the_last_one(propose, voters):
    proposal = propose()
    with pytest.raises(Forbidden):
        services.cancel(proposal.pk, voters["Bob"].address, "No.", NOON)
    vote(proposal, voters["Alice"], FOR)
    canceled = services.cancel(proposal.pk, voters["Alice"].address, "There is a mistake in it.", opened(proposal))
    assert canceled.state(NOON) == State.CANCELED
    for again in (services.cancel, services.veto):
        with pytest.raises((lifecycle.NotAllowed, Conflict)):
            again(proposal.pk, voters["Alice"].address, "No.", NOON)
    with pytest.raises(lifecycle.NotAllowed):
        vote(proposal, voters["Alice"], FOR)
    ready = propose(payload={"statement": "Something else."})
    for name in ("Alice", "Bob"):
        vote(ready, voters[name], FOR)
    services.close_voting(ready.pk, ready.closes_at)
    eta = services.queue(ready.pk, ready.closes_at).eta
    services.cancel(ready.pk, voters["Alice"].address, "We have found something better.", eta)
    with pytest.raises(lifecycle.NotAllowed):
        services.execute(ready.pk, eta)


def test_a_proposal_nobody_executes_in_time_expires(propose, voters):
    proposal = propose()
    for name in ("Alice", "Bob"):
        vote(proposal, voters[name], FOR)
    services.close_voting(proposal.pk, proposal.closes_at)
    queued = services.queue(proposal.pk, proposal.closes_at)
    assert queued.state(queued.expires_at) == State.EXPIRED
    with pytest.raises(lifecycle.NotAllowed):
        services.execute(proposal.pk, queued.expires_at)


def test_records_are_never_updated_or_deleted(propose):
    record = propose().record
    with pytest.raises(IntegrityError), transaction.atomic():
        Record.objects.filter(pk=record.pk).update(canonical="{}")
    with pytest.raises(IntegrityError), transaction.atomic():
        Record.objects.filter(pk=record.pk)._raw_delete("default")


def test_one_voter_cannot_have_two_counting_ballots_even_by_hand(propose, voters):
    proposal = propose()
    ballot = vote(proposal, voters["Alice"], FOR)
    with pytest.raises(IntegrityError, match=r"one_counting_ballot_per_voter|voter_key"), transaction.atomic():
        Ballot.objects.create(
            proposal=proposal,
            position=ballot.position + 1,
            voter=ballot.voter,
            voter_key=ballot.voter_key,
            choice=FOR,
            nonce=99,
            power=1,
            signature=ballot.signature,
            record=proposal.record,
            cast_at=NOON,
        )


def test_every_state_query_finds_what_the_lifecycle_computes(propose):
    """The SQL twin of lifecycle.state, over every combination of facts around now that the constraints allow.

    One row for each combination of the facts that the constraints do not tie to others, in one database statement.
    """
    proposal = propose()
    around = (None, NOON - SECOND, NOON, NOON + SECOND)
    windows = [
        (NOON + step * SECOND, NOON + (step + length) * SECOND)
        for step, length in ((-2, 1), (-2, 2), (-2, 3), (-1, 1), (-1, 2), (0, 1), (1, 1))
    ]
    rows = []
    for submitted, census, window, passed, eta, expires, paused, executed, canceled, vetoed in product(
        (None, NOON),
        (None, NOON),
        windows,
        (None, True, False),
        around,
        around,
        (None, NOON, NOON + SECOND),
        (None, NOON),
        (None, NOON),
        (None, NOON),
    ):
        if executed and (canceled or vetoed or passed is not True or eta is None or eta > executed):
            continue  # the constraints forbid it, which another test shows
        facts = {"submitted_at": submitted, "census_at": census, "passed": passed, "eta": eta, "expires_at": expires}
        facts |= {"paused_until": paused, "executed_at": executed, "canceled_at": canceled, "vetoed_at": vetoed}
        rows.append({**facts, "opens_at": window[0], "closes_at": window[1]})
    frozen = {"rules": proposal.rules, "snapshot_block": 1, "total_supply": 1, "community": proposal.community}
    shared = {**frozen, "author": proposal.author, "kind": proposal.kind, "title": "Any"}
    records = [
        Record(digest=f"{number:064x}", kind="proposal", subject="", canonical="") for number in range(len(rows))
    ]
    Record.objects.bulk_create(records)
    made = [
        Proposal(number=100 + number, record=record, **shared, **facts)
        for number, (record, facts) in enumerate(zip(records, rows, strict=True))
    ]
    Proposal.objects.bulk_create(made)
    found = {
        state: set(Proposal.objects.in_state(state, NOON).filter(number__gte=100).values_list("number", flat=True))
        for state in State
    }
    assert sum(map(len, found.values())) == len(made) > 10_000
    for row in made:
        assert row.number in found[row.state(NOON)], row.facts


@pytest.mark.parametrize(
    "facts",
    [
        {"executed_at": NOON, "passed": True, "eta": NOON, "canceled_at": NOON},
        {"executed_at": NOON, "passed": True, "eta": NOON, "vetoed_at": NOON},
        {"executed_at": NOON, "passed": False, "eta": NOON},
        {"executed_at": NOON, "passed": True, "eta": NOON + SECOND},
        {"opens_at": NOON, "closes_at": NOON},
        {"total_supply": None},
    ],
    ids=", ".join,
)
def test_facts_that_contradict_each_other_are_refused_by_the_database(propose, facts):
    proposal = propose()
    with pytest.raises(IntegrityError), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(**facts)


def test_a_ballot_that_waited_while_the_votes_were_counted_is_refused(propose, voters, monkeypatch):
    """It came in time, but a ballot that is accepted after the count would be in no tally."""
    proposal, alice = propose(), voters["Alice"]
    now = proposal.closes_at - SECOND
    request = request_from(services.offer_ballot(proposal, alice.address, FOR, "", now), alice)
    check = ballots._checked

    def slow(*asked):
        services.close_voting(proposal.pk, proposal.closes_at)
        return check(*asked)

    monkeypatch.setattr(ballots, "_checked", slow)
    with pytest.raises(lifecycle.NotAllowed):
        services.cast_ballot(request, now)
    assert Ballot.objects.count() == 0
    with pytest.raises(lifecycle.NotAllowed):
        services.offer_ballot(Proposal.objects.get(), alice.address, FOR, "", now)


def test_no_chain_is_in_the_path_of_a_vote(propose, voters, settings):
    proposal = propose()
    settings.CHAIN_RPC = "http://127.0.0.1:9"
    assert vote(proposal, voters["Alice"], FOR).power > 0


def test_a_refusal_at_the_execution_changes_nothing_is_visible_and_ends_when_the_proposal_expires(
    propose, voters, monkeypatch, client
):
    """The kind refuses every time: the proposal stays ready, says why once, and expires."""
    proposal = propose()
    for name in ("Alice", "Bob"):
        vote(proposal, voters[name], FOR)
    services.close_voting(proposal.pk, proposal.closes_at)
    eta = services.queue(proposal.pk, proposal.closes_at).eta
    records = Record.objects.count()

    def refuse(*_):
        raise Conflict("already_included", "this dataset is included already")

    monkeypatch.setattr("governance.proposal_kinds.TextSignal.execute", refuse)
    monkeypatch.setattr(sweeper, "clock", lambda: eta)
    for _ in range(3):
        assert sweeper.sweep() == 0
    proposal.refresh_from_db()
    assert proposal.state(eta) == State.READY
    assert proposal.execution_record is None
    assert Record.objects.count() == records
    events = client.get(f"/api/v1/proposals/{proposal.public_id}/events").json()["results"]
    refused = [event for event in events if event["kind"] == "step_refused"]
    assert [event["data"]["code"] for event in refused] == ["already_included"]
    assert proposal.state(proposal.expires_at) == State.EXPIRED
    monkeypatch.setattr(sweeper, "clock", lambda: proposal.expires_at)
    sweeper.sweep()
    with pytest.raises(lifecycle.NotAllowed):
        services.execute(proposal.pk, proposal.expires_at)


@pytest.mark.parametrize(
    "error",
    [
        PowerError("snapshot_changed", "another list"),
        CanonicalError("malformed_json", "a float"),
        UnknownMethod("quadratic"),
        FileNotFoundError("gone"),
        Proposal.DoesNotExist(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_one_proposal_that_cannot_go_on_does_not_hold_up_the_others(propose, voters, monkeypatch, error):
    stuck, sound = propose(), propose(author="Bob")
    for proposal in (stuck, sound):
        for name in ("Alice", "Bob"):
            vote(proposal, voters[name], FOR)
        services.close_voting(proposal.pk, proposal.closes_at)
        services.queue(proposal.pk, proposal.closes_at)

    def execute(_kind, proposal, *_):
        if proposal.pk == stuck.pk:
            raise error

    monkeypatch.setattr("governance.proposal_kinds.TextSignal.execute", execute)
    monkeypatch.setattr(sweeper, "clock", lambda: sound.closes_at + TIMELOCK)
    assert sweeper.sweep() == 1
    assert Proposal.objects.get(pk=sound.pk).executed_at is not None
    assert Proposal.objects.get(pk=stuck.pk).executed_at is None


def test_an_account_that_was_switched_off_cannot_sign_in(client, community, voters):
    invitation = client.post("/api/v1/auth/nonce", {"address": voters["Alice"].address}, "application/json").json()
    Account.objects.create(address=voters["Alice"].address, is_active=False)
    body = {"message": invitation["message"], "signature": voters["Alice"].sign_text(invitation["message"])}
    answer = client.post("/api/v1/auth/verify", body, "application/json")
    assert (answer.status_code, answer.json()["code"]) == (401, "account_disabled")


def test_a_wallets_account_has_no_password(client, community, voters):
    sign_in(client, voters["Alice"])
    assert not Account.objects.get().has_usable_password()


def test_what_happened_stands_in_the_audit_log(propose, voters):
    proposal = propose()
    vote(proposal, voters["Alice"], FOR)
    kinds = list(Event.objects.filter(proposal=proposal).order_by("pk").values_list("kind", flat=True))
    assert kinds == ["draft_created", "proposal_submitted", "census_taken", "ballot_cast"]
