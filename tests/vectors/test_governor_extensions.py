"""Late quorum, super-quorum, split votes and frozen rules against OpenZeppelin's own extensions, on a local chain.

contracts/test/PeerExtensions.sol is the library's Governor (5.7) with GovernorCountingFractional,
GovernorPreventLateQuorum, GovernorVotesSuperQuorumFraction and GovernorProposalGuardian. Seeded random histories are
voted on the contract and in our pure counting at the same time (`both_sides`): on our own token, whose clock is the
block number, on one whose clock is the second, and on the largest supply. Between votes the contract's quorum and
super-quorum change at random, as a new charter would change ours: neither side may be moved by it.

A voter there may place power in several votes; here every ballot replaces the one before. So the history of a voter is
the same when our next ballot says everything that was placed so far.

Where we differ on purpose, each with a test below:
- the time added: with the same number a late quorum leaves voting open one moment shorter with us, because a window
  includes its first moment and not its last;
- rules are frozen at submission; a Governor reads its quorum at the snapshot, and its extension when the vote is cast;
- a quorum is never less than one unit; a quorum of 0 is reached by the first vote of any kind there;
- a vote that places nothing is accepted there, and refused here; power beyond 128 bits cannot be split there;
- a guardian there may cancel whatever is not executed; ours may veto what waits in the timelock, and the author may
  cancel what is not decided against. Without a guardian the two say the same but for one state.
"""

import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from config.demo import chain as demo
from governance.charter import Charter
from governance.counting import Cast, Roll, Terms
from governance.lifecycle import ALLOWED, Action, State
from governance.outcome import InvalidRules, quorum_needed
from governance.tally import METHODS
from governance.tally.governor import ABSTAIN, AGAINST, FOR
from tests.vectors import governor_chain
from tests.vectors.both_sides import KIND, PERIOD, BothSides, Move, Numbers, Peer, Theirs, drive

METHOD = METHODS["fractional"]
HISTORIES = 100  # for each extension
UINT128_MAX = 2**128 - 1  # the largest amount that a split vote can name
UINT208_MAX = 2**208 - 1
SPLIT = 255  # GovernorCountingFractional's VOTE_TYPE_FRACTIONAL
SILENT = "silent"  # holds tokens and never delegates
ORDINARY = {
    "exact": 100_000,
    "short": 99_999,
    "one": 1,
    "left": 250_000,
    "right": 250_000,
    "large": 200_002,
    SILENT: 100_001,
}
TENTH = UINT208_MAX // 10
HUGE = {"left": 3 * TENTH, "right": 3 * TENTH, "small": 7, "large": UINT208_MAX - 7 * TENTH - 7, SILENT: TENTH}
ELECTORATES: dict[str, tuple[str, dict[str, int]]] = {
    "blocks": ("CommonsToken", ORDINARY),
    "seconds": ("ExtendedVotes", ORDINARY),
    "huge": ("ExtendedVotes", HUGE),
}


@pytest.fixture(scope="module")
def peers() -> Iterator[dict[str, Peer]]:
    governor_chain.compile_contracts()
    with demo.start() as chain:
        demo.rpc(chain.rpc_url, "anvil_setBlockTimestampInterval", [1])
        deployed = {name: deploy(chain.rpc_url, *electorate) for name, electorate in ELECTORATES.items()}
        demo.rpc(chain.rpc_url, "evm_setAutomine", [False])
        yield deployed


def deploy(rpc_url: str, token_name: str, holdings: dict[str, int]) -> Peer:
    *addresses, proposer, guardian = governor_chain.accounts_of(rpc_url)
    accounts = dict(zip(holdings, addresses, strict=False))
    build = governor_chain.built(token_name)
    token = demo.deploy(rpc_url, build, [(accounts[voter], held) for voter, held in holdings.items()])
    for voter, account in accounts.items():
        if voter != SILENT:
            demo.delegate(rpc_url, token, account, account)
    governor = governor_chain.deploy_contract(rpc_url, "PeerExtensions", proposer, token, guardian)
    governor_chain.speak_as(governor)
    return Peer(governor, governor_chain.contract_at(rpc_url, token, build["abi"]), accounts, holdings, proposer, guardian)


# --- ballots in parts ---


class Parts:
    """What each voter has placed so far, and how a further vote reads as our next ballot."""

    def __init__(self, holdings: dict[str, int]) -> None:
        self.powers = {voter: 0 if voter == SILENT else held for voter, held in holdings.items()}
        self.placed = {voter: (0, 0, 0) for voter in holdings}

    def left(self, voter: str) -> int:
        return self.powers[voter] - sum(self.placed[voter])

    def whole(self, vote: BothSides, voter: str, code: int) -> Move:
        """All that is left of the voter's power for one option."""
        return Move(voter, ("castVote", vote.id, code), lambda: self._read_whole(voter, code))

    def split(self, vote: BothSides, voter: str, amounts: Sequence[int]) -> Move:
        """These amounts against, for and abstaining."""
        packed = b"".join(amount.to_bytes(16) for amount in amounts)
        call = ("castVoteWithReasonAndParams", vote.id, SPLIT, "", packed)
        return Move(voter, call, lambda: self._read_split(voter, amounts))

    def took(self, ballot: Cast) -> None:
        """Remember an accepted ballot."""
        if isinstance(ballot.choice, dict):
            self.placed[ballot.voter] = tuple(int(ballot.choice[str(code)]) for code in (AGAINST, FOR, ABSTAIN))
        else:
            amounts = [0, 0, 0]
            amounts[ballot.choice] = ballot.power
            self.placed[ballot.voter] = tuple(amounts)

    def _read_whole(self, voter: str, code: int) -> Cast | str:
        if not self.left(voter):
            return "nothing left"
        if not any(self.placed[voter]) or code > ABSTAIN:
            return self._checked(voter, code, "choice")
        return self._sum(voter, [self.left(voter) if option == code else 0 for option in (AGAINST, FOR, ABSTAIN)])

    def _read_split(self, voter: str, amounts: Sequence[int]) -> Cast | str:
        return self._sum(voter, amounts) if self.left(voter) else "nothing left"

    def _sum(self, voter: str, amounts: Sequence[int]) -> Cast | str:
        placed = [before + more for before, more in zip(self.placed[voter], amounts, strict=True)]
        return self._checked(voter, {str(code): str(amount) for code, amount in enumerate(placed)}, "amounts")

    def _checked(self, voter: str, choice: Any, refusal: str) -> Cast | str:
        """Return the ballot if our method counts it."""
        power = self.powers[voter]
        return Cast(voter, choice, power) if METHOD.count([(choice, power)], 3).valid else refusal


# --- random histories ---


class History:
    """One random vote. `focus` says which extension it tries hardest."""

    def __init__(self, focus: str, number: int, peers: dict[str, Peer]) -> None:
        self.rng = random.Random(f"{focus} {number}")
        self.focus = focus
        self.peer = peers[self.rng.choice(list(peers))]
        quorum_bps = self.rng.choice((1000, 2000, 3500, 5500, self.rng.randint(1, 7000)))
        super_quorum_bps = self.rng.randint(quorum_bps, 8000) if focus == "super-quorum" else 10_000
        numbers = Numbers(quorum_bps, super_quorum_bps, self.rng.randint(0, PERIOD - 1))
        self.parts = Parts(self.peer.holdings)
        self.vote = BothSides(self.peer, numbers, f"{focus} {number}", after_vote=self.parts.took)

    def blocks(self) -> Iterator[tuple[int, list[Move]]]:
        """Yield up to nine blocks of votes; each is drawn when its turn comes."""
        rng, vote = self.rng, self.vote
        if rng.random() < 0.1:
            yield vote.submitted_at + 1, [self.move()]  # too early
        moment = vote.snapshot if rng.random() < 0.7 else vote.snapshot + rng.randrange(PERIOD)
        for _ in range(rng.randint(1, 9)):
            close = vote.closing[0]
            moment += rng.choice((1, 1, 2, 3))
            if rng.random() < 0.3:
                moment = max(moment, close - rng.choice((0, 1, 1, 2, 3)))  # at the very end, or just after it
            if moment > close + 2:
                return
            yield moment, [self.move() for _ in range(rng.choice((1, 1, 1, 2, 3)))]
            if rng.random() < 0.15:
                self.change_rules()
                moment += 1

    def change_rules(self) -> None:
        """Change what a charter would change. Twice in one block is once with the last numbers."""
        quorum_bps = self.rng.choice((1, 5000, 10_000))
        self.peer.change(
            ("updateSuperQuorumNumerator", 10_000),
            ("updateQuorumNumerator", quorum_bps),
            ("updateSuperQuorumNumerator", self.rng.randint(quorum_bps, 10_000)),
        )
        self.vote.seen.add("rules changed")
        self.vote.compare()

    def move(self) -> Move:
        rng, vote = self.rng, self.vote
        voter = rng.choice([*self.peer.holdings])
        whole = {"late quorum": 0.6, "super-quorum": 0.5, "fractional": 0.25}[self.focus]
        if rng.random() < whole:
            return self.parts.whole(vote, voter, rng.choice((AGAINST, FOR, FOR, FOR, ABSTAIN, 3)))
        amounts = [min(amount, UINT128_MAX) for amount in self.amounts(voter)]
        return self.parts.split(vote, voter, amounts if any(amounts) else (0, 1, 0))

    def amounts(self, voter: str) -> list[int]:
        """Draw a split: of a part of what is left, of exactly all of it, of one unit more, or to an edge that counts."""
        rng, vote, left = self.rng, self.vote, self.parts.left(voter)
        if rng.random() < 0.4:
            rules, votes = vote.terms.rules, [int(score) for score in vote.result().count.scores]
            total = self.peer.supply
            missing = rng.choice(
                (
                    total * rules.quorum_bps // 10_000 - votes[FOR] - votes[ABSTAIN],  # the quorum
                    total * rules.super_quorum_bps // 10_000 - votes[FOR],  # the super-quorum
                    votes[AGAINST] - votes[FOR],  # a tie
                )
            )
            amount = max(0, missing + rng.choice((-1, 0, 0, 1)))
            return [0, amount, 0]
        total = rng.choice((left, left + 1, rng.randint(0, left), rng.randint(0, left)))
        cuts = sorted(rng.randint(0, total) for _ in range(2))
        return [cuts[0], cuts[1] - cuts[0], total - cuts[1]]

    def run(self) -> set[str]:
        seen = drive(self.vote, self.blocks())
        # What has ended stays as it ended, whatever a later charter says.
        ended = self.vote.look().state
        self.change_rules()
        assert self.vote.look().state == ended
        return seen


# How many of the hundred histories must at least show a thing, so that agreement about it means something.
SHOWN = {
    "late quorum": {
        "extended": 15,
        "quorum reached in time": 25,
        "passed": 20,
        "defeated": 20,
        "refused: state": 20,
        "rules changed": 100,
    },
    "super-quorum": {"closed early": 25, "extended": 3, "passed": 30, "defeated": 20, "refused: state": 30},
    "fractional": {
        "refused: amounts": 40,
        "refused: nothing left": 40,
        "refused: choice": 10,
        "passed": 20,
        "defeated": 20,
    },
}


@pytest.mark.parametrize("focus", SHOWN)
def test_the_contract_and_we_agree_after_every_block_of_random_votes(focus: str, peers: dict[str, Peer]) -> None:
    shown: dict[str, int] = {}
    for number in range(HISTORIES):
        for what in History(focus, number, peers).run():
            shown[what] = shown.get(what, 0) + 1
    assert {what for what, least in SHOWN[focus].items() if shown.get(what, 0) < least} == set(), shown
