"""Our proposal states and decisions against OpenZeppelin's Governor itself, deployed on a local chain.

contracts/test/PeerGovernor.sol is the library's Governor (5.7: GovernorCountingSimple, GovernorVotes,
GovernorVotesQuorumFraction, GovernorTimelockControl) on our token, with the block number as its clock. Every case drives
one proposal through the contract, writes down the facts that our services would have written, and compares at each
stage the state, the count, the quorum, and whether voting, queueing and executing are accepted.

The chain is told to make blocks one second apart, so that the contract's two clocks (block number for voting, block time
for the timelock) and our one clock are the same line. Our `queued` and `ready` are both the contract's Queued; execution
being accepted or not tells them apart.

Where we differ on purpose, each with a test below:
- the window: a Governor opens after its snapshot block and includes its deadline block; we say the same with the first
  moment of voting and the first moment after it, [opens_at, closes_at), so that no moment counts as both;
- census: ours opens only once the census is taken; here it is taken at the moment that voting opens;
- closing: a Governor has an outcome as soon as the deadline has passed; we say `closing` until the count is recorded;
- expiry: with GovernorTimelockControl a queued proposal waits for ever; ours expires after its execution window;
- quorum of nothing: a share of a small supply rounds down to 0 with the contract, and to no less than 1 with us;
- abstain only: the quorum is reached and nobody decides. Both sides defeat it: the contract because 0 > 0 is false, we
  because `majority` needs at least 1 unit, a number that the page can show;
- no power: the contract counts a vote of weight 0, we refuse the ballot;
- cancelling: a Governor's proposer may cancel while pending only; ours also between success and queueing. Our veto is
  the canceller of the timelock, which shows through as Canceled; that a veto is possible before the queue too has no
  counterpart in this contract.
Not compared: changing a vote (the contract refuses it), and the proposal threshold.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any

import pytest
from eth_utils import keccak

from config.demo import chain as demo
from governance.lifecycle import ALLOWED, Action, Facts, State, state
from governance.outcome import Electorate as Bases
from governance.outcome import Outcome, Rules, decide
from governance.tally import METHODS, Count
from governance.tally.governor import ABSTAIN, AGAINST, FOR, OPTIONS
from tests.vectors.governor_chain import Contract, accounts_of, compile_contracts, contract_at, deploy_contract

METHOD = METHODS["governor"]
DELAY, PERIOD = 2, 8  # blocks, and as many seconds
TIMELOCK, WINDOW = 4, 12  # seconds, and as many blocks
SECOND = timedelta(seconds=1)
UINT208_MAX = 2**208 - 1  # the largest supply that ERC20Votes keeps checkpoints of


class Theirs(IntEnum):
    """IGovernor.ProposalState."""

    PENDING = 0
    ACTIVE = 1
    CANCELED = 2
    DEFEATED = 3
    SUCCEEDED = 4
    QUEUED = 5
    EXPIRED = 6
    EXECUTED = 7


THEIRS = {
    State.PENDING: Theirs.PENDING,
    State.ACTIVE: Theirs.ACTIVE,
    State.CANCELED: Theirs.CANCELED,
    State.DEFEATED: Theirs.DEFEATED,
    State.SUCCEEDED: Theirs.SUCCEEDED,
    State.QUEUED: Theirs.QUEUED,
    State.READY: Theirs.QUEUED,
    State.EXECUTED: Theirs.EXECUTED,
}

# --- the electorates: holdings chosen so that the quorum and the majority can be met or missed by one unit ---

HUGE_QUORUM = UINT208_MAX * 3333 // 10_000
ELECTORATES: dict[str, tuple[int, dict[str, int]]] = {
    # The quorum is 100,000 of 1,000,003, rounded down. `silent` holds tokens and never delegates.
    "ordinary": (
        1000,
        {
            "exact": 100_000,
            "short": 99_999,
            "one": 1,
            "left": 250_000,
            "right": 250_000,
            "large": 200_002,
            "silent": 100_001,
        },
    ),
    # The quorum is a tenth of 9, which is 0 for the contract.
    "tiny": (1000, {"left": 4, "right": 4, "one": 1}),
    "huge": (
        3333,
        {"exact": HUGE_QUORUM, "short": HUGE_QUORUM - 1, "one": 1, "large": UINT208_MAX - 2 * HUGE_QUORUM},
    ),
}
SILENT = "silent"


@dataclass(frozen=True)
class Case:
    """Who votes what, in which order, and what happens after the vote if it passes."""

    name: str
    electorate: str
    votes: tuple[tuple[str, int], ...]
    passes: bool | None = None  # None: whatever both sides say
    ending: str = "stays"


CASES = (
    Case("nobody votes", "ordinary", (), passes=False),
    Case("everybody abstains", "ordinary", (("exact", ABSTAIN), ("large", ABSTAIN)), passes=False),
    Case("a tie", "ordinary", (("left", FOR), ("right", AGAINST), ("exact", ABSTAIN)), passes=False),
    Case("one unit above a tie", "ordinary", (("left", FOR), ("right", AGAINST), ("one", FOR)), passes=True),
    Case("one unit below a tie", "ordinary", (("left", FOR), ("right", AGAINST), ("one", AGAINST)), passes=False),
    Case("the quorum exactly", "ordinary", (("exact", FOR),), passes=True),
    Case("the quorum missed by one unit", "ordinary", (("short", FOR),), passes=False),
    Case("an abstention completes the quorum", "ordinary", (("short", FOR), ("one", ABSTAIN)), passes=True),
    Case("a vote against does not complete it", "ordinary", (("short", FOR), ("one", AGAINST)), passes=False),
    Case("a majority against", "ordinary", (("left", AGAINST), ("exact", FOR)), passes=False),
    Case("tokens without delegation", "ordinary", ((SILENT, FOR), ("short", FOR)), passes=False),
    Case("a quorum of nothing and one vote", "tiny", (("one", FOR),), passes=True),
    Case("a quorum of nothing and no vote", "tiny", (), passes=False),
    Case("a quorum of nothing and a tie", "tiny", (("left", FOR), ("right", AGAINST)), passes=False),
    Case("the largest supply, the quorum exactly", "huge", (("exact", FOR),), passes=True),
    Case("the largest supply, missed by one unit", "huge", (("short", FOR),), passes=False),
    Case("one unit decides among abstentions", "huge", (("one", FOR), ("exact", ABSTAIN)), passes=True),
    Case("passed and queued", "ordinary", (("left", FOR),), passes=True, ending="queued"),
    Case("executed", "ordinary", (("left", FOR), ("large", AGAINST)), passes=True, ending="executed"),
    Case("executed on the timelock", "huge", (("large", FOR),), passes=True, ending="executed on the timelock"),
    Case("vetoed while queued", "ordinary", (("left", FOR), ("one", AGAINST)), passes=True, ending="vetoed"),
    Case("vetoed when ready", "tiny", (("left", FOR),), passes=True, ending="vetoed when ready"),
)
ENDINGS = ("stays", "queued", "executed", "executed on the timelock", "vetoed", "vetoed when ready")


def random_cases() -> tuple[Case, ...]:
    source = random.Random(21)
    cases = []
    for number in range(15):
        electorate = source.choice(list(ELECTORATES))
        voters = [voter for voter in ELECTORATES[electorate][1] if source.random() < 0.65]
        source.shuffle(voters)
        votes = tuple((voter, source.choice((AGAINST, FOR, FOR, ABSTAIN))) for voter in voters)
        cases.append(Case(f"random {number}", electorate, votes, ending=source.choice(ENDINGS)))
    return tuple(cases)


# --- the contract's side ---


@dataclass(frozen=True)
class Electorate:
    """One token with its Governor and timelock, and the accounts of its voters by name."""

    token: Contract
    governor: Contract
    timelock: Contract
    holdings: dict[str, int]
    accounts: dict[str, str]
    rules: Rules
    guardian: str
    proposer: str

    @property
    def total_supply(self) -> int:
        return sum(self.holdings.values())

    def power(self, voter: str) -> int:
        return 0 if voter == SILENT else self.holdings[voter]


TIMELOCK_ABI = [
    {
        "type": "function",
        "name": name,
        "stateMutability": "nonpayable",
        "inputs": [{"name": f"_{i}", "type": kind} for i, kind in enumerate(inputs)],
        "outputs": [{"name": "", "type": output} for output in outputs],
    }
    for name, inputs, outputs in (
        ("cancel", ["bytes32"], []),
        ("executeBatch", ["address[]", "uint256[]", "bytes[]", "bytes32", "bytes32"], []),
        ("hashOperationBatch", ["address[]", "uint256[]", "bytes[]", "bytes32", "bytes32"], ["bytes32"]),
    )
]


def deploy(rpc_url: str, name: str) -> Electorate:
    quorum_bps, holdings = ELECTORATES[name]
    addresses = accounts_of(rpc_url)
    accounts = dict(zip(holdings, addresses, strict=False))
    guardian, proposer = addresses[-2:]
    token_build = json.loads(demo.BUILD.read_bytes())
    token = demo.deploy(rpc_url, token_build, [(accounts[voter], held) for voter, held in holdings.items()])
    for voter, account in accounts.items():
        if voter != SILENT:
            demo.delegate(rpc_url, token, account, account)
    terms = (token, quorum_bps, DELAY, PERIOD, TIMELOCK, guardian)
    governor = deploy_contract(rpc_url, "PeerGovernor", proposer, *terms)
    return Electorate(
        token=contract_at(rpc_url, token, token_build["abi"]),
        governor=governor,
        timelock=contract_at(rpc_url, governor.read("timelock"), TIMELOCK_ABI),
        holdings=holdings,
        accounts=accounts,
        rules=Rules(quorum_bps, 5000, 0, DELAY, PERIOD, TIMELOCK, WINDOW),
        guardian=guardian,
        proposer=proposer,
    )


@pytest.fixture(scope="module")
def electorates() -> Iterator[dict[str, Electorate]]:
    compile_contracts()
    with demo.start() as chain:
        demo.rpc(chain.rpc_url, "anvil_setBlockTimestampInterval", [1])
        yield {name: deploy(chain.rpc_url, name) for name in ELECTORATES}


# --- one proposal on both sides ---


@dataclass
class Proposal:
    """A proposal of the contract, and the facts that our services would have written about it."""

    electorate: Electorate
    name: str
    ballots: list[tuple[int, int]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    stages: int = 0

    def __post_init__(self) -> None:
        """Propose a call that changes nothing."""
        self.governor = self.electorate.governor
        supply_of_the_token = bytes.fromhex(self.electorate.token.transaction("totalSupply")["data"][2:])
        self.actions = ([self.electorate.token.address], [0], [supply_of_the_token])
        self.description_hash = keccak(text=self.name)
        self.governor.send(self.electorate.proposer, "propose", *self.actions, self.name)
        self.id = self.governor.read("hashProposal", *self.actions, self.description_hash)
        self.snapshot = self.block + DELAY
        self.deadline = self.snapshot + PERIOD
        rules = self.electorate.rules
        # The first block with an open vote is the one after the snapshot.
        opens_at = self.now + SECOND * (rules.voting_delay_seconds + 1)
        closes_at = opens_at + SECOND * rules.voting_period_seconds
        self.facts = {"submitted_at": self.now, "census_at": opens_at, "opens_at": opens_at, "closes_at": closes_at}

    # Time. One block is one second, so either of the two tells the other.

    @property
    def block(self) -> int:
        return int(demo.rpc(self.governor.rpc_url, "eth_blockNumber"), 16)

    @property
    def now(self) -> datetime:
        block = demo.rpc(self.governor.rpc_url, "eth_getBlockByNumber", ["latest", False])
        return datetime.fromtimestamp(int(block["timestamp"], 16), UTC)

    def wait_until_block(self, block: int) -> None:
        missing = block - self.block
        assert missing >= 0
        if missing:
            demo.rpc(self.governor.rpc_url, "anvil_mine", [hex(missing)])

    def wait_until(self, moment: datetime) -> None:
        self.wait_until_block(self.block + int((moment - self.now).total_seconds()))

    # What people do, on both sides.

    def vote(self, voter: str, choice: int) -> None:
        self.governor.send(self.electorate.accounts[voter], "castVote", self.id, choice)
        if power := self.electorate.power(voter):  # we refuse a ballot without power
            self.ballots.append((choice, power))

    def close(self) -> Outcome:
        """Count and decide, and check the numbers against the contract's."""
        count = self.count()
        supply = self.electorate.total_supply
        outcome = decide(self.electorate.rules, count, OPTIONS, Bases(supply, supply))
        totals = tuple(int(score) for score in count.scores)
        assert totals == self.governor.read("proposalVotes", self.id)
        quorum, majority = outcome.conditions
        assert quorum.needed == max(1, self.governor.read("quorum", self.snapshot))
        assert majority.holds == (totals[FOR] > totals[AGAINST])
        self.facts["passed"] = outcome.passed
        return outcome

    def count(self) -> Count:
        return METHOD.count(self.ballots, len(OPTIONS))

    def queue(self) -> None:
        self.governor.send(self.electorate.proposer, "queue", *self.actions, self.description_hash)
        eta = self.now + SECOND * self.electorate.rules.timelock_seconds
        self.facts |= {"eta": eta, "expires_at": eta + SECOND * self.electorate.rules.execution_window_seconds}
        assert eta.timestamp() == self.governor.read("proposalEta", self.id)

    def execute(self) -> None:
        self.governor.send(self.electorate.proposer, "execute", *self.actions, self.description_hash)
        self.facts["executed_at"] = self.now

    def execute_on_the_timelock(self) -> None:
        self.electorate.timelock.send(self.electorate.guardian, "executeBatch", *self._operation())
        self.facts["executed_at"] = self.now

    def cancel(self) -> None:
        self.governor.send(self.electorate.proposer, "cancel", *self.actions, self.description_hash)
        self.facts["canceled_at"] = self.now

    def veto(self) -> None:
        operation = self.electorate.timelock.read("hashOperationBatch", *self._operation())
        self.electorate.timelock.send(self.electorate.guardian, "cancel", operation)
        self.facts["canceled_at"] = self.now

    def _operation(self) -> tuple[Any, ...]:
        # GovernorTimelockControl's salt: the governor's 20 bytes, then zeros, xor the description's hash.
        governor = int(self.governor.address, 16) << 96
        salt = (governor ^ int.from_bytes(self.description_hash)).to_bytes(32)
        return (*self.actions, bytes(32), salt)

    # What both sides say.

    def ours(self) -> State:
        return state(Facts(**self.facts), self.now)

    def theirs(self) -> Theirs:
        return Theirs(self.governor.read("state", self.id))

    def accepted(self, action: Action) -> bool:
        """Ask the contract whether it would carry the action out now."""
        electorate, hashed = self.electorate, (*self.actions, self.description_hash)
        call = {
            Action.VOTE: (electorate.guardian, "castVote", self.id, FOR),
            Action.QUEUE: (electorate.proposer, "queue", *hashed),
            Action.EXECUTE: (electorate.proposer, "execute", *hashed),
            Action.CANCEL: (electorate.proposer, "cancel", *hashed),
        }[action]
        return self.governor.accepts(*call)

    def compare(self, expected: State) -> None:
        """Both sides are in the expected state, and allow the same actions."""
        assert self.governor.read("clock") == self.block
        assert (self.ours(), self.theirs()) == (expected, THEIRS[expected])
        for action in (Action.VOTE, Action.QUEUE, Action.EXECUTE):
            assert self.accepted(action) == (expected in ALLOWED[action]), action
        self.stages += 1


def drive(case: Case, electorate: Electorate) -> Proposal:
    """Take a proposal from its submission to its end, comparing at every edge."""
    # 1. before the vote
    proposal = Proposal(electorate, case.name)
    proposal.compare(State.PENDING)
    proposal.wait_until_block(proposal.snapshot)
    proposal.compare(State.PENDING)
    # 2. the vote; the last ballot arrives in the very last block
    proposal.wait_until_block(proposal.snapshot + 1)
    proposal.compare(State.ACTIVE)
    for voter, choice in case.votes[:-1]:
        proposal.vote(voter, choice)
    proposal.wait_until_block(proposal.deadline - 1)
    for voter, choice in case.votes[-1:]:
        proposal.vote(voter, choice)
    proposal.wait_until_block(proposal.deadline)
    proposal.compare(State.ACTIVE)
    # 3. the outcome
    proposal.wait_until_block(proposal.deadline + 1)
    outcome = proposal.close()
    assert case.passes in (None, outcome.passed)
    proposal.compare(State.SUCCEEDED if outcome.passed else State.DEFEATED)
    # 4. what follows
    if not outcome.passed or case.ending == "stays":
        proposal.wait_until_block(proposal.deadline + 50)
        proposal.compare(State.SUCCEEDED if outcome.passed else State.DEFEATED)
        return proposal
    proposal.queue()
    proposal.compare(State.QUEUED)
    if case.ending == "vetoed":
        proposal.veto()
        proposal.compare(State.CANCELED)
        return proposal
    eta = proposal.facts["eta"]
    proposal.wait_until(eta - SECOND)
    proposal.compare(State.QUEUED)
    proposal.wait_until(eta)
    proposal.compare(State.READY)
    if case.ending == "executed":
        proposal.execute()
        proposal.compare(State.EXECUTED)
    elif case.ending == "executed on the timelock":
        proposal.execute_on_the_timelock()
        proposal.compare(State.EXECUTED)
    elif case.ending == "vetoed when ready":
        proposal.veto()
        proposal.compare(State.CANCELED)
    return proposal


def passed(name: str, electorate: Electorate) -> Proposal:
    """Return a proposal whose vote has just passed and been counted."""
    return drive(Case(name, "ordinary", (("left", FOR),), passes=True), electorate)


# --- where both sides agree ---


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_contract_and_we_agree_at_every_stage(case: Case, electorates: dict[str, Electorate]) -> None:
    assert drive(case, electorates[case.electorate]).stages >= 6


@pytest.mark.parametrize("case", random_cases(), ids=lambda case: case.name)
def test_the_contract_and_we_agree_about_random_votes(case: Case, electorates: dict[str, Electorate]) -> None:
    assert drive(case, electorates[case.electorate]).stages >= 6


def test_the_random_votes_are_passed_and_defeated_and_end_in_every_way() -> None:
    endings = set()
    passing = 0
    for case in random_cases():
        quorum_bps, holdings = ELECTORATES[case.electorate]
        ballots = [(choice, holdings[voter]) for voter, choice in case.votes if voter != SILENT]
        rules = Rules(quorum_bps, 5000, 0, DELAY, PERIOD, TIMELOCK, WINDOW)
        supply = sum(holdings.values())
        if decide(rules, METHOD.count(ballots, len(OPTIONS)), OPTIONS, Bases(supply, supply)).passed:
            passing += 1
            endings.add(case.ending)
    assert 4 <= passing <= 11
    assert len(endings) >= 4


def test_a_proposal_canceled_while_pending_stays_canceled(electorates: dict[str, Electorate]) -> None:
    proposal = Proposal(electorates["ordinary"], "canceled while pending")
    assert proposal.accepted(Action.CANCEL)
    proposal.cancel()
    proposal.compare(State.CANCELED)
    for block in (proposal.snapshot + 1, proposal.deadline + 1):
        proposal.wait_until_block(block)
        proposal.compare(State.CANCELED)


# --- where we differ on purpose ---


def test_reading_the_window_as_snapshot_to_deadline_would_be_wrong_on_two_blocks(
    electorates: dict[str, Electorate],
) -> None:
    """Why opens_at and closes_at are one block later than the contract's snapshot and deadline."""
    proposal = Proposal(electorates["ordinary"], "window edges")
    naive = {name: proposal.facts[name] - SECOND for name in ("opens_at", "closes_at")} | {"passed": None}
    wrong = []
    for block in range(proposal.snapshot - 1, proposal.deadline + 1):
        proposal.wait_until_block(block)
        shifted = state(Facts(**{**proposal.facts, **naive}), proposal.now)
        assert THEIRS[proposal.ours()] == proposal.theirs()
        if THEIRS.get(shifted) != proposal.theirs():
            wrong.append(block)
    assert wrong == [proposal.snapshot, proposal.deadline]


def test_we_say_closing_until_the_count_is_recorded(electorates: dict[str, Electorate]) -> None:
    proposal = Proposal(electorates["ordinary"], "closing")
    proposal.wait_until_block(proposal.deadline + 1)
    assert (proposal.ours(), proposal.theirs()) == (State.CLOSING, Theirs.DEFEATED)
    proposal.close()
    proposal.compare(State.DEFEATED)


def test_an_abstain_only_vote_reaches_the_quorum_and_is_defeated(electorates: dict[str, Electorate]) -> None:
    proposal = drive(Case("abstain only", "ordinary", (("exact", ABSTAIN),), passes=False), electorates["ordinary"])
    quorum, majority = proposal.close().conditions
    assert (quorum.holds, quorum.found, quorum.needed) == (True, 100_000, 100_000)
    assert (majority.holds, majority.found, majority.needed) == (False, 0, 1)
    assert proposal.theirs() == Theirs.DEFEATED


def test_a_quorum_is_never_less_than_one_unit_with_us(electorates: dict[str, Electorate]) -> None:
    proposal = drive(Case("least quorum", "tiny", (("one", AGAINST),), passes=False), electorates["tiny"])
    quorum = proposal.close().conditions[0]
    assert proposal.governor.read("quorum", proposal.snapshot) == 0
    assert (quorum.holds, quorum.found, quorum.needed) == (False, 0, 1)


def test_a_ballot_without_power_is_a_vote_of_nothing_there_and_refused_here(
    electorates: dict[str, Electorate],
) -> None:
    proposal = Proposal(electorates["ordinary"], "no power")
    proposal.wait_until_block(proposal.snapshot + 1)
    proposal.vote(SILENT, FOR)
    assert proposal.governor.read("hasVoted", proposal.id, electorates["ordinary"].accounts[SILENT])
    (refused,) = METHOD.count([(FOR, 0)], len(OPTIONS)).invalid
    assert "power is a positive integer" in refused.reason


def test_a_queued_proposal_expires_with_us_and_waits_for_ever_with_the_contract(
    electorates: dict[str, Electorate],
) -> None:
    proposal = passed("expiry", electorates["ordinary"])
    proposal.queue()
    proposal.wait_until(proposal.facts["expires_at"] - SECOND)
    proposal.compare(State.READY)
    proposal.wait_until(proposal.facts["expires_at"])
    assert (proposal.ours(), proposal.theirs()) == (State.EXPIRED, Theirs.QUEUED)
    assert State.EXPIRED not in ALLOWED[Action.EXECUTE]
    assert proposal.accepted(Action.EXECUTE)


def test_a_proposer_may_cancel_after_success_with_us_and_only_while_pending_with_the_contract(
    electorates: dict[str, Electorate],
) -> None:
    proposal = passed("late cancel", electorates["ordinary"])
    assert (proposal.ours(), proposal.theirs()) == (State.SUCCEEDED, Theirs.SUCCEEDED)
    assert State.SUCCEEDED in ALLOWED[Action.CANCEL]
    assert not proposal.accepted(Action.CANCEL)
