"""One vote as a bundle tells it: its delegations, its census and its ballots, read side by side and counted again.

The three files are sorted alike, so one pass over all of them meets each member with their entry and their ballot
together. What is kept of a member who did not vote is nothing; of a ballot, what counting it takes. Every line is
judged here (check 3); what the lines amount to is compared with the records in `checks`.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from governance import eip712
from governance.counting import Cast, Result, Roll, Terms, count_votes, edges_of
from governance.delegation import DelegationError, require_whole
from governance.evidence import merkle
from governance.evidence.canonical import CanonicalError
from governance.evidence.record import Record
from governance.outcome import InvalidRules
from governance.tally import InvalidChoice, InvalidChoices, UnknownMethod
from models_registry.provenance import bundle, shapes
from models_registry.provenance.bundle import AnyLine, BundleError
from models_registry.provenance.entries import CensusEntry, HeldDelegation, Line, belongs_to
from models_registry.provenance.manifest import Problem
from models_registry.provenance.shapes import parent_of

PROBLEMS_MAX = 100
# Only these decide for or against one thing, and only under these names: `outcome` reads the names, the methods read
# the places, and a voter must not have signed one for the other.
CHOICES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "governor": (("against", "for", "abstain"),),
    "fractional": (("against", "for", "abstain"),),
    "basic": (("for", "against"), ("for", "against", "abstain")),
}
# governance.power.fixed_list; that package also imports the chain, which a verifier must not need.
FIXED_LIST = "fixed_list"


class Vote:
    """One vote: its records, what was wrong with its lines, and what counting them gave.

    `result` is there unless `uncountable` says why not. `sponsored` is the census power of author and sponsors;
    `listed` and `house_listed` are the lists of members, where power comes from lists.
    """

    def __init__(self, proposal: Record, records: Mapping[str, Record], place: str) -> None:
        """Begin before the first line. The parents of the records were checked."""
        self.proposal, self.place = proposal, place
        self.census = _child(proposal, "census", records)
        self.tally = _child(proposal, "tally", records)
        self.community = parent_of(proposal, "community", records)
        self.problems: list[Problem] = []
        self.terms, self.uncountable = _terms(proposal, place)
        self.result: Result | None = None
        self.census_root = self.delegations_root = self.ballots_root = merkle.EMPTY_ROOT
        self.census_count = self.delegation_count = self.ballot_count = 0
        self.total = self.house_total = self.sponsored = 0
        self.extending_cast_at: int | None = None
        snapshot = proposal.body["snapshot"]
        self.listed = _members(snapshot["source"])
        self.house_listed = _members(snapshot["house"]["source"]) if snapshot["house"] else None
        self._backers = {name.lower() for name in backers(proposal)}
        self._delegations: list[Mapping[str, Any]] = []
        self._delegation_leaves: list[bytes] = []
        self._delegators: set[str] = set()
        self._delegates: set[str] = set()
        self._powers: dict[str, int] = {}
        self._casts: list[Cast] = []
        self._ballot_leaves: list[bytes] = []

    def fail(self, code: str, place: str, detail: str) -> None:
        """Add a problem of check 3; a report has an end."""
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(Problem(code, place, detail))

    def read(self, lines: Iterable[tuple[str, Line]]) -> None:
        """Take in all lines of this vote and count.

        1. lines come as delegations first, then each member's census entry and then their ballot
        2. who gave away more than everything, or signed two different things at once, gives nothing
        3. count by the rules of the proposal
        """
        self.census_root = merkle.root(self._census_leaves(lines))  # 1
        self.delegations_root = merkle.root(self._delegation_leaves)
        self.ballots_root = merkle.root_of_hashes(self._ballot_leaves)
        self.delegation_count, self.ballot_count = len(self._delegation_leaves), len(self._ballot_leaves)
        if self.terms is not None:
            self._count(self.terms)  # 2, 3
        for kept in (self._casts, self._ballot_leaves, self._delegation_leaves, self._delegations):
            kept.clear()  # the next vote needs the room

    def _count(self, terms: Terms) -> None:
        try:
            edges = edges_of(self._delegations, terms)
            require_whole(edges)
        except DelegationError as error:
            self.fail(error.code, bundle.place_of(bundle.DELEGATIONS), error.detail)
            edges = ()
        else:
            if len(edges) != len(self._delegations):
                detail = f"{len(self._delegations)} are listed, {len(edges)} of them hold for this proposal"
                self.fail("delegation_idle", bundle.place_of(bundle.DELEGATIONS), detail)
        roll = Roll(self.total, self.house_total, edges, self._powers)
        try:
            self.result = replace(count_votes(terms, roll, self._casts), weights={})
        except InvalidRules as error:
            self.uncountable = Problem("rules_malformed", self.place, str(error))

    def _census_leaves(self, lines: Iterable[tuple[str, Line]]) -> Iterator[bytes]:
        """Take in every line, and pass on the leaves of the census tree."""
        entry: CensusEntry | None = None
        for place, line in lines:
            if isinstance(line, HeldDelegation):
                self._take_delegation(line.record, place)
            elif isinstance(line, CensusEntry):
                entry = line
                self._take_entry(line, place)
                yield line.leaf()
            else:
                known = entry is not None and entry.voter.lower() == line.body["voter"].lower()
                self._take_ballot(line, entry if known else None, place)

    # --- delegations ---

    def _take_delegation(self, record: Record, place: str) -> None:
        self._delegation_leaves.append(record.canonical())
        foreign = record.kind != "delegation"
        wrong = f"a {record.kind[:40]} among the delegations" if foreign else shapes.body_problem(record)
        if wrong:
            self.fail("delegation_malformed", place, wrong)
            return
        body, community = record.body, self.community.body
        for code, detail in self._delegation_faults(record):
            self.fail(code, place, detail)
        try:
            signed = eip712.delegation_digest(
                **domain(community),
                delegator=checksummed(body["delegator"]),
                delegate=checksummed(body["delegate"]),
                topic=body["topic"],
                share_bps=body["share_bps"],
                expires_at=body["expires_at"],
                nonce=body["nonce"],
            )
            eip712.verify(signed, body["signature"], body["delegator"])
        except eip712.Eip712Error as error:
            self.fail("signature_wrong", place, f"{body['delegator']} did not sign this delegation: {error.detail}")
        self._delegations.append(body)
        self._delegators.add(body["delegator"])
        self._delegates.add(body["delegate"])

    def _delegation_faults(self, record: Record) -> Iterator[tuple[str, str]]:
        body, slug = record.body, self.community.body["slug"]
        if record.parents != (self.community.digest,):
            yield "delegation_foreign", "it rests on another community"
        if record.subject != f"delegation:{slug}/{body['delegator']}":
            yield "subject_wrong", f"the subject is not delegation:{slug}/{body['delegator']}"
        submitted = self.proposal.body["submitted_at"]
        if body["made_at"] > submitted:
            yield "delegation_late", f"made at {body['made_at']}, the proposal was submitted at {submitted}"

    # --- census ---

    def _take_entry(self, entry: CensusEntry, place: str) -> None:
        self.census_count += 1
        self.total += entry.power
        self.house_total += entry.house_power
        if not (entry.power or entry.house_power):
            self.fail("census_malformed", place, f"{entry.voter} has no power at all")
        if eip712.checksum_address(entry.voter) != entry.voter:
            self.fail("census_malformed", place, f"{entry.voter} is not written with its checksum")
        if entry.voter in self._delegators:
            self._powers[entry.voter] = entry.power
        if entry.voter.lower() in self._backers:
            self.sponsored += entry.power
        for found, listed in ((entry.power, self.listed), (entry.house_power, self.house_listed)):
            if listed is not None and listed.get(entry.voter.lower(), 0) != found:
                detail = f"{entry.voter} has {found}, the list of members gives {listed.get(entry.voter.lower(), 0)}"
                self.fail("power_wrong", place, detail)

    # --- ballots ---

    def _take_ballot(self, ballot: Record, entry: CensusEntry | None, place: str) -> None:
        self._ballot_leaves.append(merkle.leaf_hash(ballot.canonical()))
        body = ballot.body
        power, house_power = (entry.power, entry.house_power) if entry else (0, 0)
        for code, detail in self._ballot_faults(ballot, power, house_power):
            self.fail(code, place, detail)
        if ballot.digest == self.tally.body["extended_by"]:
            self.extending_cast_at = body["cast_at"]
        if self.terms is None:
            return
        try:
            self.terms.method.validate(body["choice"], len(self.terms.choices))
        except InvalidChoice as error:
            self.fail("ballot_malformed", place, str(error))
        else:
            self._casts.append(Cast(body["voter"], body["choice"], power, house_power))

    def _ballot_faults(self, ballot: Record, power: int, house_power: int) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with one ballot, apart from what it says."""
        body, voter = ballot.body, ballot.body["voter"]
        if ballot.subject != f"ballot:{self.proposal.digest}/{voter}":
            yield "subject_wrong", f"the subject is not ballot:{self.proposal.digest}/{voter}"
        if (body["power"], body["house_power"]) != (str(power), str(house_power)):
            found = f"power {body['power']} and house power {body['house_power']}"
            yield "power_wrong", f"{voter} voted with {found}, the census gives {power} and {house_power}"
        if not (power or house_power or voter in self._delegates):
            yield "power_wrong", f"{voter} has no power, and nobody delegates to them"
        opens, closes = self.census.body["opens_at"], self.tally.body["closes_at"]
        if not opens <= body["cast_at"] < closes:
            window = f"voting was open from {opens} until before {closes}"
            yield "ballot_outside_voting", f"cast at {body['cast_at']}, but {window}"
        try:
            signed = eip712.ballot_digest(
                **domain(self.community.body),
                proposal=f"0x{self.proposal.digest}",
                voter=checksummed(voter),
                choice=body["choice"],
                reason=body["reason"],
                nonce=body["nonce"],
            )
            eip712.verify(signed, body["signature"], voter)
        except eip712.Eip712Error as error:
            yield "signature_wrong", f"{voter} did not sign this ballot for this proposal: {error.detail}"


def read(folder: Path, records: Mapping[str, Record], places: Mapping[str, str], problems: list[Problem]) -> list[Vote]:
    """Read and count every vote of the lineage; add to `problems` the lines that belong to none."""
    numbers = bundle.proposal_numbers(records.values())
    votes = {
        numbers[digest]: Vote(records[digest], records, f"{places[digest]} (proposal)")
        for digest in sorted(numbers, key=lambda digest: numbers[digest])
    }
    merged = heapq.merge(
        _lines(folder, bundle.DELEGATIONS, HeldDelegation.from_bytes, numbers, problems),
        _lines(folder, bundle.CENSUS, CensusEntry.from_bytes, numbers, problems),
        _lines(folder, bundle.BALLOTS, _read_ballot, numbers, problems),
        key=lambda item: item[0],
    )
    waiting = dict(votes)
    for number, group in groupby(merged, key=lambda item: item[0][0]):
        waiting.pop(number).read((place, line) for _, place, line in group)
    for vote in waiting.values():
        vote.read(())
    return list(votes.values())


# Where a line comes in the pass: proposal number, delegations before members, the member (or digest), file.
_Order = tuple[int, int, str, int]
_STAGES = {bundle.DELEGATIONS: (0, 0), bundle.CENSUS: (1, 0), bundle.BALLOTS: (1, 1)}


def _lines(
    folder: Path, name: str, reader: Callable[[bytes], AnyLine], numbers: Mapping[str, int], problems: list[Problem]
) -> Iterator[tuple[_Order, str, Line]]:
    """Pass on the good lines of a file, and stop once it is clear that it is garbage."""
    stage, last = _STAGES[name]
    bad = 0
    try:
        for row, line in bundle.in_order(name, bundle.read_lines(folder, name, reader), numbers):
            if isinstance(line, BundleError):
                problems.append(Problem(line.code, line.place, line.detail))
                bad += 1
                if bad == PROBLEMS_MAX:
                    return
                continue
            proposal, key = belongs_to(line)
            yield (numbers[proposal], stage, key, last), f"{bundle.place_of(name)} line {row}", line
    except BundleError as error:
        problems.append(Problem(error.code, error.place, error.detail))


def _read_ballot(line: bytes) -> Record:
    """Read a ballot line; raise CanonicalError unless it is a ballot in form."""
    record = Record.from_bytes(line)
    wrong = f"a {record.kind[:40]} among the ballots" if record.kind != "ballot" else shapes.body_problem(record)
    if wrong:
        raise CanonicalError("record_malformed", wrong)
    return record


def _terms(proposal: Record, place: str) -> tuple[Terms | None, Problem | None]:
    """Return what the proposal froze about its vote, or why it cannot be counted here."""
    body = proposal.body
    try:
        terms = Terms.from_body(body)
        terms.method.check_choices(terms.choices, terms.seats)
    except UnknownMethod as error:
        return None, Problem("method_unknown", place, str(error))
    except (InvalidRules, InvalidChoices) as error:
        return None, Problem("rules_malformed", place, str(error))
    method, version, tie_rule = terms.method, body["method_version"], body["tie_rule"]
    demands = (
        (version == method.version, "method_unknown", f"{method.name} {version} is not known, only {method.version}"),
        (tie_rule == method.tie_rule, "tie_rule_wrong", f"ties go by {method.tie_rule!r} here, not by {tie_rule!r}"),
        (
            terms.choices in CHOICES.get(method.name, ()),
            "choices_wrong",
            f"what is carried out is decided for or against; {method.name} on {list(terms.choices)} does not do that",
        ),
    )
    for holds, code, detail in demands:
        if not holds:
            return None, Problem(code, place, detail)
    return terms, None


def _child(proposal: Record, kind: str, records: Mapping[str, Record]) -> Record:
    """Return the one record of this kind that rests on a proposal; check 2 has seen that there is one."""
    return next(record for record in records.values() if record.kind == kind and proposal.digest in record.parents)


def backers(proposal: Record) -> list[str]:
    """Return the addresses of the author and the sponsors."""
    return [proposal.body["author"], *(sponsor["address"] for sponsor in proposal.body["sponsors"])]


def _members(source: Mapping[str, Any]) -> dict[str, int] | None:
    """Return the powers by lower-case address where power comes from a list; None where it does not."""
    if source["name"] != FIXED_LIST:
        return None
    members = source["parameters"].get("members")
    if shapes.table(shapes.power)(members) is not None:
        return {}  # a list that is none gives nobody any power
    return {voter.lower(): int(power) for voter, power in members.items()}


def domain(community: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that every signature in a community shares."""
    return {
        "chain_id": community["chain_id"],
        "token": community["token"],
        "instance": community["instance"],
        "community": community["slug"],
    }


def checksummed(address: str) -> str:
    """Return an address that is written with its checksum; raise AddressError for another spelling."""
    if eip712.checksum_address(address) != address:
        raise eip712.AddressError("address_checksum", f"{address} is not written with its checksum")
    return address
