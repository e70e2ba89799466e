"""What keyholders published, checked, and what their secrets make of a sealed ballot. Pure.

The services use it when voting has closed, and both offline verifiers use it on the records: `sealing` holds the public
keys that ballots were sealed for, `unsealing` the secrets that opened them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from governance import eip712
from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads
from governance.sealed import box
from governance.sealed.box import Context, SealError, Void
from governance.sealed.terms import VOID, Sealing
from governance.tally import InvalidChoice, Method

REASON_MAX = 1_000
_CONTENT = {"choice", "reason"}


@dataclass(frozen=True)
class Keys:
    """Public keys of one proposal by place, with the secrets that were published so far, by place from 1.

    `keyholders` are those who published a key, in the same order.
    """

    proposal: str
    threshold: int
    public_keys: tuple[bytes, ...]
    secrets: Mapping[int, bytes] = field(default_factory=dict)
    keyholders: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Say whether there are secrets enough."""
        return len(self.secrets) >= self.threshold

    def context(self, voter: str) -> Context:
        """Return what a voter's sealed ballot is bound to."""
        return Context(self.proposal, voter, self.threshold, self.public_keys)

    def opened(self, voter: str, sealed: bytes, method: Method, choices: int) -> tuple[Any, str]:
        """Return choice and reason of a sealed ballot; VOID where it is none, or where nobody opened it."""
        if not self.is_open:
            return VOID, ""
        try:
            written = box.unseal(sealed, self.context(voter), self.secrets)
            content = strict_loads(written, max_bytes=box.CONTENT_BYTES)
            if not isinstance(content, dict) or set(content) != _CONTENT or not is_reason(content["reason"]):
                return VOID, ""
            if canonical_bytes(content) != written:  # two spellings of one ballot: readers could differ
                return VOID, ""
            method.validate(content["choice"], choices)
        except (Void, CanonicalError, InvalidChoice):
            return VOID, ""
        return content["choice"], content["reason"]


def content_of(choice: Any, reason: str) -> bytes:  # noqa: ANN401 - any JSON
    """Return the content that is sealed; raise SealError where it is too long."""
    if not is_reason(reason):
        raise SealError(f"a reason has at most {REASON_MAX} characters and no character without canonical form")
    content = canonical_bytes({"choice": choice, "reason": reason})
    if len(content) > box.CONTENT_BYTES_MAX:
        raise SealError(f"choice and reason have {len(content)} bytes, at most {box.CONTENT_BYTES_MAX} fit")
    return content


def is_reason(text: object) -> bool:
    """Say whether this is a reason that can be kept."""
    if not isinstance(text, str) or len(text) > REASON_MAX or "\x00" in text:
        return False
    try:
        canonical_bytes(text)
    except CanonicalError:
        return False
    return True


def read_keys(
    proposal: str, sealing: Sealing, body: Mapping[str, Any], issuer: Mapping[str, Any], waited_seconds: int
) -> Keys:
    """Read the body of a `sealing` record: a usable key of each keyholder, in the charter's order, signed by them.

    Some may be missing where voting waited for as long as the charter says, and opened with enough of them.
    `issuer` are chain_id, token, instance and community. Raises SealError.
    """
    rows = _rows(body, "keys", {"keyholder", "public_key", "signature"})
    here = tuple(row["keyholder"] for row in rows)
    least = sealing.threshold if sealing.may_go_on_without(waited_seconds) else len(sealing.keyholders)
    if here != tuple(each for each in sealing.keyholders if each in here) or len(here) < least:
        raise SealError(f"keys of {list(here)}, needed: {least} or more of {sealing.keyholders}, in this order")
    keys = []
    for row in rows:
        key = read_hex(row["public_key"])
        if not box.is_usable_public_key(key) or key in keys:
            raise SealError(f"the key of {row['keyholder']} cannot be used, or is somebody else's")
        check_key_signature(row["keyholder"], row["public_key"], row["signature"], proposal, issuer)
        keys.append(key)
    return Keys(proposal, sealing.threshold, tuple(keys), keyholders=here)


def check_key_signature(
    keyholder: str, public_key: str, signature: str, proposal: str, issuer: Mapping[str, Any]
) -> None:
    """Raise SealError unless a keyholder signed this key for this proposal (digest)."""
    try:
        signed = eip712.sealing_key_digest(
            **issuer, proposal=f"0x{proposal}", keyholder=keyholder, key=f"0x{public_key}"
        )
        eip712.verify_key(signed, signature, keyholder)
    except eip712.Eip712Error as error:
        raise SealError(f"{keyholder} did not sign this key: {error.detail}") from error


def read_secrets(keys: Keys, body: Mapping[str, Any]) -> Keys:
    """Return the keys with the secrets of an `unsealing` record's body; raise SealError where one opens nothing."""
    secrets: dict[int, bytes] = {}
    for row in _rows(body, "secrets", {"keyholder", "secret"}):
        if row["keyholder"] not in keys.keyholders:
            raise SealError(f"{row['keyholder']} has no key for this proposal")
        place = keys.keyholders.index(row["keyholder"]) + 1
        if secrets and place <= max(secrets):
            raise SealError("each keyholder's secret stands once, in the charter's order")
        secrets[place] = read_hex(row["secret"])
        if box.public_key_of(secrets[place]) != keys.public_keys[place - 1]:
            raise SealError(f"the secret of {row['keyholder']} does not belong to their public key")
    return replace(keys, secrets=secrets)


def read_hex(text: object) -> bytes:
    """Read 64 lower-case hex digits; raise SealError for anything else."""
    try:
        value = bytes.fromhex(str(text))
    except ValueError:
        value = b""
    if len(value) != box.KEY_BYTES or value.hex() != text:
        raise SealError("64 lower-case hex digits are needed")
    return value


def _rows(body: Mapping[str, Any], name: str, columns: set[str]) -> list[dict[str, str]]:
    rows = body.get(name)
    if not isinstance(rows, list | tuple):
        raise SealError(f"a list of {name} is needed")
    for row in rows:
        if not isinstance(row, Mapping) or set(row) != columns or not all(type(row[each]) is str for each in columns):
            raise SealError(f"each of the {name} has exactly {sorted(columns)}")
    return list(rows)
