"""Proposal kinds: what a kind must offer, and the lookup by name. Knows nothing of models, datasets or machines.

A kind is one class in `<app>/proposal_kinds.py` and one line in `settings.PROPOSAL_KINDS`. Forms, serializers and pages
read `label`, `description` and `fields` from here, so that adding a kind edits no shared page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from django.conf import settings
from django.utils.module_loading import import_string

from governance.errors import Invalid

if TYPE_CHECKING:
    from governance.models import Community, Proposal, Record


# How a vote about one thing can be held; the first is what authors get who do not choose.
FOR_OR_AGAINST = ("governor", "basic", "fractional")


@dataclass(frozen=True)
class Field:
    """One question that the editor asks. `type` is text, long_text, integer, decimal, choice or choices.

    `notes` are pairs of a label and what is to be known of it, folded away below the question.
    """

    name: str
    label: str
    type: str
    help: str = ""
    required: bool = True
    initial: str | Sequence[str] = ""
    options: tuple[tuple[str, str], ...] = ()
    notes_title: str = ""
    notes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Fact:
    """One line of the plain description of a payload: a label and what it says."""

    label: str
    text: str


class ProposalKind(Protocol):
    """One kind of proposal: how its payload is checked, said in words, and carried out."""

    name: str
    label: str
    description: str
    scope: str
    methods: tuple[str, ...]

    def choices(self, payload: dict[str, Any]) -> tuple[str, ...]:
        """Return what is chosen from, where the method is not for or against."""

    def seats(self, payload: dict[str, Any], wanted: int) -> int:
        """Return how many are chosen, from the payload or from what the author wanted."""

    def fields(self, community: "Community") -> list[Field]:
        """Return the questions of the editor, with the options that exist now."""

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Turn the editor's flat answers into a payload; do not judge it."""

    def clean(self, community: "Community", payload: dict[str, Any]) -> dict[str, Any]:
        """Return the payload in its canonical, frozen form; raise a Refusal that names the field."""

    def describe(self, payload: dict[str, Any]) -> str:
        """Say in one sentence what happens if the proposal passes."""

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the payload as lines that a voter can read, the cost among them."""

    def cost(self, payload: dict[str, Any]) -> str:
        """Say what carrying it out costs, as "about 40 device-seconds"; nothing where it costs no computing."""

    def execute(self, proposal: "Proposal", execution: "Record", now: datetime) -> None:
        """Carry it out inside the caller's transaction. Called once; slow work starts after commit."""


@runtime_checkable
class InOtherUnits(Protocol):
    """A kind that freezes other units than the editor asks for, and gives the answers back for editing."""

    def answers(self, payload: dict[str, Any]) -> dict[str, str | list[str]]:
        """Return the editor's answers that a payload came from, by the name of the question."""


class ForOrAgainst:
    """What kinds share whose proposals are one thing, for or against."""

    methods = FOR_OR_AGAINST

    def choices(self, payload: dict[str, Any]) -> tuple[str, ...]:
        """Return nothing: the method names the choices."""
        return ()

    def seats(self, payload: dict[str, Any], wanted: int) -> int:
        """Return one: it passes or not."""
        return 1

    def cost(self, payload: dict[str, Any]) -> str:
        """Return nothing: no machine works for it."""
        return ""


@cache
def all_kinds() -> dict[str, ProposalKind]:
    """Return every kind by name, in the order of settings.PROPOSAL_KINDS."""
    kinds = [import_string(path)() for path in settings.PROPOSAL_KINDS]
    return {kind.name: kind for kind in kinds}


def kind_named(name: str) -> ProposalKind:
    """Return the kind, or raise Invalid with the kinds that exist."""
    kinds = all_kinds()
    if name not in kinds:
        raise Invalid(
            "unknown_kind", "there is no such kind of proposal", field="kind", found=name, allowed=sorted(kinds)
        )
    return kinds[name]


def require_keys(payload: dict[str, Any], required: set[str], optional: frozenset[str] = frozenset()) -> None:
    """Refuse a payload with missing or unknown keys."""
    if not isinstance(payload, dict):
        raise Invalid("malformed_field", "the payload is a JSON object", field="payload")
    unknown = sorted(set(payload) - required - optional)
    if unknown:
        raise Invalid(
            "unknown_field",
            "the payload has a key that this kind does not know",
            field=f"payload.{unknown[0]}",
            found=unknown,
            allowed=sorted(required | optional),
        )
    missing = sorted(required - set(payload))
    if missing:
        raise Invalid(
            "missing_field", "the payload lacks a key", field=f"payload.{missing[0]}", allowed=sorted(required)
        )


def clean_text(payload: dict[str, Any], name: str, *, length_max: int, length_min: int = 1) -> str:
    """Return a text of the payload, trimmed; refuse other types and lengths."""
    value = payload[name]
    if not isinstance(value, str):
        raise Invalid("malformed_field", "this is text", field=f"payload.{name}", found=value)
    value = value.strip()
    if not length_min <= len(value) <= length_max:
        raise Invalid(
            "length_out_of_range",
            f"{len(value)} characters found, {length_min} to {length_max} allowed",
            field=f"payload.{name}",
        )
    return value
