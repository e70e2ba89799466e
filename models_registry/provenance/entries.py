"""The lines of a bundle that are not records: who could vote with what power, and which delegations hold. Pure.

Both name the proposal that they are about. A census entry is a leaf of the census without that name, and a delegation
is a leaf as the record that it is, so the roots in the census record bind every byte of them.
"""

import re
from dataclasses import dataclass

from governance.evidence.canonical import CanonicalError
from governance.evidence.record import Record
from models_registry.provenance.ballot_lines import BallotLine

# The grammar of a canonical line is its regular expression: nothing else is accepted, and a million lines are fast.
_POWER = rb"(0|[1-9][0-9]{0,77})"
_ENTRY = re.compile(
    rb'\{"house_power":"%b","power":"%b","proposal":"([0-9a-f]{64})","voter":"(0x[0-9a-fA-F]{40})"\}' % (_POWER, _POWER)
)
_HELD = re.compile(rb'\{"proposal":"([0-9a-f]{64})","record":(\{.*\})\}', re.DOTALL)


@dataclass(slots=True)
class CensusEntry:
    """What one member could vote with: power in units, and power in the second house."""

    proposal: str
    voter: str
    power: int
    house_power: int

    def leaf(self) -> bytes:
        """Return the leaf of the census tree: the canonical entry without the proposal, which the census names."""
        return b'{"house_power":"%d","power":"%d","voter":"%b"}' % (
            self.house_power,
            self.power,
            self.voter.encode("ascii"),
        )

    def canonical(self) -> bytes:
        """Return the line in the bundle, without its line feed."""
        return b'{"house_power":"%d","power":"%d","proposal":"%b","voter":"%b"}' % (
            self.house_power,
            self.power,
            self.proposal.encode("ascii"),
            self.voter.encode("ascii"),
        )

    @classmethod
    def from_bytes(cls, line: bytes) -> "CensusEntry":
        """Read a line in its one spelling; raise CanonicalError for anything else."""
        found = _ENTRY.fullmatch(line)
        if found is None:
            raise CanonicalError("census_malformed", "a census entry is house_power, power, proposal and voter")
        house_power, power, proposal, voter = found.groups()
        return cls(proposal.decode(), voter.decode(), int(power), int(house_power))


@dataclass(frozen=True, slots=True)
class HeldDelegation:
    """A signed delegation that holds for one proposal."""

    proposal: str
    record: Record

    def canonical(self) -> bytes:
        """Return the line in the bundle, without its line feed."""
        return b'{"proposal":"%b","record":%b}' % (self.proposal.encode("ascii"), self.record.canonical())

    @classmethod
    def from_bytes(cls, line: bytes) -> "HeldDelegation":
        """Read a line in its one spelling; raise CanonicalError for anything else."""
        found = _HELD.fullmatch(line)
        if found is None:
            raise CanonicalError("delegation_malformed", "a line is an object of proposal and record")
        return cls(found[1].decode(), Record.from_bytes(found[2]))


Line = Record | CensusEntry | HeldDelegation | BallotLine


def belongs_to(line: Line) -> tuple[str, str]:
    """Return the digest of the proposal that a line is about, and what orders it among the lines of that proposal."""
    match line:
        case CensusEntry():
            return line.proposal, line.voter.lower()
        case HeldDelegation():
            return line.proposal, line.record.digest
        case BallotLine():
            return line.proposal, line.body["voter"].lower()
        case _ if line.kind == "ballot" and len(line.parents) == 1:
            return line.parents[0], str(line.body.get("voter")).lower()
        case _:
            return "", ""
