"""Signing in with a wallet (EIP-4361): hands out nonces, consumes them once, and finds the account.

The text and its policy are judged by `siwe` (pure). What a nonce is worth is a fact in the database: whoever deletes
its row has used it, so that two requests with one nonce cannot both win.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.hashers import make_password

from governance import siwe
from governance.clock import whole_second
from governance.errors import NotAuthenticated
from governance.models import Account, Community, SignInNonce

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
    return account


def _domain() -> str:
    return urlsplit(settings.ORIGIN).netloc


def _chain_ids() -> set[int]:
    """Return the chains that this instance's communities vote on."""
    return set(Community.objects.values_list("chain_id", flat=True)) or {1}
