"""Asks contract wallets a second time: what a verifier does with a node that its reader names. Pure but for it.

Each wallet is asked at the block in the record of its ballot, delegation or sponsorship, which must be on the chain.
Nodes forget the state of old blocks; then the wallet is asked as it is today, and what it stands by today it stands by.
Where owners have changed since and the node has forgotten, nothing is shown: NotAnswered, never a failure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from governance.chain.node import Call, Node, NotAnswered, quantity, word
from governance.errors import Invalid
from governance.wallets.asking import GAS, REFUSED, Verdict, WalletSignature, answered, question


@dataclass
class Answers:
    """How many wallets stood by what they signed then, how many were seen to today, and what is wrong, by place."""

    then: int = 0
    today: int = 0
    what: str = "ballots"
    problems: list[tuple[str, str]] = field(default_factory=list)

    @property
    def evidence(self) -> str:
        """Return what was found, in words."""
        said = f"{self.then} {self.what} of contract wallets asked again at the block of each"
        return f"{said}, {self.today} as their wallets are today" if self.today else said


def ask_again(node: Node, signed: Sequence[WalletSignature], chain_id: int) -> Answers:
    """Return what the wallets say; raise NotAnswered when the node is of another chain or does not answer."""
    found = Answers(what="ballots" if all(one.what == "ballot" for one in signed) else "signatures")
    if not signed:
        return found
    (said,) = node.ask([("eth_chainId", [])])
    if (there := quantity(said, "the chain id")) != chain_id:
        raise NotAnswered(f"{node.host} is of chain {there}, the community's is {chain_id}")
    for one in signed:
        _ask(node, one, found)
    return found


def _ask(node: Node, signed: WalletSignature, found: Answers) -> None:
    """Ask one wallet.

    1. the block of the record is on the chain
    2. at that block; where the node has forgotten it, as the wallet is today.
    """
    asked = signed.asked
    try:
        code = question(signed.wallet, signed.digest, signed.signature)
    except Invalid as error:
        found.problems.append((signed.place, f"the signature of {signed.wallet}: {error.detail}"))
        return
    (block,) = node.ask([("eth_getBlockByNumber", [hex(asked.block_number), False])])  # 1
    there = word(block.get("hash") if isinstance(block, dict) else None, f"block {asked.block_number}")
    if there != asked.block_hash:
        found.problems.append((signed.place, f"block {asked.block_number} is {there}, the {signed.what} names another"))
        return
    try:  # 2
        verdict = _verdict(node, code, {"blockHash": asked.block_hash, "requireCanonical": True})
    except NotAnswered:
        if _verdict(node, code, "latest") is not Verdict.VALID:
            raise
        found.today += 1
        return
    if verdict is Verdict.VALID:
        found.then += 1
        return
    _, detail = REFUSED.get(verdict, ("", "no contract stands at this address"))
    found.problems.append((signed.place, f"{signed.wallet} at block {asked.block_number}: {detail}"))


def _verdict(node: Node, code: str, block: object) -> Verdict:
    call: Call = ("eth_call", [{"data": code, "gas": hex(GAS)}, block])
    (said,) = node.ask([call])
    try:
        return answered(said)[0]
    except ValueError as error:
        raise NotAnswered(f"{node.host} does not simulate contracts: {error}") from None
