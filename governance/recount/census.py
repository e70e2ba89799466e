"""The census of a bundle, and one seat for everybody in it: what the recount remembers of each voter. Pure."""

import re
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from governance import eip712
from governance.counting import Terms
from governance.evidence import merkle
from governance.outcome import InvalidRules
from governance.recount.demands import check_body, power, require
from governance.recount.frozen import Frozen
from governance.recount.lines import Lines
from governance.recount.report import BadEntry

_ENTRY = b'{"house_power":'
# Neither powers nor addresses need an escape, so the canonical form of an entry is fixed to the byte.
_POWER = r"(0|[1-9][0-9]{0,77})"
_CANONICAL = re.compile(rf'{{"house_power":"{_POWER}","power":"{_POWER}","voter":"(0x[0-9a-fA-F]{{40}})"}}')
_ENTRY_NEEDED = '{"house_power":"…","power":"…","voter":"0x…"} with whole numbers of at most 78 digits'
FIXED_LIST = "fixed_list"
MEMBERS = "members"
HASH_BYTES = 32
NEVER = -1  # the nonce of who has not voted
CENSUS = {
    **dict.fromkeys(("root", "total", "house_total", "delegations_root"), str),
    **dict.fromkeys(("count", "delegation_count", "opens_at", "closes_at", "computed_at"), int),
}


class Seats:
    """Columns with one row for each voter: some 300 bytes each, however long their ballots are."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self.rows: dict[str, int] = {}
        self.powers: list[int] = []
        self.house_powers: dict[int, int] = {}
        self.nonces = array("q")
        self.choices: list[Any] = []
        self.hashes = bytearray()

    def add(self, voter: str, own: int, house: int) -> int:
        """Give a seat to somebody who has none, and return its row."""
        row = self.rows[voter] = len(self.powers)
        self.powers.append(own)
        if house:
            self.house_powers[row] = house
        self.nonces.append(NEVER)
        self.choices.append(None)
        self.hashes += bytes(HASH_BYTES)
        return row

    def voted(self) -> list[tuple[str, int]]:
        """Return who voted, with their rows, sorted by lower-case address as a tally sorts them."""
        voters = ((voter, row) for voter, row in self.rows.items() if self.nonces[row] != NEVER)
        return sorted(voters, key=lambda pair: pair[0].lower())


@dataclass(frozen=True)
class Census:
    """What the census record says, recomputed."""

    digest: str
    seats: Seats
    count: int
    total: int
    house_total: int
    opens_at: int
    closes_at: int
    computed_at: int
    terms: Terms


def read_census(lines: Lines, frozen: Frozen) -> Census:
    """Read the entries and the census record.

    1. entries are sorted by address, once each, and none is without any power
    2. root, sums and counts are those of the entries and delegations
    3. nobody has more power than exists; where power comes from a list, it is the listed power
    4. voting opens when the proposal says or later, for as long.
    """
    seats, sums, first = Seats(), [0, 0], lines.number + 1
    root = merkle.root(_entries(lines, seats, sums))  # 1
    total, house_total = sums
    last, count = lines.number, len(seats.powers)
    record = lines.record("census")
    line, body, digest = lines.number, record.body, frozen.proposal.digest
    terms = _check_form(line, body, frozen)
    require(record.parents == (digest,), line, "parent_wrong", record.parents, "this proposal")
    require(record.subject == f"census:{digest}", line, "subject_wrong", record.subject, f"census:{digest}")
    recomputed = {  # 2
        "root": root,
        "count": count,
        "total": str(total),
        "house_total": str(house_total),
        "delegations_root": frozen.delegations_root,
        "delegation_count": frozen.delegation_count,
    }
    for name, value in recomputed.items():
        entries = f"{value!r}, as the entries on lines {first} to {last} and the delegations give"
        require(body[name] == value, line, f"census_{name}_wrong", f"{name} {body[name]!r}", entries)
    supply = terms.total_supply  # 3
    require(total <= supply, line, "supply_exceeded", f"{total} in all", f"at most the total supply {supply}")
    most = frozen.house_total or 0
    require(house_total <= most, line, "supply_exceeded", f"{house_total} in the second house", f"at most {most}")
    _check_listed(line, seats, frozen)
    _check_window(line, body, frozen)  # 4
    times = (body["opens_at"], body["closes_at"], body["computed_at"])
    return Census(record.digest, seats, count, total, house_total, *times, terms)


def _check_form(line: int, body: Mapping[str, Any], frozen: Frozen) -> Terms:
    """Check the keys, and return the terms: of a contract's vote with supply and quorum as the census has them."""
    changed = frozen.terms.by_contract and "governor" in body
    check_body(line, body, CENSUS | ({"governor": dict} if changed else {}))
    if changed:
        check_body(line, body["governor"], {"total_supply": str, "quorum_bps": int})
        power(line, body["governor"]["total_supply"])
    try:
        return frozen.terms.under(body)
    except InvalidRules as error:
        raise BadEntry(line, "rules_wrong", error.found, f"{error.field}: {error.allowed}") from error


def _entries(lines: Lines, seats: Seats, sums: list[int]) -> Iterator[bytes]:
    """Take the entries line by line, seat and add up each, and yield the leaves of the census tree."""
    previous = ""
    while lines.next.startswith(_ENTRY):
        line = lines.take("an entry of the census")
        number = lines.number
        parts = _CANONICAL.fullmatch(line.decode("latin-1"))
        if parts is None:
            raise BadEntry(number, "entry_malformed", line.decode("utf-8", "replace"), _ENTRY_NEEDED)
        house, own, voter = int(parts[1]), int(parts[2]), parts[3]
        checked, key = eip712.checksum_address(voter), voter.lower()
        if checked != voter:
            raise BadEntry(number, "address_checksum", voter, f"{checked}, with its checksum")
        if not (own or house):
            raise BadEntry(number, "power_wrong", "no power at all", "only entries with power")
        if key <= previous:
            raise BadEntry(number, "order_wrong", voter, "each voter once, sorted by lower-case address")
        previous = key
        seats.add(voter, own, house)
        sums[0] += own
        sums[1] += house
        yield line


def _check_listed(line: int, seats: Seats, frozen: Frozen) -> None:
    """Compare with the list of members where power comes from one: voters signed it, so no chain is needed."""
    source = frozen.proposal.body["snapshot"]["source"]
    if source["name"] != FIXED_LIST:
        return
    members = source["parameters"].get(MEMBERS)
    require(isinstance(members, dict), line, "power_wrong", members, "a list of members in the proposal")
    listed = {str(voter).lower(): power(line, text) for voter, text in members.items()}
    listed = {voter: value for voter, value in listed.items() if value}
    found = {voter.lower(): seats.powers[row] for voter, row in seats.rows.items() if seats.powers[row]}
    for voter in sorted(listed.keys() | found.keys()):
        have, need = found.get(voter, 0), listed.get(voter, 0)
        require(have == need, line, "power_wrong", f"{voter} with {have}", f"{need}, as the proposal lists")


def _check_window(line: int, body: Mapping[str, Any], frozen: Frozen) -> None:
    opens_at, earliest = body["opens_at"], frozen.proposal.body["opens_at"]
    require(opens_at >= earliest, line, "opened_early", f"voting opens at {opens_at}", f"at {earliest} or later")
    computed_at = body["computed_at"]
    require(computed_at <= opens_at, line, "census_late", f"computed at {computed_at}", f"before voting, at {opens_at}")
    closes_at = opens_at + frozen.terms.rules.voting_period_seconds
    require(body["closes_at"] == closes_at, line, "period_wrong", body["closes_at"], f"closing at {closes_at}")
