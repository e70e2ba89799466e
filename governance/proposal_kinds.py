"""Kinds of proposals about the community itself: its opinion, its choices, its council, its charter."""

import unicodedata
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from governance.charter import Charter
from governance.eip712 import AddressError, parse_address
from governance.errors import Invalid
from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads
from governance.kinds import Fact, Field, ForOrAgainst, clean_text, require_keys
from governance.models import Community, Council, Proposal, Record
from governance.records import keep
from governance.services.communities import adopt_charter, clean_charter, require_readable_power
from governance.services.events import note

CHOICES_MAX = 50
CHOICE_LENGTH_MAX = 120
TERM_DAYS_MAX = 1_500
CHARTER_BYTES_MAX = 1_000_000
DIGITS_MAX = 9
PLURAL = ("single-choice", "approval", "weighted", "quadratic", "ranked-choice", "copeland", "stv")


class TextSignal(ForOrAgainst):
    """Ask the community a question."""

    name = "text_signal"
    label = gettext_lazy("Text signal")
    description = gettext_lazy("Ask the community for its opinion. Nothing is carried out.")
    scope = "opinions"

    def fields(self, community: Community) -> list[Field]:
        """Ask for the statement."""
        return [Field("statement", _("Statement"), "text", _("One sentence that members agree or disagree with."))]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        return {"statement": values.get("statement", "")}

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze the statement."""
        require_keys(payload, {"statement"})
        if "\n" in str(payload["statement"]):
            raise Invalid("malformed_field", "a statement is one line", field="payload.statement")
        return {"statement": clean_text(payload, "statement", length_max=300)}

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        return _("the community has said: “%(statement)s” Nothing is carried out.") % payload

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the payload in words."""
        return [Fact(_("Statement"), payload["statement"]), Fact(_("Cost"), _("none"))]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Do nothing: the execution record is the whole effect."""


class Poll:
    """Let the community choose between several things."""

    name = "poll"
    label = gettext_lazy("Poll")
    description = gettext_lazy("Choose between several things: one, some, in an order, or in parts. Binds nobody.")
    scope = "opinions"
    methods = PLURAL

    def choices(self, payload: dict[str, Any]) -> tuple[str, ...]:
        """Return the choices of the payload."""
        return tuple(payload["choices"])

    def seats(self, payload: dict[str, Any], wanted: int) -> int:
        """Return what the author wants; the method checks it."""
        return wanted

    def fields(self, community: Community) -> list[Field]:
        """Ask for the question and the choices."""
        return [
            Field("question", _("Question"), "text", _("One sentence that the choices answer.")),
            Field("choices", _("Choices"), "long_text", _("One on each line, at least two.")),
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload: a choice for each line."""
        lines = str(values.get("choices", "")).splitlines()
        return {"question": values.get("question", ""), "choices": [line.strip() for line in lines if line.strip()]}

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze question and choices."""
        require_keys(payload, {"question", "choices"})
        return {
            "question": clean_text(payload, "question", length_max=300),
            "choices": clean_choices(payload["choices"], "payload.choices"),
        }

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        return _("the community has answered: “%(question)s” Nothing is carried out.") % payload

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the payload in words."""
        return [Fact(_("Question"), payload["question"]), Fact(_("Choices"), " · ".join(payload["choices"]))]

    def cost(self, payload: dict[str, Any]) -> str:
        """Return nothing: no machine works for it."""
        return ""

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Do nothing: tally and execution record are the whole effect."""


class CouncilElection:
    """Elect the guardians who may veto or pause what was decided."""

    name = "council_election"
    label = gettext_lazy("Council election")
    description = gettext_lazy("Elect guardians who can veto or pause a decision during its waiting time.")
    scope = "governance"
    methods = ("stv",)

    def choices(self, payload: dict[str, Any]) -> tuple[str, ...]:
        """Return the candidates' names."""
        return tuple(candidate["name"] for candidate in payload["candidates"])

    def seats(self, payload: dict[str, Any], wanted: int) -> int:
        """Return the seats of the payload."""
        return int(payload["seats"])

    def fields(self, community: Community) -> list[Field]:
        """Ask for seats, term and candidates."""
        return [
            Field("seats", _("Seats"), "integer", _("How many guardians; fewer than the candidates."), initial="3"),
            Field("term_days", _("Term in days"), "integer", _("The council leaves office after it."), initial="365"),
            Field(
                "candidates",
                _("Candidates"),
                "long_text",
                _("One on each line: the address, then the name, such as 0x… Alice."),
            ),
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        lines = [line.split(None, 1) for line in str(values.get("candidates", "")).splitlines() if line.strip()]
        return {
            "seats": _number(values.get("seats", "")),
            "term_days": _number(values.get("term_days", "")),
            "candidates": [{"address": line[0], "name": line[-1].strip()} for line in lines],
        }

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze the candidates; an address and a name stand for one person each."""
        require_keys(payload, {"seats", "term_days", "candidates"})
        seats = _whole(payload, "seats", CHOICES_MAX)
        term_days = _whole(payload, "term_days", TERM_DAYS_MAX)
        candidates = payload["candidates"]
        if not isinstance(candidates, list) or not all(
            isinstance(candidate, dict) and set(candidate) == {"address", "name"} for candidate in candidates
        ):
            raise Invalid("malformed_field", "a list of objects with address and name", field="payload.candidates")
        if len(candidates) <= seats:
            raise Invalid(
                "choices_invalid",
                "an election needs more candidates than seats",
                field="payload.candidates",
                found=len(candidates),
                allowed=f"at least {seats + 1}",
            )
        names = clean_choices([candidate["name"] for candidate in candidates], "payload.candidates")
        addresses = [_address(candidate["address"]) for candidate in candidates]
        if len(set(addresses)) != len(addresses):
            raise Invalid("choices_invalid", "an address stands for two candidates", field="payload.candidates")
        listed = [{"address": address, "name": name} for address, name in zip(addresses, names, strict=True)]
        return {"seats": seats, "term_days": term_days, "candidates": listed}

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        return ngettext(
            "one of the candidates becomes guardian for %(days)s days and can veto or pause decisions.",
            "%(seats)s of the candidates become guardians for %(days)s days and can veto or pause decisions.",
            payload["seats"],
        ) % {"seats": payload["seats"], "days": payload["term_days"]}

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the payload in words."""
        return [
            Fact(_("Seats"), str(payload["seats"])),
            Fact(_("Term in days"), str(payload["term_days"])),
            Fact(_("Candidates"), " · ".join(self.choices(payload))),
        ]

    def cost(self, payload: dict[str, Any]) -> str:
        """Return nothing: no machine works for it."""
        return ""

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Put the elected council in office; the older one leaves it."""
        winners = set(proposal.tally_record.body["winners"]) if proposal.tally_record else set()
        members = [candidate for candidate in proposal.payload["candidates"] if candidate["name"] in winners]
        term_ends_at = now + timedelta(days=proposal.payload["term_days"])
        record = keep(
            "council",
            f"council:{proposal.community.slug}",
            {"members": members, "elected_at": int(now.timestamp()), "term_ends_at": int(term_ends_at.timestamp())},
            [execution],
        )
        Council.objects.create(
            community=proposal.community, members=members, elected_at=now, term_ends_at=term_ends_at, record=record
        )
        note("council_elected", now, proposal=proposal, council=record.digest)


class GovernanceRules(ForOrAgainst):
    """Change the charter: tiers, their rules, which kind has which, where power comes from."""

    name = "governance_rules"
    label = gettext_lazy("Change of the voting rules")
    description = gettext_lazy("Replace the community's charter. Proposals that exist keep the rules they began with.")
    scope = "governance"

    def fields(self, community: Community) -> list[Field]:
        """Ask for the whole charter; the editor starts with the one in force."""
        in_force = canonical_bytes(Charter.from_body(community.charter.body).to_body()).decode()
        return [
            Field(
                "charter",
                _("Charter"),
                "long_text",
                _("The whole charter as JSON. Every rule is explained on the page of the rules."),
                initial=in_force,
            )
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload; what is no JSON is refused with its place."""
        try:
            charter = strict_loads(str(values.get("charter", "")).encode(), max_bytes=CHARTER_BYTES_MAX)
        except CanonicalError as error:
            raise Invalid(error.code, error.detail, field="payload.charter") from error
        return {"charter": charter}

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze the charter in its full form; refuse one that is already in force."""
        require_keys(payload, {"charter"})
        charter = clean_charter(payload["charter"])
        if charter.to_body() == community.charter.body:
            raise Invalid("nothing_changes", "these are the rules in force", field="payload.charter")
        require_readable_power(community, charter)
        return {"charter": charter.to_body()}

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        return _("new proposals follow the new rules. Proposals that exist keep the rules they began with.")

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the names of the tiers; what changes is compared with the charter in force (`selectors.charters`)."""
        return [Fact(_("Tiers"), " · ".join(payload["charter"]["tiers"])), Fact(_("Cost"), _("none"))]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Put the charter in force."""
        charter = Charter.from_body(proposal.payload["charter"])
        require_readable_power(proposal.community, charter)
        adopt_charter(proposal.community, charter, execution, now)


def clean_choices(choices: object, field: str) -> list[str]:
    """Return the names of choices, trimmed; refuse what voters could mix up."""
    if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
        raise Invalid("malformed_field", "a list of texts", field=field)
    names = [" ".join(choice.split()) for choice in choices]
    if not 2 <= len(names) <= CHOICES_MAX:  # noqa: PLR2004 - one thing is no choice
        raise Invalid(
            "choices_invalid", "so many choices cannot be offered", field=field, found=len(names), allowed="2 to 50"
        )
    if not all(1 <= len(name) <= CHOICE_LENGTH_MAX for name in names):
        raise Invalid(
            "length_out_of_range", f"a choice has 1 to {CHOICE_LENGTH_MAX} characters", field=field, found=names
        )
    seen = {_as_seen(name) for name in names}
    if "" in seen:
        raise Invalid("length_out_of_range", "a choice has a name that can be seen", field=field, found=names)
    if len(seen) != len(names):
        raise Invalid("choices_invalid", "two choices have the same name", field=field, found=names)
    return names


def _number(text: str) -> int | str:
    """Return the whole number that a form's answer writes in digits, or the answer as it is, to be refused."""
    digits = text.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= DIGITS_MAX else text


def _as_seen(name: str) -> str:
    """Return what two names share that look alike: neither case nor invisible characters nor width tell them apart."""
    visible = "".join(character for character in name if unicodedata.category(character) != "Cf")
    return unicodedata.normalize("NFKC", visible).casefold().strip()


def _whole(payload: dict[str, Any], name: str, most: int) -> int:
    value = payload[name]
    if type(value) is not int or not 1 <= value <= most:
        raise Invalid(
            "malformed_field", "this is a whole number", field=f"payload.{name}", found=value, allowed=f"1 to {most}"
        )
    return value


def _address(text: object) -> str:
    try:
        return parse_address(text)  # type: ignore[arg-type]  # any JSON; refused there
    except AddressError as error:
        raise Invalid(error.code, error.detail, field="payload.candidates") from error
