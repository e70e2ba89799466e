"""The contracts of a community that governs by one, on anvil: nobody gets around a vote, and nothing is said twice.

Laws over random histories: who may approve, post and name; late quorums; guardians; numbers that only a vote changes.
States are compared elsewhere, with the lifecycle; that the contracts were never audited stands in contracts/README.md.
"""

from collections.abc import Iterator
from hashlib import sha256
from itertools import count
from typing import Any

import pytest
from eth_abi import encode
from eth_utils import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from config.demo import chain as demo
from tests.vectors.governor_chain import (
    GAS,
    Contract,
    Function,
    accounts_of,
    built,
    compile_contracts,
    deploy_contract,
    selector,
    speak_as,
    taken_back,
)

DELAY, PERIOD, EXTENSION, TIMELOCK = 10, 100, 60, 20
QUORUM_BPS = 2_500
AGAINST, FOR, ABSTAIN = 0, 1, 2
ACTIVE, CANCELED, SUCCEEDED, QUEUED, EXECUTED = 1, 2, 4, 5, 7
NOBODY = "0x" + "00" * 20
CONSTRUCTOR = ["string", "address", "(uint48,uint32,uint48,uint256,uint256,uint256)", "address"]
# Powers in hundredths of the supply: 0 and 1 alone do not meet the quorum, together they do.
POWERS = (20, 10, 30, 40)
DIGESTS = tuple(sha256(bytes([number])).digest() for number in range(3))
KINDS = tuple(name.encode().ljust(32, b"\0") for name in ("ballots", "release"))
NOT_POSTER, ALREADY_POSTED, ALREADY_APPROVED, EMPTY, NOT_OWNER = (
    selector(error)
    for error in (
        "NotPoster(address)",
        "AlreadyPosted(bytes32,bytes32,uint256)",
        "AlreadyApproved(bytes32,uint256)",
        "EmptyDigest()",
        "OwnableUnauthorizedAccount(address)",
    )
)
# A text of its own for each proposal, whatever became of the one before.
NOTES = count()
slow = settings(max_examples=12, stateful_step_count=15, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def rpc_url() -> Iterator[str]:
    compile_contracts()
    with demo.start() as chain:
        yield chain.rpc_url


@pytest.fixture(scope="module")
def accounts(rpc_url: str) -> list[str]:
    return accounts_of(rpc_url)


@pytest.fixture(scope="module")
def token(rpc_url: str, accounts: list[str]) -> Contract:
    made = deploy_contract(rpc_url, "TimedToken", accounts[9], "Water", "W", accounts[:4], list(POWERS))
    for holder in accounts[:4]:
        made.send(holder, "delegate", holder)
    return made


@pytest.fixture(scope="module")
def governor(rpc_url: str, accounts: list[str], token: Contract) -> Contract:
    rules = (DELAY, PERIOD, EXTENSION, 5, QUORUM_BPS, TIMELOCK)
    made = deploy_contract(rpc_url, "CommunityGovernor", accounts[9], "Water", token.address, rules, accounts[8])
    wait(rpc_url, 1)
    return made


@pytest.fixture(scope="module")
def anchor(rpc_url: str, accounts: list[str], governor: Contract) -> Contract:
    return deploy_contract(rpc_url, "CommonsAnchor", accounts[9], governor.read("timelock"), accounts[7])


def wait(rpc_url: str, seconds: int) -> None:
    demo.rpc(rpc_url, "evm_increaseTime", [hex(seconds)])
    demo.rpc(rpc_url, "evm_mine")


def until(rpc_url: str, second: int) -> None:
    """Make a block of this very second."""
    demo.rpc(rpc_url, "evm_setNextBlockTimestamp", [hex(second)])
    demo.rpc(rpc_url, "evm_mine")


def now_on(rpc_url: str) -> int:
    return int(demo.rpc(rpc_url, "eth_getBlockByNumber", ["latest", False])["timestamp"], 16)


def vote_at(governor: Contract, second: int, voter: str, proposal: int, support: int) -> None:
    """Vote in a block of this very second. With gas named: a trial at another second may take another way."""
    demo.rpc(governor.rpc_url, "evm_setNextBlockTimestamp", [hex(second)])
    ballot = {"from": voter, "gas": GAS, **governor.transaction("castVote", proposal, support)}
    assert demo.rpc(governor.rpc_url, "eth_sendTransactionSync", [ballot])["status"] == "0x1"


class Vote:
    """A proposal to the Governor, and what its transactions need."""

    def __init__(self, governor: Contract, target: Contract, name: str, *arguments: Any, note: str = "") -> None:
        call = bytes.fromhex(target.transaction(name, *arguments)["data"][2:])
        self.governor = governor
        self.what = ([target.address], [0], [call])
        self.text = f"{name} {arguments} {note}"
        self.hashed = (*self.what, keccak(text=self.text))
        self.id = governor.read("hashProposal", *self.hashed)

    def propose(self, proposer: str) -> "Vote":
        self.governor.send(proposer, "propose", *self.what, self.text)
        return self

    @property
    def state(self) -> int:
        return self.governor.read("state", self.id)

    @property
    def deadline(self) -> int:
        return self.governor.read("proposalDeadline", self.id)

    def open(self) -> None:
        until(self.governor.rpc_url, self.governor.read("proposalSnapshot", self.id) + 1)

    def carry(self, voters: list[str]) -> "Vote":
        """Let it pass, and queue it; it is then ready."""
        self.open()
        for voter in voters:
            self.governor.send(voter, "castVote", self.id, FOR)
        until(self.governor.rpc_url, self.deadline + 1)
        self.governor.send(voters[0], "queue", *self.hashed)
        wait(self.governor.rpc_url, TIMELOCK + 1)
        return self


def test_a_vote_approves_a_run_through_the_timelock_and_nobody_else_can(
    governor: Contract, anchor: Contract, accounts: list[str]
) -> None:
    with taken_back(governor.rpc_url):
        for who in accounts:
            assert NOT_OWNER in (anchor.refusal(who, "approveRun", DIGESTS[0]) or "")
            assert NOT_OWNER in (anchor.refusal(who, "namePoster", who) or "")
            assert NOT_OWNER in (anchor.refusal(who, "transferOwnership", who) or "")
        vote = Vote(governor, anchor, "approveRun", DIGESTS[0]).propose(accounts[0])
        vote.carry(accounts[:4])
        assert vote.state == QUEUED
        governor.send(accounts[6], "execute", *vote.hashed)

        assert anchor.read("approvedAt", DIGESTS[0]) == now_on(governor.rpc_url)
        assert vote.state == EXECUTED
        assert governor.refusal(accounts[6], "execute", *vote.hashed), "a second time"


def test_a_run_that_was_approved_cannot_be_approved_by_another_vote(
    governor: Contract, anchor: Contract, accounts: list[str]
) -> None:
    with taken_back(governor.rpc_url):
        votes = [Vote(governor, anchor, "approveRun", DIGESTS[1], note=note) for note in "ab"]
        for vote in votes:
            vote.propose(accounts[0]).carry(accounts[:4])
        governor.send(accounts[6], "execute", *votes[0].hashed)
        refusal = governor.refusal(accounts[6], "execute", *votes[1].hashed)
        assert refusal is not None
        assert ALREADY_APPROVED in refusal


def test_nobody_can_use_the_timelock_or_change_a_number_without_a_vote(
    governor: Contract, accounts: list[str], rpc_url: str
) -> None:
    timelock = Contract(rpc_url, governor.read("timelock"), timelock_functions())
    with taken_back(rpc_url):
        speak_as(timelock)
        for who in [*accounts, timelock.address]:
            for name, value in (("setVotingDelay", 0), ("setVotingPeriod", 1), ("updateQuorumNumerator", 0)):
                assert governor.refusal(who, name, value), f"{who} {name}"
            assert governor.refusal(who, "setProposalGuardian", who)
            assert governor.refusal(who, "relay", governor.address, 0, b"")
        for who in accounts:
            batch = ([governor.address], [0], [b""], bytes(32), bytes(32))
            assert timelock.refusal(who, "scheduleBatch", *batch, TIMELOCK)
            assert timelock.refusal(who, "grantRole", bytes(32), who)
            assert timelock.refusal(who, "updateDelay", 0)


def timelock_functions() -> Any:
    types = {
        "scheduleBatch": ["address[]", "uint256[]", "bytes[]", "bytes32", "bytes32", "uint256"],
        "grantRole": ["bytes32", "address"],
        "updateDelay": ["uint256"],
    }
    return {name: Function(selector(f"{name}({','.join(of)})"), of, []) for name, of in types.items()}


def test_a_changed_quorum_holds_for_later_votes_only(governor: Contract, anchor: Contract, accounts: list[str]) -> None:
    with taken_back(governor.rpc_url):
        change = Vote(governor, governor, "updateQuorumNumerator", 9_000).propose(accounts[0]).carry(accounts[:4])
        old = Vote(governor, anchor, "approveRun", DIGESTS[0]).propose(accounts[0])
        old.open()
        assert governor.read("quorum", governor.read("proposalSnapshot", old.id)) == 25
        governor.send(accounts[6], "execute", *change.hashed)
        new = Vote(governor, anchor, "approveRun", DIGESTS[1]).propose(accounts[0])
        new.open()

        assert governor.read("quorum", governor.read("proposalSnapshot", old.id)) == 25
        assert governor.read("quorum", governor.read("proposalSnapshot", new.id)) == 90
        for vote in (old, new):
            if vote.state == ACTIVE:
                governor.send(accounts[3], "castVote", vote.id, FOR)
        until(governor.rpc_url, new.deadline + 1)
        assert (old.state, new.state) == (SUCCEEDED, 3)


def test_only_the_guardian_stops_a_proposal_and_only_before_it_is_carried_out(
    governor: Contract, anchor: Contract, accounts: list[str]
) -> None:
    guardian, others = accounts[8], accounts[:8]
    with taken_back(governor.rpc_url):
        vote = Vote(governor, anchor, "approveRun", DIGESTS[0]).propose(accounts[0]).carry(accounts[:4])
        for who in others:
            assert governor.refusal(who, "cancel(address[],uint256[],bytes[],bytes32)", *vote.hashed), who
        with taken_back(governor.rpc_url):
            governor.send(guardian, "cancel(address[],uint256[],bytes[],bytes32)", *vote.hashed)
            assert vote.state == CANCELED
            assert governor.refusal(accounts[6], "execute", *vote.hashed)
        governor.send(accounts[6], "execute", *vote.hashed)
        assert governor.refusal(guardian, "cancel(address[],uint256[],bytes[],bytes32)", *vote.hashed)


def test_a_token_whose_clock_counts_blocks_is_refused(rpc_url: str, accounts: list[str]) -> None:
    blocks = deploy_contract(rpc_url, "CommonsToken", accounts[9], "Water", "W", accounts[:1], [1])
    rules = (DELAY, PERIOD, EXTENSION, 0, QUORUM_BPS, TIMELOCK)
    made_with = encode(CONSTRUCTOR, ["Water", blocks.address, rules, NOBODY]).hex()
    creation = built("CommunityGovernor")["bytecode"] + made_with
    with pytest.raises(demo.DemoChainError, match=selector("ClockIsNotTime(string)")):
        demo.rpc(rpc_url, "eth_call", [{"from": accounts[9], "data": creation}, "latest"])


@slow
@given(
    ballots=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([AGAINST, FOR, ABSTAIN]), st.integers(1, PERIOD - 1)),
        min_size=1,
        max_size=4,
        unique_by=lambda ballot: ballot[0],
    )
)
def test_whoever_meets_the_quorum_late_leaves_the_others_time(
    governor: Contract, anchor: Contract, accounts: list[str], ballots: list[tuple[int, int, int]]
) -> None:
    with taken_back(governor.rpc_url):
        vote = Vote(governor, anchor, "approveRun", DIGESTS[2], note=str(next(NOTES))).propose(accounts[0])
        snapshot = governor.read("proposalSnapshot", vote.id)
        expected, counted, met = vote.deadline, 0, False
        assert expected == snapshot + PERIOD
        second = snapshot
        for who, support, offset in sorted(ballots, key=lambda ballot: ballot[2]):
            second = max(second + 1, snapshot + offset)
            vote_at(governor, second, accounts[who], vote.id, support)
            counted += POWERS[who] * (support != AGAINST)
            if counted * 10_000 >= QUORUM_BPS * sum(POWERS) and not met:
                expected, met = max(expected, second + EXTENSION), True
            assert vote.deadline == expected, "once, by the ballot that meets the quorum"
        until(governor.rpc_url, expected)
        assert vote.state == ACTIVE, "the last second counts"
        until(governor.rpc_url, expected + 1)
        against = sum(POWERS[who] for who, support, _ in ballots if support == AGAINST)
        in_favour = sum(POWERS[who] for who, support, _ in ballots if support == FOR)
        assert (vote.state == SUCCEEDED) is (met and in_favour > against)


def test_what_an_anchor_has_was_said_once_by_whoever_might(rpc_url: str, accounts: list[str], anchor: Contract) -> None:
    class Anchoring(RuleBasedStateMachine):
        """An anchor with plain accounts as owners, beside a model of it."""

        def __init__(self) -> None:
            super().__init__()
            self.before = demo.rpc(rpc_url, "evm_snapshot")
            self.said: dict[tuple[bytes, ...], int] = {}

        @initialize()
        def deploy(self) -> None:
            self.owner, self.poster, self.next_owner = 0, 1, -1
            self.contract = deploy_contract(rpc_url, "CommonsAnchor", accounts[9], accounts[0], accounts[1])

        def attempt(self, who: int, name: str, *arguments: Any, refused: str) -> bool:
            refusal = self.contract.refusal(accounts[who], name, *arguments)
            if refused:
                assert refusal is not None, f"{name} by {who} must be refused"
                assert refused in refusal
                return False
            assert refusal is None, refusal
            self.contract.send(accounts[who], name, *arguments)
            return True

        @rule(who=st.integers(0, 3), digest=st.sampled_from((*DIGESTS, bytes(32))))
        def approve(self, who: int, digest: bytes) -> None:
            refused = NOT_OWNER if who != self.owner else EMPTY if not any(digest) else ""
            refused = refused or (ALREADY_APPROVED if (digest,) in self.said else "")
            if self.attempt(who, "approveRun", digest, refused=refused):
                self.said[(digest,)] = now_on(rpc_url)

        @rule(who=st.integers(0, 3), kind=st.sampled_from(KINDS), digest=st.sampled_from((*DIGESTS, bytes(32))))
        def post(self, who: int, kind: bytes, digest: bytes) -> None:
            refused = NOT_POSTER if who != self.poster else EMPTY if not any(digest) else ""
            refused = refused or (ALREADY_POSTED if (kind, digest) in self.said else "")
            if self.attempt(who, "post", kind, digest, refused=refused):
                self.said[(kind, digest)] = now_on(rpc_url)

        @rule(who=st.integers(0, 3), poster=st.integers(0, 3))
        def name_poster(self, who: int, poster: int) -> None:
            refused = "" if who == self.owner else NOT_OWNER
            if self.attempt(who, "namePoster", accounts[poster], refused=refused):
                self.poster = poster

        @rule(who=st.integers(0, 3), heir=st.integers(0, 3))
        def hand_over(self, who: int, heir: int) -> None:
            refused = "" if who == self.owner else NOT_OWNER
            if self.attempt(who, "transferOwnership", accounts[heir], refused=refused):
                self.next_owner = heir

        @rule(who=st.integers(0, 3))
        def accept(self, who: int) -> None:
            if self.attempt(who, "acceptOwnership", refused="" if who == self.next_owner else NOT_OWNER):
                self.owner, self.next_owner = who, -1

        def teardown(self) -> None:
            """Everything stands as it was first said, and the log has each once."""
            for digest in DIGESTS:
                assert self.contract.read("approvedAt", digest) == self.said.get((digest,), 0)
                for kind in KINDS:
                    assert self.contract.read("postedAt", kind, digest) == self.said.get((kind, digest), 0)
            where = {"address": self.contract.address, "fromBlock": "0x0"}
            topics = (selector_of("RunApproved(bytes32)"), selector_of("Posted(bytes32,bytes32)"))
            logs = demo.rpc(rpc_url, "eth_getLogs", [where | {"topics": [list(topics)]}])
            assert len(logs) == len(self.said), "one event for each, and none for what was refused"
            assert demo.rpc(rpc_url, "evm_revert", [self.before])

    run_state_machine_as_test(Anchoring, settings=slow)


def selector_of(event: str) -> str:
    return "0x" + keccak(text=event).hex()
