"""One's own vote overrides one's delegate: our delegation against OpenZeppelin's GovernorCountingOverridable.

contracts/test/PeerOverrides.sol is the library's Governor (5.7) with that extension and GovernorPreventLateQuorum, on a
token that remembers holders and delegates. Seeded random histories are voted on the contract and in our pure counting
at the same time (`both_sides`). An override takes power from a delegate who has voted already, so the quorum can be
reached, lost, and reached again: here our `QuorumMeter` is followed where it is hardest.

The two rules are the same where nobody is delegate and delegator at once: that is what is drawn. Elsewhere we differ on
purpose, each with a test below:
- delegation is transitive with us; a Governor knows one step;
- whoever votes with us votes with everything that is theirs; there a holder's own tokens and what others delegated to
  the holder are two votes.
"""

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from config.demo import chain as demo
from governance.counting import Cast, Roll
from governance.delegation import Edge, resolve
from governance.tally.governor import ABSTAIN, AGAINST, FOR
from tests.vectors import governor_chain
from tests.vectors.both_sides import PERIOD, BothSides, Move, Numbers, Peer, drive

HISTORIES = 100
HOLDINGS = {
    "delegate": 150_000,
    "other delegate": 90_001,
    "holder": 220_000,
    "second holder": 110_000,
    "third holder": 80_000,
    "holder of one": 1,
    "trusting": 199_998,
    "on their own": 150_000,
}
# "on their own" has no delegate there, and no delegation here; "trusted" holds nothing.
DELEGATES = {
    "delegate": "delegate",
    "other delegate": "other delegate",
    "holder": "delegate",
    "second holder": "delegate",
    "third holder": "other delegate",
    "holder of one": "other delegate",
    "trusting": "trusted",
}
DELEGATORS = [holder for holder, delegate in DELEGATES.items() if holder != delegate]
EDGES = tuple(Edge(holder, DELEGATES[holder], 10_000) for holder in DELEGATORS)
ROLL = Roll(sum(HOLDINGS.values()), 0, EDGES, {holder: HOLDINGS[holder] for holder in DELEGATORS})


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    governor_chain.compile_contracts()
    with demo.start() as chain:
        rpc_url = chain.rpc_url
        demo.rpc(rpc_url, "anvil_setBlockTimestampInterval", [1])
        addresses = governor_chain.accounts_of(rpc_url)
        accounts = dict(zip([*HOLDINGS, "trusted"], addresses, strict=False))
        build = governor_chain.built("ExtendedVotes")
        token = demo.deploy(rpc_url, build, [(accounts[holder], held) for holder, held in HOLDINGS.items()])
        for holder, delegate in DELEGATES.items():
            demo.delegate(rpc_url, token, accounts[holder], accounts[delegate])
        governor = governor_chain.deploy_contract(rpc_url, "PeerOverrides", addresses[-1], token)
        governor_chain.speak_as(governor)
        demo.rpc(rpc_url, "evm_setAutomine", [False])
        token_contract = governor_chain.contract_at(rpc_url, token, build["abi"])
        yield Peer(governor, token_contract, accounts, HOLDINGS, addresses[-1], addresses[-1])


class History:
    """One random vote of delegates and of those who override them."""

    def __init__(self, number: int, peer: Peer) -> None:
        self.rng = random.Random(f"overrides {number}")
        self.voted: set[str] = set()
        self.delegates_first = self.rng.random() < 0.5
        quorum_bps = self.rng.choice((1700, 4800) if self.delegates_first else (1000, 2000, 3500, 5500))
        numbers = Numbers(quorum_bps, 0, self.rng.randint(0, PERIOD - 1))
        self.vote = BothSides(
            peer, numbers, f"overrides {number}", "governor", ROLL, after_vote=lambda cast: self.voted.add(cast.voter)
        )

    def blocks(self) -> Iterator[tuple[int, list[Move]]]:
        """Yield up to ten blocks of votes, a third of them at the very end."""
        moment = self.vote.snapshot
        for _ in range(self.rng.randint(3, 10)):
            close = self.vote.closing[0]
            moment += self.rng.choice((1, 1, 2))
            if self.rng.random() < 0.15:
                moment = max(moment, close - self.rng.choice((0, 1, 2)))
            if moment > close:
                return
            yield moment, [self.move() for _ in range(self.rng.choice((1, 1, 2, 3)))]

    def move(self) -> Move:
        voters = [voter for voter in (*HOLDINGS, "trusted") if voter not in self.voted or self.rng.random() < 0.2]
        # Sometimes a delegate comes first, is for it, and is then overridden: a quorum is lost, and found again.
        first = "other delegate" if self.vote.numbers.quorum_bps == 1700 else "delegate"
        if self.delegates_first and first not in self.voted:
            voters = [first]
        elif self.delegates_first and self.rng.random() < 0.6:
            voters = [voter for voter in voters if DELEGATES.get(voter) == first != voter] or voters
        voter = self.rng.choice(voters or list(HOLDINGS))
        is_delegate = voter in DELEGATES.values()
        against_them = self.delegates_first and DELEGATES.get(voter) in self.voted
        code = self.rng.choice((AGAINST, AGAINST, ABSTAIN) if against_them else (FOR, FOR, ABSTAIN, AGAINST))
        code = 3 if self.rng.random() < 0.04 else code
        if is_delegate:
            call, again = ("castVote", self.vote.id, code), "nothing left"
        else:
            call, again = ("castOverrideVote", self.vote.id, code, ""), "overridden"
        return Move(voter, call, lambda: self.read(voter, code, again))

    def read(self, voter: str, code: int, again: str) -> Cast | str:
        if code > ABSTAIN:
            return "choice"
        return again if voter in self.voted else Cast(voter, code, HOLDINGS.get(voter, 0))


def test_the_contract_and_we_agree_after_every_block_of_random_overrides(peer: Peer) -> None:
    shown: Counter[str] = Counter()
    for number in range(HISTORIES):
        with governor_chain.taken_back(peer.governor.rpc_url):
            history = History(number, peer)
            shown.update(drive(history.vote, history.blocks()))
    least = {
        "extended": 8,
        "quorum reached in time": 20,
        "quorum lost": 10,
        "quorum reached again": 8,
        "passed": 20,
        "defeated": 20,
        "refused: nothing left": 20,
        "refused: overridden": 20,
        "refused: choice": 5,
    }
    assert {what for what, times in least.items() if shown[what] < times} == set(), shown


# --- where we differ on purpose ---


def totals(peer: Peer, delegates: dict[str, str], votes: list[tuple[str, str, int]]) -> tuple[int, int, int]:
    """Let holders delegate as told, then put (voter, function, code) to the vote; return against, for and abstain."""
    governor = peer.governor
    changes = [
        {"from": peer.accounts[holder], **peer.token.transaction("delegate", peer.accounts[delegate])}
        for holder, delegate in delegates.items()
    ]
    governor_chain.mine_together(governor.rpc_url, changes)
    vote = BothSides(peer, Numbers(1000), "told", "governor", ROLL)
    peer.wait_until(vote.opens_at)
    for voter, function, code in votes:
        call = (function, vote.id, code, *([""] if function == "castOverrideVote" else []))
        sent = {"from": peer.accounts[voter], **governor.transaction(*call)}
        assert governor_chain.mine_together(governor.rpc_url, [sent])[0][1]["status"] == "0x1"
    return vote.look().votes


def test_delegation_is_transitive_here_and_one_step_there(peer: Peer) -> None:
    chain = {"holder": "second holder", "second holder": "delegate"}
    with governor_chain.taken_back(peer.governor.rpc_url):
        theirs = totals(peer, chain, [("delegate", "castVote", FOR)])
    edges = [Edge(giver, receiver, 10_000) for giver, receiver in chain.items()]
    ours = resolve(HOLDINGS, edges, ["delegate"])["delegate"]
    assert theirs == (0, 150_000 + 110_000, 0)
    assert ours == 150_000 + 110_000 + 220_000


def test_who_delegates_and_is_a_delegate_has_one_vote_here_and_two_there(peer: Peer) -> None:
    chain = {"holder": "second holder", "second holder": "delegate"}
    votes = [("second holder", "castVote", FOR), ("second holder", "castOverrideVote", AGAINST)]
    with governor_chain.taken_back(peer.governor.rpc_url):
        theirs = totals(peer, chain, votes)
    edges = [Edge(giver, receiver, 10_000) for giver, receiver in chain.items()]
    ours = resolve(HOLDINGS, edges, ["second holder"])["second holder"]
    assert theirs == (110_000, 220_000, 0)
    assert ours == 110_000 + 220_000
