"""The recount of a Snapshot vote: who signed what, the newest vote of each voter, our count beside Snapshot's. Pure.

Snapshot adds up floats and names no winner; our count is exact, in units of 10^-18 votes, and names one by the rule of
its method. The two agree when each score is within a billionth. A vote of a contract wallet, and one without its signed
message, cannot be checked here: it is counted, and said to be unverified.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from governance.eip712 import Eip712Error, checksum_address
from governance.evidence import merkle
from governance.evidence.canonical import INTEGER_MAX, CanonicalError, canonical_bytes, strict_loads
from governance.snapshot_import.read import PLACES, Apart, Entry, Poll
from governance.snapshot_messages import DOMAIN, TEXT, Fields, choice_type, published, signer, vote_digest
from governance.tally import METHODS, Count

MESSAGE_BYTES_MAX = 100_000
APART_SHOWN_MAX = 100
RELATIVE = Fraction(1, 10**9)
_UNIT = 10**PLACES
_SIGNATURE_OF_KEY = re.compile(r"0x[0-9a-fA-F]{130}")
_DECIMAL_TEXT = re.compile(r"[0-9]{1,310}(\.[0-9]{1,310})?")


@dataclass(frozen=True)
class Counted:
    """A vote that counts. `signed` is the message with its list of fields, None where there is none to show."""

    voter: str
    choice: Any  # as JSON without fractions: see `plain`
    power: int
    reason: str
    cast_at: int
    signature: str
    signed: dict[str, Any] | None
    verified: bool

    def leaf(self) -> bytes:
        """Return what stands for this vote in the tree of the record."""
        return canonical_bytes({**self.__dict__, "power": str(self.power)})


@dataclass(frozen=True)
class Recounted:
    """What came out. `result` is JSON for the record; `counted` is sorted by lower-case address."""

    poll: Poll
    counted: tuple[Counted, ...]
    ballots_root: str
    result: dict[str, Any]
    wrong: tuple[Apart, ...]
    refused: tuple[Apart, ...]


class _Wrong(ValueError):
    """A signed message that is not that of the vote beside it."""


def recount(poll: Poll, found: Iterable[Entry | Apart]) -> Recounted:
    """Count a vote again.

    1. check each signed message; a wrong one is kept apart, whatever else its voter sent
    2. of each voter the newest vote counts; of two of one second, the one with the larger id
    3. count, and hold the count against Snapshot's own.
    """
    refused: list[Apart] = []
    wrong: list[Apart] = []
    newest: dict[str, tuple[Entry, Counted]] = {}
    superseded = total = 0
    for total, entry in enumerate(found, start=1):  # noqa: B007 - the number of votes, known at the end
        if isinstance(entry, Apart):
            refused.append(entry)
            continue
        try:
            vote = _checked(poll, entry)  # 1
        except _Wrong as error:
            wrong.append(Apart(entry.position, entry.voter, str(error)))
            continue
        older = newest.get(entry.voter)
        if older is not None:  # 2
            superseded += 1
        if older is None or (entry.created, entry.id) > (older[0].created, older[0].id):
            newest[entry.voter] = entry, vote
    kept = sorted(newest.values(), key=lambda pair: pair[0].voter.lower())
    counted = tuple(vote for _, vote in kept)
    count = METHODS[poll.method].count([(entry.choice, entry.power) for entry, _ in kept], len(poll.choices))  # 3
    counts = {
        "votes": total,
        "counted": len(counted),
        "verified": sum(vote.verified for vote in counted),
        "unverified": sum(not vote.verified for vote in counted),
        "superseded": superseded,
        "wrong": len(wrong),
        "refused": len(refused),
    }
    result = {
        **outcome(poll.choices, poll.scores, count),
        "cast": str(count.cast),
        "quorum": _said(poll.quorum),
        "scores_total": _said(poll.scores_total),
        "counts": counts,
        "wrong": [apart.__dict__ for apart in wrong[:APART_SHOWN_MAX]],
        "refused": [apart.__dict__ for apart in refused[:APART_SHOWN_MAX]],
    }
    root = merkle.root(vote.leaf() for vote in counted)
    return Recounted(poll, counted, root, result, tuple(wrong), tuple(refused))


def outcome(choices: Iterable[str], scores: tuple[Decimal, ...] | None, count: Count) -> dict[str, Any]:
    """Return both counts side by side, whether they agree (None: the export has no scores), and our winner.

    `ours` is in units of 10^-18 votes, rounded down; `theirs` in votes, as the export says it. Powers with more places
    than 18 were rounded down by less than one unit each, so that much of a difference says nothing.
    """
    rows = []
    for position, name in enumerate(choices):
        ours, theirs = count.scores[position], None if scores is None else scores[position]
        agrees = None if theirs is None else _agree(ours, Fraction(theirs) * _UNIT, count.valid)
        rows.append({"choice": name, "ours": str(int(ours)), "theirs": _said(theirs), "agrees": agrees})
    winners = [rows[position]["choice"] for position in count.winners]
    agrees = None if scores is None else all(row["agrees"] for row in rows)
    return {"scores": rows, "agrees": agrees, "winner": winners[0] if winners else None}


def plain(choice: Any) -> Any:  # noqa: ANN401 - a choice of any form
    """Return a choice for JSON without fractions: a weight that is no safe whole number becomes decimal text."""
    if isinstance(choice, dict):
        return {key: _plain_weight(weight) for key, weight in choice.items()}
    return choice


def power_choice(choice: Any) -> Any:  # noqa: ANN401 - a choice of any form
    """Return what `plain` made as it is counted."""
    if not isinstance(choice, dict):
        return choice
    texts = {
        key: weight for key, weight in choice.items() if isinstance(weight, str) and _DECIMAL_TEXT.fullmatch(weight)
    }
    return {key: Decimal(weight) if key in texts else weight for key, weight in choice.items()}


def _is_decimal(weight: object) -> bool:
    return isinstance(weight, str) and _DECIMAL_TEXT.fullmatch(weight) is not None


def _plain_weight(weight: int | Decimal) -> int | str:
    exact = Fraction(weight)
    if exact.denominator == 1 and exact <= INTEGER_MAX:
        return int(exact)
    return f"{Decimal(weight):f}"


def _agree(ours: Fraction, theirs: Fraction, ballots: int) -> bool:
    return abs(ours - theirs) <= RELATIVE * max(ours, theirs) + ballots


def _said(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _checked(poll: Poll, entry: Entry) -> Counted:
    """Return the vote with what its signature shows; raise _Wrong where the signed message is another one."""
    bare = Counted(
        entry.voter, plain(entry.choice), entry.power, entry.reason, entry.created, "", signed=None, verified=False
    )
    if entry.envelope is None:
        return bare
    fields, message, signature = _opened(entry.envelope)
    _require_same(poll, entry, fields, message)
    signed = {"fields": [list(field) for field in fields], "message": {name: message[name] for name, _ in fields}}
    if not _SIGNATURE_OF_KEY.fullmatch(signature):
        return Counted(**{**bare.__dict__, "signature": signature, "signed": signed})
    try:
        maker = signer(vote_digest(message, fields), signature)
    except Eip712Error as error:
        raise _Wrong(f"the signature cannot be checked: {error.detail}") from error
    if maker != entry.voter:
        raise _Wrong(f"signed by {maker}")
    # What was encrypted when it was signed proves who voted, not what for.
    verified = not _encrypted(message)
    return Counted(**{**bare.__dict__, "signature": signature.lower(), "signed": signed, "verified": verified})


def _opened(envelope: object) -> tuple[Fields, Mapping[str, Any], str]:
    """Return the published fields, the message and the signature of an envelope."""
    data = envelope.get("data") if isinstance(envelope, dict) else None
    if not isinstance(envelope, dict) or not isinstance(data, dict):
        raise _Wrong("an envelope is an object with address, sig and data")
    message, signature = data.get("message"), envelope.get("sig")
    if not isinstance(message, dict) or not isinstance(signature, str):
        raise _Wrong("an envelope has a message, and its signature as text")
    if len(json.dumps(message, default=str)) > MESSAGE_BYTES_MAX or len(signature) > MESSAGE_BYTES_MAX:
        raise _Wrong(f"the message is longer than the {MESSAGE_BYTES_MAX} bytes that Snapshot takes")
    if data.get("domain") != DOMAIN:
        raise _Wrong(f"the domain is not {DOMAIN}")
    fields = published(data.get("types"))
    if fields is None:
        raise _Wrong("Snapshot has never published this type of vote")
    missing = [name for name, _ in fields if name not in message]
    if missing:
        raise _Wrong(f"the message lacks {', '.join(missing)}")
    return fields, message, signature


def _require_same(poll: Poll, entry: Entry, fields: Fields, message: Mapping[str, Any]) -> None:
    """Raise _Wrong unless the message is of this poll and says what the vote beside it says."""
    sender = message["from"]
    try:
        same = checksum_address(sender) == entry.voter
    except Eip712Error:
        same = False
    if not same:
        raise _Wrong("the message is from another voter")
    if message["space"] != poll.space:
        raise _Wrong("the message is for another space")
    if not isinstance(message["proposal"], str) or message["proposal"].lower() != poll.id.lower():
        raise _Wrong("the message is for another proposal")
    if message["timestamp"] != entry.created:
        raise _Wrong("the message was made at another time")
    if "reason" in dict(fields) and message["reason"] != entry.reason:
        raise _Wrong("the message gives another reason")
    if not _encrypted(message) and _signed_choice(fields, message) != entry.choice:
        raise _Wrong("the message makes another choice")


def _encrypted(message: Mapping[str, Any]) -> bool:
    """Say whether the message's choice is what only the end of the vote opened (Shutter)."""
    choice = message["choice"]
    return isinstance(choice, str) and choice.startswith("0x")


def _signed_choice(fields: Fields, message: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a choice of any form
    choice = message["choice"]
    if choice_type(fields) != TEXT or not isinstance(choice, str):
        return choice
    try:
        return strict_loads(choice.encode("utf-8", "replace"), max_bytes=MESSAGE_BYTES_MAX)
    except CanonicalError as error:
        raise _Wrong("the choice in the message is no JSON") from error
