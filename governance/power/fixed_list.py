"""Voting power from a list in the proposal itself: one member one vote, or any whole numbers. Needs no chain.

The list stands in the record of the proposal, so it cannot change after submission; its digest takes the
place of a block hash. Who may be on the list is decided where the list is made, not here.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from governance.chain import ChainReader
from governance.eip712 import AddressError, parse_address
from governance.evidence import canonical
from governance.power.base import Candidates, PowerError, Snapshot

MEMBERS_MAX: Final = 10_000
POWER_DIGITS_MAX: Final = 78
POWER_MAX: Final = 10**POWER_DIGITS_MAX - 1


class FixedList:
    """Parameters: {"members": {address: power as a decimal string}}, such as "1" for everyone."""

    name = "fixed_list"
    version = "1"
    label = "List of members"
    description = "The power that stands beside the voter's address in the list that the proposal carries."
    # The name of the one parameter; another source may call its list differently.
    parameter: ClassVar[str] = "members"

    def __init__(self, chain: ChainReader | None = None) -> None:
        """Take what every source takes; a list needs no chain."""

    def snapshot(self, parameters: Mapping[str, Any]) -> Snapshot:
        """Check the list and pin it by its digest; block 0 says that no chain is involved."""
        members = _members(parameters, self.parameter)
        pinned = {self.parameter: {voter: str(power) for voter, power in sorted(members.items())}}
        return Snapshot(0, f"0x{canonical.digest(pinned)}", sum(members.values()), pinned)

    def candidates(self, snapshot: Snapshot, start: int = 0) -> Candidates:
        """Return everybody who is listed, in one step."""
        self.confirm(snapshot)
        return Candidates(tuple(sorted(_members(snapshot.parameters, self.parameter))), None)

    def power_of(self, voter: str, snapshot: Snapshot) -> int:
        """Return the listed power. Who is not listed has none: the list is complete by definition."""
        return self.powers_of([voter], snapshot)[parse_address(voter)]

    def powers_of(self, voters: Iterable[str], snapshot: Snapshot) -> dict[str, int]:
        """Return the listed power of each voter."""
        self.confirm(snapshot)
        members = _members(snapshot.parameters, self.parameter)
        return {address: members.get(address, 0) for address in map(parse_address, voters)}

    def confirm(self, snapshot: Snapshot) -> None:
        """Raise PowerError unless the list is the one that was pinned."""
        if snapshot != self.snapshot(snapshot.parameters):
            raise PowerError("snapshot_changed", "the list of members is not the one that was pinned")


def _members(parameters: Mapping[str, Any], parameter: str) -> dict[str, int]:
    """Return the power by checksummed address; two spellings of one address are refused."""
    if set(parameters) != {parameter} or not isinstance(parameters[parameter], Mapping):
        raise PowerError("malformed_field", f"only {parameter!r}, an object of powers by address, is needed")
    listed = parameters[parameter]
    if not 0 < len(listed) <= MEMBERS_MAX:
        raise PowerError("malformed_field", f"{len(listed)} {parameter} found, 1 to {MEMBERS_MAX} allowed")
    members: dict[str, int] = {}
    for text, power in listed.items():
        try:
            address = parse_address(text)
        except AddressError as error:
            raise PowerError(error.code, f"{parameter}: {error.detail}") from error
        if address in members:
            raise PowerError("malformed_field", f"{parameter}: {address} stands in the list twice")
        members[address] = _power(power)
    total = sum(members.values())
    if total == 0:
        raise PowerError("no_power_exists", "nobody in the list has any power")
    if total > POWER_MAX:
        raise PowerError("malformed_field", f"{parameter}: all powers together have at most {POWER_DIGITS_MAX} digits")
    return members


def _power(text: object) -> int:
    """Return a power given as a decimal string in its one spelling: no sign, no leading zero."""
    if (
        not isinstance(text, str)
        or not text.isascii()
        or not text.isdecimal()
        or len(text) > POWER_DIGITS_MAX
        or (text[0] == "0" and text != "0")
    ):
        raise PowerError("malformed_field", "a power is a whole number as a decimal string, such as '1'")
    return int(text)
