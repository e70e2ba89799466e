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
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from config.demo import chain as demo
from governance.charter import Charter
from governance.counting import Cast, closing_time
from governance.lifecycle import ALLOWED, Action, State
from governance.outcome import InvalidRules, quorum_needed
from governance.tally import METHODS
from governance.tally.governor import ABSTAIN, AGAINST, FOR
from tests.vectors import governor_chain
from tests.vectors.both_sides import KIND, PERIOD, THEIRS, BothSides, Move, Numbers, Peer, Theirs, drive

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
    # A tenth of it is 0 for the contract.
    "tiny": ("ExtendedVotes", {"left": 4, "right": 4, "one": 1}),
}
RANDOM = ("blocks", "seconds", "huge")


@pytest.fixture(scope="module")
def all_peers() -> Iterator[dict[str, Peer]]:
    governor_chain.compile_contracts()
    with demo.start() as chain:
        demo.rpc(chain.rpc_url, "anvil_setBlockTimestampInterval", [1])
        deployed = {name: deploy(chain.rpc_url, *electorate) for name, electorate in ELECTORATES.items()}
        demo.rpc(chain.rpc_url, "evm_setAutomine", [False])
        yield deployed


@pytest.fixture
def peers(all_peers: dict[str, Peer]) -> Iterator[dict[str, Peer]]:
    with governor_chain.taken_back(all_peers["blocks"].governor.rpc_url):
        yield all_peers


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
    return Peer(
        governor, governor_chain.contract_at(rpc_url, token, build["abi"]), accounts, holdings, proposer, guardian
    )


# --- ballots in parts ---


class Parts:
    """What each voter has placed so far, and how a further vote reads as our next ballot."""

    def __init__(self, holdings: dict[str, int]) -> None:
        self.powers = {voter: 0 if voter == SILENT else held for voter, held in holdings.items()}
        self.placed = dict.fromkeys(holdings, (0, 0, 0))

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
        self.peer = peers[self.rng.choice(RANDOM)]
        quorum_bps = self.rng.choice((1000, 2000, 3500, 5500, self.rng.randint(1, 7000)))
        super_quorum_bps = self.rng.choice((quorum_bps, self.rng.randint(quorum_bps, 8000)))
        super_quorum_bps = super_quorum_bps if focus == "super-quorum" else 10_000
        numbers = Numbers(quorum_bps, super_quorum_bps, self.rng.randint(0, PERIOD - 1))
        self.parts = Parts(self.peer.holdings)
        self.vote = BothSides(self.peer, numbers, f"{focus} {number}", after_vote=self.parts.took)

    def blocks(self) -> Iterator[tuple[int, list[Move]]]:
        """Yield up to nine blocks of votes; each is drawn when its turn comes."""
        rng, vote = self.rng, self.vote
        if rng.random() < 0.1:
            yield vote.submitted_at + 1, [self.move()]  # too early
        moment = vote.snapshot + rng.choice((0, 0, rng.randrange(PERIOD)))
        for _ in range(rng.randint(3, 9)):
            close = vote.closing[0]
            moment += rng.choice((1, 1, 2))
            if rng.random() < 0.15:
                moment = max(moment, close - rng.choice((0, 1, 1, 2, 3)))  # at the very end, or just after it
            if moment > close + 1:
                return
            yield moment, [self.move() for _ in range(rng.choice((1, 1, 1, 2, 3)))]
            if rng.random() < 0.1:
                self.change_rules()
                moment += 1

    def change_rules(self) -> None:
        """Change what a new charter would change."""
        quorum_bps = self.rng.choice((1, 5000, 10_000))
        self.peer.change(
            ("updateSuperQuorumNumerator", 10_000),
            ("updateQuorumNumerator", quorum_bps),
            ("updateSuperQuorumNumerator", self.rng.randint(quorum_bps, 10_000)),
        )
        self.vote.compare()

    def move(self) -> Move:
        rng, vote = self.rng, self.vote
        voters = [voter for voter in self.peer.holdings if self.parts.left(voter)]
        voter = rng.choice(list(self.peer.holdings) if rng.random() < 0.25 or not voters else voters)
        if rng.random() < (0.3 if self.focus == "fractional" else 0.6):
            options = (
                (FOR, FOR, FOR, AGAINST, AGAINST) if self.focus == "super-quorum" else (FOR, AGAINST, ABSTAIN, FOR)
            )
            return self.parts.whole(vote, voter, 3 if rng.random() < 0.04 else rng.choice(options))
        amounts = [min(amount, UINT128_MAX) for amount in self.amounts(voter)]
        return self.parts.split(vote, voter, amounts if any(amounts) else (0, 1, 0))

    def amounts(self, voter: str) -> list[int]:
        """Draw a split: of a part of what is left, exactly all of it, one unit more, or up to an edge that decides."""
        rng, vote, left = self.rng, self.vote, self.parts.left(voter)
        if rng.random() < 0.35:
            rules, (against, in_favour, abstain) = vote.terms.rules, map(int, vote.result().count.scores)
            edges = (
                self.peer.supply * rules.quorum_bps // 10_000 - in_favour - abstain,
                self.peer.supply * rules.super_quorum_bps // 10_000 - in_favour,
                against - in_favour,
            )
            amount = max(0, rng.choice(edges) + rng.choice((-1, 0, 0, 1)))
            return [0, amount, 0]
        total = rng.choice((left, left + 1, rng.randint(0, left), rng.randint(0, left)))
        cuts = sorted(rng.randint(0, total) for _ in range(2))
        amounts = [cuts[0], cuts[1] - cuts[0], total - cuts[1]]
        return [min(amounts), max(amounts), 0] if self.focus == "super-quorum" and rng.random() < 0.5 else amounts

    def run(self) -> set[str]:
        seen = drive(self.vote, self.blocks())
        # What has ended stays as it ended, whatever a later charter says.
        ended = self.vote.look().state
        self.change_rules()
        assert self.vote.look().state == ended
        return seen


# How many of the hundred histories must at least show a thing, so that agreement about it means something.
SHOWN = {
    "late quorum": {"extended": 15, "quorum reached in time": 20, "passed": 20, "defeated": 20, "refused: state": 20},
    "super-quorum": {"closed early": 20, "extended": 10, "passed": 20, "defeated": 20, "refused: state": 20},
    "fractional": {
        "refused: amounts": 25,
        "refused: nothing left": 25,
        "refused: choice": 5,
        "passed": 20,
        "defeated": 20,
    },
}


@pytest.mark.parametrize("focus", SHOWN)
def test_the_contract_and_we_agree_after_every_block_of_random_votes(focus: str, peers: dict[str, Peer]) -> None:
    shown: Counter[str] = Counter()
    for number in range(HISTORIES):
        with governor_chain.taken_back(peers["blocks"].governor.rpc_url):
            shown.update(History(focus, number, peers).run())
    assert {what for what, least in SHOWN[focus].items() if shown[what] < least} == set(), shown


# --- where both sides agree, told one by one ---


class Told(BothSides):
    """A vote that a test tells: who votes what, at which moment."""

    def __init__(self, peer: Peer, numbers: Numbers, name: str = "told") -> None:
        self.parts = Parts(peer.holdings)
        super().__init__(peer, numbers, name, after_vote=self.parts.took)

    def whole(self, moment: int, voter: str, code: int) -> None:
        self.peer.wait_until(moment - 1)
        self.cast(self.parts.whole(self, voter, code))

    def split(self, moment: int, voter: str, amounts: Sequence[int]) -> None:
        self.peer.wait_until(moment - 1)
        self.cast(self.parts.split(self, voter, amounts))

    @property
    def needed(self) -> int:
        return quorum_needed(self.terms.rules, self.census.electorate(self.terms))


def test_power_is_split_and_a_plain_vote_takes_the_remainder(peers: dict[str, Peer]) -> None:
    vote = Told(peers["seconds"], Numbers(1000, 10_000))
    vote.split(vote.opens_at, "exact", (10, 20, 30))
    assert vote.look().votes == (10, 20, 30)
    vote.split(vote.opens_at + 1, "exact", (0, 1, 100_000 - 60))  # one more than is left
    vote.whole(vote.opens_at + 2, "exact", AGAINST)
    assert vote.look().votes == (100_000 - 50, 20, 30)
    vote.whole(vote.opens_at + 3, "exact", FOR)
    assert vote.seen == {"refused: amounts", "refused: nothing left"}


def test_only_the_first_crossing_of_the_quorum_counts_even_if_it_moves_nothing(peers: dict[str, Peer]) -> None:
    vote = Told(peers["seconds"], Numbers(1000, 10_000, extension=3))
    vote.whole(vote.opens_at, "exact", FOR)
    vote.whole(vote.terms.closes_at - 1, "left", FOR)
    assert vote.finish().deadline == vote.snapshot + PERIOD
    assert vote.seen == {"quorum reached", "quorum reached in time", "passed"}


def test_a_quorum_that_is_reached_in_the_last_moment_keeps_the_vote_open(peers: dict[str, Peer]) -> None:
    vote = Told(peers["blocks"], Numbers(1000, 10_000, extension=PERIOD - 1))
    vote.whole(vote.opens_at, "short", FOR)
    vote.whole(vote.terms.closes_at - 1, "one", ABSTAIN)
    vote.whole(vote.closing[0] - 1, "right", AGAINST)
    vote.whole(vote.closing[0], "left", FOR)
    assert vote.finish().state == Theirs.DEFEATED
    assert vote.closing == (vote.terms.closes_at - 1 + PERIOD, 1)
    assert "refused: state" in vote.seen


def test_a_super_quorum_ends_the_vote_at_once_and_one_unit_less_does_not(peers: dict[str, Peer]) -> None:
    vote = Told(peers["seconds"], Numbers(1000, 2000))
    edge = vote.peer.supply * 2000 // 10_000
    vote.split(vote.opens_at, "left", (0, edge - 1, 0))
    assert vote.look().state == Theirs.ACTIVE
    vote.split(vote.opens_at + 1, "right", (0, 1, 0))
    assert (vote.look().state, vote.closed_early_at) == (Theirs.SUCCEEDED, vote.opens_at + 1)
    vote.whole(vote.opens_at + 2, "large", AGAINST)
    assert vote.finish().state == Theirs.SUCCEEDED


def test_a_super_quorum_without_a_majority_does_not_end_the_vote(peers: dict[str, Peer]) -> None:
    vote = Told(peers["blocks"], Numbers(1000, 2000))
    vote.whole(vote.opens_at, "right", AGAINST)
    vote.whole(vote.opens_at + 1, "left", FOR)
    assert vote.look().state == Theirs.ACTIVE
    vote.whole(vote.opens_at + 2, "one", FOR)
    assert vote.look().state == Theirs.SUCCEEDED


def charter_of(numbers: Numbers) -> Charter:
    return Charter.from_body(
        {
            "tiers": {"ordinary": numbers.rules.to_body()},
            "kinds": {"default": "ordinary"},
            "power": {"source": "erc20_votes", "parameters": {}},
            "house": None,
            "council": {"pause_seconds_max": 0},
        }
    )


@pytest.mark.parametrize(("before", "after", "end"), [(5000, 1, Theirs.DEFEATED), (1000, 10_000, Theirs.SUCCEEDED)])
def test_another_charter_neither_revives_nor_kills_what_was_proposed_before(
    peers: dict[str, Peer], before: int, after: int, end: Theirs
) -> None:
    """CVE-2022-31198: a lower quorum once made old, defeated proposals executable."""
    old, new = Numbers(before, 10_000), Numbers(after, 10_000)
    assert charter_of(old).rules_of(KIND) == old.rules
    vote = Told(peers["blocks"], old, f"charter {before}")
    vote.whole(vote.opens_at, "left", FOR)
    vote.peer.change(("updateQuorumNumerator", after))
    assert vote.peer.governor.read("quorumNumerator()") == after
    assert vote.finish().state == end
    vote.peer.change(("updateQuorumNumerator", before), ("updateQuorumNumerator", after))
    assert vote.compare().state == end
    # A new proposal, with the same votes, has the new rules.
    later = Told(vote.peer, new, f"charter {before} to {after}")
    later.whole(later.opens_at, "left", FOR)
    assert later.finish().state != end
    assert later.terms.rules == charter_of(new).rules_of(KIND)


# --- where we differ on purpose ---


def test_with_the_same_number_a_late_quorum_leaves_voting_open_one_moment_shorter_with_us(
    peers: dict[str, Peer],
) -> None:
    vote = Told(peers["seconds"], Numbers(1000, 10_000, extension=5))
    vote.whole(vote.terms.closes_at - 1, "exact", FOR)
    moment, _ = vote.accepted[0]
    same_number = replace(vote.terms, rules=replace(vote.terms.rules, late_quorum_seconds=5))
    ours, _ = closing_time(same_number, vote.census, vote.accepted, vote.terms.closes_at)
    assert (ours, vote.look().deadline + 1) == (moment + 5, moment + 5 + 1)


def test_the_longest_extension_there_is_one_moment_longer_than_ours(peers: dict[str, Peer]) -> None:
    governor = peers["seconds"].governor
    assert governor.refusal(governor.address, "setLateQuorumVoteExtension", PERIOD) is None
    assert governor.refusal(governor.address, "setLateQuorumVoteExtension", PERIOD + 1) is not None
    assert Numbers(1000, extension=PERIOD - 1).rules.late_quorum_seconds == PERIOD
    with pytest.raises(InvalidRules, match="at most voting_period_seconds"):
        _ = Numbers(1000, extension=PERIOD).rules


def test_rules_changed_before_the_snapshot_hold_there_and_not_here(peers: dict[str, Peer]) -> None:
    vote = Told(peers["seconds"], Numbers(1000, 10_000))
    vote.peer.change(("updateQuorumNumerator", 5000))
    vote.whole(vote.opens_at, "left", FOR)
    vote.peer.wait_until(vote.terms.closes_at)
    assert vote.look().state == Theirs.DEFEATED
    assert vote.peer.governor.read("quorum", vote.snapshot) == vote.peer.supply // 2
    assert vote.needed == vote.peer.supply // 10
    assert vote.result().outcome.passed


def test_an_extension_changed_during_the_vote_holds_there_and_not_here(peers: dict[str, Peer]) -> None:
    vote = Told(peers["seconds"], Numbers(1000, 10_000, extension=2))
    vote.peer.wait_until(vote.snapshot)
    vote.peer.change(("setLateQuorumVoteExtension", 9))
    vote.peer.wait_until(vote.terms.closes_at - 2)
    ballot = {"from": vote.peer.accounts["exact"], **vote.peer.governor.transaction("castVote", vote.id, FOR)}
    governor_chain.mine_together(vote.peer.governor.rpc_url, [ballot])
    moment = vote.peer.moment
    ours, _ = closing_time(vote.terms, vote.census, [(moment, Cast("exact", FOR, 100_000))], vote.terms.closes_at)
    assert (vote.look().deadline, ours - 1) == (moment + 9, moment + 2)


def test_a_quorum_of_nothing_is_reached_by_a_vote_against_there_and_not_here(peers: dict[str, Peer]) -> None:
    vote = Told(peers["tiny"], Numbers(1000, 10_000, extension=5))
    vote.peer.wait_until(vote.terms.closes_at - 2)
    ballot = {"from": vote.peer.accounts["one"], **vote.peer.governor.transaction("castVote", vote.id, AGAINST)}
    governor_chain.mine_together(vote.peer.governor.rpc_url, [ballot])
    accepted = [(vote.peer.moment, Cast("one", AGAINST, 1))]
    assert (vote.peer.governor.read("quorum", vote.snapshot), vote.needed) == (0, 1)
    assert vote.look().deadline == vote.peer.moment + 5
    assert closing_time(vote.terms, vote.census, accepted, vote.terms.closes_at) == (vote.terms.closes_at, None)


def test_our_early_end_is_an_act_and_a_ballot_before_it_still_counts(peers: dict[str, Peer]) -> None:
    vote = Told(peers["seconds"], Numbers(1000, 2000))
    vote.whole(vote.opens_at, "left", FOR)
    against = ("castVote", vote.id, AGAINST)
    assert not vote.peer.governor.accepts(vote.peer.accounts["right"], *against)
    assert vote.result().outcome.early
    vote.accepted.append((vote.opens_at, Cast("right", AGAINST, 250_000)))
    assert not vote.result().outcome.early


def test_a_vote_that_places_nothing_is_accepted_there_and_refused_here(peers: dict[str, Peer]) -> None:
    vote = Told(peers["seconds"], Numbers(1000, 10_000))
    vote.peer.wait_until(vote.opens_at)
    call = vote.parts.split(vote, "exact", (0, 0, 0)).call
    assert vote.peer.governor.accepts(vote.peer.accounts["exact"], *call)
    assert len(METHOD.count([({"0": "0", "1": "0", "2": "0"}, 100_000)], 3).invalid) == 1


def test_amounts_beyond_128_bits_can_be_split_here_and_not_there(peers: dict[str, Peer]) -> None:
    vote = Told(peers["huge"], Numbers(1000, 10_000))
    power = HUGE["left"]
    vote.peer.wait_until(vote.opens_at)
    wide = b"".join(amount.to_bytes(32) for amount in (1, power - 1, 0))
    refused = vote.peer.governor.refusal(
        vote.peer.accounts["left"], "castVoteWithReasonAndParams", vote.id, SPLIT, "", wide
    )
    assert governor_chain.selector("GovernorInvalidVoteParams()") in (refused or "")
    count = METHOD.count([({"0": "1", "1": str(power - 1)}, power)], 3)
    assert [int(score) for score in count.scores] == [1, power - 1, 0]


@pytest.mark.parametrize("guarded", [True, False])
def test_who_may_cancel_in_which_state(peers: dict[str, Peer], guarded: bool) -> None:
    peer = peers["seconds"]
    if not guarded:
        peer.change(("setProposalGuardian", "0x" + "00" * 20))
    by_proposer, by_guardian = set(), set()

    def ask(vote: Told) -> None:
        cancel = ("cancel", *vote.actions, vote.description_hash)
        found = vote.look().state
        by_proposer.update([found] if peer.governor.accepts(peer.proposer, *cancel) else [])
        by_guardian.update([found] if peer.governor.accepts(peer.guardian, *cancel) else [])

    for name, voter in (("defeated", "short"), ("executed", "left")):
        vote = Told(peer, Numbers(1000, 10_000), f"{name} {guarded}")
        ask(vote)
        vote.whole(vote.opens_at, voter, FOR)
        ask(vote)
        vote.finish()
        ask(vote)
    execute = {"from": peer.proposer, **peer.governor.transaction("execute", *vote.actions, vote.description_hash)}
    governor_chain.mine_together(peer.governor.rpc_url, [execute])
    ask(vote)
    assert vote.look().state == Theirs.EXECUTED
    anywhere = {Theirs.PENDING, Theirs.ACTIVE, Theirs.SUCCEEDED, Theirs.DEFEATED}
    assert (by_proposer, by_guardian) == (({Theirs.PENDING}, anywhere) if guarded else (anywhere, set()))
    # The author here is the proposer there without a guardian, except that a defeat is final.
    ours = {THEIRS[found] for found in ALLOWED[Action.CANCEL] if found in THEIRS}
    assert ours == anywhere - {Theirs.DEFEATED}
    # Our guardians have no say before the timelock, and none after it.
    assert ALLOWED[Action.VETO] == {State.QUEUED, State.PAUSED, State.READY}
