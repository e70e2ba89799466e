"""A node of the chain for verifiers and for anchoring: plain JSON-RPC over HTTP(S) in batches, standard library alone.

The site reads votes with `client.py`, which needs web3; verifiers stay small and ask a node that the reader names, and
so does what is anchored. What is no answer is NotAnswered and says nothing about what was asked. Knows no contract.

Standard: Ethereum JSON-RPC.
"""

import re
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from reprlib import repr as shown
from typing import Any, Final
from urllib.parse import urlsplit

from sha3 import keccak_256

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads

TIMEOUT_SECONDS: Final = 10.0
CALLS_MAX: Final = 100_000
CALLS_PER_BATCH: Final = 90  # public nodes commonly refuse batches of more than a hundred
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
_QUANTITY: Final = re.compile(r"0x(?:0|[1-9a-f][0-9a-f]{0,63})")
_WORD: Final = re.compile(r"0x[0-9a-fA-F]{64}")

Call = tuple[str, list[Any]]


class NotAnswered(Exception):
    """The chain could not be asked; says nothing about what was to be checked."""


class Node:
    """A node of the chain: takes calls, gives their results, and never more than `calls_max` of them."""

    def __init__(self, url: str, *, timeout_seconds: float = TIMEOUT_SECONDS, calls_max: int = CALLS_MAX) -> None:
        """Take the address; raise ValueError unless it is http(s)://host… without a user name. Nothing is sent yet."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
            raise ValueError("the address of a node is http(s)://host… without a user name")
        self.host = parts.hostname  # the rest of the address is often a secret
        self._url, self._timeout, self._left = url, timeout_seconds, calls_max
        self._opener = urllib.request.build_opener(_NoRedirect)

    def ask(self, calls: Sequence[Call]) -> list[object]:
        """Send some calls as one batch and return their results in order; raise NotAnswered for anything else."""
        self._left -= len(calls)
        if self._left < 0:
            raise NotAnswered("more calls would be needed than are allowed")
        questions = [
            {"id": number, "jsonrpc": "2.0", "method": method, "params": parameters}
            for number, (method, parameters) in enumerate(calls)
        ]
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            self._url,
            canonical_bytes(questions),
            {"Content-Type": "application/json", "Accept-Encoding": "identity", "Connection": "close"},
        )
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                body = response.read(ANSWER_BYTES_MAX + 1)
            said = strict_loads(body, max_bytes=ANSWER_BYTES_MAX)
        except urllib.error.HTTPError as error:
            error.close()
            raise NotAnswered(f"{self.host} answered with HTTP status {error.code}") from None
        except CanonicalError:
            raise NotAnswered(f"the answer of {self.host} cannot be read") from None
        except (OSError, ValueError, ArithmeticError) as error:
            # Not the library's own words: they may repeat the address.
            raise NotAnswered(f"no answer from {self.host}: {type(error).__name__}") from None
        return self._results(said, calls)

    def _results(self, said: object, calls: Sequence[Call]) -> list[object]:
        if not isinstance(said, list):
            raise NotAnswered(f"{self.host} refused the batch: {shown(said)}")
        by_id: dict[object, Mapping[str, object]] = {}
        for answer in said:
            if isinstance(answer, dict) and type(answer.get("id")) is int:
                by_id[answer["id"]] = answer
        if len(said) != len(calls) or set(by_id) != set(range(len(calls))):
            raise NotAnswered(f"{self.host} did not answer every question once")
        for number, (method, _) in enumerate(calls):
            if by_id[number].get("error") is not None or by_id[number].get("result") is None:
                raise NotAnswered(f"{self.host} has no answer to {method}: {shown(by_id[number].get('error'))}")
        return [by_id[number]["result"] for number in range(len(calls))]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow nobody elsewhere; the status is then the answer."""


def call_of(contract: str, signature: str, words: Sequence[str], block: str = "latest") -> Call:
    """Return the question for what a function of a contract gives: selector, then one word of hex per argument."""
    selector = keccak_256(signature.encode()).digest()[:4].hex()
    return ("eth_call", [{"data": f"0x{selector}{''.join(words)}", "to": contract}, block])


def quantity(value: object, what: str) -> int:
    """Return a number in the spelling of JSON-RPC."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value.lower()):
        raise NotAnswered(f"a number is needed for {what}, {shown(value)} found")
    return int(value, 16)


def word(value: object, what: str) -> str:
    """Return 32 bytes as lower-case hex."""
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise NotAnswered(f"32 bytes are needed for {what}, {shown(value)} found")
    return value.lower()


def number(value: object, what: str) -> int:
    """Return one word that a contract returned; `0x` means that no contract was there."""
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise NotAnswered(
            f"32 bytes are needed for {what}, {shown(value)} found: is there such a contract on this chain?"
        )
    return int(value, 16)
