"""The messages of `SCHEMAS`: as typed data for a wallet to sign, and as the digest that it signs."""

from typing import Any, TypeAlias

from governance.eip712.addresses import parse_address
from governance.eip712.encoding import OURSELVES, SAFE_INTEGER_MAX, domain_separator, struct_hash
from governance.eip712.errors import FieldError
from governance.eip712.keccak import keccak
from governance.eip712.schemas import SCHEMAS
from governance.evidence.canonical import CanonicalError, canonical_bytes

# What a ballot says: a number, a list (ranking, approval) or a map (weights), by the method of the vote.
Choice: TypeAlias = int | list[Any] | dict[str, Any]

KEEP_WARNING = "This signature is a key. Sign only on your community's page for keyholders, and give it to nobody."


def ballot_message(
    *,
    chain_id: int,
    token: str,
    instance: str,
    community: str,
    proposal: str,
    voter: str,
    choice: Choice,
    reason: str,
    nonce: int,
) -> dict[str, Any]:
    """Return the complete typed data of a ballot, as a wallet takes it in `eth_signTypedData_v4`.

    A choice that is a number is signed as one (`Ballot`), a list or map as canonical JSON text (`ChoicesBallot`).
    Raises FieldError or AddressError where `ballot_digest` of the same values would.
    """
    name, signed = _signed_choice(choice)
    return _message(name, chain_id, token, (instance, community, proposal, voter, signed, reason, nonce))


def ballot_digest(
    *,
    chain_id: int,
    token: str,
    instance: str,
    community: str,
    proposal: str,
    voter: str,
    choice: Choice,
    reason: str,
    nonce: int,
) -> bytes:
    """Return the 32 bytes that the voter signs. Every field is checked, none is converted."""
    name, signed = _signed_choice(choice)
    return _digest(name, chain_id, token, (instance, community, proposal, voter, signed, reason, nonce))


def sealed_ballot_message(
    *, chain_id: int, token: str, instance: str, community: str, proposal: str, voter: str, sealed: str, nonce: int
) -> dict[str, Any]:
    """Return the typed data of a sealed ballot; `sealed` is 0x and its SHA-256."""
    return _message("SealedBallot", chain_id, token, (instance, community, proposal, voter, sealed, nonce))


def sealed_ballot_digest(
    *, chain_id: int, token: str, instance: str, community: str, proposal: str, voter: str, sealed: str, nonce: int
) -> bytes:
    """Return the 32 bytes that the voter of a sealed ballot signs."""
    return _digest("SealedBallot", chain_id, token, (instance, community, proposal, voter, sealed, nonce))


def sealing_key_message(
    *, chain_id: int, token: str, instance: str, community: str, proposal: str, keyholder: str, key: str
) -> dict[str, Any]:
    """Return the typed data by which a keyholder publishes a key for one proposal; `key` is 0x and 32 bytes."""
    return _message("SealingKey", chain_id, token, (instance, community, proposal, keyholder, key))


def sealing_key_digest(
    *, chain_id: int, token: str, instance: str, community: str, proposal: str, keyholder: str, key: str
) -> bytes:
    """Return the 32 bytes that the keyholder signs."""
    return _digest("SealingKey", chain_id, token, (instance, community, proposal, keyholder, key))


def sealing_secret_message(
    *, chain_id: int, token: str, instance: str, community: str, proposal: str, keyholder: str
) -> dict[str, Any]:
    """Return the typed data whose signature a keyholder's secret is derived from; it leaves their machine never."""
    return _message("SealingSecret", chain_id, token, (KEEP_WARNING, instance, community, proposal, keyholder))


def delegation_message(
    *,
    chain_id: int,
    token: str,
    instance: str,
    community: str,
    delegator: str,
    delegate: str,
    topic: str,
    share_bps: int,
    expires_at: int,
    nonce: int,
) -> dict[str, Any]:
    """Return the typed data of an off-chain delegation: a share in basis points (0 revokes) to a UNIX second (0: none).

    `topic` is a kind of proposal, or empty for all of them.
    """
    values = (instance, community, delegator, delegate, topic, share_bps, expires_at, nonce)
    return _message("VoteDelegation", chain_id, token, values)


def delegation_digest(
    *,
    chain_id: int,
    token: str,
    instance: str,
    community: str,
    delegator: str,
    delegate: str,
    topic: str,
    share_bps: int,
    expires_at: int,
    nonce: int,
) -> bytes:
    """Return the 32 bytes that the delegator signs."""
    values = (instance, community, delegator, delegate, topic, share_bps, expires_at, nonce)
    return _digest("VoteDelegation", chain_id, token, values)


def sponsorship_message(
    *, chain_id: int, token: str, instance: str, community: str, draft: str, sponsor: str
) -> dict[str, Any]:
    """Return the typed data by which a co-signer backs a draft; `draft` is 0x and the digest of its content."""
    return _message("Sponsorship", chain_id, token, (instance, community, draft, sponsor))


def sponsorship_digest(*, chain_id: int, token: str, instance: str, community: str, draft: str, sponsor: str) -> bytes:
    """Return the 32 bytes that the sponsor signs."""
    return _digest("Sponsorship", chain_id, token, (instance, community, draft, sponsor))


def review_message(
    *,
    chain_id: int,
    token: str,
    instance: str,
    community: str,
    rule: str,
    candidate: str,
    report: str,
    drawn: str,
    reviewer: str,
    finding: str,
    reason: str,
    at: int,
) -> dict[str, Any]:
    """Return the typed data by which a reviewer says what they found; `at` is a UNIX second, digests begin with 0x."""
    values = (instance, community, rule, candidate, report, drawn, reviewer, finding, reason, at)
    return _message("Review", chain_id, token, values)


def review_digest(
    *,
    chain_id: int,
    token: str,
    instance: str,
    community: str,
    rule: str,
    candidate: str,
    report: str,
    drawn: str,
    reviewer: str,
    finding: str,
    reason: str,
    at: int,
) -> bytes:
    """Return the 32 bytes that the reviewer signs."""
    values = (instance, community, rule, candidate, report, drawn, reviewer, finding, reason, at)
    return _digest("Review", chain_id, token, values)


def token_delegation_message(
    *, chain_id: int, token: str, name: str, version: str, delegatee: str, nonce: int, expiry: int
) -> dict[str, Any]:
    """Return the typed data of an on-chain delegation until `expiry` (UNIX seconds).

    It is signed for the token itself, which calls itself `name` in this `version`, and not for this site.
    """
    return _message("Delegation", chain_id, token, (delegatee, nonce, expiry), (name, version))


def token_delegation_digest(
    *, chain_id: int, token: str, name: str, version: str, delegatee: str, nonce: int, expiry: int
) -> bytes:
    """Return the 32 bytes that a holder signs to delegate on chain."""
    return _digest("Delegation", chain_id, token, (delegatee, nonce, expiry), (name, version))


def _signed_choice(choice: Choice) -> tuple[str, int | str]:
    """Return the schema of a ballot with this choice, and the form in which the choice is signed."""
    if choice.__class__ is not list and choice.__class__ is not dict:
        return "Ballot", choice  # type: ignore[return-value]  # the encoder of the field checks it
    try:
        return "ChoicesBallot", canonical_bytes(choice).decode()
    except CanonicalError as error:
        raise FieldError("choices", error.detail) from error


def _message(
    name: str, chain_id: int, token: str, values: tuple[object, ...], issuer: tuple[str, str] = OURSELVES
) -> dict[str, Any]:
    """Return complete typed data, after encoding it once: what cannot be hashed is not offered."""
    struct_hash(name, values)
    domain_separator(chain_id, token, issuer)
    message = {field: _as_wallets_read(kind, value) for (field, kind), value in zip(SCHEMAS[name], values, strict=True)}
    return {
        "types": {
            name: [{"name": field, "type": kind} for field, kind in SCHEMAS[name]] for name in ("EIP712Domain", name)
        },
        "primaryType": name,
        "domain": {
            "name": issuer[0],
            "version": issuer[1],
            "chainId": chain_id,
            "verifyingContract": parse_address(token),
        },
        "message": message,
    }


def _as_wallets_read(kind: str, value: Any) -> Any:  # noqa: ANN401 - any field of a message
    """Return a field as JSON for a wallet: addresses checksummed, integers that JavaScript would round as text."""
    if kind == "address":
        return parse_address(value)
    return str(value) if kind.startswith("uint") and value > SAFE_INTEGER_MAX else value


def _digest(
    name: str, chain_id: int, token: str, values: tuple[object, ...], issuer: tuple[str, str] = OURSELVES
) -> bytes:
    return keccak(b"\x19\x01" + domain_separator(chain_id, token, issuer) + struct_hash(name, values))
