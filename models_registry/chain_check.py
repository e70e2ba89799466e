"""Check 11, made only when asked for: the powers of the census against the chain at the snapshot blocks.

Plain JSON-RPC over HTTP(S) in batches, with nothing but the standard library, so that the verifier stays small. A power
that the chain does not confirm is a failure; a node that is silent, pruned, of another chain or unreadable is *not
checked* with the reason, never passed. The past is read in the newest block, between two looks at the snapshot block
in the same batch, as `governance.chain.client` does and explains.

Not shown: that nobody with power was left out of the census, and that a single node does not lie: ask two.
Standards: Ethereum JSON-RPC, ERC-5805 (getPastVotes, getPastTotalSupply).
"""

import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path
from reprlib import repr as shown
from typing import Any, Final
from urllib.parse import urlsplit

from sha3 import keccak_256

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads
from governance.evidence.record import Record
from models_registry.provenance import bundle
from models_registry.provenance.case import Case, load
from models_registry.provenance.entries import CensusEntry
from models_registry.provenance.manifest import Problem
from models_registry.provenance.report import POWER_CHECK, Report, Status

TIMEOUT_SECONDS: Final = 10.0
CALLS_MAX: Final = 100_000
CALLS_PER_BATCH: Final = 90  # public nodes commonly refuse batches of more than a hundred
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
PROBLEMS_MAX: Final = 100
# The sources that read checkpoints of a token, and those whose list stands in the proposal under this name.
ON_CHAIN: Final = ("erc20_votes", "erc721_votes")
LISTS: Final = {"fixed_list": "members", "contribution_credits": "credits"}
_NEEDS: Final = (1, 2, 3)
_QUANTITY: Final = re.compile(r"0x(?:0|[1-9a-f][0-9a-f]{0,63})")
_WORD: Final = re.compile(r"0x[0-9a-fA-F]{64}")
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")

Call = tuple[str, list[Any]]
Ask = Callable[[Sequence[Call]], list[object]]


class NotAnswered(Exception):
    """The chain could not be asked; says nothing about the release."""


class Node:
    """A node of the chain: takes calls, gives their results, and never more than `calls_max` of them."""

    def __init__(self, url: str, *, timeout_seconds: float = TIMEOUT_SECONDS, calls_max: int = CALLS_MAX) -> None:
        """Take the address; raise ValueError unless it is http(s)://host… without a user name. Nothing is sent yet."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
            raise ValueError("the address of a node is http(s)://host… without a user name")
        self.host = parts.hostname  # the rest of the address is often a secret
        self._url, self._timeout, self._left = url, timeout_seconds, calls_max
        self._opener = urllib.request.build_opener(_NoRedirect)

    def ask(self, calls: Sequence[Call]) -> list[object]:
        """Send some calls as one batch and return their results in order; raise NotAnswered for anything else."""
        self._left -= len(calls)
        if self._left < 0:
            raise NotAnswered("more calls would be needed than are allowed")
        questions = [
            {"id": number, "jsonrpc": "2.0", "method": method, "params": parameters}
            for number, (method, parameters) in enumerate(calls)
        ]
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            self._url,
            canonical_bytes(questions),
            {"Content-Type": "application/json", "Accept-Encoding": "identity", "Connection": "close"},
        )
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                body = response.read(ANSWER_BYTES_MAX + 1)
            said = strict_loads(body, max_bytes=ANSWER_BYTES_MAX)
        except urllib.error.HTTPError as error:
            error.close()
            raise NotAnswered(f"{self.host} answered with HTTP status {error.code}") from None
        except CanonicalError:
            raise NotAnswered(f"the answer of {self.host} cannot be read") from None
        except (OSError, ValueError, ArithmeticError) as error:
            # Not the library's own words: they may repeat the address.
            raise NotAnswered(f"no answer from {self.host}: {type(error).__name__}") from None
        return self._results(said, calls)

    def _results(self, said: object, calls: Sequence[Call]) -> list[object]:
        if not isinstance(said, list):
            raise NotAnswered(f"{self.host} refused the batch: {shown(said)}")
        by_id: dict[object, Mapping[str, object]] = {}
        for answer in said:
            if isinstance(answer, dict) and type(answer.get("id")) is int:
                by_id[answer["id"]] = answer
        if len(said) != len(calls) or set(by_id) != set(range(len(calls))):
            raise NotAnswered(f"{self.host} did not answer every question once")
        for number, (method, _) in enumerate(calls):
            if by_id[number].get("error") is not None or by_id[number].get("result") is None:
                raise NotAnswered(f"{self.host} has no answer to {method}: {shown(by_id[number].get('error'))}")
        return [by_id[number]["result"] for number in range(len(calls))]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow nobody elsewhere; the status is then the answer."""


def check_powers(
    report: Report, folder: Path, url: str, *, timeout_seconds: float = TIMEOUT_SECONDS, calls_max: int = CALLS_MAX
) -> Report:
    """Return the report with check 11 made, as far as the node at `url` answers. Raises ValueError for such an address.

    1. only for records and a census that hold together (checks 1 to 3)
    2. the node's chain is that of the community
    3. for every vote: the snapshot block has its hash, the supply is that of the block, and so is every power
    """
    node = Node(url, timeout_seconds=timeout_seconds, calls_max=calls_max)
    failed = [number for number in _NEEDS if report.findings[number - 1].status is not Status.PASSED]
    if failed:  # 1
        evidence = f"rests on check {' and '.join(map(str, failed))}, which did not pass"
        return report.with_finding(POWER_CHECK, Status.NOT_CHECKED, evidence)
    check = _Check(load(folder, report.trust_roots), node)
    try:
        check.make()
    except (NotAnswered, bundle.BundleError) as error:
        check.open.append(str(error))
    if check.problems:
        more = f" (and {len(check.problems) - 1} more)" if len(check.problems) > 1 else ""
        problems = tuple(check.problems)
        return report.with_finding(POWER_CHECK, Status.FAILED, problems[0].detail + more, problems)
    if check.open:
        return report.with_finding(POWER_CHECK, Status.NOT_CHECKED, "; ".join(dict.fromkeys(check.open)))
    return report.with_finding(POWER_CHECK, Status.PASSED, check.evidence)


@dataclass
class _Check:
    """What is found out on the way."""

    case: Case
    node: Node
    problems: list[Problem] = field(default_factory=list)
    open: list[str] = field(default_factory=list)  # why something could not be checked
    asked: int = 0  # powers that the chain confirmed or not
    chain_id: int | None = None

    @property
    def evidence(self) -> str:
        if self.chain_id is None:
            return "no vote takes its power from the chain; lists of members stand in the proposals (check 3)"
        return (
            f"{self.asked} powers asked of {self.node.host}, chain {self.chain_id}, each as in the census at its "
            "snapshot block; lists of members stand in the proposals (check 3)"
        )

    def fail(self, code: str, place: str, detail: str) -> None:
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(Problem(code, place, detail))

    def make(self) -> None:
        proposals = {record.digest: record for record in self.case.of_kind("proposal")}
        houses = [house for record in proposals.values() for house in _houses(record)]
        for house in houses:
            if house.source["name"] not in (*ON_CHAIN, *LISTS):
                raise NotAnswered(f"it is not known here how {house.source['name'][:40]!r} gives power")
        if any(house.source["name"] in ON_CHAIN for house in houses):
            self._meet_chain()  # 2
        for house in houses:
            if house.source["name"] in ON_CHAIN:
                self._check_snapshot(house)
        for digest, entries in groupby(_census(self.case.folder), key=lambda pair: pair[1].proposal):
            self._check_entries(_houses(proposals[digest]), entries)

    def _meet_chain(self) -> None:
        community = self.case.community
        expected = community.body["chain_id"] if community else None
        (found,) = self.node.ask([("eth_chainId", [])])
        self.chain_id = _quantity(found, "the chain id")
        if self.chain_id != expected:
            raise NotAnswered(f"{self.node.host} is of chain {self.chain_id}, the community's is {expected}")

    def _check_snapshot(self, house: "_House") -> None:
        supply = _past("getPastTotalSupply(uint256)", [], house)
        block, said, _ = self.node.ask([_block(house), supply, _block(house)])
        found = _hash_of(block, house)
        if found != house.block_hash.lower():
            detail = (
                f"block {house.block_number} of chain {self.chain_id} is {found}, the snapshot is {house.block_hash}"
            )
            self.fail("snapshot_not_on_chain", self.case.place(house.proposal), detail)
            raise NotAnswered("a snapshot block is not on this chain")
        total = _number(said, "the supply")
        if total != house.total:
            detail = f"the supply was {total} at block {house.block_number}, the snapshot says {house.total}"
            self.fail("supply_not_on_chain", self.case.place(house.proposal), detail)

    def _check_entries(self, houses: "list[_House]", entries: Iterator[tuple[int, CensusEntry]]) -> None:
        """Compare the entries of one vote, some at a time."""
        while some := list(islice(entries, CALLS_PER_BATCH - 2)):
            for house in houses:
                if house.source["name"] in ON_CHAIN:
                    self._compare(house, some, self._asked(house, some))
                elif house.source["name"] != "fixed_list":  # that one is checked offline, by check 3
                    self._compare(house, some, _listed(house, some))

    def _asked(self, house: "_House", some: Sequence[tuple[int, CensusEntry]]) -> list[int]:
        """Return the power of each entry's voter; 3: between two looks at the block that must stay the same."""
        calls = [_past("getPastVotes(address,uint256)", [entry.voter], house) for _, entry in some]
        before, *said, after = self.node.ask([_block(house), *calls, _block(house)])
        if {_hash_of(before, house), _hash_of(after, house)} != {house.block_hash.lower()}:
            raise NotAnswered(f"the chain changed at block {house.block_number} while it was asked")
        self.asked += len(some)
        return [_number(power, "a power") for power in said]

    def _compare(self, house: "_House", some: Sequence[tuple[int, CensusEntry]], powers: Sequence[int]) -> None:
        for (row, entry), found in zip(some, powers, strict=True):
            power = entry.house_power if house.second else entry.power
            if power != found:
                detail = f"{entry.voter} had {found} at block {house.block_number}, the census says {power}"
                self.fail("power_not_on_chain", f"{bundle.place_of(bundle.CENSUS)} line {row}", detail)


@dataclass(frozen=True)
class _House:
    """Where the power in one vote, or in its second house, comes from."""

    proposal: Record
    second: bool
    source: Mapping[str, Any]
    block_number: int
    block_hash: str
    total: int


def _houses(proposal: Record) -> list[_House]:
    snapshot = proposal.body["snapshot"]
    first = (False, snapshot, snapshot["total_supply"])
    second = (True, snapshot["house"], snapshot["house"]["total"]) if snapshot["house"] else None
    return [
        _House(proposal, is_second, at["source"], at["block_number"], at["block_hash"], int(total))
        for is_second, at, total in filter(None, (first, second))
    ]


def _census(folder: Path) -> Iterator[tuple[int, CensusEntry]]:
    """Yield line numbers and entries, a million as easily as one."""
    for row, entry in bundle.read_lines(folder, bundle.CENSUS, CensusEntry.from_bytes):
        if isinstance(entry, bundle.BundleError):
            raise entry
        yield row, entry


def _listed(house: _House, some: Sequence[tuple[int, CensusEntry]]) -> list[int]:
    listed = house.source["parameters"].get(LISTS[house.source["name"]])
    if not isinstance(listed, dict) or not all(
        isinstance(power, str) and power.isdecimal() for power in listed.values()
    ):
        raise NotAnswered(f"the list of {house.source['name']} cannot be read")
    powers = {voter.lower(): int(power) for voter, power in listed.items()}
    return [powers.get(entry.voter.lower(), 0) for _, entry in some]


def _block(house: _House) -> Call:
    return ("eth_getBlockByNumber", [hex(house.block_number), False])


def _past(signature: str, accounts: Sequence[str], house: _House) -> Call:
    """Return the question for a number of the token's past: selector, then one word for each argument."""
    token = house.source["parameters"].get("token")
    if not isinstance(token, str) or not _ADDRESS.fullmatch(token):
        raise NotAnswered("the proposal names no token")
    words = [account.lower().removeprefix("0x").rjust(64, "0") for account in accounts]
    selector = keccak_256(signature.encode()).digest()[:4].hex()
    data = f"0x{selector}{''.join(words)}{house.block_number:064x}"
    return ("eth_call", [{"data": data, "to": token}, "latest"])


def _hash_of(block: object, house: _House) -> str:
    """Return the hash of a block that was asked for by its number."""
    found = block.get("hash") if isinstance(block, dict) else None
    if not isinstance(found, str) or not _WORD.fullmatch(found) or not isinstance(block, dict):
        raise NotAnswered(f"the node does not know block {house.block_number}")
    if _quantity(block.get("number"), "the number of a block") != house.block_number:
        raise NotAnswered(f"the node sent another block than {house.block_number}")
    return found.lower()


def _quantity(value: object, what: str) -> int:
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value.lower()):
        raise NotAnswered(f"a number is needed for {what}, {shown(value)} found")
    return int(value, 16)


def _number(value: object, what: str) -> int:
    """Return one word that a contract returned; `0x` means that no contract was there."""
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise NotAnswered(f"32 bytes are needed for {what}, {shown(value)} found: is there such a token on this chain?")
    return int(value, 16)
