"""Signing in with a wallet (EIP-4361): hands out nonces, consumes them once, and finds the account.

The text and its policy are judged by `siwe` (pure); where no key signed it, the account's contract is asked. What a
nonce is worth is a fact in the database: whoever deletes its row has used it, so that two requests with one nonce
cannot both win.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.hashers import make_password

from governance import eip712, siwe
from governance.chain import ChainError
from governance.clock import whole_second
from governance.errors import NotAuthenticated, Unavailable
from governance.models import Account, Community, SignInNonce
from governance.wallets.asking import is_of_key
from governance.wallets.checking import account_stands_by

STATEMENT = "Sign in to Commonweights. This is a signature without a fee; nothing is sent to the chain."
NONCE_BYTES = 16


@dataclass(frozen=True)
class Invitation:
    """A nonce, and the complete text for the wallet to sign."""

    nonce: str
    message: str


def invite(address: str, session: str, chain_id: int | None, now: datetime) -> Invitation:
    """Issue a nonce to this browser session and return the text that this (checksummed) address is to sign.

    Old nonces are swept away on the occasion.
    """
    SignInNonce.objects.filter(created_at__lt=now - timedelta(seconds=settings.SIGN_IN_NONCE_SECONDS)).delete()
    nonce = secrets.token_hex(NONCE_BYTES)
    chains = _chain_ids()
    message = siwe.render(
        siwe.SiweMessage(
            domain=_domain(),
            address=address,
            uri=settings.ORIGIN,
            chain_id=chain_id if chain_id in chains else min(chains, default=1),
            nonce=nonce,
            issued_at=whole_second(now),
            expiration_time=whole_second(now) + timedelta(seconds=settings.SIGN_IN_NONCE_SECONDS),
            statement=STATEMENT,
        )
    )
    SignInNonce.objects.create(nonce=nonce, session=session, created_at=now)
    return Invitation(nonce, message)


def verify(message: str, signature: str, session: str, now: datetime) -> Account:
    """Return the account that signed; raise SiweError, SignatureError, or NotAuthenticated with one answer for all.

    The nonce is consumed before the signature is looked at: a failed try uses it up.
    """
    nonce = siwe.parse(message).nonce
    used, _ = SignInNonce.objects.filter(
        nonce=nonce, session=session, created_at__gte=now - timedelta(seconds=settings.SIGN_IN_NONCE_SECONDS)
    ).delete()
    try:
        verified = siwe.verify(
            message,
            signature,
            now=now,
            domains={_domain()},
            chain_ids=_chain_ids(),
            nonce=nonce if used else None,
            schemes=("https",) if settings.SECURE else ("http", "https"),
            stood_by=lambda said, digest: _stood_by(said, digest, signature),
        )
    except siwe.SiweError as error:
        if error.code == "siwe_malformed":
            raise
        raise NotAuthenticated(
            "siwe_rejected", "the sign-in was not accepted; ask for a new message and sign that"
        ) from error
    account, _ = Account.objects.get_or_create(address=verified.address, defaults={"password": make_password(None)})
    if not account.is_active:
        raise NotAuthenticated("account_disabled", "this account has been switched off by the operator")
    if not account.signs_with_key and _is_of_key(message, signature, verified.address):
        account.signs_with_key = True
        account.save(update_fields=["signs_with_key"])
    return account


def _stood_by(said: siwe.SiweMessage, digest: bytes, signature: str) -> bool:
    """Say whether the account's contract stands by what its key did not sign.

    A chain that is silent leaves that open, but for an account whose key has signed here before and that sends what
    looks like a signature of a key: with all that can be known, that one is wrong.
    """
    try:
        return account_stands_by(said.chain_id, said.address, digest, signature)
    except (ChainError, Unavailable):
        if is_of_key(signature) and Account.objects.filter(address=said.address, signs_with_key=True).exists():
            return False
        raise


def _is_of_key(message: str, signature: str, address: str) -> bool:
    try:
        eip712.verify(eip712.personal_message_digest(message), signature, address)
    except eip712.SignatureError:
        return False
    return True


def _domain() -> str:
    return urlsplit(settings.ORIGIN).netloc


def _chain_ids() -> set[int]:
    """Return the chains that this instance's communities vote on."""
    return set(Community.objects.values_list("chain_id", flat=True)) or {1}
