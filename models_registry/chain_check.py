"""Check 11, made only when asked for: the powers of the census, and what contract wallets stood by, against the chain.

Plain JSON-RPC through `governance.chain.node`, so that the verifier stays small. A power
that the chain does not confirm is a failure; a node that is silent, pruned, of another chain or unreadable is *not
checked* with the reason, never passed. The past is read in the newest block, between two looks at the snapshot block
in the same batch, as `governance.chain.client` does and explains.

Not shown: that nobody with power was left out of the census, and that a single node does not lie: ask two.
Standards: Ethereum JSON-RPC, ERC-5805 (getPastVotes, getPastTotalSupply).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Final

from governance.chain.node import (
    CALLS_MAX,
    CALLS_PER_BATCH,
    TIMEOUT_SECONDS,
    Call,
    Node,
    NotAnswered,
    call_of,
    number,
    quantity,
    word,
)
from governance.eip712.ballot_digests import BallotDigests
from governance.evidence.record import Record
from governance.onchain import SOURCE as BY_CONTRACT
from governance.onchain.approvals import Approval, reference_of
from governance.onchain.seen import Said, VoteSeen, approval_from, look_up, numbers_said
from governance.sealed import box
from governance.wallets.again import Answers, ask_again
from governance.wallets.asking import WalletSignature, asked_of
from models_registry.provenance import bundle
from models_registry.provenance.ballot_lines import BallotLine
from models_registry.provenance.case import Case, load
from models_registry.provenance.checks.duties import attested_by_wallets
from models_registry.provenance.entries import CensusEntry, HeldDelegation
from models_registry.provenance.manifest import Problem
from models_registry.provenance.report import POWER_CHECK, Report, Status
from models_registry.provenance.signed import delegation_signed, sponsorship_signed

PROBLEMS_MAX: Final = 100
# The sources that read checkpoints of a token, and those whose list stands in the proposal under this name.
ON_CHAIN: Final = ("erc20_votes", "erc721_votes", BY_CONTRACT)
LISTS: Final = {"fixed_list": "members", "contribution_credits": "credits"}
_NEEDS: Final = (1, 2, 3)
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")


def check_powers(
    report: Report, folder: Path, url: str, *, timeout_seconds: float = TIMEOUT_SECONDS, calls_max: int = CALLS_MAX
) -> Report:
    """Return the report with check 11 made, as far as the node at `url` answers. Raises ValueError for such an address.

    1. only for records and a census that hold together (checks 1 to 3)
    2. the node's chain is that of the community
    3. for every vote: the snapshot block has its hash, the supply is that of the block, and so is every power
    4. contract wallets stood by the sponsorships, delegations and ballots that no key signed
    5. votes that a Governor took stand on the chain where their ballots say.
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
    wallets: Answers = field(default_factory=Answers)
    seen: int = 0  # votes that a Governor took, found on the chain

    @property
    def evidence(self) -> str:
        if self.chain_id is None:
            return "no vote takes its power from the chain; lists of members stand in the proposals (check 3)"
        asked_wallets = f"; {self.wallets.evidence}" if self.wallets.then or self.wallets.today else ""
        return (
            f"{self.asked} powers asked of {self.node.host}, chain {self.chain_id}, each as in the census at its "
            f"snapshot block; lists of members stand in the proposals (check 3){asked_wallets}"
            + (f"; {self.seen} votes found on the chain, and the Governor's own count agrees" if self.seen else "")
        )

    def fail(self, code: str, place: str, detail: str) -> None:
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(Problem(code, place, detail))

    def make(self) -> None:
        proposals = {record.digest: record for record in self.case.of_kind("proposal")}
        houses = [house for record in proposals.values() for house in self._houses(record)]
        for house in houses:
            if house.source["name"] not in (*ON_CHAIN, *LISTS):
                raise NotAnswered(f"it is not known here how {house.source['name'][:40]!r} gives power")
        if any(house.source["name"] in ON_CHAIN for house in houses):
            self._meet_chain()  # 2
        for house in houses:
            if house.source["name"] in ON_CHAIN:
                self._check_snapshot(house)
        for digest, entries in groupby(_census(self.case.folder), key=lambda pair: pair[1].proposal):
            self._check_entries(self._houses(proposals[digest]), entries)
        self._ask_wallets()
        self._ask_governors(proposals.values())

    def _ask_governors(self, proposals: Iterable[Record]) -> None:
        """5: votes that a Governor took stand on the chain where their ballots say."""
        community = self.case.community
        governed = [one for one in proposals if one.body["snapshot"]["source"]["name"] == BY_CONTRACT]
        if community is None or not governed:
            return
        votes: dict[str, list[VoteSeen]] = {proposal.digest: [] for proposal in governed}
        for row, ballot in bundle.read_lines(self.case.folder, bundle.BALLOTS, BallotLine.from_bytes):
            if isinstance(ballot, bundle.BundleError):
                raise ballot
            at, body = reference_of(ballot.body["signature"]), ballot.body
            if ballot.proposal in votes and at is not None:
                place = f"{bundle.place_of(bundle.BALLOTS)} line {row}"
                seen = VoteSeen(place, body["voter"], body["choice"], int(body["power"]), body["cast_at"], at)
                votes[ballot.proposal].append(seen)
        for proposal in governed:
            approval = approval_from(community, proposal)
            own, chain_id = votes[proposal.digest], community.body["chain_id"]
            said = self._said(approval, proposal)
            found = look_up(self.node, approval, own, chain_id, closed=True, said=said)
            self.seen += found.count
            for place, detail in found.problems:
                self.fail("vote_not_on_chain", place, detail)

    def _said(self, approval: Approval, proposal: Record) -> list[Said]:
        """Return what the Governor must say of a vote."""
        tally, decision = self._of(proposal, "tally").body, self._of(proposal, "decision").body
        needed = [int(one["needed"]) for one in decision["conditions"] if one["condition"] == "quorum"]
        if not needed:
            raise NotAnswered("a decision names no quorum")
        return numbers_said(approval, proposal.body, needed[0], tally["closes_at"], decision["eta"])

    def _of(self, proposal: Record, kind: str) -> Record:
        """Return the one record of this kind that rests on a proposal; check 2 has seen that there is one."""
        return next(record for record in self.case.of_kind(kind) if proposal.digest in record.parents)

    def _houses(self, proposal: Record) -> "list[_House]":
        """Return where power comes from: of a contract's vote, of the supply in the second of its census."""
        return _houses(proposal, self._of(proposal, "census").body)

    def _ask_wallets(self) -> None:
        """4: contract wallets stood by the sponsorships, delegations and ballots that no key signed."""
        community = self.case.community
        if community is None:
            return
        attested = [one for each in self.case.of_kind("evaluation") for one in attested_by_wallets(each, self.case)]
        signed = [*self._backed_by_wallets(community), *attested, *_of_wallets(self.case.folder, community)]
        self.wallets = ask_again(self.node, signed, community.body["chain_id"])
        for place, detail in self.wallets.problems:
            self.fail("wallet_wrong", place, detail)

    def _backed_by_wallets(self, community: Record) -> Iterator[WalletSignature]:
        """Yield what contract wallets sponsored; a delegation that holds in several votes is asked about once."""
        for proposal in self.case.of_kind("proposal"):
            for sponsor in proposal.body["sponsors"]:
                asked = asked_of(sponsor.get("wallet"))
                if asked is not None:
                    digest = sponsorship_signed(community.body, proposal.body, sponsor["address"])
                    said = (self.case.place(proposal), sponsor["address"], digest, sponsor["signature"])
                    yield WalletSignature(*said, asked, "sponsorship")
        seen: set[str] = set()
        for row, held in bundle.read_lines(self.case.folder, bundle.DELEGATIONS, HeldDelegation.from_bytes):
            if isinstance(held, bundle.BundleError):
                raise held
            body = held.record.body
            asked = asked_of(body.get("wallet"))
            if asked is None or held.record.digest in seen:
                continue
            seen.add(held.record.digest)
            place = f"{bundle.place_of(bundle.DELEGATIONS)} line {row}"
            digest = delegation_signed(community.body, body)
            yield WalletSignature(place, body["delegator"], digest, body["signature"], asked, "delegation")

    def _meet_chain(self) -> None:
        community = self.case.community
        expected = community.body["chain_id"] if community else None
        (found,) = self.node.ask([("eth_chainId", [])])
        self.chain_id = quantity(found, "the chain id")
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
        total = number(said, "the supply")
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
        return [number(power, "a power") for power in said]

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


def _houses(proposal: Record, census: Mapping[str, Any]) -> list[_House]:
    snapshot = proposal.body["snapshot"]
    first = (False, snapshot, census.get("governor", snapshot)["total_supply"])
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


def _of_wallets(folder: Path, community: Record) -> Iterator[WalletSignature]:
    """Yield the ballots of contract wallets, in the order of the file."""
    digests: dict[str, BallotDigests] = {}
    for row, ballot in bundle.read_lines(folder, bundle.BALLOTS, BallotLine.from_bytes):
        if isinstance(ballot, bundle.BundleError):
            raise ballot
        body = ballot.body
        asked = asked_of(body.get("wallet"))
        if asked is None:
            continue
        if ballot.proposal not in digests:
            digests[ballot.proposal] = BallotDigests(community.body, ballot.proposal)
        signed = _signed(digests[ballot.proposal], body)
        place = f"{bundle.place_of(bundle.BALLOTS)} line {row}"
        yield WalletSignature(place, body["voter"], signed, body["signature"], asked)


def _signed(digests: BallotDigests, body: Mapping[str, Any]) -> bytes:
    """Return what a voter signed; of a sealed ballot its form was checked before (check 3)."""
    voter = bytes.fromhex(body["voter"][2:])
    if "sealed" in body:
        return digests.sealed_digest(voter, box.digest_of(box.from_text(body["sealed"])), body["nonce"])
    return digests.digest(voter, body["choice"], body["reason"], body["nonce"])


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
    # A Governor's token counts seconds: the snapshot names the one in which voting began.
    moment = house.source["parameters"].get("timepoint") if house.source["name"] == BY_CONTRACT else house.block_number
    if type(moment) is not int:
        raise NotAnswered("the proposal names no moment at which power is read")
    return call_of(token, signature, [*words, f"{moment:064x}"])


def _hash_of(block: object, house: _House) -> str:
    """Return the hash of a block that was asked for by its number."""
    if not isinstance(block, dict):
        raise NotAnswered(f"the node does not know block {house.block_number}")
    found = word(block.get("hash"), f"the hash of block {house.block_number}")
    if quantity(block.get("number"), "the number of a block") != house.block_number:
        raise NotAnswered(f"the node sent another block than {house.block_number}")
    return found
