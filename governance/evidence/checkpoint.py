"""Signed checkpoints of a log: C2SP tlog-checkpoint in a C2SP signed note, with Ed25519. Pure.

A checkpoint says "the log of this origin had this many leaves and this root". Whoever keeps one can later demand a
consistency proof, so a log that rewrites its history is caught. Any tool for signed notes reads these (Go's
`golang.org/x/mod/sumdb/note`, witnesses); `verifier_key` gives them our key in their spelling.

Stricter than the specification: no extension lines (we write none), and one signature of our key, not two. Not held
here: whether two checkpoints agree (`merkle.verify_consistency`), and how fresh one is: it carries no time.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from governance.evidence import merkle
from governance.evidence.signing import Signer, is_usable_public_key, signature_holds

NOTE_CHARACTERS_MAX = 200_000  # sixteen signatures, the largest of any kind, must fit
SIZE_MAX = 2**63 - 1
_ED25519_TYPE = b"\x01"
_KEY_ID_BYTES = 4
_BODY_LINES = 3
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_ROOT = re.compile(r"[0-9a-f]{64}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
# A key name has no Unicode space and no plus, so that the parts of a signature line cannot run into each other.
_SIGNATURE_LINE = re.compile(r"\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_KEY_NAME = re.compile(r"[^\s+]+")


class CheckpointError(ValueError):
    """A note that is not this log's checkpoint. `code` is stable, `detail` says what was found and what is needed.

    Codes: `malformed_note`, `malformed_checkpoint`, `origin_wrong`, `key_unusable`, `signature_missing`,
    `signature_repeated`, `signature_wrong`.
    """

    def __init__(self, code: str, detail: str) -> None:
        """Keep the stable code beside the readable sentence."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Checkpoint:
    """The state of one log: `size` leaves with this `root` (64 hex digits). `origin` names the log."""

    origin: str
    size: int
    root: str

    def __post_init__(self) -> None:
        """Refuse what would read back differently, and an empty tree with a root that it cannot have."""
        if not self.origin or _CONTROL.search(self.origin) or "\n" in self.origin:
            raise CheckpointError("malformed_checkpoint", f"an origin is one line of text, {self.origin!r} found")
        if type(self.size) is not int or not 0 <= self.size <= SIZE_MAX:
            raise CheckpointError("malformed_checkpoint", f"a size is 0 to {SIZE_MAX}, {self.size!r} found")
        if not isinstance(self.root, str) or _ROOT.fullmatch(self.root) is None:
            raise CheckpointError("malformed_checkpoint", f"a root is 64 lower-case hex digits, {self.root!r} found")
        if self.size == 0 and self.root != merkle.EMPTY_ROOT:
            raise CheckpointError("malformed_checkpoint", "a log without leaves has the SHA-256 of nothing as its root")

    def body(self) -> str:
        """Return the three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(bytes.fromhex(self.root)).decode('ascii')}\n"


def sign(checkpoint: Checkpoint, signer: Signer) -> str:
    """Return the signed note. The key is named like the log, so its origin may hold no space and no plus."""
    name = checkpoint.origin
    if _KEY_NAME.fullmatch(name) is None:
        raise CheckpointError("malformed_checkpoint", f"a key cannot be named {name!r}: no spaces, no plus")
    body = checkpoint.body()
    signed = key_id(name, signer.public_key_hex) + signer.sign(body.encode())
    return f"{body}\n\u2014 {name} {base64.b64encode(signed).decode('ascii')}\n"


def open_note(text: str, origin: str, public_key_hex: str, *, key_name: str | None = None) -> Checkpoint:
    """Return the checkpoint in a note after checking that this key signed it for this log.

    1. the note has one reading: text, one empty line, signature lines of the one form
    2. a signature of the key named `key_name` (as the origin, if none is given) is there, once, and holds
    3. the text is a checkpoint of this origin.
    Signatures of other keys are ignored, as the specification says: witnesses add theirs. Raises CheckpointError.
    """
    if not is_usable_public_key(public_key_hex):
        raise CheckpointError("key_unusable", "an Ed25519 public key (64 lower-case hex digits) is needed")
    body, lines = _parts(text)  # 1
    name = origin if key_name is None else key_name
    own = key_id(name, public_key_hex)
    found = [_signature(line) for line in lines]
    signatures = [signature for found_name, found_id, signature in found if (found_name, found_id) == (name, own)]
    if len(signatures) != 1:  # 2
        code = "signature_repeated" if signatures else "signature_missing"
        raise CheckpointError(code, f"one signature of {name}+{own.hex()} is needed, {len(signatures)} found")
    if not signature_holds(public_key_hex, signatures[0], body.encode()):
        raise CheckpointError("signature_wrong", f"{name}+{own.hex()} did not sign this text")
    checkpoint = _checkpoint(body)  # 3
    if checkpoint.origin != origin:
        raise CheckpointError("origin_wrong", f"the log {origin!r} is needed, {checkpoint.origin!r} found")
    return checkpoint


def log_origin(instance: str, slug: str) -> str:
    """Return the name of a community's log: the host of its instance (with the port, if any) and its slug."""
    try:
        host = urlsplit(instance).netloc
    except ValueError as error:
        raise CheckpointError(
            "malformed_checkpoint", f"{instance[:100]!r} is not the address of an instance"
        ) from error
    return f"{host}/{slug}"


def key_id(name: str, public_key_hex: str) -> bytes:
    """Return the four bytes by which a signature line points to its key."""
    data = name.encode() + b"\n" + _ED25519_TYPE + bytes.fromhex(public_key_hex)
    return hashlib.sha256(data).digest()[:_KEY_ID_BYTES]


def verifier_key(name: str, public_key_hex: str) -> str:
    """Return the key as tools for signed notes take it: `name+id+base64`."""
    encoded = base64.b64encode(_ED25519_TYPE + bytes.fromhex(public_key_hex)).decode("ascii")
    return f"{name}+{key_id(name, public_key_hex).hex()}+{encoded}"


def _parts(text: str) -> tuple[str, list[str]]:
    """Split a note at its last empty line into the signed text and the signature lines."""
    if len(text) > NOTE_CHARACTERS_MAX:
        raise CheckpointError("malformed_note", f"{len(text)} characters, at most {NOTE_CHARACTERS_MAX} allowed")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise CheckpointError("malformed_note", "a lone surrogate is not a character") from error
    if _CONTROL.search(text):
        raise CheckpointError("malformed_note", "a control character is not allowed")
    body, separator, signatures = text.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise CheckpointError("malformed_note", "text, an empty line and signature lines are needed")
    return body + "\n", signatures[:-1].split("\n")


def _signature(line: str) -> tuple[str, bytes, bytes]:
    """Return the key name of a signature line, the key id, and the signature."""
    match = _SIGNATURE_LINE.fullmatch(line)
    data = _decoded(match[2]) if match else None
    if match is None or data is None or len(data) <= _KEY_ID_BYTES:
        raise CheckpointError("malformed_note", f"{line[:100]!r} is not a signature line")
    return match[1], data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:]


def _checkpoint(body: str) -> Checkpoint:
    lines = body[:-1].split("\n")
    if len(lines) != _BODY_LINES:
        raise CheckpointError("malformed_checkpoint", f"{_BODY_LINES} lines are needed, {len(lines)} found")
    origin, size, encoded = lines
    if _SIZE.fullmatch(size) is None:
        raise CheckpointError("malformed_checkpoint", f"a size is a decimal number, {size[:40]!r} found")
    root = _decoded(encoded)
    if root is None:
        raise CheckpointError("malformed_checkpoint", f"a root is 32 bytes in base64, {encoded[:60]!r} found")
    return Checkpoint(origin, int(size), root.hex())


def _decoded(text: str) -> bytes | None:
    """Return the bytes of standard base64 in its one spelling, or None."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode("ascii") == text else None
