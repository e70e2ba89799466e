"""Asks a node of a chain what was posted to an anchor contract, for whoever verifies. Needs no Django and no web3.

The contract's address is the reader's: from the community, over another channel than the files. Its code must be that
of `contracts/CommonsAnchor.sol` as this project compiles it, byte for byte, in which nobody can change or backdate what
was posted; so the time of a post is the chain's own word, whoever posted.

Not shown: that a single node does not lie (ask two), and that what was posted is true: only that it was known by then.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from governance.anchoring.kinds import POSTED_AT, kind_word
from governance.chain.node import CALLS_PER_BATCH, Node, NotAnswered, call_of, number, quantity, word
from governance.eip712.keccak import keccak

_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
# Keccak-256 of the code that the compiled contract leaves on a chain; a test compiles and compares.
CODE_HASH: Final = "0x2f33b54a436ad16173a3a8a8ef7c46437a8f7fc14fcbcb77b55f941770d1d0a6"


@dataclass(frozen=True)
class Wanted:
    """A digest that should have been posted. `since` is the moment of what it is of, in seconds, if that is known."""

    what: str
    kind: str
    digest: str
    since: int | None = None


@dataclass(frozen=True)
class Anchored:
    """When a digest was posted, in seconds since 1970; None if it was not."""

    wanted: Wanted
    posted_at: int | None

    def sentence(self) -> str:
        """Say it."""
        if self.posted_at is None:
            return f"{self.wanted.what} NOT posted"
        moment = datetime.fromtimestamp(self.posted_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"{self.wanted.what} posted at {moment}{_later(self.wanted.since, self.posted_at)}"


@dataclass(frozen=True)
class Answer:
    """What a chain says about all that was asked, in its newest final block; or why it could not be asked."""

    asked: bool
    says: str
    found: tuple[Anchored, ...] = ()

    @property
    def holds(self) -> bool:
        """Say whether everything was posted."""
        return self.asked and all(one.posted_at is not None for one in self.found)

    def lines(self) -> list[str]:
        """Return it as people read it."""
        head = "Anchored: " if self.holds else "NOT anchored: " if self.asked else "Anchor not checked: "
        return [head + self.says, *(f"  {one.sentence()}" for one in self.found)]

    def to_dict(self) -> dict[str, Any]:
        """Return it as data."""
        found = [
            {
                "what": one.wanted.what,
                "kind": one.wanted.kind,
                "digest": one.wanted.digest,
                "posted_at": one.posted_at,
            }
            for one in self.found
        ]
        return {"asked": self.asked, "anchored": self.holds, "says": self.says, "found": found}


def ask_anchor(url: str, contract: str, wanted: Sequence[Wanted]) -> Answer:
    """Ask the node at `url`; raise ValueError for an address that is none. Silence is never read as a no."""
    node = Node(url)
    if not _ADDRESS.fullmatch(contract):
        raise ValueError("the address of an anchor contract is 0x and 40 hex digits")
    if not wanted:
        return Answer(asked=True, says="nothing here is anchored: nobody voted yet, or nothing was released")
    try:
        return _asked(node, contract, wanted)
    except NotAnswered as error:
        return Answer(asked=False, says=str(error))


def _asked(node: Node, contract: str, wanted: Sequence[Wanted]) -> Answer:
    """Ask what was posted.

    1. the chain, and the newest block that it will not give up
    2. the code of the contract in that block: another one may answer what it likes
    3. each digest, in that same block
    """
    chain, block = node.ask([("eth_chainId", []), ("eth_getBlockByNumber", ["finalized", False])])  # 1
    if not isinstance(block, dict):
        raise NotAnswered(f"{node.host} does not know its final block")
    chain_id, height = quantity(chain, "the chain id"), quantity(block.get("number"), "the number of a block")
    block_hash = word(block.get("hash"), "the hash of a block")
    (code,) = node.ask([("eth_getCode", [contract, hex(height)])])  # 2
    if code_hash(code) != CODE_HASH:
        raise NotAnswered(f"there is no CommonsAnchor of this project at {contract} on chain {chain_id}")
    found: list[Anchored] = []
    for start in range(0, len(wanted), CALLS_PER_BATCH):  # 3
        some = wanted[start : start + CALLS_PER_BATCH]
        calls = [call_of(contract, POSTED_AT, [kind_word(one.kind), one.digest], hex(height)) for one in some]
        times = [number(said, "a time") for said in node.ask(calls)]
        found += [Anchored(one, second or None) for one, second in zip(some, times, strict=True)]
    says = f"asked of {node.host}: contract {contract} on chain {chain_id}, as of block {height} ({block_hash})"
    return Answer(asked=True, says=says, found=tuple(found))


def code_hash(code: object) -> str:
    """Return the Keccak-256 of code as a node gives it; "" for what is no code."""
    if not isinstance(code, str) or not code.startswith("0x") or len(code) <= len("0x"):
        return ""
    try:
        return "0x" + keccak(bytes.fromhex(code[2:])).hex()
    except ValueError:
        return ""


def _later(since: int | None, posted_at: int) -> str:
    if since is None:
        return ""
    seconds = posted_at - since
    return f", {seconds} s after it was fixed" if seconds >= 0 else f", {-seconds} s BEFORE the time that it bears"
