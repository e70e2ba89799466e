"""Delegating on chain: what a holder signs or sends so that somebody else votes with their tokens.

Two ways, both OpenZeppelin's (`Votes`): a transaction that the holder sends, or a signature that anybody may send for
them (`delegateBySig`). Nothing is sent here, and nothing here is counted: power follows at the next snapshot, as the
token says. The zero address as delegatee takes a delegation back. Signatures of contract wallets are not covered.

Standards: EIP-712 (the token's own domain), ERC-5267 (where to find it), ERC-5805 (delegation by signature).
"""

from dataclasses import dataclass
from typing import Any, Final

from governance import eip712
from governance.chain import ChainReader
from governance.errors import Conflict, Invalid

# Long enough to sign on another device and to be sent, short enough that a forgotten signature is worth nothing.
VALID_SECONDS: Final = 3600

# The first four bytes of Keccak-256 of `delegate(address)` and of
# `delegateBySig(address,uint256,uint256,uint8,bytes32,bytes32)`.
DELEGATE: Final = "0x5c19a95c"
DELEGATE_BY_SIGNATURE: Final = "0xc3cda520"


@dataclass(frozen=True, slots=True)
class SignedDelegation:
    """A holder's signature that gives the votes of all their tokens to the delegatee; `expiry` in UNIX seconds."""

    token: str
    delegator: str
    delegatee: str
    nonce: int
    expiry: int
    signature: str


def transaction(token: str, chain_id: int, delegatee: str) -> dict[str, str]:
    """Return what the holder's own wallet sends with `eth_sendTransaction`."""
    return _transaction(token, chain_id, DELEGATE + _address_word(delegatee))


def offer(chain: ChainReader, token: str, delegator: str, delegatee: str, now_seconds: int) -> dict[str, Any]:
    """Return the typed data that the holder signs instead, so that somebody else can pay for sending it."""
    domain = chain.domain_of(token)
    return eip712.token_delegation_message(
        chain_id=domain.chain_id,
        token=domain.verifying_contract,
        name=domain.name,
        version=domain.version,
        delegatee=delegatee,
        nonce=chain.nonce_of(token, delegator),
        expiry=now_seconds + VALID_SECONDS,
    )


def transaction_by_signature(chain: ChainReader, signed: SignedDelegation, now_seconds: int) -> dict[str, str]:
    """Return what anybody's wallet sends for the holder, once it is sure that the token will take it.

    1. not expired; 2. the next nonce: an earlier one was used already; 3. signed by the holder, over these very fields

    Raises Invalid, Conflict or SignatureError, in this order.
    """
    # 1. the time
    if signed.expiry < now_seconds:
        raise Invalid("delegation_expired", "the signature has expired; sign again", found=signed.expiry)
    # 2. the nonce
    nonce = chain.nonce_of(signed.token, signed.delegator)
    if signed.nonce != nonce:
        raise Conflict(
            "delegation_nonce", "the nonce is not the next one; sign again", found=signed.nonce, allowed=nonce
        )
    # 3. the signature
    domain = chain.domain_of(signed.token)
    digest = eip712.token_delegation_digest(
        chain_id=domain.chain_id,
        token=domain.verifying_contract,
        name=domain.name,
        version=domain.version,
        delegatee=signed.delegatee,
        nonce=signed.nonce,
        expiry=signed.expiry,
    )
    eip712.verify_key(digest, signed.signature, signed.delegator)
    r, s, v = signed.signature[2:66], signed.signature[66:130], int(signed.signature[130:], 16)
    words = f"{_address_word(signed.delegatee)}{signed.nonce:064x}{signed.expiry:064x}{v:064x}{r}{s}"
    return _transaction(signed.token, domain.chain_id, DELEGATE_BY_SIGNATURE + words)


def is_delegation(data: object) -> bool:
    """Say whether call data delegates, in one of the two ways, and does nothing else."""
    if not isinstance(data, str):
        return False
    words = {DELEGATE: 1, DELEGATE_BY_SIGNATURE: 6}.get(data[:10])
    return words is not None and len(data) == len(DELEGATE) + 64 * words


def _transaction(token: str, chain_id: int, data: str) -> dict[str, str]:
    return {"to": eip712.parse_address(token), "data": data, "chainId": hex(chain_id)}


def _address_word(address: str) -> str:
    return f"{int(eip712.parse_address(address), 16):064x}"
