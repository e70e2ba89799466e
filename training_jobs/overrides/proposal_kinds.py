"""The kind of proposal that releases a result although it breaks rules."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance.kinds import Fact, Field, ForOrAgainst, clean_text, require_keys
from governance.models import Community, Proposal, Record
from governance.services.common import charter_of
from training_jobs.models import Run
from training_jobs.overrides import services

REASON_MAX = 2_000


class VerdictOverride(ForOrAgainst):
    """Release the result of a run that the rules rejected. It stays marked for ever."""

    name = "verdict_override"
    label = gettext_lazy("Override of a verdict")
    description = gettext_lazy("Release a result although it breaks rules. The release says so for ever.")
    scope = "models"

    def fields(self, community: Community) -> list[Field]:
        """Ask which run, and why."""
        rejected = Run.objects.filter(community=community, verdict="rejected", override_record__isnull=True)
        runs = {services.number_of(run): run for run in rejected.select_related("proposal", "run_record")}
        return [
            Field(
                "run",
                _("Run"),
                "choice",
                _("Only runs that the rules rejected."),
                options=tuple((str(number), f"{number} · {run.proposal.title}") for number, run in runs.items()),
            ),
            Field(
                "reason",
                _("Why the rules are to be passed over"),
                "long_text",
                _("It is shown wherever the release is, for as long as it exists."),
            ),
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        said = str(values.get("run", ""))
        number = int(said) if said.isascii() and said.isdigit() and len(said) <= 18 else said  # noqa: PLR2004
        return {"run": number, "reason": values.get("reason", "")}

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze the report of the run and every rule that it breaks."""
        require_keys(payload, {"run", "reason"}, frozenset({"evaluation", "rules"}))
        services.require_gravest_tier(charter_of(community))
        frozen = services.require_rejected(services.run_named(community, payload["run"]), payload)
        return {**frozen, "reason": " ".join(clean_text(payload, "reason", length_max=REASON_MAX).split())}

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        said = {"run": payload["run"], "rules": ", ".join(payload["rules"])}
        return _("the result of run %(run)s is published although it breaks %(rules)s, and says so for ever.") % said

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the payload in words, with what was found and what was needed."""
        evaluation = Record.objects.filter(pk=payload["evaluation"]).first()
        reasons = evaluation.body["verdict"]["reasons"] if evaluation else []
        return [
            Fact(_("Run"), str(payload["run"])),
            *(
                Fact(
                    _("Breaks “%(rule)s”") % {"rule": reason["rule"]},
                    _("found: %(found)s; needed: %(needed)s") % reason,
                )
                for reason in reasons
                if reason["rule"] in payload["rules"] and reason["binds"] and not reason["holds"]
            ),
            Fact(_("Reason"), payload["reason"]),
            Fact(_("Cost"), _("none")),
        ]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Let the result be released."""
        services.override_verdict(proposal, execution, now)
