"""Polls as JSON lines: reads one line from a stranger, counts it, and makes the answer. No input or output of its own.

A line is `{"method", "choices": [names], "ballots": [{"choice", "power": "<integer>"}], optional "seats"}`. Choices in
ballots have Snapshot's shape: an index from 1, a list of them, or a map "1", "2", … to weights (fractional: to
amounts); for governor, basic and fractional the names say which choice is for, against and abstain. What is wrong with
one ballot is that ballot's reason; what is wrong with the line is a PollError.
"""

import json
import re
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from governance.tally import METHODS, Count, InvalidBallot, InvalidChoice, InvalidChoices, UnknownMethod, method_named
from governance.tally.base import InvalidSeats, exact_text, shown, whole_text
from governance.tally.choices import index, is_index_key
from governance.tally.governor import ABSTAIN, AGAINST, FOR
from governance.tally.profile import InvalidPower, ProfileMethod, grouped

LINE_BYTES_MAX = 256 * 2**20  # a million ballots with ten weights each
REPAIR_CHARACTERS_MAX = 4 * 2**20
DEPTH_MAX = 8
RECURSION_MAX = 1_000
NUMBER_CHARACTERS_MAX = 100
EXPONENT_MAX = 308
POWER_DIGITS_MAX = 78  # 2^256
BY_CODE = ("governor", "fractional")
ROLES = {
    **dict.fromkeys(("for", "yes", "pour", "oui"), FOR),
    **dict.fromkeys(("against", "no", "contre", "non"), AGAINST),
    **dict.fromkeys(("abstain", "abstention", "s'abstenir", "s’abstenir"), ABSTAIN),
}
POSITIONS = {
    "governor": (AGAINST, FOR, ABSTAIN),
    "fractional": (AGAINST, FOR, ABSTAIN),
    "basic": (FOR, AGAINST, ABSTAIN),
}
BASIC_INDEX = {FOR: 1, AGAINST: 2, ABSTAIN: 3}
STRINGS_AND_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)  # never goes back


class PollError(ValueError):
    """A line that is no poll. `code` is stable, `detail` says what was found and what is allowed."""

    def __init__(self, code: str, detail: str) -> None:
        """Keep the stable code beside the readable sentence."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Unreadable:
    """Stands for a JSON value that is no valid value of any ballot, so that only its ballot is refused."""

    def __init__(self, what: str) -> None:
        """Say what it was."""
        self.what = what

    def __repr__(self) -> str:
        """Return what it was, for the reason of the ballot."""
        return self.what


def answer(line: bytes) -> dict[str, Any]:
    """Count the poll of one line and return the answer's JSON, or raise PollError.

    1. read the JSON; 2. check method, names and seats; 3. count; 4. put the scores in the order of the names.
    """
    poll = read(line)
    for key in ("method", "choices", "ballots"):
        if key not in poll:
            raise PollError("missing_key", f"the key {key!r} is missing")
    name, names, ballots, seats = poll["method"], poll["choices"], poll["ballots"], poll.get("seats", 1)
    try:
        method = method_named(name)
    except UnknownMethod as error:
        raise PollError("unknown_method", str(error)) from None
    roles = _checked_roles(method, names, seats)
    if not isinstance(ballots, list):
        raise PollError("invalid_ballots", f"ballots are a list, found {shown(ballots)}")
    count = count_ballots(method, ballots, len(names), seats, roles)
    return to_json(method, count, names, roles)


def read(line: bytes) -> dict[str, Any]:
    """Parse one line; numbers stay exact, and what no ballot may hold becomes Unreadable."""
    if len(line) > LINE_BYTES_MAX:
        raise PollError("too_large", f"a line has at most {LINE_BYTES_MAX} bytes")
    try:
        text = line.decode("utf-8")
        try:
            poll = _loads(text)
        except RecursionError:
            poll = _loads(without_depths(text))
    except UnicodeDecodeError as error:
        raise PollError("malformed_json", f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise PollError("malformed_json", f"{error.msg} at character {error.pos}") from None
    if not isinstance(poll, dict):
        raise PollError("not_a_poll", f"a poll is a JSON object, found {shown(poll)}")
    return poll


def count_ballots(
    method: ProfileMethod, ballots: Sequence[object], choices: int, seats: int, roles: Sequence[int] | None
) -> Count:
    """Count ballots as they stand in a line; those that are no ballots at all join the invalid ones."""
    pairs: list[tuple[object, int]] = []
    positions: list[int] = []
    unreadable: list[InvalidBallot] = []
    for position, ballot in enumerate(ballots):
        try:
            choice, power = _choice_and_power(ballot)
            if roles is not None:
                choice = _by_role(method.name, choice, roles)
        except (InvalidChoice, InvalidPower, _InvalidShape) as error:
            unreadable.append(InvalidBallot(position, str(error)))
            continue
        pairs.append((choice, power))
        positions.append(position)
    profile, refused = grouped(method, pairs, choices)
    unreadable += (InvalidBallot(positions[ballot.position], ballot.reason) for ballot in refused)
    invalid = tuple(sorted(unreadable, key=lambda ballot: ballot.position))
    return method.count_profile(profile, choices, seats).with_invalid(invalid)


def to_json(method: ProfileMethod, count: Count, names: Sequence[str], roles: Sequence[int] | None) -> dict[str, Any]:
    """Return the answer, with names for positions and everything in the order of the names."""
    place = list(range(len(names)))
    if roles is not None:
        place = [role if method.name in BY_CODE else BASIC_INDEX[role] - 1 for role in roles]
    winners = [names[place.index(position)] for position in count.winners]
    winner = winners[0] if winners else None
    result: dict[str, Any] = {
        "method": method.name,
        "scores": [exact_text(count.scores[position]) for position in place],
        "winner": winners if method.elects_many else winner,
        "winners": winners,
        "tie_rule": method.tie_rule,
        "valid": count.valid,
        "invalid": len(count.invalid),
        "cast": whole_text(count.cast),
        "quorum_power": whole_text(count.quorum_power),
        "explanation": [sentence.text_with(names) for sentence in count.explanation],
        "invalid_ballots": [{"position": ballot.position, "reason": ballot.reason} for ballot in count.invalid],
    }
    if method.name in ("ranked-choice", "stv"):
        result["rounds"] = [
            {
                "round": held.number,
                "scores": _texts(held.scores),
                "elected": [names[position] for position in held.elected],
                "eliminated": [names[position] for position in held.eliminated],
                "transferred": _texts(held.transferred),
                "exhausted": exact_text(held.exhausted),
            }
            for held in count.rounds
        ]
    if count.pairwise:
        result["pairwise"] = [[whole_text(power) for power in row] for row in count.pairwise]
    return result


def roles_of(method: str, names: Sequence[str]) -> tuple[int, ...]:
    """Return for, against or abstain for each name; by position where the names do not say both for and against."""
    known = [ROLES.get(name.strip().casefold()) for name in names]
    if known.count(FOR) == known.count(AGAINST) == 1:
        return tuple(ABSTAIN if role is None else role for role in known)
    return POSITIONS[method][: len(names)]


def without_depths(text: str) -> str:
    """Replace what is nested deeper than DEPTH_MAX by a text, in one pass: such a ballot is refused, not its poll."""
    if len(text) > REPAIR_CHARACTERS_MAX:
        raise PollError("too_deep", f"more than {DEPTH_MAX} levels of nesting")
    kept, depth, start = [], 0, 0
    for found in STRINGS_AND_BRACKETS.finditer(text):
        bracket = found.group()
        if bracket in "[{":
            depth += 1
            if depth == DEPTH_MAX + 1:
                kept.append(text[start : found.start()])
        elif bracket in "]}":
            depth -= 1
            if depth == DEPTH_MAX:
                kept.append('"nested too deeply"')
                start = found.end()
    if depth > DEPTH_MAX:
        raise PollError("too_deep", f"more than {DEPTH_MAX} levels of nesting, never closed")
    return "".join([*kept, text[start:]])


class _InvalidShape(ValueError):
    """Something in the list of ballots that is no ballot."""


def _checked_roles(method: ProfileMethod, names: object, seats: object) -> tuple[int, ...] | None:
    """Refuse names and seats that the method cannot use; return the roles of the names if the method is binary."""
    if not isinstance(names, list):
        raise PollError("invalid_choices", f"choices are a list of names, found {shown(names)}")
    try:
        # A contract always has three options; a poll may leave abstain out.
        checked = METHODS["basic"] if method.binary else method
        checked.check_choices(names, seats)  # type: ignore[arg-type]  # refuses what is no number
        "".join(names).encode()
    except InvalidChoices as error:
        code = "invalid_seats" if isinstance(error, InvalidSeats) else "invalid_choices"
        raise PollError(code, str(error)) from None
    except UnicodeEncodeError:
        raise PollError("invalid_choices", "a name holds a lone surrogate") from None
    return roles_of(method.name, names) if method.binary else None


def _choice_and_power(ballot: object) -> tuple[object, int]:
    """Return the two parts of a ballot."""
    if not isinstance(ballot, dict):
        raise _InvalidShape(f"a ballot is a JSON object, found {shown(ballot)}")
    if "choice" not in ballot or "power" not in ballot:
        raise _InvalidShape("a ballot has a choice and a power")
    power = ballot["power"]
    if isinstance(power, str):
        if not 0 < len(power) <= POWER_DIGITS_MAX or not (power.isascii() and power.isdigit()) or power[0] == "0":
            raise InvalidPower(power)
        power = int(power)
    return ballot["choice"], power


def _by_role(method: str, choice: object, roles: Sequence[int]) -> object:
    """Return the choice as the method has it: by role instead of by place in the list of names."""
    codes = roles if method in BY_CODE else [BASIC_INDEX[role] for role in roles]
    if method == "fractional" and isinstance(choice, dict):
        if not all(is_index_key(key, len(roles)) for key in choice):
            raise InvalidChoice(choice, f'a map from "1" … "{len(roles)}" to amounts')
        return {str(codes[int(key) - 1]): amount for key, amount in choice.items()}
    return codes[index(choice, len(roles))]


def _texts(values: Sequence[Fraction]) -> list[str]:
    return [exact_text(value) for value in values]


def _loads(text: str) -> Any:  # noqa: ANN401 - JSON is any shape
    """Parse JSON; raise RecursionError where it is nested too deeply for the parser.

    The parser recurses in C, and some libraries raise the limit of recursion so far that the stack ends first.
    """
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(min(limit, RECURSION_MAX))
    try:
        return json.loads(
            text, object_pairs_hook=_object, parse_float=_decimal, parse_int=_integer, parse_constant=Unreadable
        )
    finally:
        sys.setrecursionlimit(limit)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | Unreadable:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Unreadable("a map with the same key twice")


def _integer(text: str) -> int | Unreadable:
    return int(text) if len(text) <= NUMBER_CHARACTERS_MAX else Unreadable(f"a number of {len(text)} characters")


def _decimal(text: str) -> Decimal | Unreadable:
    if len(text) > NUMBER_CHARACTERS_MAX:
        return Unreadable(f"a number of {len(text)} characters")
    try:
        value = Decimal(text)
    except InvalidOperation:  # an exponent beyond all bounds
        return Unreadable(f"the number {text}")
    return value if not value or abs(value.adjusted()) <= EXPONENT_MAX else Unreadable(f"the number {text}")
