"""The community's rule on whether contributors take their own rows back without a vote. The newest vote on it holds.

Without such a vote, nobody does. The rule is a record (`taking_back`), and a removal that follows from it rests on it.
"""

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from governance.errors import Invalid
from governance.evidence.record import Record as RecordValue
from governance.kinds import Fact, Field, ForOrAgainst, require_keys
from governance.models import Community, Proposal, Record
from governance.records import keep
from governance.services import note

KIND = "taking_back"
DAYS_MAX = 366
# What the editor proposes.
DAYS = 90


class TakingBack(ForOrAgainst):
    """Let contributors take back what they gave without a vote, or let them no longer."""

    name = KIND
    label = gettext_lazy("Contributors take their rows back")
    description = gettext_lazy(
        "Say whether contributors who are named with their wallet take their own rows back without a vote."
    )
    scope = "datasets"

    def fields(self, community: Community) -> list[Field]:
        """Ask whether, and within how many days a version without the rows is due."""
        return [
            Field(
                "allowed",
                _("Without a vote"),
                "choice",
                _("Only rows of datasets that were included, and only those of whoever asks."),
                options=(("yes", _("they take their own rows back at once")), ("no", _("a vote decides each time"))),
            ),
            Field(
                "days",
                _("Train again within so many days"),
                "integer",
                _("Not needed where a vote decides each time."),
                required=False,
                initial=str(DAYS),
            ),
        ]

    def from_form(self, values: dict[str, object]) -> dict[str, object]:
        """Return the payload; what is no number stays text and is refused by `clean`."""
        allowed = {"yes": True, "no": False}.get(str(values.get("allowed", "")), values.get("allowed"))
        days = str(values.get("days", "")).strip()
        whole = days.isascii() and days.isdigit() and len(days) <= len(str(DAYS_MAX)) + 1
        return {"allowed": allowed, "days": None if allowed is False else int(days) if whole else days or None}

    def clean(self, community: Community, payload: dict[str, object]) -> dict[str, object]:
        """Freeze the rule; days are said exactly where it is allowed."""
        require_keys(payload, {"allowed", "days"})
        allowed, days = payload["allowed"], payload["days"]
        if not isinstance(allowed, bool):
            raise Invalid("malformed_field", "true or false", field="payload.allowed", found=allowed)
        if allowed and (type(days) is not int or not 1 <= days <= DAYS_MAX):
            detail = f"a whole number of days, 1 to {DAYS_MAX}"
            raise Invalid("value_out_of_range", detail, field="payload.days", found=days)
        if not allowed and days is not None:
            detail = "where a vote decides each time, it says the days"
            raise Invalid("value_out_of_range", detail, field="payload.days", found=days)
        return {"allowed": allowed, "days": days}

    def describe(self, payload: dict[str, object]) -> str:
        """Say what happens."""
        if not payload["allowed"]:
            return _("a vote decides each time a contributor wants their rows taken out.")
        return ngettext(
            "contributors take their own rows back without a vote; a version without them is due within %(n)d day.",
            "contributors take their own rows back without a vote; a version without them is due within %(n)d days.",
            int(str(payload["days"])),
        ) % {"n": payload["days"]}

    def facts(self, payload: dict[str, object]) -> list[Fact]:
        """Return the payload in words."""
        allowed = _("they take their own rows back at once") if payload["allowed"] else _("a vote decides each time")
        within = [Fact(_("Train again within so many days"), str(payload["days"]))] if payload["allowed"] else []
        return [Fact(_("Without a vote"), allowed), *within, Fact(_("Cost"), _("none"))]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Put the rule in force: its record is what removals rest on."""
        keep(KIND, subject_of(proposal.community), proposal.payload, [execution])
        note("taking_back_decided", now, proposal=proposal, **proposal.payload)


def in_force(community: Community) -> Record | None:
    """Return the record of the rule that lets contributors take their rows back now; None where a vote decides."""
    record = _newest(community)
    return record if record is not None and record.body["allowed"] else None


def _newest(community: Community) -> Record | None:
    """Return the record of the newest rule of a community, whatever it says; None where no vote made one."""
    voted = community.proposals.filter(kind=KIND, executed_at__isnull=False).order_by("-executed_at", "-number")
    proposal = voted.select_related("execution_record").first()
    if proposal is None or proposal.execution_record is None:
        return None
    value = RecordValue.make(KIND, subject_of(community), proposal.payload, [proposal.execution_record.digest])
    return Record.objects.get(pk=value.digest)


def subject_of(community: Community) -> str:
    """Return what the records of a community's rule are about."""
    return f"{KIND}:{community.slug}"
