"""Governing by contract while things change: supply, the Governor's numbers, its timelock; what each state allows; a run."""

import io
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from config.demo import chain as demo
from config.demo import corpus
from governance import audit_bundle, services
from governance.chain import governor
from governance.eip712 import checksum_address
from governance.eip712.keccak import keccak
from governance.errors import Conflict, Refusal
from governance.fsck import check_one as fsck
from governance.fsck.contracts import check_contracts
from governance.lifecycle import NotAllowed, State
from governance.models import Community, Contract, ContractEvent, Event
from governance.onchain import offering, promised
from governance.power import PowerError
from governance.power.governor_votes import GovernorVotes
from governance.recount.chain import asked_of_chain
from governance.recount.check import recount
from governance.recount.report import Report
from models_registry import services as registry
from models_registry.chain_check import check_powers
from models_registry.models import Dataset, EthicsRule
from models_registry.provenance.report import POWER_CHECK, Status
from models_registry.provenance.verify import TrustRoots, check
from tests.integration import governed
from tests.integration.conftest import RULE, register
from tests.integration.exports import there_and_back
from tests.integration.governed import NUMBERS, OnBothSides, moment
from tests.vectors.contract_histories import decide
from tests.vectors.governor_chain import accounts_of, compile_contracts
from training_jobs import worker
from training_jobs.models import Run

AGAINST, FOR, ABSTAIN = 0, 1, 2
# The chain is younger than the wall clock by so much, so that what it decides can be carried out by machines that know
# the time.
BEHIND_SECONDS = 7_200
NEW_TIMELOCK = "0x" + "77" * 20


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[governed.Chain]:
    compile_contracts()
    younger = tmp_path_factory.mktemp("chain") / "anvil"
    begins = int(time.time()) - BEHIND_SECONDS
    younger.write_text(f'#!/bin/sh\nexec "{demo.anvil_binary()}" --timestamp {begins} "$@"\n')
    younger.chmod(0o755)
    with demo.start(anvil=younger) as node:
        yield governed.deploy(node.rpc_url, token_contract="MintingToken")


@pytest.fixture
def chain(deployed: governed.Chain) -> Iterator[governed.Chain]:
    """The chain; what a test does there is taken back."""
    before = demo.rpc(deployed.rpc_url, "evm_snapshot")
    yield deployed
    assert demo.rpc(deployed.rpc_url, "evm_revert", [before])


@pytest.fixture
def community(db: None, chain: governed.Chain, settings: Any) -> Community:
    return governed.found(chain, settings)


def changes(chain: governed.Chain, *calls: tuple[str, str, int]) -> list[dict[str, str]]:
    """Let the community decide these calls (function, type, value); return the transactions that carry them out."""
    timelock = chain.governor.read("timelock")
    made = []
    for name, type_, value in calls:
        target = timelock if name == "updateDelay" else chain.governor.address
        made.append((target, governor.call(name, (type_,), (value,))))
    voters = [chain.accounts["Alice"], chain.accounts["Bob"]]
    return [chain.governor.transaction("execute", *one) for one in decide(chain.governor, voters, NUMBERS, made)]


def recounted(chain: governed.Chain, both: OnBothSides) -> Report:
    """Recount offline, then ask the chain; and hold the database against the log."""
    report = recount(io.BufferedReader(io.BytesIO(b"".join(audit_bundle.lines(both.here)))))
    assert report.ok, report.bad
    asked, answered = asked_of_chain(report, chain.rpc_url)
    assert answered, asked.not_checked
    assert asked.ok, asked.bad
    assert list(fsck(Community.objects.get(pk=both.community.pk))) == []
    return report


def test_a_supply_that_grew_before_voting_began_counts_here_as_it_counts_there(
    chain: governed.Chain, community: Community
) -> None:
    both = governed.propose(chain, community)
    chain.token.send(chain.accounts["Daouda"], "mint", chain.accounts["Daouda"], 3_000 * demo.UNIT)
    chain.wait_until(int(both.here.opens_at.timestamp()))
    both.vote("Alice", FOR)  # 400 of 4,000: the quorum of 20 % took 200 when the proposal was made
    chain.wait_until(int(both.here.closes_at.timestamp()))
    both.follow()
    assert both.here.passed is False
    assert governor.STATES[both.state_there()] == "defeated"
    assert both.here.census_record.body["governor"] == {"total_supply": str(4_000 * demo.UNIT), "quorum_bps": 2_000}
    assert both.here.census_record.body["total"] == str(4_000 * demo.UNIT)
    report = recounted(chain, both)
    # A supply that never was is found out by the chain.
    wrong = [replace(said, number=said.number + 1) for said in report.contract.said]
    asked, _ = asked_of_chain(replace(report, contract=replace(report.contract, said=tuple(wrong[:1]))), chain.rpc_url)
    assert "quorum(uint256)" in asked.bad.found


def test_a_proposal_keeps_the_numbers_that_the_governor_uses_for_it(
    chain: governed.Chain, community: Community, tmp_path: Path
) -> None:
    quorum, late, delay = changes(
        chain,
        ("updateQuorumNumerator", "uint256", 6_000),
        ("setLateQuorumVoteExtension", "uint48", 60),
        ("updateDelay", "uint256", 90),
    )
    both = governed.propose(chain, community)
    chain.send("Bob", quorum)
    chain.wait_until(int(both.here.opens_at.timestamp()))
    both.vote("Alice", FOR)
    chain.send("Bob", late)
    chain.wait_until(int(both.here.closes_at.timestamp()) - 5)
    both.vote("Bob", FOR)
    both.follow()
    assert both.here.closes_at.timestamp() - 1 == chain.governor.read("proposalDeadline", both.approval.id)
    assert list(fsck(Community.objects.get(pk=community.pk))) == []
    chain.wait_until(int(both.here.closes_at.timestamp()))
    both.follow()
    assert both.here.passed is True
    chain.send("Bob", delay)
    chain.send("Daouda", offering.queue(both.here, moment(chain.now)))
    both.follow()
    assert both.here.eta.timestamp() == chain.governor.read("proposalEta", both.approval.id)
    chain.wait_until(int(both.here.eta.timestamp()))
    chain.send("Bob", offering.execute(both.here, moment(chain.now)))
    both.follow()
    here = both.here
    assert here.state(moment(chain.now)) == State.EXECUTED
    assert here.census_record.body["governor"]["quorum_bps"] == 6_000
    assert here.tally_record.body["late_quorum_seconds"] == 61
    assert here.decision_record.body["timelock_seconds"] == 90
    told = Event.objects.filter(community=community, kind="contract_changed").order_by("position")
    assert [(event.data["rule"], event.data["after"]) for event in told] == [
        ("quorum_bps", "6000"),
        ("late_quorum_extension", "60"),
        ("timelock_delay", "90"),
    ]
    report = recounted(chain, both)
    assert len(report.contract.said) == 3
    changed = promised.numbers_of(Community.objects.get(pk=community.pk)).changed
    assert [(each.rule, each.promised, each.now, each.kept) for each in changed] == [
        ("late_quorum_seconds", ("21",), "61", False),
        ("quorum_bps", ("2000",), "6000", False),
        ("timelock_seconds", ("30",), "90", False),
    ]
    page = Client().get(f"/c/{community.slug}/rules/").content.decode()
    assert "The Governor does not do what the charter says" in page
    assert "20\u00a0% of all votes" in page or "20% of all votes" in page
    answer = Client().get(f"/api/v1/communities/{community.slug}/contract").json()
    assert answer["kept"] is False
    assert answer["changed"][1]["steps"][0]["after"] == "6000"
    there_and_back(community.slug, tmp_path, moment(chain.now))
    # A vote that disappears from what was read, and one that was never read, are both found.
    vote = ContractEvent.objects.filter(kind="vote").first()
    ContractEvent.objects.filter(pk=vote.pk).update(taken=False)
    Contract.objects.update(timelock=NEW_TIMELOCK, block_number=vote.block_number - 1)
    found = {(each.table, each.what) for each in check_contracts(community)}
    assert {(table, what) for table, what in found if what in {"votes", "block_number", "number"}} == {
        ("governance_contractproposal", "votes"),
        ("governance_contractevent", "block_number"),
        ("governance_contract", "number"),
    }


def test_what_a_charter_promises_and_the_governor_no_longer_keeps_is_refused_with_both_numbers(
    chain: governed.Chain, community: Community
) -> None:
    (period,) = changes(chain, ("setVotingPeriod", "uint32", 300))
    written = governed.draft(community, chain.accounts["Alice"])
    offered, _ = offering.propose(written.pk, written.author, moment(chain.now))
    chain.send("Bob", period)
    with pytest.raises(Conflict, match="governor_rules_differ") as refused:
        offering.propose(written.pk, written.author, moment(chain.now))
    assert (refused.value.field, refused.value.found, refused.value.allowed) == ("voting_period_seconds", 300, 100)
    # What was offered before can still be sent; it is not taken up.
    chain.send("Alice", offered)
    both = OnBothSides(chain, community, written.pk)
    both.follow()
    assert both.here.submitted_at is None
    said = both.here.offers.get().refused
    assert "voting_period_seconds 300, the charter says 100" in said


def test_another_timelock_is_followed_and_what_waits_in_the_former_one_is_canceled(
    chain: governed.Chain, community: Community
) -> None:
    (to_another,) = changes(chain, ("updateTimelock", "address", bytes.fromhex(NEW_TIMELOCK[2:])))  # type: ignore[arg-type]
    both = governed.propose(chain, community)
    chain.wait_until(int(both.here.opens_at.timestamp()))
    both.vote("Alice", FOR)
    chain.wait_until(int(both.here.closes_at.timestamp()))
    both.follow()
    chain.send("Daouda", offering.queue(both.here, moment(chain.now)))
    both.follow()
    # The new one is a contract that knows of nothing, as a fresh timelock does.
    demo.rpc(chain.rpc_url, "anvil_setCode", [NEW_TIMELOCK, KNOWS_NOTHING])
    chain.send("Bob", to_another)
    both.follow()
    assert governor.STATES[both.state_there()] == "canceled"
    assert both.here.state(moment(chain.now)) == State.CANCELED
    contract = Contract.objects.get(community=community)
    assert contract.timelock.lower() == NEW_TIMELOCK
    written = governed.draft(community, chain.accounts["Alice"], "Another")
    with pytest.raises(Conflict, match="governor_rules_differ"):  # the new one's delay
        offering.propose(written.pk, written.author, moment(chain.now))
    with pytest.raises(PowerError, match="anchor_not_owned"):
        GovernorVotes(governed.reader(chain)).snapshot(community.charter.body["power"]["parameters"])
    assert list(fsck(Community.objects.get(pk=community.pk))) == []


def second_timelock(chain: governed.Chain, there: str) -> None:
    """Make another timelock of the same code, in which the Governor may queue and anybody may execute."""
    demo.rpc(chain.rpc_url, "anvil_setCode", [NEW_TIMELOCK, demo.rpc(chain.rpc_url, "eth_getCode", [there, "latest"])])
    for role, holder in (("PROPOSER_ROLE", chain.governor.address), ("EXECUTOR_ROLE", "0x" + "00" * 20)):
        members = keccak(keccak(role.encode()) + bytes(32))
        place = keccak(bytes.fromhex(holder[2:]).rjust(32, b"\0") + members)
        demo.rpc(chain.rpc_url, "anvil_setStorageAt", [NEW_TIMELOCK, "0x" + place.hex(), f"0x{1:064x}"])


def test_what_waited_in_a_timelock_waits_again_when_the_governor_comes_back_to_it(
    chain: governed.Chain, community: Community, tmp_path: Path
) -> None:
    there = checksum_address(chain.governor.read("timelock"))
    (away,) = changes(chain, ("updateTimelock", "address", bytes.fromhex(NEW_TIMELOCK[2:])))  # type: ignore[arg-type]
    both = [governed.propose(chain, community, statement=name) for name in ("Early", "Late", "Never")]
    early, late, never = both
    chain.wait_until(int(never.here.opens_at.timestamp()))
    for one in both:
        one.vote("Alice", FOR)
    chain.wait_until(int(never.here.closes_at.timestamp()))
    never.follow()
    for one in both:
        chain.send("Daouda", offering.queue(one.here, moment(chain.now)))
    never.follow()
    second_timelock(chain, there)
    chain.send("Bob", away)
    never.follow()
    assert [one.here.state(moment(chain.now)) for one in both] == [State.CANCELED] * 3
    assert [governor.STATES[one.state_there()] for one in both] == ["canceled"] * 3
    chain.wait_until(int(never.here.eta.timestamp()))
    # The former one carries one of them out all the same, which holds for nobody yet.
    made = early.approval
    salt = (int(made.governor, 16) << 96) ^ int.from_bytes(made.description_hash)
    types = ("address[]", "uint256[]", "bytes[]", "bytes32", "bytes32")
    call = governor.call("executeBatch", types, (*made.actions, bytes(32), salt.to_bytes(32)))
    chain.send("Bob", {"to": there, "data": call})
    never.follow()
    assert early.here.executed_at is None
    assert early.here.offers.get().refused
    (back,) = changes(chain, ("updateTimelock", "address", bytes.fromhex(there[2:])))  # type: ignore[arg-type]
    chain.send("Bob", back)
    never.follow()
    assert [governor.STATES[one.state_there()] for one in both] == ["executed", "queued", "queued"]
    assert [one.here.state(moment(chain.now)) for one in both] == [State.EXECUTED, State.READY, State.READY]
    assert early.here.offers.get().refused == ""
    chain.send("Bob", offering.execute(late.here, moment(chain.now)))
    chain.send("Daouda", {"to": made.governor, "data": governor.cancel(never.approval)})  # the guardian
    never.follow()
    assert [one.here.state(moment(chain.now)) for one in both] == [State.EXECUTED, State.EXECUTED, State.CANCELED]
    assert list(fsck(Community.objects.get(pk=community.pk))) == []
    there_and_back(community.slug, tmp_path, moment(chain.now))


@pytest.mark.parametrize("first", [("Alice", AGAINST), ("nobody", FOR)])
def test_where_the_quorum_is_nothing_the_first_vote_settles_when_voting_ends(
    chain: governed.Chain, community: Community, first: tuple[str, int]
) -> None:
    (nothing,) = changes(chain, ("updateQuorumNumerator", "uint256", 0))
    both = governed.propose(chain, community)
    chain.send("Bob", nothing)
    chain.wait_until(int(both.here.closes_at.timestamp()) - 5)
    who, choice = first
    if who == "nobody":
        stranger = accounts_of(chain.rpc_url)[8]
        data = governor.cast_vote(both.approval.id, choice, "")
        demo.send_transaction(chain.rpc_url, {"from": stranger, "to": chain.governor.address, "data": data})
    else:
        both.vote(who, choice)
    both.follow()
    assert both.here.extended_by
    assert both.here.closes_at.timestamp() - 1 == chain.governor.read("proposalDeadline", both.approval.id)
    both.vote("Bob", FOR)
    both.follow()
    chain.wait_until(int(both.here.closes_at.timestamp()))
    both.follow()
    assert both.here.passed is (who == "nobody")
    assert governor.STATES[both.state_there()] == ("succeeded" if both.here.passed else "defeated")
    assert both.here.ballots.count() == 2
    recounted(chain, both)


# Runtime code that answers 0 to everything: PUSH1 0, PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN.
KNOWS_NOTHING = "0x60006000526020" + "6000f3"


# --- every state and every action, on both sides ---

# What our side offers, and what the Governor takes of the author and of its guardian.
GRID: dict[State, tuple[set[str], set[str]]] = {
    State.DRAFT: ({"propose"}, {"propose"}),
    State.PENDING: ({"cancel"}, {"cancel", "guardian cancels"}),
    State.ACTIVE: ({"vote"}, {"vote", "guardian cancels"}),
    State.CLOSING: (set(), {"queue", "guardian cancels"}),  # ended, and not yet counted here
    State.SUCCEEDED: ({"queue"}, {"queue", "guardian cancels"}),
    State.QUEUED: (set(), {"guardian cancels"}),
    State.READY: ({"execute"}, {"execute", "guardian cancels"}),
    State.EXECUTED: (set(), set()),
    State.DEFEATED: (set(), {"guardian cancels"}),
    State.CANCELED: (set(), set()),
}
UNREACHABLE = {State.EXPIRED, State.PAUSED, State.VETOED}


class Grid:
    """Asks both sides for every action, and changes nothing."""

    def __init__(self, chain: governed.Chain, both: OnBothSides, approval: Any) -> None:
        self.chain, self.both, self.approval = chain, both, approval
        self.met: set[State] = set()

    def look(self, expected: State) -> None:
        at = moment(self.chain.now)
        assert self.both.here.state(at) == expected
        ours, theirs = GRID[expected]
        assert {name for name in self.ours if self._offered(name, at)} == ours, expected
        assert {name for name in self.theirs if self._taken(name)} == theirs, expected
        with pytest.raises((Conflict, NotAllowed)):
            services.veto(self.both.pk, self.chain.accounts["Daouda"], "no", at)
        self.met.add(expected)

    @property
    def ours(self) -> dict[str, Any]:
        here = self.both.here
        return {
            "propose": lambda at: offering.propose(here.pk, here.author, at),
            "vote": lambda at: offering.vote(here, FOR, "", at),
            "queue": lambda at: offering.queue(here, at),
            "execute": lambda at: offering.execute(here, at),
            "cancel": lambda at: offering.cancel(here, at),
        }

    @property
    def theirs(self) -> dict[str, tuple[str, str]]:
        """Who sends what."""
        made = self.approval
        return {
            "propose": ("Alice", governor.propose(made)),
            "vote": ("Chloé", governor.cast_vote(made.id, FOR, "")),
            "queue": ("Bob", governor.queue(made)),
            "execute": ("Bob", governor.execute(made)),
            "cancel": ("Alice", governor.cancel(made)),
            "guardian cancels": ("Daouda", governor.cancel(made)),
        }

    def _offered(self, name: str, at: Any) -> bool:
        try:
            self.ours[name](at)
        except (Refusal, NotAllowed):
            return False
        return True

    def _taken(self, name: str) -> bool:
        sender, data = self.theirs[name]
        call = {"from": self.chain.accounts[sender], "to": self.chain.governor.address, "data": data}
        try:
            demo.rpc(self.chain.rpc_url, "eth_call", [call, "latest"])
        except demo.DemoChainError:
            return False
        return True


def test_every_state_allows_the_same_on_both_sides(chain: governed.Chain, community: Community) -> None:
    assert set(GRID) | UNREACHABLE == set(State)
    met: set[State] = set()
    for ending in ("executed", "defeated", "canceled"):
        written = governed.draft(community, chain.accounts["Alice"], ending)
        transaction, offer = offering.propose(written.pk, written.author, moment(chain.now))
        both = OnBothSides(chain, community, written.pk)
        grid = Grid(chain, both, offering.approval_of(offer))
        grid.look(State.DRAFT)
        chain.send("Alice", transaction)
        both.follow()
        grid.look(State.PENDING)
        if ending == "canceled":
            chain.send("Alice", offering.cancel(both.here, moment(chain.now)))
            both.follow()
            grid.look(State.CANCELED)
            met |= grid.met
            continue
        chain.wait_until(int(both.here.opens_at.timestamp()))
        grid.look(State.ACTIVE)
        both.vote("Alice", FOR if ending == "executed" else AGAINST)
        both.follow()
        chain.wait_until(int(both.here.closes_at.timestamp()))
        if ending == "defeated":
            both.follow()
            grid.look(State.DEFEATED)
            met |= grid.met
            continue
        grid.look(State.CLOSING)
        both.follow()
        grid.look(State.SUCCEEDED)
        chain.send("Bob", offering.queue(both.here, moment(chain.now)))
        both.follow()
        grid.look(State.QUEUED)
        chain.wait_until(int(both.here.eta.timestamp()))
        grid.look(State.READY)
        chain.send("Bob", offering.execute(both.here, moment(chain.now)))
        both.follow()
        grid.look(State.EXECUTED)
        met |= grid.met
    assert met == set(GRID)


# --- a run ---


@pytest.fixture
def dataset(community: Community, chain: governed.Chain, suite: Dataset) -> Dataset:
    """A dataset that the Governor has included."""
    found = register(community, corpus.training_rows()[::50], "training", "pairs", Member(chain.accounts["Alice"]))
    content = {"kind": "dataset_inclusion", "payload": {"digest": found.digest}, "title": "Take in the pairs"}
    governed.carried_out(chain, community, **content)
    return Dataset.objects.get(pk=found.pk)


@pytest.fixture
def rule(community: Community, chain: governed.Chain) -> EthicsRule:
    """A rule that the Governor has made."""
    governed.carried_out(chain, community, kind="ethics_rule", payload=RULE, title="Equal service")
    return EthicsRule.objects.get()


@pytest.fixture
def voters(chain: governed.Chain) -> dict[str, Any]:
    """The members, as the fixtures of a run know them."""
    return {name: Member(chain.accounts[name]) for name in governed.NAMES}


class Member:
    """Somebody with an address."""

    def __init__(self, address: str) -> None:
        self.address = address


def test_a_run_that_a_contract_approved_is_trained_released_and_verified_with_its_chain(
    chain: governed.Chain, community: Community, update: dict[str, Any], stand_in: Any
) -> None:
    both = governed.propose(chain, community, kind="model_update", payload=update, title="Train it")
    assert not Run.objects.exists()
    # She proposed with power enough, and gives it away before the votes are counted by it.
    chain.token.send(chain.accounts["Alice"], "delegate", chain.accounts["Bob"])
    chain.wait_until(int(both.here.opens_at.timestamp()))
    both.vote("Bob", FOR)
    chain.wait_until(int(both.here.closes_at.timestamp()))
    both.follow()
    chain.send("Bob", offering.queue(both.here, moment(chain.now)))
    both.follow()
    chain.wait_until(int(both.here.eta.timestamp()))
    chain.send("Bob", offering.execute(both.here, moment(chain.now)))
    both.follow()
    assert chain.anchor.read("approvedAt", bytes.fromhex(both.approval.digest[2:])) == both.here.executed_at.timestamp()
    run = Run.objects.get()
    worker.work(run.pk, "worker")
    run.refresh_from_db()
    assert run.verdict == "accepted"
    folder: Path = registry.version_folder(run.version)
    report = check(folder, TrustRoots(release_key=community.release_key))
    assert report.ok, report.to_dict()
    assert "which only its chain confirms" in report.findings[2].evidence
    asked = check_powers(report, folder, chain.rpc_url)
    found = asked.findings[POWER_CHECK - 1]
    assert found.status is Status.PASSED, found
    assert "7 votes found on the chain" in found.evidence
