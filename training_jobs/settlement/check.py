"""Holds the payments of a community's public log against a node of its chain, for whoever verifies. No Django, no web3.

What is asked of each payment that the log tells of:

1. a vote approved it before, with this token, treasury, address and value, and no other payment names its transfer;
2. the value is the amount that left the books at the rate that was voted;
3. the chain has the block under this number and hash, and calls it final;
4. in it stands the transfer, at this place of this transaction.

Not shown: that a single node does not lie (ask two), and that the log is whole: compare its root with a checkpoint.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from governance.chain.node import Node, NotAnswered, quantity, word
from governance.errors import Malformed
from training_jobs.settlement.matching import TRANSFER, topic_of
from training_jobs.settlement.sums import value_of
from training_jobs.transparency.figures import Entry

_SENT: Final = ("token", "treasury", "payout", "value")


@dataclass(frozen=True)
class Payment:
    """A payment as the log tells it: `facts` of its transfer, and those of the vote that approved it."""

    facts: dict[str, Any]
    approved: dict[str, Any] | None
    amount: int

    @property
    def name(self) -> str:
        """How it is called: by the proposal that approved it."""
        return f"payment of proposal {self.facts['settlement']}"


@dataclass
class Answer:
    """What was found: `wrong` has a sentence for each payment that is not as the log says."""

    checked: int = 0
    wrong: list[str] = field(default_factory=list)


def payments(entries: Iterable[Entry]) -> list[Payment]:
    """Return the payments that a log tells of, in their order; raise Malformed for entries that are none of ours."""
    approved: dict[int, dict[str, Any]] = {}
    found = []
    try:
        for entry in entries:
            data: Any = entry.data
            if entry.kind == "settlement_approved":
                approved[data["facts"]["settlement"]] = data["facts"]
            elif entry.kind == "settlement_paid":
                facts = dict(data["facts"])
                amount = sum(int(each["amount"]) for each in data["postings"])
                found.append(Payment(facts, approved.get(facts["settlement"]), amount))
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("malformed_log", "a payment of this log cannot be read") from error
    return found


def check(found: Sequence[Payment], node: Node) -> Answer:
    """Hold payments against a node; raise NotAnswered where it does not say, which means nothing."""
    answer = Answer()
    seen: set[tuple[object, object]] = set()
    final = _final(node) if found else 0
    for payment in found:
        facts = payment.facts
        place = (facts["transaction"], facts["log"])
        problem = "its transfer paid another one already" if place in seen else _unlike_vote(payment)
        problem = problem or _unlike_chain(facts, node, final)
        seen.add(place)
        answer.checked += 1
        if problem:
            answer.wrong.append(f"{payment.name}: {problem}")
    return answer


def _unlike_vote(payment: Payment) -> str:
    """Return what is not as it was voted (1, 2); nothing where all is."""
    facts, approved = payment.facts, payment.approved
    if approved is None:
        return "no vote approved it"
    for name in (*_SENT, "chain_id"):
        if facts[name] != approved[name]:
            return f"{name}: {approved[name]} was voted, {facts[name]} was paid"
    if facts["value"] != str(value_of(payment.amount, approved["rate"])):
        return "its value is not the amount at the rate that was voted"
    return ""


def _unlike_chain(facts: dict[str, Any], node: Node, final: int) -> str:
    """Return what the chain says otherwise (3, 4); nothing where it says the same."""
    number = facts["block"]
    if number > final:
        return f"block {number} is not final"
    chain, block = node.ask([("eth_chainId", []), ("eth_getBlockByNumber", [hex(number), False])])
    if quantity(chain, "the chain id") != facts["chain_id"]:
        raise NotAnswered(f"{node.host} is of another chain than {facts['chain_id']}")
    if not isinstance(block, dict) or word(block.get("hash"), "the hash of a block") != facts["block_hash"]:
        return f"block {number} is another one"
    asked = {
        "address": facts["token"],
        "fromBlock": hex(number),
        "toBlock": hex(number),
        "topics": [TRANSFER, topic_of(facts["treasury"]), topic_of(facts["payout"])],
    }
    (logs,) = node.ask([("eth_getLogs", [asked])])
    for log in logs if isinstance(logs, list) else []:
        if _stands(log, facts):
            return ""
    return f"there is no such transfer in block {number}"


def _stands(log: object, facts: dict[str, Any]) -> bool:
    return (
        isinstance(log, dict)
        and str(log.get("transactionHash")).lower() == facts["transaction"]
        and quantity(log.get("logIndex"), "the place of a log") == facts["log"]
        and str(log.get("blockHash")).lower() == facts["block_hash"]
        and int(word(log.get("data"), "the value of a transfer"), 16) == int(facts["value"])
    )


def _final(node: Node) -> int:
    (block,) = node.ask([("eth_getBlockByNumber", ["finalized", False])])
    if not isinstance(block, dict):
        raise NotAnswered(f"{node.host} does not know its final block")
    return quantity(block.get("number"), "the number of a block")
