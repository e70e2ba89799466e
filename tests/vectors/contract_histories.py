"""Random histories of proposals of a community's Governor: the contract's `state()` against our pure reading of its events.

Every step is a transaction of a random account at a random second, preferably at an edge: votes (also by signature, also
a second one), queueing, executing (by the Governor, or by its timelock), canceling by the author, by the guardian and in
the timelock alone, where what was dropped is also taken in again.
Other proposals, which passed before, change the Governor's numbers meanwhile; what we say that they were must be what the
Governor did with this one.
Before each one, our state says whether the contract will take it; after each one `governance.onchain.states` must say
what the contract's `state()`, `proposalDeadline()` and `proposalVotes()` say.

    python -m tests.vectors.contract_histories [--histories 300] [--seed 1]
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from config.demo import chain as demo
from governance.chain import Log, governor
from governance.eip712.keccak import keccak
from governance.lifecycle import State, state
from governance.onchain import states
from governance.onchain.approvals import Approval
from governance.onchain.numbers import Change, Numbers, before
from tests.vectors.governor_chain import Contract, accounts_of, compile_contracts, deploy_contract, taken_back

NUMBERS: Final = Numbers(4, 12, 5, 0, 2_500, 6)
HOLDINGS: Final = {"left": 250, "right": 250, "exact": 249, "short": 150, "one": 1, "silent": 100}
PROPOSER, GUARDIAN = "left", "guardian"
# Whom votes let drop in the timelock what waits there, and take it in again.
CLERK: Final = "clerk"
ROLES: Final = ("PROPOSER_ROLE", "CANCELLER_ROLE")
STEPS: Final = 18
GAS: Final = hex(1_500_000)
WHOLE_ROUND: Final = frozenset(
    {State.PENDING, State.ACTIVE, State.DEFEATED, State.SUCCEEDED, State.QUEUED, State.READY}
)
# In which of our states the contract takes each action.
TAKEN: Final[dict[str, frozenset[State]]] = {
    "vote": frozenset({State.ACTIVE}),
    "vote by signature": frozenset({State.ACTIVE}),
    "queue": frozenset({State.SUCCEEDED}),
    "execute": frozenset({State.READY}),
    "execute on the timelock": frozenset({State.READY}),
    "cancel as the author": frozenset({State.PENDING}),
    "cancel as the guardian": WHOLE_ROUND,
    "drop in the timelock": frozenset({State.QUEUED, State.READY}),
    "take in again": frozenset({State.CANCELED}),
}
BATCH: Final = ("address[]", "uint256[]", "bytes[]", "bytes32", "bytes32")
# Early ends make short histories, so they are rare; and what moves a proposal on comes often.
ONWARDS: Final = ("vote", "vote", "vote by signature", "queue", "execute", "execute on the timelock")
CANCELING_SHARE: Final = 0.05
# What else was decided and waits to be executed: whose function, its type, the new number.
CHANGES: Final = (
    ("governor", "setVotingDelay", "uint48", 9),
    ("governor", "setVotingPeriod", "uint32", 8),
    ("governor", "setLateQuorumVoteExtension", "uint48", 0),
    ("governor", "setLateQuorumVoteExtension", "uint48", 7),
    ("governor", "updateQuorumNumerator", "uint256", 5_010),
    ("governor", "updateQuorumNumerator", "uint256", 100),
    ("governor", "updateQuorumNumerator", "uint256", 0),
    ("governor", "setProposalThreshold", "uint256", 200),
    ("timelock", "updateDelay", "uint256", 15),
    ("timelock", "updateDelay", "uint256", 0),
)
# One history in so many begins with a quorum of nothing, so that its first vote settles when voting ends.
WITHOUT_QUORUM: Final = 6
NO_QUORUM: Final = CHANGES.index(("governor", "updateQuorumNumerator", "uint256", 0))
MIN_DELAY: Final = governor.call("getMinDelay", (), ())
CHANGE: Final = "change a number"
CHANGING_SHARE: Final = 0.12
IN_TIMELOCK_SHARE: Final = 0.5
ENDED: Final = frozenset({State.CANCELED, State.EXECUTED, State.DEFEATED})


@dataclass(frozen=True)
class Stage:
    """The contracts and the accounts."""

    rpc_url: str
    governor: Contract
    timelock: str
    anchor: Contract
    accounts: dict[str, str]
    changes: tuple[tuple[Any, ...], ...]  # the arguments of `execute` for each of CHANGES


def deploy(rpc_url: str) -> Stage:
    accounts = dict(zip((*HOLDINGS, GUARDIAN, CLERK), accounts_of(rpc_url), strict=False))
    by = accounts[GUARDIAN]
    amounts = [amount * demo.UNIT for amount in HOLDINGS.values()]
    token = deploy_contract(rpc_url, "TimedToken", by, "Timed", "TIME", [accounts[name] for name in HOLDINGS], amounts)
    rules = (
        NUMBERS.voting_delay,
        NUMBERS.voting_period,
        NUMBERS.late_quorum_extension,
        NUMBERS.proposal_threshold,
        NUMBERS.quorum_bps,
        NUMBERS.timelock_delay,
    )
    made = deploy_contract(rpc_url, "CommunityGovernor", by, "Peer", token.address, rules, by)
    timelock = made.read("timelock")
    anchor = deploy_contract(rpc_url, "CommonsAnchor", by, timelock, by)
    for name in HOLDINGS:
        if name != "silent":
            token.send(accounts[name], "delegate", accounts[name])
    targets = {"governor": made.address, "timelock": timelock}
    calls = [(targets[of], governor.call(name, (type_,), (value,))) for of, name, type_, value in CHANGES]
    voters = [accounts["left"], accounts["right"]]
    clerk = bytes.fromhex(accounts[CLERK][2:])
    grants = [governor.call("grantRole", ("bytes32", "address"), (keccak(role.encode()), clerk)) for role in ROLES]
    for granted in decide(made, voters, NUMBERS, [(timelock, grant) for grant in grants]):
        made.send(by, "execute", *granted)
    changes = decide(made, voters, NUMBERS, calls)
    return Stage(rpc_url, made, timelock, anchor, accounts, changes)


def decide(
    made: Contract, voters: list[str], numbers: Numbers, calls: Iterable[tuple[str, str]]
) -> tuple[tuple[Any, ...], ...]:
    """Take a proposal for each (target, call) through its vote and its timelock; return what `execute` takes of each."""
    waiting = []
    for number, (target, data) in enumerate(calls):
        call, text = bytes.fromhex(data[2:]), f"Change {number}"
        made.send(voters[0], "propose", [target], [0], [call], text)
        waiting.append(([target], [0], [call], keccak(text.encode())))
    pass_seconds(made.rpc_url, numbers.voting_delay + 1)
    for one in waiting:
        for voter in voters:
            made.send(voter, "castVote", made.read("hashProposal", *one), governor.FOR)
    pass_seconds(made.rpc_url, numbers.voting_period + numbers.late_quorum_extension)
    for one in waiting:
        made.send(voters[0], "queue", *one)
    pass_seconds(made.rpc_url, numbers.timelock_delay)
    return tuple(waiting)


def pass_seconds(rpc_url: str, seconds: int) -> None:
    demo.rpc(rpc_url, "anvil_increaseTime", [seconds])
    demo.rpc(rpc_url, "evm_mine")


@dataclass
class History:
    """One proposal, from the block before it to the end of the steps."""

    stage: Stage
    rng: random.Random
    number: int
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    voted: set[str] = field(default_factory=set)
    changed: set[int] = field(default_factory=set)
    told: states.Story | None = None

    def run(self) -> Counter[tuple[str, str]]:
        """Propose, then take random steps; compare after each. Return which action met which state, and how often."""
        digest = f"0x{self.rng.getrandbits(256) | 1:064x}"
        text = f"# History {self.number}\n\n#proposer={self.stage.accounts[PROPOSER]}"
        self.approval = Approval(self.stage.governor.address, self.stage.anchor.address, digest, text)
        self.changing = [self.rng.randrange(len(CHANGES)) for _ in range(self.rng.choice((0, 1, 2, 3)))]
        if self.number % WITHOUT_QUORUM == 0:
            self.changing.append(NO_QUORUM)
            self._change()
        elif self.changing and self.rng.random() < 0.3:
            self._change()
        self.first_block = int(demo.rpc(self.stage.rpc_url, "eth_blockNumber"), 16) + 1
        assert self._send(PROPOSER, governor.propose(self.approval))
        self._compare()
        after_the_end = 0
        for _ in range(STEPS):
            self._pass_time()
            self._step()
            self._compare()
            after_the_end += self._ours(self.now) in ENDED and not self._dropped
            if after_the_end > 2:
                break
        return self.seen

    # --- steps ---

    def _step(self) -> None:
        """Try one action in the next block; the contract takes it exactly where our state allows it."""
        if self.changing and self.rng.random() < CHANGING_SHARE:
            self._change()
            return
        stands = self._ours(self.now + 1)
        # Each of the two ways of executing has every second history, so that few histories meet both.
        other = ("execute", "execute on the timelock")[self.number % 2]
        fitting = [action for action in ONWARDS if stands in TAKEN[action] and action != other]
        share = 0.4 if stands in ENDED else 0.12 if stands is State.PENDING else CANCELING_SHARE
        if self.rng.random() < share:
            action = self.rng.choice(("cancel as the author", "cancel as the guardian"))
        else:
            action = self.rng.choice(fitting if fitting and self.rng.random() < 0.7 else ONWARDS)
        if self._story().eta is not None and self.rng.random() < IN_TIMELOCK_SHARE:
            # What the Governor canceled would be taken in by its timelock, and stay canceled all the same.
            fits = "take in again" if stands is State.CANCELED else "drop in the timelock"
            other = "drop in the timelock" if stands is State.CANCELED else "take in again"
            for_good = stands is State.CANCELED and not self._dropped
            action = "drop in the timelock" if for_good else fits if self.rng.random() < 0.7 else other
        allowed = stands in TAKEN[action]
        sender, data, to = PROPOSER, "", self.stage.governor.address
        voter = ""
        if action.startswith("vote"):
            voter, choice = self.rng.choice(list(HOLDINGS)), self.rng.choices((0, 1, 2), (1, 6, 1))[0]
            allowed = allowed and voter not in self.voted
            sender, data = self._vote(action, voter, choice)
        elif "timelock" in action or action == "take in again":
            sender, to = (PROPOSER if action.startswith("execute") else CLERK), self.stage.timelock
            data = self._in_timelock(action)
        elif action.startswith("cancel"):
            sender = PROPOSER if action.endswith("author") else GUARDIAN
            data = governor.cancel(self.approval)
        else:
            data = {"queue": governor.queue, "execute": governor.execute}[action](self.approval)
        taken = self._send(sender, data, to)
        assert taken == allowed, (self.number, action, str(stands), voter)
        if taken and voter:
            self.voted.add(voter)
        self.seen[action, str(stands)] += 1

    @property
    def _dropped(self) -> bool:
        """Whether the timelock alone dropped it last, so that it can be taken in again."""
        said = [event.kind for event in self.events if event.kind in {"scheduled", "unscheduled", "canceled"}]
        return said[-1:] == ["unscheduled"] and "canceled" not in said

    def _in_timelock(self, action: str) -> str:
        """Return the call of the timelock itself."""
        if action == "drop in the timelock":
            return governor.call("cancel", ("bytes32",), (bytes.fromhex(self.approval.operation[2:]),))
        salt = (int(self.approval.governor, 16) << 96) ^ int.from_bytes(self.approval.description_hash)
        batch = (*self.approval.actions, bytes(32), salt.to_bytes(32))
        if action == "take in again":
            return governor.call("scheduleBatch", (*BATCH, "uint256"), (*batch, self.rng.choice((15, 20, 40))))
        return governor.call("executeBatch", BATCH, batch)

    def _change(self) -> None:
        """Let what was decided elsewhere change a number; what was executed once is refused from then on."""
        place = self.changing.pop()
        taken = self._send("silent", self.stage.governor.transaction("execute", *self.stage.changes[place])["data"])
        assert taken == (place not in self.changed), (self.number, CHANGES[place])
        self.changed.add(place)
        self.seen[CHANGE, "taken" if taken else "refused"] += 1

    def _vote(self, action: str, voter: str, choice: int) -> tuple[str, str]:
        reason = self.rng.choice(("", "Because — «oui».", "x" * 200))
        address, made = self.stage.accounts[voter], self.stage.governor
        if action == "vote":
            return voter, governor.cast_vote(self.approval.id, choice, reason)
        domain = {"name": "Peer", "version": "1", "chainId": demo.CHAIN_ID, "verifyingContract": made.address}
        nonce = made.read("nonces", address)
        message = governor.vote_message(domain, self.approval.id, choice, address, nonce, reason)
        signature = demo.sign_typed_data(self.stage.rpc_url, address, message)
        data = governor.cast_vote_by_signature(self.approval.id, choice, address, signature, reason)
        return GUARDIAN, data

    def _pass_time(self) -> None:
        """Let nothing, a little, or everything up to an edge pass."""
        story = self._story()
        edges = [story.snapshot, story.deadline, story.eta or 0]
        ahead = [edge + shift for edge in edges for shift in (-1, 0, 1) if edge + shift > self.now]
        voting = story.snapshot < self.now <= story.deadline and len(self.voted) < 2  # otherwise few would pass
        if ahead and self.rng.random() < (0.25 if voting else 0.75):
            self._wait_until(min(ahead) if self.rng.random() < 0.8 else self.rng.choice(ahead))
        else:
            return
        self._compare()

    # --- both sides ---

    @property
    def now(self) -> int:
        return int(demo.rpc(self.stage.rpc_url, "eth_getBlockByNumber", ["latest", False])["timestamp"], 16)

    def _wait_until(self, second: int) -> None:
        demo.rpc(self.stage.rpc_url, "evm_setNextBlockTimestamp", [second])
        demo.rpc(self.stage.rpc_url, "evm_mine")

    def _send(self, sender: str, data: str, to: str = "") -> bool:
        """Send in a block one second later; a refused transaction is mined too."""
        self.told = None
        demo.rpc(self.stage.rpc_url, "evm_setNextBlockTimestamp", [self.now + 1])
        to = to or self.stage.governor.address
        transaction = {"from": self.stage.accounts[sender], "to": to, "data": data, "gas": GAS}
        return demo.rpc(self.stage.rpc_url, "eth_sendTransactionSync", [transaction])["status"] == "0x1"

    def _story(self) -> states.Story:
        """Tell the story from the logs that the chain gives, as the indexer reads them; once for each transaction."""
        if self.told is not None:
            return self.told
        addresses = [self.stage.governor.address, self.stage.timelock, self.stage.anchor.address]
        asked = {"address": addresses, "fromBlock": hex(self.first_block), "topics": [list(governor.topics())]}
        events = []
        self.changes: list[tuple[int, Change]] = []
        for log in demo.rpc(self.stage.rpc_url, "eth_getLogs", [asked]):
            said, place = governor.read(_log(log)), (int(log["blockNumber"], 16), int(log["logIndex"], 16))
            if said.kind == "number":
                change = Change(said.data["rule"], int(said.data["before"]), int(said.data["after"]), place)
                self.changes.append((int(log["blockTimestamp"], 16), change))
            elif said.proposal == self.approval.id:
                events.append(states.Happened(said.kind, int(log["blockTimestamp"], 16), said.data))
            elif said.data.get("operation") == self.approval.operation:
                kind = {"called": "executed"}.get(said.kind, said.kind)
                events.append(states.Happened(kind, int(log["blockTimestamp"], 16), said.data))
        self.told = states.tell(events)
        self.events = events
        return self.told

    def _quorum(self, story: states.Story) -> int:
        return self.stage.governor.read("quorum", story.snapshot) if story.snapshot < self.now else 0

    def _ours(self, second: int) -> State:
        story = self._story()
        return state(story.facts(self._quorum(story), second), states.moment(second))

    def _compare(self) -> None:
        story, now = self._story(), self.now
        theirs = governor.STATES[self.stage.governor.read("state", self.approval.id)]
        ours = story.state(self._quorum(story), now)
        assert ours == theirs, (self.number, now, ours, theirs, story)
        assert story.deadline == self.stage.governor.read("proposalDeadline", self.approval.id)
        assert story.votes == self.stage.governor.read("proposalVotes", self.approval.id)
        self._compare_numbers(story)
        self.seen["look", theirs] += 1

    def _compare_numbers(self, story: states.Story) -> None:
        """Hold the numbers of each moment, as the events of their changes tell them, against what the Governor did."""
        created, quorum_at = self.events[0], self.quorum_at
        then = self._numbers_at(created.at)
        assert created.data["starts"] - created.at == then.voting_delay
        assert created.data["ends"] - created.data["starts"] == then.voting_period
        for event in self.events:
            if event.kind == "queued":
                assert event.data["eta"] - event.at == self._numbers_at(event.at).timelock_delay
            elif event.kind == "extended":
                assert event.data["deadline"] - quorum_at == self._numbers_at(quorum_at).late_quorum_extension
                assert quorum_at == self._followed(self._quorum(story))
                if not self._quorum(story):
                    self.seen["extended", "without a quorum"] += 1
        if story.snapshot < self.now:
            supply = sum(HOLDINGS.values()) * demo.UNIT
            assert self._quorum(story) == supply * self._numbers_at(story.snapshot).quorum_bps // 10_000

    @property
    def quorum_at(self) -> int:
        """Return the second of the vote after which the end moved."""
        ends = [place for place, event in enumerate(self.events) if event.kind == "extended"]
        return self.events[ends[0] - 1].at if ends else 0

    def _followed(self, quorum: int) -> int:
        """Return the second of the vote that reached a quorum as we follow it: of nothing, the first one does."""
        reached = 0
        for event in self.events:
            if event.kind == "vote":
                reached += int(event.data["weight"]) if event.data["support"] != governor.AGAINST else 0
                if reached >= quorum:
                    return event.at
        return 0

    def _numbers_at(self, second: int) -> Numbers:
        """Return the numbers at the end of a second: those of now, with every later change undone."""
        made, names = self.stage.governor, ("votingDelay", "votingPeriod", "lateQuorumVoteExtension")
        delay = demo.rpc(made.rpc_url, "eth_call", [{"to": self.stage.timelock, "data": MIN_DELAY}, "latest"])
        values = [made.read(name) for name in (*names, "proposalThreshold", "quorumNumerator()")]
        now = asdict(Numbers(*values, int(delay, 16)))
        return before((change for at, change in self.changes if at > second), (0, 0), now)


def _log(log: dict[str, Any]) -> Log:
    number, position = int(log["blockNumber"], 16), int(log["logIndex"], 16)
    return Log(
        log["address"], tuple(log["topics"]), log["data"], number, log["blockHash"], log["transactionHash"], position
    )


def drive(stage: Stage, histories: int, seed: int) -> Counter[tuple[str, str]]:
    """Run so many histories, each on the chain as it was before; return which action met which state."""
    seen: Counter[tuple[str, str]] = Counter()
    for number in range(histories):
        with taken_back(stage.rpc_url):
            seen += History(stage, random.Random(f"{seed}/{number}"), number).run()
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    compile_contracts()
    with demo.start() as node:
        seen = drive(deploy(node.rpc_url), options.histories, options.seed)
    lines = [f"{action:26} {stands:12} {times:6}" for (action, stands), times in sorted(seen.items())]
    lines.append(f"{options.histories} histories: the contract and we agree at every look")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
