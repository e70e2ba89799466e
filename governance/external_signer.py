"""A signer that asks a command, so that a key may live in a hardware module or on another machine.

    COMMAND public-key ALGORITHM SLUG          prints the public key as hex
    COMMAND sign ALGORITHM SLUG PUBLIC_KEY     gets the bytes on standard input, prints the signature as hex

ALGORITHM is ed25519 (key of 32 bytes, signature of 64) or p256 (uncompressed point of 65 bytes, DER signature). What
the command prints is checked under the key before it is used: a signer that answers wrongly is found at once.
"""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property

from governance.evidence import p256, signing
from governance.evidence.signing import SigningError

_HEX = re.compile(r"(?:[0-9a-f]{2})+")
_ANSWER_BYTES_MAX = 1_000
_KEY_CHARACTERS = {signing.ALGORITHM: 2 * signing.KEY_BYTES, p256.ALGORITHM: 2 * p256.POINT_BYTES}
_HOLDS: Mapping[str, Callable[[str, bytes, bytes], bool]] = {
    signing.ALGORITHM: signing.signature_holds,
    p256.ALGORITHM: p256.p256_signature_holds,
}


class CommandSigner:
    """Signs by asking a command. Every refusal is a SigningError that says what the command did."""

    def __init__(
        self,
        command: Sequence[str],
        algorithm: str,
        slug: str,
        public_key: str | None = None,
        *,
        timeout_seconds: float,
    ) -> None:
        """Take the command with its first arguments, what to sign for, and the key if it is known already."""
        self._command = list(command)
        self._algorithm = algorithm
        self._slug = slug
        self._public_key = public_key
        self._timeout_seconds = timeout_seconds

    @cached_property
    def public_key_hex(self) -> str:
        """Return the public key: the one that is known, or else the one that the command names."""
        key = self._public_key or self._ask(["public-key", self._algorithm, self._slug], b"")
        if len(key) != _KEY_CHARACTERS[self._algorithm]:
            expected = _KEY_CHARACTERS[self._algorithm]
            raise SigningError(f"the signer command printed a key of {len(key)} characters, expected {expected}")
        return key

    def sign(self, data: bytes) -> bytes:
        """Return the signature of `data`, after checking that it holds under the public key."""
        key = self.public_key_hex
        signature = bytes.fromhex(self._ask(["sign", self._algorithm, self._slug, key], data))
        if self._algorithm == p256.ALGORITHM:
            try:
                signature = p256.with_lower_s(signature)
            except ValueError as error:
                raise SigningError("the signer command printed no DER signature") from error
        if not _HOLDS[self._algorithm](key, signature, data):
            raise SigningError(f"the signature that the signer command printed does not hold under {key}")
        return signature

    def _ask(self, arguments: list[str], data: bytes) -> str:
        """Run the command and return the one line of hex that it prints; end it, and all it started, in time."""
        try:
            child = subprocess.Popen(  # noqa: S603 - the operator's own command, from the settings
                [*self._command, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            raise SigningError(f"the signer command {self._command[0]!r} cannot run: {error.strerror}") from error
        try:
            answer, _ = child.communicate(data, timeout=self._timeout_seconds)
        except subprocess.TimeoutExpired as error:
            raise SigningError(f"the signer command gave no answer in {self._timeout_seconds} seconds") from error
        finally:
            with suppress(ProcessLookupError):  # all of them ended by themselves
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            for stream in (child.stdin, child.stdout):
                if stream is not None:
                    stream.close()
        if child.returncode:
            raise SigningError(f"the signer command ended with status {child.returncode}")
        line = answer[:_ANSWER_BYTES_MAX].decode("ascii", "replace").strip()
        if len(answer) > _ANSWER_BYTES_MAX or not _HEX.fullmatch(line):
            raise SigningError(f"the signer command printed {line[:60]!r}, expected one line of lower-case hex")
        return line
