"""Governing by contract: from a draft to what was decided, with every step a transaction of a member's own wallet."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth import get_user_model

from config.demo import chain as demo
from governance import audit_bundle, services
from governance.chain import ChainError
from governance.errors import Conflict
from governance.fsck import check_one as fsck
from governance.lifecycle import State
from governance.models import Community, ContractEvent
from governance.onchain import offering
from governance.power import PowerError
from governance.power.governor_votes import GovernorVotes
from governance.recount.chain import asked_of_chain
from governance.recount.check import recount
from tests.integration import governed
from tests.integration.governed import OnBothSides, moment
from tests.vectors.governor_chain import compile_contracts

AGAINST, FOR, ABSTAIN = 0, 1, 2


@contextmanager
def clock_at(chain: governed.Chain) -> Iterator[None]:
    """Let the site's clock show what the chain's does."""
    with (
        patch("governance.clock.now", lambda: moment(chain.now)),
        patch("frontend.views.proposals.now", lambda: moment(chain.now)),
    ):
        yield


@pytest.fixture(scope="module")
def deployed() -> Iterator[governed.Chain]:
    compile_contracts()
    with demo.start() as node:
        yield governed.deploy(node.rpc_url)


@pytest.fixture
def chain(deployed: governed.Chain) -> Iterator[governed.Chain]:
    """The chain; what a test does there is taken back."""
    before = demo.rpc(deployed.rpc_url, "evm_snapshot")
    yield deployed
    assert demo.rpc(deployed.rpc_url, "evm_revert", [before])


@pytest.fixture
def community(db: None, chain: governed.Chain, settings: Any) -> Community:
    return governed.found(chain, settings)


def test_a_draft_is_proposed_voted_on_queued_and_executed_by_transactions(
    chain: governed.Chain, community: Community
) -> None:
    both = governed.propose(chain, community)
    here = both.here
    assert here.state(moment(chain.now)) == State.PENDING
    chain.wait_until(int(here.opens_at.timestamp()))
    both.vote("Alice", FOR)
    both.vote("Bob", AGAINST, "Too dear — «non».")
    both.vote("Chloé", ABSTAIN)
    both.follow()
    assert [(b.voter, b.choice, int(b.power), b.reason) for b in both.here.ballots.order_by("pk")] == [
        (chain.accounts["Alice"], FOR, 400 * demo.UNIT, ""),
        (chain.accounts["Bob"], AGAINST, 300 * demo.UNIT, "Too dear — «non»."),
        (chain.accounts["Chloé"], ABSTAIN, 200 * demo.UNIT, ""),
    ]
    chain.wait_until(int(both.here.closes_at.timestamp()))
    both.follow()
    assert both.here.passed is True
    assert both.here.state(moment(chain.now)) == State.SUCCEEDED
    chain.send("Daouda", offering.queue(both.here, moment(chain.now)))
    both.follow()
    chain.wait_until(int(both.here.eta.timestamp()))
    assert both.here.state(moment(chain.now)) == State.READY
    chain.send("Bob", offering.execute(both.here, moment(chain.now)))
    both.follow()
    assert both.here.state(moment(chain.now)) == State.EXECUTED
    assert chain.anchor.read("approvedAt", bytes.fromhex(both.approval.digest[2:])) == both.here.executed_at.timestamp()
    assert both.follow() == 0
    assert not ContractEvent.objects.filter(taken=False).exists()


def test_what_was_decided_recounts_offline_and_its_votes_are_found_on_the_chain(
    chain: governed.Chain, community: Community
) -> None:
    both = governed.carried_out(chain, community)
    bundle = b"".join(audit_bundle.lines(both.here))
    report = recount(io.BufferedReader(io.BytesIO(bundle)))
    assert report.ok, report.bad
    assert report.passed is True
    assert any("only its chain can say so (--rpc)" in sentence for sentence in report.not_checked)
    asked, answered = asked_of_chain(report, chain.rpc_url)
    assert answered, asked.not_checked
    assert asked.ok, asked.bad
    assert any("3 votes found on the chain" in sentence for sentence in asked.checked)
    assert list(fsck(Community.objects.get(pk=community.pk))) == []


def test_a_ballot_that_the_governor_never_took_is_found_out_by_the_chain(
    chain: governed.Chain, community: Community
) -> None:
    both = governed.carried_out(chain, community)
    report = recount(io.BufferedReader(io.BytesIO(b"".join(audit_bundle.lines(both.here)))))
    assert report.contract is not None
    first, *others = report.contract.votes
    for changed in ({"choice": AGAINST}, {"power": 1}, {"cast_at": first.cast_at + 1}, {"voter": "0x" + "11" * 20}):
        votes = (replace(first, **changed), *others)
        asked, _ = asked_of_chain(replace(report, contract=replace(report.contract, votes=votes)), chain.rpc_url)
        assert asked.bad is not None, changed
        assert asked.bad.code == "vote_not_on_chain"
    asked, _ = asked_of_chain(replace(report, contract=replace(report.contract, votes=tuple(others))), chain.rpc_url)
    assert asked.bad is not None
    assert "the Governor counts" in asked.bad.found


def test_the_same_draft_from_anybody_else_is_refused_by_the_governor(
    chain: governed.Chain, community: Community
) -> None:
    written = governed.draft(community, chain.accounts["Alice"])
    transaction, _ = offering.propose(written.pk, written.author, moment(chain.now))
    with pytest.raises(demo.DemoChainError):
        chain.send("Bob", transaction)


def test_a_vote_that_was_signed_is_sent_by_somebody_else(chain: governed.Chain, community: Community) -> None:
    both = governed.propose(chain, community)
    chain.wait_until(int(both.here.opens_at.timestamp()))
    bob, at = chain.accounts["Bob"], moment(chain.now)
    message = offering.vote_message(both.here, bob, FOR, "By post", at)
    signature = demo.sign_typed_data(chain.rpc_url, bob, message)
    chain.send("Chloé", offering.vote_by_signature(both.here, bob, FOR, "By post", signature, at))
    both.follow()
    (ballot,) = both.here.ballots.all()
    assert (ballot.voter, ballot.choice, ballot.reason) == (bob, FOR, "By post")


def test_a_late_quorum_moves_the_end_here_as_there(chain: governed.Chain, community: Community) -> None:
    both = governed.propose(chain, community)
    announced = int(both.here.closes_at.timestamp())
    chain.wait_until(announced - 5)
    both.vote("Alice", FOR)
    both.follow()
    assert both.here.closes_at.timestamp() - 1 == chain.governor.read("proposalDeadline", both.approval.id)
    assert both.here.closes_at.timestamp() > announced
    assert both.here.extended_by == both.here.ballots.get().record_id
    chain.wait_until(int(both.here.closes_at.timestamp()))
    both.follow()
    assert both.here.passed is True
    assert list(fsck(Community.objects.get(pk=community.pk))) == []


def test_what_the_guardian_cancels_is_canceled_here(chain: governed.Chain, community: Community) -> None:
    both = governed.propose(chain, community)
    chain.send("Daouda", offering.cancel(both.here, moment(chain.now)))
    both.follow()
    assert both.here.state(moment(chain.now)) == State.CANCELED


def test_a_draft_that_changed_after_it_was_proposed_is_decided_as_it_was_proposed(
    chain: governed.Chain, community: Community
) -> None:
    written = governed.draft(community, chain.accounts["Alice"], "Open the sluice")
    transaction, _ = offering.propose(written.pk, written.author, moment(chain.now))
    changed = services.Draft("text_signal", "Close it", "", {"statement": "Close the sluice"}, {}, "")
    services.edit_draft(written.pk, written.author, changed, moment(chain.now))
    chain.send("Alice", transaction)
    both = OnBothSides(chain, community, written.pk)
    both.follow()
    assert both.here.title == "Open the sluice"
    assert both.here.record.body["payload"] == {"statement": "Open the sluice"}


def test_what_only_a_transaction_can_do_is_refused_here(chain: governed.Chain, community: Community) -> None:
    both = governed.propose(chain, community)
    written = governed.draft(community, chain.accounts["Bob"])
    at = moment(chain.now)
    for attempt in (
        lambda: services.submit(written.pk, written.author, at),
        lambda: services.cancel(both.pk, both.here.author, "no more", at),
        lambda: services.veto(both.pk, both.here.author, "no more", at),
    ):
        with pytest.raises(Conflict, match="governed_by_contract"):
            attempt()


def test_pages_promise_what_the_contract_does_and_not_what_signatures_could(
    chain: governed.Chain, community: Community, client: Any
) -> None:
    client.force_login(get_user_model().objects.create_user(chain.accounts["Alice"]))
    written = governed.draft(community, chain.accounts["Alice"])
    rules = client.get(f"/c/{community.slug}/rules/").content.decode()
    assert "The token itself lends votes" in rules
    assert "A council of this site has no say" in rules
    assert "for at most" not in rules, "no guardian of this site can pause anything"
    assert "ten years" in rules
    draft = client.get(f"/c/{community.slug}/drafts/{written.pk}/").content.decode()
    assert "Propose by transaction" in draft
    assert "Seek sponsors" not in draft, "the Governor asks for the author's own power"


def test_what_is_ready_is_carried_out_by_the_governor_alone(chain: governed.Chain, community: Community) -> None:
    both = governed.propose(chain, community)
    chain.wait_until(int(both.here.opens_at.timestamp()))
    both.vote("Alice", FOR)
    chain.wait_until(int(both.here.closes_at.timestamp()))
    both.follow()
    chain.send("Daouda", offering.queue(both.here, moment(chain.now)))
    both.follow()
    chain.wait_until(int(both.here.eta.timestamp()))
    assert both.here.state(moment(chain.now)) == State.READY
    with pytest.raises(Conflict, match="governed_by_contract"):
        services.execute(both.pk, moment(chain.now))
    assert both.here.executed_at is None


def test_a_charter_that_promises_other_rules_than_the_governor_keeps_is_refused(
    chain: governed.Chain, db: None, settings: Any
) -> None:
    community = governed.found(chain, settings, timelock_seconds=5)
    written = governed.draft(community, chain.accounts["Alice"])
    with pytest.raises(Conflict, match="governor_rules_differ") as refused:
        offering.propose(written.pk, written.author, moment(chain.now))
    assert refused.value.field == "timelock_seconds"


def test_a_token_that_counts_blocks_is_refused_with_the_reason(chain: governed.Chain) -> None:
    token = demo.prepare(chain.rpc_url)
    pair = {"governor": chain.governor.address, "anchor": chain.anchor.address, "token": token.address}
    with pytest.raises(PowerError, match="governor_token_differs"):
        GovernorVotes(governed.reader(chain)).snapshot(pair)
    wrong = {**pair, "token": chain.token.address, "anchor": token.address}
    with pytest.raises(ChainError):
        GovernorVotes(governed.reader(chain)).snapshot(wrong)


def test_the_api_offers_transactions_and_nothing_that_is_not_due(
    chain: governed.Chain, community: Community, client: Any
) -> None:
    both = governed.propose(chain, community)
    place = f"/api/v1/proposals/{both.here.public_id}"
    chain.wait_until(int(both.here.opens_at.timestamp()))
    for body, status, code in (
        ({"action": "vote"}, 422, "missing_field"),
        ({"action": "vote", "choice": 7}, 422, "choice_invalid"),
        ({"action": "dance"}, 422, "unknown_action"),
        ({"action": "execute"}, 409, "not_allowed_now"),
        ({"action": "vote_by_signature", "choice": 1, "voter": "0x1", "signature": "0x"}, 400, "malformed_field"),
    ):
        with clock_at(chain):
            answer = client.post(f"{place}/transactions", body, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.json()
    with clock_at(chain):
        answer = client.post(f"{place}/transactions", {"action": "vote", "choice": 1}, content_type="application/json")
        assert answer.json()["transaction"]["to"] == chain.governor.address
        stand = client.get(f"{place}/contract").json()
        assert (stand["steps"], stand["number"]) == (["vote"], str(both.approval.id))
        page = client.get(f"/c/{community.slug}/proposals/{both.here.number}/").content.decode()
    assert "data-contract-vote" in page
    assert 'id="vote-panel"' not in page
