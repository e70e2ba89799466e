"""Passkeys that may hold a seat: each address is that of its key."""

from collections.abc import Iterator

from governance import eip712
from governance.fsck.finding import Finding, finding
from governance.models import PasskeySeat

TABLE = "governance_passkeyseat"


def check_seats() -> Iterator[Finding]:
    """Yield where a browser would be told another key than the address's: its signatures would be refused."""
    for row in PasskeySeat.objects.iterator():
        try:
            point = bytes.fromhex(row.public_key.removeprefix("04"))
        except ValueError:
            point = b""
        address = eip712.checksum_address(f"0x{eip712.address_of_point(point).hex()}")
        if row.address != address:
            yield finding(TABLE, row.pk, "address", address, row.address)
