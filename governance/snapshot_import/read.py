"""Snapshot's exports, taken apart: the poll, and each vote as it was or the reason why it cannot be one. Pure.

JSON is what Snapshot's GraphQL answers for `proposal` and `votes`; CSV is what its "download votes" gives, which names
neither the poll nor the signatures. What is unknown here is ignored, because Snapshot adds fields; what is needed and
missing or impossible is refused: of the poll for the whole file (ExportError), of a vote for that vote alone (Apart).
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from governance.eip712 import AddressError, checksum_address
from governance.evidence.canonical import CanonicalError, strict_loads
from governance.snapshot_messages import MANY, ONE, TEXT
from governance.tally import METHODS, InvalidChoice, InvalidChoices

FILE_BYTES_MAX = 256_000_000
VOTES_MAX = 500_000
TITLE_MAX, BODY_MAX, ID_MAX, NAME_MAX, REASON_MAX = 300, 100_000, 100, 300, 5_000
SECONDS_MAX = 253_402_300_799  # the last moment that calendars of four-digit years know
PLACES = 18  # one vote is 10^18 units
POWER_LIMIT = Decimal(10) ** (78 - PLACES)
POWER_BITS_MAX = 256
# The type of the choice in the message that voters sign, by Snapshot's name of the voting system, which is ours too.
SIGNED_AS = {
    "basic": ONE,
    "single-choice": ONE,
    "approval": MANY,
    "ranked-choice": MANY,
    "copeland": MANY,
    "weighted": TEXT,
    "quadratic": TEXT,
}
_NUMBER = re.compile(r"-?[0-9]{1,100}(\.[0-9]{1,100})?([eE][-+]?[0-9]{1,3})?")
_COLUMN = re.compile(r"choice\.([1-9][0-9]{0,3})")
_CSV_NEEDED = ("address", "voting_power", "timestamp")


class ExportError(ValueError):
    """A file that is no export of a finished Snapshot vote; says what was found and what is needed."""


class _NotCounted(ValueError):
    """A vote that cannot be counted, with the reason."""


@dataclass(frozen=True)
class Poll:
    """The proposal, with what Snapshot says came out of it. `scores` are in votes, None where the export has none."""

    id: str
    space: str
    title: str
    text: str
    author: str
    method: str
    choices: tuple[str, ...]
    closed_at: int
    quorum: Decimal | None
    scores: tuple[Decimal, ...] | None
    scores_total: Decimal | None


@dataclass(frozen=True)
class Entry:
    """One vote that can be counted. `power` is in units of 10^-18, `choice` of the right form, `envelope` as found."""

    position: int
    id: str
    voter: str
    choice: Any
    power: int
    reason: str
    created: int
    envelope: Any = None


@dataclass(frozen=True)
class Apart:
    """A vote that is not counted: its place in the file from 0, who it is said to be from, and why."""

    position: int
    voter: str
    reason: str


def read_json(data: bytes) -> tuple[Poll, list[Entry | Apart] | None]:
    """Return the poll and its votes, None where the file has only the poll. Raises ExportError."""
    try:
        whole = strict_loads(data, max_bytes=FILE_BYTES_MAX)
    except CanonicalError as error:
        raise ExportError(str(error)) from error
    if isinstance(whole, dict) and isinstance(whole.get("data"), dict):  # as GraphQL wraps its answers
        whole = whole["data"]
    if not isinstance(whole, dict) or not isinstance(whole.get("proposal"), dict):
        raise ExportError('an object with "proposal" and "votes" is needed')
    poll, votes = _read_poll(whole["proposal"]), whole.get("votes")
    if votes is None:
        return poll, None
    if not isinstance(votes, list) or len(votes) > VOTES_MAX:
        raise ExportError(f'"votes" is a list of at most {VOTES_MAX} votes')
    return poll, [_read_vote(poll, position, vote) for position, vote in enumerate(votes)]


def read_csv(data: bytes, poll: Poll) -> list[Entry | Apart]:
    """Return the votes of a CSV file for a poll that is known. Raises ExportError."""
    if len(data) > FILE_BYTES_MAX:
        raise ExportError(f"{len(data)} bytes found, at most {FILE_BYTES_MAX} allowed")
    try:
        text = data.decode("utf-8-sig")
        rows = csv.reader(io.StringIO(text, newline=""))
        names = next(rows, [])
        missing = [name for name in _CSV_NEEDED if name not in names]
        if missing or len(set(names)) != len(names):
            raise ExportError(f"the first line names columns, once each; missing: {missing or 'none'}")
        if "\x00" in text or text.count("\n") > 2 * VOTES_MAX:
            raise ExportError(f"at most {VOTES_MAX} votes, without NUL characters, are allowed")
        return [_read_row(poll, position, names, row) for position, row in enumerate(row for row in rows if row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ExportError(f"no CSV in UTF-8: {error}") from error


def _read_poll(body: Mapping[str, Any]) -> Poll:
    method, choices, state = body.get("type"), body.get("choices"), body.get("state", "closed")
    if not isinstance(method, str) or method not in SIGNED_AS:
        raise ExportError(f"proposal.type: one of {', '.join(sorted(SIGNED_AS))} is needed, {method!r} found")
    if not isinstance(choices, list) or not all(isinstance(name, str) and len(name) <= NAME_MAX for name in choices):
        raise ExportError(f"proposal.choices: a list of texts of at most {NAME_MAX} characters is needed")
    try:
        METHODS[method].check_choices([f"{place} {name}" for place, name in enumerate(choices)])
    except InvalidChoices as error:
        raise ExportError(f"proposal.choices: {error}") from error
    if state != "closed":
        raise ExportError(f"proposal.state: only a vote that is closed has a result, {state!r} found")
    space, closed_at = body.get("space"), body.get("end")
    if type(closed_at) is not int or not 0 <= closed_at <= SECONDS_MAX:
        raise ExportError("proposal.end: whole UNIX seconds are needed")
    return Poll(
        id=_text(body, "id", ID_MAX),
        space=_text(space if isinstance(space, dict) else {}, "id", ID_MAX),
        title=_text(body, "title", TITLE_MAX),
        text=_text(body, "body", BODY_MAX, needed=False),
        author=_address(body.get("author")) or "",
        method=method,
        choices=tuple(choices),
        closed_at=closed_at,
        quorum=_number(body.get("quorum")),
        scores=_scores(body.get("scores"), len(choices)),
        scores_total=_number(body.get("scores_total")),
    )


def _scores(value: object, choices: int) -> tuple[Decimal, ...] | None:
    if not isinstance(value, list) or not value:
        return None
    scores = [number for number in map(_number, value) if number is not None]
    if len(scores) != choices or len(value) != choices:
        raise ExportError(f"proposal.scores: {choices} numbers are needed")
    return tuple(scores)


def _text(body: Mapping[str, Any], name: str, most: int, *, needed: bool = True) -> str:
    value = body.get(name) or ""
    if not isinstance(value, str) or len(value) > most or (needed and not value):
        raise ExportError(f"{name}: a text of {int(needed)} to {most} characters is needed")
    return value


def _address(value: object) -> str | None:
    """Return a checksummed address, or None for what is none here (other chains have longer ones)."""
    try:
        return checksum_address(value)  # type: ignore[arg-type]  # anything; refused there
    except AddressError:
        return None


def _number(value: object) -> Decimal | None:
    """Return a finite number of bearable size exactly, or None."""
    if isinstance(value, str):
        value = Decimal(value) if _NUMBER.fullmatch(value) else None
    if type(value) is int and value.bit_length() <= POWER_BITS_MAX:
        value = Decimal(value)
    return value if isinstance(value, Decimal) and value.is_finite() and value.copy_abs() < POWER_LIMIT else None


def _read_vote(poll: Poll, position: int, vote: object) -> Entry | Apart:
    """Return the vote, or why it is none."""
    if not isinstance(vote, dict):
        return Apart(position, "", "a vote is an object")
    try:
        return _entry(poll, position, vote)
    except (_NotCounted, InvalidChoice) as error:
        voter = vote["voter"][:ID_MAX] if isinstance(vote.get("voter"), str) else ""
        return Apart(position, _address(voter) or voter, str(error))


def _entry(poll: Poll, position: int, vote: Mapping[str, Any]) -> Entry:
    voter, created, reason, name = _address(vote.get("voter")), vote.get("created"), vote.get("reason"), vote.get("id")
    if voter is None:
        raise _NotCounted("the voter is no address of 20 bytes")
    number = _number(vote.get("vp"))
    if number is None or number < 0:
        raise _NotCounted("vp is no finite number of at least 0")
    power = int(Fraction(number) * 10**PLACES)
    if not power:
        raise _NotCounted("vp is nothing that could be counted")
    if type(created) is not int or not 0 <= created <= SECONDS_MAX:
        raise _NotCounted("created is no moment in UNIX seconds")
    for field, text in (("reason", reason or ""), ("id", name or "")):
        if not isinstance(text, str) or len(text) > REASON_MAX:
            raise _NotCounted(f"{field} is no text of at most {REASON_MAX} characters")
    choice = vote.get("choice")
    if isinstance(choice, str):
        raise _NotCounted("the choice is a text: still encrypted, or none at all")
    METHODS[poll.method].validate(choice, len(poll.choices))
    return Entry(position, name or "", voter, choice, power, reason or "", created, vote.get("envelope"))


def _read_row(poll: Poll, position: int, names: Sequence[str], row: Sequence[str]) -> Entry | Apart:
    """Return the vote of one line. A reason, the last column, is not escaped by Snapshot and may hold commas."""
    if len(row) > len(names) and names[-1] == "reason":
        row = [*row[: len(names) - 1], ",".join(row[len(names) - 1 :])]
    if len(row) != len(names):
        return Apart(position, row[0][:ID_MAX], f"{len(row)} columns found, {len(names)} needed")
    cells = dict(zip(names, row, strict=True))
    return _read_vote(
        poll,
        position,
        {
            "id": cells.get("author_ipfs_hash", ""),
            "voter": cells["address"],
            "vp": cells["voting_power"],
            "created": int(cells["timestamp"]) if re.fullmatch(r"[0-9]{1,12}", cells["timestamp"]) else None,
            "reason": cells.get("reason", ""),
            "choice": _choice_of(poll, cells),
        },
    )


def _choice_of(poll: Poll, cells: Mapping[str, str]) -> Any:  # noqa: ANN401 - a choice of any form
    """Return the choice of a line: one number, the columns in their order, or a weight in each column."""
    if SIGNED_AS[poll.method] == ONE:
        return _whole(cells.get("choice", cells.get("choice.1", "")))
    columns = list(_columns(cells))
    if SIGNED_AS[poll.method] == MANY:
        return [_whole(cell) for _, cell in sorted(columns, key=lambda column: int(column[0]))]
    return {place: _number(cell) for place, cell in columns}


def _columns(cells: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, cell in cells.items():
        match = _COLUMN.fullmatch(name)
        if match and cell:
            yield match[1], cell


def _whole(text: str) -> int | str:
    """Return the number, or the text for the refusal to show."""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else text
