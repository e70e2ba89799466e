"""One vote as a bundle tells it: its delegations, its census and its ballots, taken in line by line and counted again.

`vote_files` brings each member's entry and ballot together. What is kept of a member who did not vote is nothing; of a
ballot, what counting it takes. Every line is judged here (check 3); what the lines amount to is compared with the
records in `checks`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from governance import eip712
from governance.counting import Cast, Result, Roll, Terms, count_votes, edges_of
from governance.delegation import DelegationError, require_whole
from governance.eip712.addresses import checksummed as checksum
from governance.eip712.ballot_digests import BallotDigests
from governance.evidence import merkle
from governance.evidence.record import Record
from governance.onchain import SOURCE as BY_CONTRACT
from governance.outcome import InvalidRules
from governance.tally import InvalidChoice, InvalidChoices, UnknownMethod
from governance.wallets.asking import ON_CHAIN
from models_registry.provenance import bundle, forms, shapes
from models_registry.provenance.ballot_lines import BallotLine
from models_registry.provenance.contract_votes import Places
from models_registry.provenance.entries import CensusEntry, HeldDelegation, Line
from models_registry.provenance.manifest import Problem
from models_registry.provenance.sealed_votes import Opener
from models_registry.provenance.shapes import parent_of
from models_registry.provenance.signed import checksummed, delegation_signed, domain

PROBLEMS_MAX = 100
HASH_BYTES = 32
SIGNATURES_AT_ONCE = 256
CHOICE_MAX = 255  # a uint8 in what wallets sign
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

    `result` is there unless `uncountable` says why not. `sponsored` is the census power of author and sponsors,
    `reviewers` that of those who attested something about a model, by lower-case address;
    `listed` and `house_listed` are the lists of members, where power comes from lists.
    """

    def __init__(self, proposal: Record, records: Mapping[str, Record], place: str) -> None:
        """Begin before the first line. The parents of the records were checked."""
        self.proposal, self.place = proposal, place
        self.census = _child(proposal, "census", records)
        self.tally = _child(proposal, "tally", records)
        self.community = parent_of(proposal, "community", records)
        self.problems: list[Problem] = []
        self.terms, self.uncountable = _terms(proposal, self.census, place)
        self.opener = _opener(proposal, self.tally, self.community, records)
        self.result: Result | None = None
        self.census_root = self.delegations_root = self.ballots_root = merkle.EMPTY_ROOT
        self.census_count = self.delegation_count = self.ballot_count = self.wallet_count = self.backing_wallets = 0
        self.total = self.house_total = self.sponsored = 0
        self.extending_cast_at: int | None = None
        self._extended_by = self.tally.body["extended_by"]
        self._opens_at, self._closes_at = self.census.body["opens_at"], self.tally.body["closes_at"]
        self._unchecked: list[tuple[bytes, bytes, bytes, BallotLine, int]] = []
        snapshot = proposal.body["snapshot"]
        self.listed = _members(snapshot["source"])
        self.house_listed = _members(snapshot["house"]["source"]) if snapshot["house"] else None
        self.reviewers = dict.fromkeys(_reviewers(records), 0)
        self._on_chain = snapshot["source"]["name"] in ON_CHAIN
        self.places = Places(proposal, self.census) if snapshot["source"]["name"] == BY_CONTRACT else None
        self._backers = {name.lower() for name in backers(proposal)}
        self._delegations: list[Mapping[str, Any]] = []
        self._delegation_leaves: list[bytes] = []
        self._delegators: set[str] = set()
        self._delegates: set[str] = set()
        self._powers: dict[str, int] = {}
        self._casts: list[Cast] = []
        self._ballot_hashes = bytearray()  # one after the other
        self._digests = _digests(self.community.body, proposal.digest)

    def fail(self, code: str, place: str, detail: str) -> None:
        """Add a problem of check 3; a report has an end."""
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(Problem(code, place, detail))

    def read(self, lines: Iterable[tuple[int, Line]]) -> None:
        """Take in all lines of this vote and count.

        1. lines come as delegations first, then each member's census entry and then their ballot
        2. who gave away more than everything, or signed two different things at once, gives nothing
        3. count by the rules of the proposal
        """
        self.census_root = merkle.root(self._census_leaves(lines))  # 1
        self._recover()
        self.delegations_root = merkle.root(self._delegation_leaves)
        self.ballots_root = merkle.root_of_hashes(_cut(self._ballot_hashes))
        self.delegation_count, self.ballot_count = len(self._delegation_leaves), len(self._ballot_hashes) // HASH_BYTES
        if self.terms is not None:
            self._count(self.terms)  # 2, 3
        for kept in (self._casts, self._ballot_hashes, self._delegation_leaves, self._delegations):
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
            secrets = self.opener.secrets if self.opener else 0
            self.result = replace(count_votes(terms, roll, self._casts, secrets), weights={})
        except InvalidRules as error:
            self.uncountable = Problem("rules_malformed", self.place, str(error))

    def _census_leaves(self, lines: Iterable[tuple[int, Line]]) -> Iterator[bytes]:
        """Take in every line, and pass on the leaves of the census tree."""
        entry: CensusEntry | None = None
        for row, line in lines:
            if isinstance(line, CensusEntry):
                entry = line
                self._take_entry(line, row)
                yield line.leaf()
            elif isinstance(line, BallotLine):
                voter = line.body["voter"]
                known = entry is not None and (entry.voter == voter or entry.voter.lower() == voter.lower())
                self._take_ballot(line, entry if known else None, row)
            elif isinstance(line, HeldDelegation):
                self._take_delegation(line.record, _place(row, line))

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
            signed = delegation_signed(community, body)
            if "wallet" not in body:
                eip712.verify(signed, body["signature"], body["delegator"])
        except eip712.Eip712Error as error:
            self.fail("signature_wrong", place, f"{body['delegator']} did not sign this delegation: {error.detail}")
        if "wallet" in body:
            self.back_by_wallet(body["delegator"], place)
        self._delegations.append(body)
        self._delegators.add(body["delegator"])
        self._delegates.add(body["delegate"])

    def back_by_wallet(self, who: str, place: str) -> None:
        """Count what is no ballot, and what no key signed: a contract wallet stood by it, as only its chain can say."""
        self.backing_wallets += 1
        if not self._on_chain:
            detail = f"{who} signed by a contract wallet, and no chain is asked for powers here"
            self.fail("wallet_wrong", place, detail)

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

    def _take_entry(self, entry: CensusEntry, row: int) -> None:
        lower = entry.voter.lower()
        self.census_count += 1
        self.total += entry.power
        self.house_total += entry.house_power
        if not (entry.power or entry.house_power):
            self.fail("census_malformed", _place(row, entry), f"{entry.voter} has no power at all")
        if checksum(lower[2:]) != entry.voter:
            self.fail("census_malformed", _place(row, entry), f"{entry.voter} is not written with its checksum")
        if entry.voter in self._delegators:
            self._powers[entry.voter] = entry.power
        if lower in self._backers:
            self.sponsored += entry.power
        if lower in self.reviewers:
            self.reviewers[lower] = entry.power
        if self.listed is None and self.house_listed is None:
            return
        for found, listed in ((entry.power, self.listed), (entry.house_power, self.house_listed)):
            if listed is not None and listed.get(lower, 0) != found:
                detail = f"{entry.voter} has {found}, the list of members gives {listed.get(lower, 0)}"
                self.fail("power_wrong", _place(row, entry), detail)

    # --- ballots ---

    def _take_ballot(self, ballot: BallotLine, entry: CensusEntry | None, row: int) -> None:
        self._ballot_hashes += merkle.leaf_hash(ballot.line)
        body = ballot.body
        power, house_power = (entry.power, entry.house_power) if entry else (0, 0)
        for code, detail in self._ballot_faults(ballot, power, house_power):
            self.fail(code, _place(row, ballot), detail)
        if self.opener is not None or "sealed" in body:
            self._take_sealed(ballot, (power, house_power), row)
            return
        self._take_signature(ballot, entry, row)
        if self._extended_by and sha256(ballot.line).hexdigest() == self._extended_by:
            self.extending_cast_at = body["cast_at"]
        if self.terms is None:
            return
        try:
            self.terms.method.validate(body["choice"], len(self.terms.choices))
        except InvalidChoice as error:
            self.fail("ballot_malformed", _place(row, ballot), str(error))
        else:
            self._casts.append(Cast(body["voter"], body["choice"], power, house_power))

    def _take_sealed(self, ballot: BallotLine, powers: tuple[int, int], row: int) -> None:
        """Open a ballot of a sealed vote; only there ballots are sealed, and there all of them are."""
        body = ballot.body
        if self.opener is None or "sealed" not in body:
            self.fail(
                "ballot_malformed", _place(row, ballot), "only ballots of a sealed vote are sealed, and all of them"
            )
            return
        for code, detail in self.opener.faults(body):
            self.fail(code, _place(row, ballot), detail)
        if "wallet" in body:
            self._take_wallet(ballot, row)
        if self.terms is not None:
            self._casts.append(Cast(body["voter"], self.opener.choice_of(body, self.terms), *powers))

    def _ballot_faults(self, ballot: BallotLine, power: int, house_power: int) -> list[tuple[str, str]]:
        """Return what is wrong with one ballot, apart from what it says and who signed it."""
        body, voter, faults = ballot.body, ballot.body["voter"], []
        if ballot.subject is not None:
            faults.append(("subject_wrong", f"the subject is not ballot:{self.proposal.digest}/{voter}"))
        if (body["power"], body["house_power"]) != (str(power), str(house_power)):
            found = f"power {body['power']} and house power {body['house_power']}"
            detail = f"{voter} voted with {found}, the census gives {power} and {house_power}"
            faults.append(("power_wrong", detail))
        weightless = self.terms is not None and self.terms.weightless
        if not (power or house_power or voter in self._delegates or weightless):
            faults.append(("power_wrong", f"{voter} has no power, and nobody delegates to them"))
        if not self._opens_at <= body["cast_at"] < self._closes_at:
            window = f"voting was open from {self._opens_at} until before {self._closes_at}"
            faults.append(("ballot_outside_voting", f"cast at {body['cast_at']}, but {window}"))
        return faults

    def _take_signature(self, ballot: BallotLine, entry: CensusEntry | None, row: int) -> None:
        """Keep a signature until there are some; what is strange, or of nobody in the census, is checked now."""
        body, choice = ballot.body, ballot.body["choice"]
        if self.places is not None:
            for code, detail in self.places.faults(body):
                self.fail(code, _place(row, ballot), detail)
            return
        if "wallet" in body:
            self._take_wallet(ballot, row)
            return
        if (
            self._digests
            and entry
            and entry.voter == body["voter"]
            and (type(choice) is not int or choice <= CHOICE_MAX)
        ):
            try:
                address, signature = bytes.fromhex(body["voter"][2:]), eip712.parse_signature(body["signature"])
                digest = self._digests.digest(address, choice, body["reason"], body["nonce"])
            except (eip712.Eip712Error, ValueError, OverflowError):
                self._check_signature(ballot, row)
                return
            self._unchecked.append((digest, signature, address, ballot, row))
            if len(self._unchecked) == SIGNATURES_AT_ONCE:
                self._recover()
        else:
            self._check_signature(ballot, row)

    def _take_wallet(self, ballot: BallotLine, row: int) -> None:
        """Count a ballot that no key signed: a contract wallet stood by it, which only its chain can say."""
        self.wallet_count += 1
        if not self._on_chain:
            detail = f"{ballot.body['voter']} voted by a contract wallet, and no chain is asked for powers here"
            self.fail("wallet_wrong", _place(row, ballot), detail)

    def _recover(self) -> None:
        """Check the signatures that were kept: one after the other, so that the curve's tables stay in the cache."""
        for digest, signature, address, ballot, row in self._unchecked:
            try:
                if eip712.recover_bytes(digest, signature) == address:
                    continue
            except eip712.Eip712Error:
                pass
            self._check_signature(ballot, row)
        self._unchecked.clear()

    def _check_signature(self, ballot: BallotLine, row: int) -> None:
        """See, field by field, that the voter signed, and say why not."""
        body, voter = ballot.body, ballot.body["voter"]
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
            detail = f"{voter} did not sign this ballot for this proposal: {error.detail}"
            self.fail("signature_wrong", _place(row, ballot), detail)


_FILE_OF = {HeldDelegation: bundle.DELEGATIONS, CensusEntry: bundle.CENSUS, BallotLine: bundle.BALLOTS}


def _place(row: int, line: Line) -> str:
    return f"{bundle.place_of(_FILE_OF[type(line)])} line {row}"


def _opener(proposal: Record, tally: Record, community: Record, records: Mapping[str, Record]) -> Opener | None:
    return Opener(proposal, tally, records, domain(community.body)) if "sealing" in proposal.body else None


def _digests(community: Mapping[str, Any], proposal: str) -> BallotDigests | None:
    """Return what makes the digests of many ballots; nothing where they cannot be made, which each ballot then says."""
    try:
        return BallotDigests(community, proposal)
    except (eip712.Eip712Error, ValueError, OverflowError):
        return None


def _cut(hashes: bytearray) -> Iterator[bytes]:
    return (bytes(hashes[start : start + HASH_BYTES]) for start in range(0, len(hashes), HASH_BYTES))


def _terms(proposal: Record, census: Record, place: str) -> tuple[Terms | None, Problem | None]:
    """Return what the proposal froze about its vote, or why it cannot be counted here."""
    body = proposal.body
    try:
        terms = Terms.from_body(body).under(census.body)
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


def _reviewers(records: Mapping[str, Record]) -> Iterator[str]:
    """Yield the lower-case addresses of those who attested something about a model of the lineage."""
    reviews = (record.body["review"] for record in records.values() if record.kind == "evaluation")
    for review in reviews:
        yield from (said["reviewer"].lower() for said in (review["attestations"] if review else ()))


def backers(proposal: Record) -> list[str]:
    """Return the addresses of the author and the sponsors."""
    return [proposal.body["author"], *(sponsor["address"] for sponsor in proposal.body["sponsors"])]


def _members(source: Mapping[str, Any]) -> dict[str, int] | None:
    """Return the powers by lower-case address where power comes from a list; None where it does not."""
    if source["name"] != FIXED_LIST:
        return None
    members = source["parameters"].get("members")
    if forms.table(forms.power)(members) is not None:
        return {}  # a list that is none gives nobody any power
    return {voter.lower(): int(power) for voter, power in members.items()}
