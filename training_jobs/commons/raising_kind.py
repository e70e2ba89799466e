"""The kind of proposal that gives a run more money, so that it goes on from its last checkpoint."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance import clock
from governance.errors import Invalid
from governance.kinds import Fact, Field, ForOrAgainst, require_keys
from governance.models import Community, Proposal, Record
from training_jobs.commons import raising
from training_jobs.commons.ceilings import Money
from training_jobs.ledger.currencies import require_written

_DIGITS_MAX = 18


class RunCeiling(ForOrAgainst):
    """Let a run cost more than was voted for it, up to a new ceiling."""

    name = "run_ceiling"
    label = gettext_lazy("More money for a run")
    description = gettext_lazy(
        "Let a training that has used its money go on from its last checkpoint, up to a higher ceiling."
    )
    scope = "governance"

    def fields(self, community: Community) -> list[Field]:
        """Ask which run, and its new ceiling."""
        runs = raising.raisable(community, clock.now())
        options = tuple((str(run.proposal.number), f"{run.proposal.title}: {ceiling}") for run, ceiling in runs)
        return [
            Field("proposal", _("Run"), "choice", _("Runs that have not ended, with their ceiling."), options=options),
            Field(
                "amount",
                _("New ceiling"),
                "decimal",
                _("The most that the whole run may cost, what it has used included; in the currency of its ceiling."),
            ),
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        said = str(values.get("proposal", ""))
        number = int(said) if said.isascii() and said.isdigit() and len(said) <= _DIGITS_MAX else said
        return {"proposal": number, "amount": str(values.get("amount", "")).strip()}

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze the run by the record of its proposal, and its present ceiling; refuse what could not be carried out.

        Numbers of runs are those of one instance, the number and the record of a proposal move with its community.
        """
        require_keys(payload, {"proposal", "amount"}, frozenset({"record", "currency", "before"}))
        run = raising.run_of(community, payload["proposal"])
        before = raising.require_raisable(run, clock.now())
        frozen = {"record": run.proposal.record_id, "currency": before.currency}
        for name, value in frozen.items():
            if payload.get(name, value) != value:
                detail = "the run has another one"
                raise Invalid("run_differs", detail, field=f"payload.{name}", found=payload[name], allowed=value)
        after = raising.require_more(run, before, payload["amount"])
        return {"proposal": run.proposal.number, **frozen, "before": before.text, "amount": after.text}

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        said = {"before": _before(payload), "after": _after(payload), "number": payload["proposal"]}
        return (
            _(
                "the training that proposal %(number)s approved may cost %(after)s in place of %(before)s, and goes on "
                "from its last checkpoint, if it has not ended."
            )
            % said
        )

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the payload in words, with what was used and how far the run has come until now."""
        run = raising.run_by_record(payload["record"])
        title = f"{payload['proposal']} · {run.proposal.title}" if run else str(payload["proposal"])
        known = [Fact(_("Approved by the proposal"), title)]
        known += [Fact(_("Voted until now"), str(_before(payload)))]
        if run is not None:
            known += _so_far(raising.progress_of(run, clock.now()), payload)
        more = self.cost(payload)
        return [*known, Fact(_("New ceiling"), str(_after(payload))), Fact(_("Cost"), more)]

    def cost(self, payload: dict[str, Any]) -> str:
        """Say how much more it may cost."""
        more = Money(_after(payload).units - _before(payload).units, payload["currency"])
        return _("up to %(amount)s more") % {"amount": more}

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Raise the ceiling."""
        raising.raise_ceiling(proposal, now)


def _so_far(progress: raising.Progress, payload: dict[str, Any]) -> list[Fact]:
    """Return what a run has used, what is left of it, and where it would go on."""
    currency = payload["currency"]
    left = Money(max(0, _before(payload).units - progress.used), currency)
    found = [
        Fact(_("Used until now"), str(Money(progress.used, currency))),
        Fact(_("Left of what was voted"), str(left)),
    ]
    if progress.steps:
        said = {"step": progress.step, "steps": progress.steps}
        found.append(Fact(_("Steps done"), _("%(step)s of %(steps)s") % said))
    if progress.checkpoint:
        found.append(Fact(_("It goes on from"), _("the checkpoint of step %(step)s") % {"step": progress.checkpoint}))
    time = _("%(seconds)s left; this vote adds none") % {"seconds": progress.seconds_left}
    return [*found, Fact(_("Device-seconds"), time)]


def _after(payload: dict[str, Any]) -> Money:
    return Money(require_written(payload["amount"], payload["currency"], "payload.amount"), payload["currency"])


def _before(payload: dict[str, Any]) -> Money:
    return Money(require_written(payload["before"], payload["currency"], "payload.before"), payload["currency"])
