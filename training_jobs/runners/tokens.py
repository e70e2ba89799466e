"""Tokens of runners: made, hashed, and read out of a request. Knows no database.

`cwr_` and 32 random bytes in URL-safe base64. A digest without salt is enough for a secret of 256 random bits, and lets
the database find it. The prefix lets secret scanners recognise a token that was leaked.
"""

import hashlib
import re
import secrets

PREFIX = "cwr_"
RANDOM_BYTES = 32
FORM = re.compile(r"cwr_[A-Za-z0-9_-]{43}")

CLAIM = "runs:claim"  # see what is to be done, read proofs, take a run
WRITE = "runs:write"  # everything that a runner sends about a run that it has
SCOPES = (CLAIM, WRITE)


def make() -> str:
    """Return a new token."""
    return PREFIX + secrets.token_urlsafe(RANDOM_BYTES)


def digest(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def from_header(authorization: str) -> str | None:
    """Return the token of an `Authorization: Bearer cwr_…` header (RFC 6750, section 2.1), or None for any other."""
    scheme, _, token = authorization.partition(" ")
    return token if scheme.lower() == "bearer" and FORM.fullmatch(token) else None
