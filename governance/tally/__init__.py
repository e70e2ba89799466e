"""Voting methods: one file each, one line in METHODS. Exact integers and fractions; no float decides anything. Pure.

`python -m governance.tally` counts polls from JSON lines; see __main__.py.
"""

from governance.tally.approval import Approval
from governance.tally.base import (
    Count,
    InvalidBallot,
    InvalidChoice,
    InvalidChoices,
    Method,
    Round,
    Sentence,
    exact_text,
    shown,
)
from governance.tally.basic import Basic
from governance.tally.copeland import Copeland
from governance.tally.fractional import Fractional
from governance.tally.governor import Governor
from governance.tally.profile import ProfileMethod
from governance.tally.quadratic import Quadratic
from governance.tally.ranked_choice import RankedChoice
from governance.tally.single_choice import SingleChoice
from governance.tally.stv import SingleTransferableVote
from governance.tally.weighted import Weighted

METHODS: dict[str, ProfileMethod] = {
    method.name: method
    for method in (
        Governor(),
        Basic(),
        SingleChoice(),
        Approval(),
        Weighted(),
        Quadratic(),
        RankedChoice(),
        Copeland(),
        Fractional(),
        SingleTransferableVote(),
    )
}


def method_named(name: str) -> ProfileMethod:
    """Return the voting method, or raise UnknownMethod: a proposal never falls back to some default way of counting."""
    try:
        return METHODS[name]
    except (KeyError, TypeError):
        raise UnknownMethod(name) from None


class UnknownMethod(LookupError):
    """A proposal names a voting method that is not in the table."""

    def __init__(self, name: object) -> None:
        """Say what was found and what exists."""
        super().__init__(f"unknown voting method {shown(name)}; known: {', '.join(sorted(METHODS))}")


__all__ = [
    "METHODS",
    "Count",
    "InvalidBallot",
    "InvalidChoice",
    "InvalidChoices",
    "Method",
    "Round",
    "Sentence",
    "UnknownMethod",
    "exact_text",
    "method_named",
]
