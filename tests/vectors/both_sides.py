"""One proposal voted on twice: by a real Governor on a local chain, and by our pure counting, second by second.

After every block both sides are held against each other: which votes were accepted, the totals, when voting closes and
which vote moved that, the quorum reached, and the state. Holds no random history; those stand in the tests.

How time is read. Every block is one second after the last one, so a Governor may run on blocks or on seconds, and
`moment` is its own clock. A Governor counts votes in (snapshot, deadline]; we say the same with the first moment of
voting and the first moment after it: opens_at = snapshot + 1, closes_at = deadline + 1. A late quorum at moment t moves
the deadline to t + extension, so voting is open for `extension` moments after the vote's own. With us the vote's own
moment is the first of `late_quorum_seconds`, so the same rule reads extension + 1.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

from eth_utils import keccak

from config.demo import chain as demo
from governance.counting import Cast, QuorumMeter, Result, Roll, Terms, closing_time, count_votes
from governance.lifecycle import ALLOWED, Action, Facts, State, state
from governance.outcome import Rules, quorum_needed
from governance.tally.governor import OPTIONS
from tests.vectors.governor_chain import Contract, mine_together, selector

DELAY, PERIOD = 2, 12  # moments; the numbers of the contracts
KIND = "model_update"
EXTENDED = "0x" + keccak(text="ProposalExtended(uint256,uint64)").hex()
# Why the library refuses a vote, by our word for it.
REFUSALS = {
    "state": selector("GovernorUnexpectedProposalState(uint256,uint8,bytes32)"),
    "amounts": selector("GovernorExceedRemainingWeight(address,uint256,uint256)"),
    "nothing left": selector("GovernorAlreadyCastVote(address)"),
    "overridden": selector("GovernorAlreadyOverriddenVote(address)"),
    "choice": selector("GovernorInvalidVoteType()"),
}


class Theirs(IntEnum):
    """IGovernor.ProposalState, as far as a Governor without a timelock goes."""

    PENDING = 0
    ACTIVE = 1
    CANCELED = 2
    DEFEATED = 3
    SUCCEEDED = 4
    EXECUTED = 7


THEIRS = {
    State.PENDING: Theirs.PENDING,
    State.ACTIVE: Theirs.ACTIVE,
    State.DEFEATED: Theirs.DEFEATED,
    State.SUCCEEDED: Theirs.SUCCEEDED,
    State.CANCELED: Theirs.CANCELED,
    State.EXECUTED: Theirs.EXECUTED,
}


@dataclass(frozen=True)
class Peer:
    """A Governor with the accounts of its voters by name, and who proposes and guards."""

    governor: Contract
    token: Contract
    accounts: dict[str, str]
    holdings: dict[str, int]
    proposer: str
    guardian: str

    @property
    def supply(self) -> int:
        return sum(self.holdings.values())

    @property
    def moment(self) -> int:
        return self.governor.read("clock")

    def wait_until(self, moment: int) -> None:
        missing = moment - self.moment
        assert missing >= 0
        if missing:
            demo.rpc(self.governor.rpc_url, "anvil_mine", [hex(missing)])

    def change(self, *calls: tuple[str, Any], together_with: Sequence[dict[str, str]] = ()) -> None:
        """Change the Governor's own numbers, all in the next block, in its own name."""
        changes = [{"from": self.governor.address, **self.governor.transaction(*call)} for call in calls]
        for _, receipt in mine_together(self.governor.rpc_url, [*changes, *together_with]):
            assert receipt["status"] == "0x1", calls


@dataclass(frozen=True)
class Numbers:
    """The rules that differ between histories; `extension` is the contract's, in moments."""

    quorum_bps: int
    super_quorum_bps: int = 0
    extension: int = 0

    @property
    def rules(self) -> Rules:
        return Rules(
            quorum_bps=self.quorum_bps,
            threshold_bps=5000,
            proposal_threshold=0,
            voting_delay_seconds=DELAY,
            voting_period_seconds=PERIOD,
            timelock_seconds=0,
            execution_window_seconds=1000,
            super_quorum_bps=self.super_quorum_bps,
            late_quorum_seconds=self.extension + 1,
        )


@dataclass(frozen=True)
class Look:
    """What the contract says about a proposal at one moment. `votes` are against, for, abstain."""

    moment: int
    state: Theirs
    deadline: int
    votes: tuple[int, int, int]


@dataclass(frozen=True)
class Move:
    """A vote on its way: the contract's call, and how we read it once its turn has come.

    `read` returns the ballot, or the word (of REFUSALS) for why there is none.
    """

    voter: str
    call: tuple[Any, ...]
    read: Callable[[], Cast | str]


@dataclass
class BothSides:
    """A proposal on both sides."""

    peer: Peer
    numbers: Numbers
    name: str
    method: str = "fractional"
    roll: Roll | None = None
    accepted: list[tuple[int, Cast]] = field(default_factory=list)
    closed_early_at: int | None = None
    seen: set[str] = field(default_factory=set)
    after_vote: Callable[[Cast], None] = lambda _ballot: None

    def __post_init__(self) -> None:
        """Set the contract's numbers, propose a call that changes nothing, and freeze our terms."""
        governor, self.census = self.peer.governor, self.roll or Roll(self.peer.supply, 0)
        # From the largest super-quorum down, because it may never be below the quorum.
        changes = [("updateQuorumNumerator", self.numbers.quorum_bps)]
        if self.numbers.super_quorum_bps:
            changes = [
                ("updateSuperQuorumNumerator", 10_000),
                *changes,
                ("updateSuperQuorumNumerator", self.numbers.super_quorum_bps),
            ]
        changes.append(("setLateQuorumVoteExtension", self.numbers.extension))
        self.actions = (
            [self.peer.token.address],
            [0],
            [bytes.fromhex(self.peer.token.transaction("totalSupply")["data"][2:])],
        )
        self.description_hash = keccak(text=self.name)
        proposal = {"from": self.peer.proposer, **governor.transaction("propose", *self.actions, self.name)}
        self.peer.change(*changes, together_with=[proposal])
        self.id = governor.read("hashProposal", *self.actions, self.description_hash)
        self.submitted_at = self.peer.moment
        self.snapshot = self.submitted_at + DELAY
        self.opens_at = self.snapshot + 1
        self.terms = Terms.from_body(
            {
                "kind": KIND,
                "method": self.method,
                "choices": list(OPTIONS),
                "seats": 1,
                "rules": self.numbers.rules.to_body(),
                "snapshot": {"total_supply": str(self.peer.supply)},
                "closes_at": self.opens_at + PERIOD,
            }
        )
        self.meter, self.reached = QuorumMeter(self.terms, self.census), 0

    # --- our side ---

    @property
    def closing(self) -> tuple[int, int | None]:
        """When voting closes by our rules, and the place of the ballot that moved it."""
        return closing_time(self.terms, self.census, self.accepted, self.terms.closes_at)

    def result(self) -> Result:
        """Count the newest ballot of every voter and judge it."""
        newest = {ballot.voter: ballot for _, ballot in self.accepted}
        return count_votes(self.terms, self.census, list(newest.values()))

    def ours(self, moment: int) -> State:
        """Our state: the outcome is recorded as soon as the vote may close, early or not."""
        opens_at, closes_at = self.opens_at, self.closing[0]
        ended = self.closed_early_at is not None or moment >= closes_at
        facts = Facts(
            submitted_at=_time(self.submitted_at),
            census_at=_time(opens_at),
            opens_at=_time(opens_at),
            closes_at=_time(closes_at),
            passed=self.result().outcome.passed if ended else None,
        )
        return state(facts, _time(moment))

    # --- both sides ---

    def cast(self, *moves: Move) -> None:
        """Put votes into the next block, hold each verdict against ours in the order of the block, then compare."""
        governor = self.peer.governor
        calls = [{"from": self.peer.accounts[move.voter], **governor.transaction(*move.call)} for move in moves]
        moment = self.peer.moment + 1
        for place, receipt in mine_together(governor.rpc_url, calls):
            open_now = self.ours(moment) in ALLOWED[Action.VOTE]
            ballot = moves[place].read() if open_now else "state"
            told = (self.name, moment, moves[place].call, ballot)
            assert (receipt["status"] == "0x1") == isinstance(ballot, Cast), told
            if isinstance(ballot, Cast):
                self._take(moment, ballot, [log for log in receipt["logs"] if log["topics"][0] == EXTENDED])
            else:
                self.seen.add(f"refused: {ballot}")
                if len(moves) == 1:  # otherwise the vote after it has changed what the contract would say now
                    refusal = governor.refusal(calls[0]["from"], *moves[0].call)
                    assert REFUSALS[ballot] in (refusal or ""), told
        self.compare()

    def _take(self, moment: int, ballot: Cast, extensions: list[dict[str, Any]]) -> None:
        """Count an accepted vote, and ask whether it moved the end on both sides."""
        self.accepted.append((moment, ballot))
        before, self.reached = self.reached, self.meter.cast(ballot)
        self.after_vote(ballot)
        closes_at, position = self.closing
        moved = position == len(self.accepted) - 1
        assert [int(log["data"], 16) for log in extensions] == ([closes_at - 1] if moved else []), self.name
        needed = quorum_needed(self.terms.rules, self.census.electorate(self.terms))
        if moved:
            self.seen.add("extended")
        if before < needed <= self.reached:
            self.seen.add("quorum reached again" if "quorum reached" in self.seen else "quorum reached")
            self.seen |= set() if moved else {"quorum reached in time"}
        elif self.reached < needed <= before:
            self.seen.add("quorum lost")
        if self.closed_early_at is None and self.result().outcome.early:
            self.closed_early_at = moment
            self.seen.add("closed early")

    def look(self) -> Look:
        moment, found, deadline, *votes = self.peer.governor.read("look", self.id)
        return Look(moment, Theirs(found), deadline, tuple(votes))

    def compare(self) -> Look:
        """Totals, quorum, closing time and state are the same on both sides now."""
        look, result = self.look(), self.result()
        assert tuple(int(score) for score in result.count.scores) == look.votes, self.name
        assert result.count.invalid == (), self.name
        assert self.reached == result.count.quorum_power == look.votes[1] + look.votes[2], self.name
        assert self.closing[0] == look.deadline + 1, self.name
        assert THEIRS.get(self.ours(look.moment)) == look.state, (self.name, look, self.ours(look.moment))
        return look

    def finish(self) -> Look:
        """Compare at both edges of the end of the vote."""
        closes_at = self.closing[0]
        if self.peer.moment < closes_at - 1:
            self.peer.wait_until(closes_at - 1)
            self.compare()
        self.peer.wait_until(max(closes_at, self.peer.moment))
        look = self.compare()
        self.seen.add("passed" if look.state == Theirs.SUCCEEDED else "defeated")
        return look


def drive(vote: BothSides, blocks: Iterator[tuple[int, Sequence[Move]]]) -> set[str]:
    """Put the moves of each (moment, moves) into the block of that moment, to the end; return what was seen.

    The next moves are asked for when those before are done, so they may depend on them.
    """
    for moment, moves in blocks:
        vote.peer.wait_until(moment - 1)
        vote.cast(*moves)
    vote.finish()
    return vote.seen


def _time(moment: int) -> datetime:
    return datetime.fromtimestamp(moment, UTC)
