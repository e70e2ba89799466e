"""Who else the demo's site has: two small communities that decide in other ways, and people who are asked something.

They live while the machines of the main journey train, in a thread of their own, and leave something open for the
visitor in each way: a vote by transaction, a vote in secret, a ballot that waits for another owner of a wallet, a
consultation.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from config.demo import chain, opinions, plan, seeds, weir
from config.demo.client import Client
from governance.eip712 import checksum_address

Say = Callable[[str], None]


@dataclass(frozen=True)
class Neighbours:
    """What stands on the chain for them before the site runs."""

    weir: weir.Weir
    seeds: seeds.Seeds
    people: list[chain.Member]

    def communities(self, voting_seconds: int) -> list[dict[str, Any]]:
        """Return the files of both communities."""
        return [self.weir.community(), self.seeds.community(voting_seconds)]


@dataclass(frozen=True)
class Place:
    """Something that stays open for the visitor: in which way it is decided, and where it is."""

    way: str
    path: str


def deploy(rpc_url: str, members: tuple[chain.Member, ...], voting_seconds: int) -> Neighbours:
    """Put their tokens, contracts and wallet on the chain."""
    accounts = [checksum_address(each) for each in chain.rpc(rpc_url, "eth_accounts")]
    people = opinions.people(members, accounts)
    return Neighbours(weir.deploy(rpc_url, members, voting_seconds), seeds.deploy(rpc_url, members), people)


def begin(stack: ExitStack, site: str, rpc_url: str, neighbours: Neighbours, say: Say) -> Future[list[Place]]:
    """Let them live beside whatever else happens; the result is what stays open."""
    pool = ThreadPoolExecutor(1, "neighbours")
    # Nobody waits for them when the demo ends early: without the site their next question fails, and they end, too.
    stack.callback(pool.shutdown, wait=False, cancel_futures=True)
    return pool.submit(_live, [Client(site, rpc_url, member) for member in neighbours.people], neighbours, say)


def _live(people: list[Client], neighbours: Neighbours, say: Say) -> list[Place]:
    for client in people:
        client.sign_in()
    by_name = {client.member.name: client for client in people}
    by_transaction = weir.run(by_name, neighbours.weir, say)
    in_secret, together = seeds.run(by_name, neighbours.seeds, say)
    asked = opinions.ask(by_name["Alice"])
    say(f"{opinions.answer(people, asked)} people, half of them without a vote, say what they think about wells")
    return [
        Place("vote by a transaction", by_transaction),
        Place("vote in secret", in_secret),
        Place("sign for a wallet that three people hold", f"{together}wallets/"),
        Place("say what you think, without a vote", f"/c/{plan.SLUG}/consultations/{asked}/"),
    ]
