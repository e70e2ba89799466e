"""What members sign beside their ballots, as the records say it: the digests of delegations and sponsorships. Pure."""

from collections.abc import Mapping
from typing import Any

from governance import eip712
from governance.charter import draft_digest


def domain(community: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that every signature in a community shares."""
    return {
        "chain_id": community["chain_id"],
        "token": community["token"],
        "instance": community["instance"],
        "community": community["slug"],
    }


def delegation_signed(community: Mapping[str, Any], body: Mapping[str, Any]) -> bytes:
    """Return what a delegator signs; raise Eip712Error where that cannot be written down."""
    return eip712.delegation_digest(
        **domain(community),
        delegator=checksummed(body["delegator"]),
        delegate=checksummed(body["delegate"]),
        topic=body["topic"],
        share_bps=body["share_bps"],
        expires_at=body["expires_at"],
        nonce=body["nonce"],
    )


def sponsorship_signed(community: Mapping[str, Any], proposal: Mapping[str, Any], sponsor: str) -> bytes:
    """Return what a sponsor signs; raise Eip712Error where that cannot be written down."""
    draft = f"0x{draft_digest(proposal)}"
    return eip712.sponsorship_digest(**domain(community), draft=draft, sponsor=checksummed(sponsor))


def checksummed(address: str) -> str:
    """Return an address that is written with its checksum; raise AddressError for another spelling."""
    if eip712.checksum_address(address) != address:
        raise eip712.AddressError("address_checksum", f"{address} is not written with its checksum")
    return address
