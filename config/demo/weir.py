"""A neighbouring community that governs by contract: it changes its Governor by a vote, and asks the visitor something.

Each step is what the site offers, sent by a member's own account of the local chain. Between the steps the site
follows the chain; empty blocks make final what was sent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from config.demo import chain, neighbours_plan
from config.demo.client import Client
from config.demo.waiting import listed, until
from governance.eip712 import checksum_address
from governance.onchain.numbers import Numbers

Say = Callable[[str], None]
HOLDINGS = {"Alice": 400, "Bob": 300, "Chloé": 200, "Daouda": 100}
# Time for the site to see that voting has begun, and for three members to vote while machines train.
VOTING_SECONDS_MIN = 25
AGAINST, FOR = 0, 1


@dataclass(frozen=True)
class Weir:
    """The contracts of the community: the pair that it begins with, and the one that it votes for."""

    first: dict[str, str]
    later: dict[str, str]
    first_numbers: Numbers
    members: tuple[chain.Member, ...]

    def community(self) -> dict[str, Any]:
        """Return the file of the community."""
        return neighbours_plan.weir(self.first, self.first_numbers, self.members)


def deploy(rpc_url: str, members: tuple[chain.Member, ...], voting_seconds: int) -> Weir:
    """Deploy the token and two pairs of Governor and anchor; Daouda can stop what they decide."""
    kept = tuple(member for member in members if member.name in HOLDINGS)
    by = checksum_address(chain.rpc(rpc_url, "eth_accounts")[len(members)])
    holders = [(member.address, HOLDINGS[member.name] * chain.UNIT) for member in kept]
    built = chain.built("TimedToken")
    token = chain.deploy(rpc_url, built, holders, name="Weir", symbol="WEIR", deployer=by)
    for member in kept:
        chain.delegate(rpc_url, token, member.address, member.address)
    first = neighbours_plan.first_numbers(max(voting_seconds, VOTING_SECONDS_MIN))
    guardian = kept[-1].address
    pairs = [_pair(rpc_url, by, token, guardian, numbers) for numbers in (first, neighbours_plan.later_numbers())]
    chain.finalize(rpc_url)
    return Weir(*pairs, first, kept)


def run(clients: dict[str, Client], weir: Weir, say: Say) -> str:
    """Live through it; return the path of the proposal that stays open.

    1. Alice proposes another Governor, three members vote, anybody queues and executes: the charter names it now.
    2. Bob asks something through it and votes; the vote stays open.
    """
    alice, bob = clients["Alice"], clients["Bob"]
    charter = neighbours_plan.weir_charter(weir.later, neighbours_plan.later_numbers())
    changed = _propose(alice, neighbours_plan.longer_votes(charter), 1)  # 1
    for name, choice in (("Alice", FOR), ("Bob", FOR), ("Chloé", AGAINST)):
        _send(clients[name], changed["id"], action="vote", choice=choice)
    until(bob, changed["id"], {"succeeded"}, by_contract=True)
    _send(clients["Daouda"], changed["id"], action="queue")
    until(bob, changed["id"], {"ready"}, by_contract=True)
    _send(clients["Chloé"], changed["id"], action="execute")
    until(bob, changed["id"], {"executed"}, by_contract=True)
    say("by contract: the keepers of the weir have voted by transactions, and carried out what passed")
    asked = _propose(bob, neighbours_plan.night_gate(), 2)  # 2
    _send(bob, asked["id"], action="vote", choice=FOR, reason="The trout come back.")
    return f"/c/{neighbours_plan.WEIR}/proposals/{asked['number']}/"


def _pair(rpc_url: str, by: str, token: str, guardian: str, numbers: Numbers) -> dict[str, str]:
    rules = (
        numbers.voting_delay,
        numbers.voting_period,
        numbers.late_quorum_extension,
        numbers.proposal_threshold,
        numbers.quorum_bps,
        numbers.timelock_delay,
    )
    built = chain.built("CommunityGovernor")
    governor = chain.deploy_contract(rpc_url, built, by, "Keepers of the weir", token, rules, guardian)
    timelock = chain.ask(rpc_url, built, governor, "timelock")
    anchor = chain.deploy_contract(rpc_url, chain.built("CommonsAnchor"), by, timelock, by)
    return {"governor": governor, "anchor": anchor, "token": token}


def _propose(author: Client, draft: dict[str, Any], count: int) -> dict[str, Any]:
    """Write a draft, send what is offered for it, and wait until voting is open; `count` proposals are there then."""
    author.settle()  # the token says how much there is of it in the newest final second, once that is over
    stored = author.post("/api/v1/drafts", draft)
    author.send(author.post(f"/api/v1/drafts/{stored['draft']}/transactions", {})["transaction"])
    return until(author, listed(author, neighbours_plan.WEIR, count)["id"], {"active"}, by_contract=True)


def _send(client: Client, proposal: str, **asked: Any) -> None:  # noqa: ANN401 - any JSON
    """Send what the site offers for a step, from the member's own account."""
    client.send(client.post(f"/api/v1/proposals/{proposal}/transactions", asked)["transaction"])
