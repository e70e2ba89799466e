"""What a hidden suite is called, and the digest that commits to its rows without telling anything of them. Pure.

The commitment is the SHA-256 of the canonical JSON (RFC 8785) of an object with exactly these keys:

    commits    "commonweights hidden suite 1"
    digest     SHA-256 of the canonical rows, 64 hex digits: what an ordinary suite is called by
    kind, languages, license, records    what is public of it from the beginning, so that none of it can change
    salt       32 random bytes, 64 hex digits

Without the salt nobody can try out rows and see whether they are the committed ones, however small the suite is. A
rule names a hidden suite as `hidden:` and the commitment, so that whoever reads the rule knows which kind it is.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from governance.evidence.canonical import digest as digest_of

PREFIX = "hidden:"
DOMAIN = "commonweights hidden suite 1"
# What of a suite is public before it is opened, and bound by its commitment.
PUBLIC = ("kind", "records", "languages", "license")
SALT_HEX_DIGITS = 64
_HEX32 = re.compile(r"[0-9a-f]{64}")


def is_digest(value: object) -> bool:
    """Say whether a value is 64 lower-case hex digits: a digest, a commitment, a salt."""
    return isinstance(value, str) and _HEX32.fullmatch(value) is not None


def name_of(commitment: str) -> str:
    """Return how a rule names the suite of a commitment."""
    return f"{PREFIX}{commitment}"


def commitment_in(suite: object) -> str | None:
    """Return the commitment that the name of a suite holds; None for the name of an ordinary suite, or for none."""
    if not isinstance(suite, str) or not suite.startswith(PREFIX):
        return None
    found = suite.removeprefix(PREFIX)
    return found if is_digest(found) else None


def names_a_suite(suite: object) -> bool:
    """Say whether a text names a suite: its digest, or `hidden:` and a commitment."""
    return is_digest(suite) or commitment_in(suite) is not None


def commit(*, digest: str, salt: str, kind: str, records: int, languages: Sequence[str], license: str) -> str:  # noqa: A002 - the key of datasets
    """Return the commitment to the rows with this digest."""
    return digest_of(
        {
            "commits": DOMAIN,
            "digest": digest,
            "kind": kind,
            "languages": sorted(languages),
            "license": license,
            "records": records,
            "salt": salt,
        }
    )


def rows_of(openings: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return by the names of hidden suites the digests of their rows, from the bodies of `opening` records."""
    return {name_of(body["commitment"]): body["digest"] for body in openings}


def opens(committed: Mapping[str, Any], digest: object, salt: object) -> bool:
    """Say whether rows with this digest, and this salt, are what the body of a `commitment` record commits to."""
    if not isinstance(digest, str) or not isinstance(salt, str) or not is_digest(digest) or not is_digest(salt):
        return False
    found = commit(digest=digest, salt=salt, **{name: committed[name] for name in PUBLIC})
    return bool(found == committed["commitment"])
