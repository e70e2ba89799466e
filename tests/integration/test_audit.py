"""What the site hands out about real votes: a stranger's tools accept it as it is, and nothing that was altered."""

import io
import json
from datetime import timedelta

import pytest

from config.sweeper import keep_up
from governance import audit_bundle, log, selectors, services
from governance.receipts import Status, verify_receipt
from governance.recount import TrustRoots, recount
from tests.integration.conftest import ABSTAIN, AGAINST, FOR, NOON, TIMELOCK, opened, vote

POLL = {"question": "What next?", "choices": ["Wells", "Gauges", "Soil", "Pests"]}


def bundle(proposal):
    proposal.refresh_from_db()
    return b"".join(audit_bundle.lines(proposal))


def recounted(data, **trust):
    return recount(io.BufferedReader(io.BytesIO(data)), TrustRoots(**trust) if trust else None)


def lend(community, delegator, delegate, topic, now=NOON, share_bps=10_000):
    offer = services.offer_delegation(community, delegator.address, delegate.address, topic, share_bps, 0, now)
    request = services.DelegationRequest(
        delegator.address, delegate.address, topic, share_bps, 0, offer.nonce, delegator.sign(offer.typed_data)
    )
    return services.delegate(community, request, now)[0]


@pytest.fixture
def ranked(community, propose, voters):
    """A poll by ranking in which Daouda's votes are lent to Bob, and Alice changes her mind."""
    lend(community, voters["Daouda"], voters["Bob"], "poll")
    proposal = propose("poll", POLL, method="ranked-choice")
    vote(proposal, voters["Alice"], [4, 3, 2, 1])
    vote(proposal, voters["Alice"], [3, 2, 1, 4], reason="I have read it again.")
    vote(proposal, voters["Bob"], [1, 2, 3, 4])
    vote(proposal, voters["Chloé"], [2, 1, 3, 4])
    return proposal


def closed(proposal):
    services.close_voting(proposal.pk, proposal.closes_at)
    services.queue(proposal.pk, proposal.closes_at)
    proposal.refresh_from_db()
    return proposal


def test_a_ranked_and_delegated_vote_recounts_from_its_bundle(ranked, community):
    proposal = closed(ranked)
    assert proposal.tally_record.body["winners"] == ["Wells"], "Bob carries Daouda's votes, and Chloé's go to wells"
    report = recounted(bundle(proposal), community_key=community.release_key, community=community.record_id)
    assert report.ok, report.bad
    assert (report.ballots, report.voters) == (4, 3)


def test_the_bundle_of_an_open_vote_holds_and_says_that_nothing_is_counted_yet(ranked):
    report = recounted(bundle(ranked))
    assert report.ok, report.bad
    assert not report.closed


def test_every_line_of_a_bundle_that_is_dropped_is_noticed(ranked):
    """But for a replaced ballot, which is in no tally, and the decision, which comes after the tally: both are logged."""
    lines = bundle(closed(ranked)).splitlines(keepends=True)
    replaced = ranked.ballots.get(superseded_at__isnull=False).record.canonical.encode() + b"\n"
    decision = ranked.decision_record.canonical.encode() + b"\n"
    for number in range(len(lines)):
        if lines[number] in {replaced, decision}:
            continue
        without = b"".join(lines[:number] + lines[number + 1 :])
        assert not recounted(without).ok, lines[number]


def test_a_vote_of_each_method_recounts(propose, voters):
    choices = {
        "single-choice": ([1, 2, 1], "poll"),
        "approval": ([[1, 2], [], [4]], "poll"),
        "weighted": ([{"1": 60, "2": 40}, {"3": 1}, {"2": 7, "4": 3}], "poll"),
        "quadratic": ([{"1": 1, "2": 1}, {"3": 1}, {"2": 1}], "poll"),
        "copeland": ([[1, 2, 3, 4], [4, 3, 2, 1], [2, 1, 3, 4]], "poll"),
        "stv": ([[1], [2, 1], [3, 4]], "poll"),
        "basic": ([1, 2, 3], "text_signal"),
        "governor": ([FOR, AGAINST, ABSTAIN], "text_signal"),
        "fractional": ([{"1": str(10**18)}, FOR, {"0": "1", "1": "2"}], "text_signal"),
    }
    for hour, (method, (cast, kind)) in enumerate(choices.items()):
        payload = {**POLL, "question": method} if kind == "poll" else {"statement": method}
        proposal = propose(
            kind, payload, now=NOON + timedelta(hours=hour), method=method, seats=2 if method == "stv" else 1
        )
        for name, choice in zip(("Alice", "Bob", "Chloé"), cast, strict=True):
            vote(proposal, voters[name], choice)
        services.close_voting(proposal.pk, proposal.closes_at)
        report = recounted(bundle(proposal))
        assert report.ok, (method, report.bad)


def test_a_receipt_goes_from_seen_to_counted_and_an_older_one_is_replaced(ranked, community, voters):
    older, newer = ranked.ballots.filter(voter=voters["Alice"].address).order_by("nonce")

    def status(ballot):
        document = json.loads(json.dumps(selectors.receipt_document(selectors.receipt(ballot.record_id))))
        report = verify_receipt(document, community.release_key)
        assert report.status is not Status.INVALID, report.findings
        return report.status

    keep_up()
    assert status(newer) is Status.SEEN
    assert status(older) is Status.REPLACED
    closed(ranked)
    keep_up()
    assert status(newer) is Status.COUNTED
    assert status(older) is Status.REPLACED


def test_a_receipt_for_another_community_key_is_worth_nothing(ranked, voters):
    keep_up()
    ballot = ranked.ballots.filter(voter=voters["Bob"].address).get()
    document = selectors.receipt_document(selectors.receipt(ballot.record_id))
    assert verify_receipt(document, "11" * 32).status is Status.INVALID


def test_the_log_only_grows_and_every_checkpoint_is_consistent_with_the_next(ranked, community):
    from governance.evidence import checkpoint, merkle

    keep_up()
    closed(ranked)
    services.execute(ranked.pk, ranked.closes_at + TIMELOCK)
    keep_up()
    community.refresh_from_db()
    first, last = sorted(community.checkpoints.all(), key=lambda each: each.size)
    opened_notes = [
        checkpoint.open_note(each.note, log.origin_of(community), community.release_key) for each in (first, last)
    ]
    old, new = opened_notes
    proof = selectors.consistency(community, old.size, new.size)
    assert merkle.verify_consistency(old.size, new.size, proof, old.root, new.root)
    leaves = [leaf.encode() for leaf in selectors.log_entries(community, 0, 1_000)]
    assert merkle.root(leaves) == new.root


def test_the_bundle_is_streamed_over_http_and_is_the_same_bytes(client, ranked, at):
    at(opened(ranked))
    answer = client.get(f"/api/v1/proposals/{ranked.public_id}/bundle")
    assert answer.streaming
    assert b"".join(answer.streaming_content) == bundle(ranked)
