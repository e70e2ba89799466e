"""Lines of ballots.jsonl, read strictly and quickly: what a verification of a large vote spends its time on. Pure.

The grammar of a plain canonical ballot is a regular expression, so one match settles keys, order, spelling, and that
nothing was added. Whatever does not match, or is unusual in any other way, is read piece by piece, as every other
record is, to say what is wrong with it.
"""

import re
from dataclasses import dataclass
from typing import Any

from governance.evidence.canonical import INTEGER_MAX, CanonicalError, canonical_bytes, strict_loads
from governance.evidence.record import RECORD_BYTES_MAX, Record
from models_registry.provenance import shapes

_NUMBER = r"(0|[1-9][0-9]{0,15})"
_POWER = r'"(0|[1-9][0-9]{0,77})"'
# Characters that canonical JSON writes as they are. A choice that is no number is parsed by itself.
_BALLOT = re.compile(
    rf'\{{"body":\{{"cast_at":{_NUMBER},"choice":(?:{_NUMBER}|([\[{{].*?[\]}}])),"house_power":{_POWER},"nonce":{_NUMBER},'
    rf'"power":{_POWER},"reason":"([^"\\\x00-\x1f]*)","signature":"([0-9a-fx]*)","voter":"(0x[0-9a-fA-F]{{40}})"\}},'
    r'"kind":"ballot","parents":\["([0-9a-f]{64})"\],"subject":"ballot:\10/\9","version":1\}'
)


@dataclass(slots=True)
class BallotLine:
    """A ballot record in its canonical form, as it stands in the file.

    `proposal` is its one parent, or nothing; `subject` is None where it is the one that a ballot must have.
    """

    proposal: str
    subject: str | None
    body: dict[str, Any]
    line: bytes

    def canonical(self) -> bytes:
        """Return the line, without its line feed."""
        return self.line

    @classmethod
    def from_bytes(cls, line: bytes) -> "BallotLine":
        """Read a line; raise CanonicalError unless it is a ballot in form."""
        return _quickly(line) or _slowly(line)


def _quickly(line: bytes) -> BallotLine | None:
    try:
        found = _BALLOT.fullmatch(line.decode())
    except UnicodeDecodeError:
        return None
    if found is None or len(line) > RECORD_BYTES_MAX:
        return None
    cast_at, number, other, house_power, nonce, power, reason, signature, voter, proposal = found.groups()
    body: dict[str, Any] = {
        "voter": voter,
        "choice": _plain_choice(other) if number is None else int(number),
        "reason": reason,
        "nonce": int(nonce),
        "power": power,
        "house_power": house_power,
        "signature": signature,
        "cast_at": int(cast_at),
    }
    if body["choice"] is None or max(body["cast_at"], body["nonce"], int(number or 0)) > INTEGER_MAX:
        return None
    return BallotLine(proposal, None, body, line)


def _plain_choice(text: str) -> object:
    """Return a flat list or object in canonical form; nothing for anything else."""
    try:
        choice = strict_loads(text.encode(), max_bytes=RECORD_BYTES_MAX)
        if canonical_bytes(choice) != text.encode():
            return None
    except CanonicalError:
        return None
    values = choice.values() if isinstance(choice, dict) else choice
    return choice if all(type(value) is int or type(value) is str for value in values) else None


def _slowly(line: bytes) -> BallotLine:
    record = Record.from_bytes(line)
    wrong = f"a {record.kind[:40]} among the ballots" if record.kind != "ballot" else shapes.body_problem(record)
    if wrong:
        raise CanonicalError("record_malformed", wrong)
    proposal = record.parents[0] if len(record.parents) == 1 else ""
    fits = record.subject == f"ballot:{proposal}/{record.body['voter']}"
    return BallotLine(proposal, None if fits else record.subject, dict(record.body), line)
