"""A run has used what was voted for it: its author is told, and any member asks for more by a draft in one step.

The draft is a proposal of the kind `run_ceiling`: if it passes, the run goes on from its last checkpoint
(`commons.raising`). Nothing is stretched without a vote.
"""

from datetime import datetime

from django.utils.translation import gettext as _

from governance.errors import NotFound
from governance.models import Event, Proposal
from governance.services import Draft, create_draft, edit_draft, note
from governance.services.drafts import TITLE_MAX
from training_jobs.commons import ceilings
from training_jobs.commons.ceilings import Money
from training_jobs.models import ComputeRequest, Run

AT_CEILING = "run_at_ceiling"
KIND = "run_ceiling"


def tell(request: ComputeRequest, now: datetime) -> None:
    """Tell the log, and so the author, that a run has stopped at its ceiling: once, whichever of its machines did.

    Nothing is told of a run that has not begun. One whose ceiling was raised is told of again when it stops there.
    """
    run = request.run
    ceiling = ceilings.of(run) if run is not None and run.attempts.exists() else None
    if run is None or ceiling is None:
        return
    said = {"amount": ceiling.text, "currency": ceiling.currency}
    told = Event.objects.filter(community=run.community, proposal=run.proposal, kind=AT_CEILING)
    if not told.filter(data__amount=ceiling.text).exists():
        note(AT_CEILING, now, proposal=run.proposal, run=run.pk, **said)


def suggested(ceiling: Money) -> str:
    """Return twice a ceiling, in its currency: what a form begins with."""
    return Money(2 * ceiling.units, ceiling.currency).text


def votes_on(run: Run, now: datetime) -> list[Proposal]:
    """Return the proposals of more money for a run that can still become something, the newest first."""
    asked = run.community.proposals.filter(kind=KIND, payload__record=run.proposal.record_id)
    asked = asked.filter(submitted_at__isnull=False, executed_at__isnull=True, canceled_at__isnull=True)
    open_ones = asked.exclude(passed=False).exclude(expires_at__lte=now)
    return list(open_ones.select_related("community").order_by("-pk"))


def propose(run_id: int, amount: str, actor: str, now: datetime) -> Proposal:
    """Return a draft of this member for a higher ceiling; a second call for the same run changes the first.

    Refuses what the kind refuses: a run that has ended or has no ceiling in money, an amount that is not above it, and
    more than the budget has.
    """
    run = Run.objects.select_related("community__charter", "proposal").filter(pk=run_id).first()
    if run is None:
        raise NotFound("unknown_run", "there is no such run", found=run_id)
    title = _("More money: %(title)s") % {"title": run.proposal.title}
    payload = {"proposal": run.proposal.number, "amount": amount.strip()}
    draft = Draft(KIND, title[:TITLE_MAX], "", payload, {})
    mine = run.community.proposals.filter(author=actor, kind=KIND, submitted_at__isnull=True, canceled_at__isnull=True)
    known = mine.filter(payload__record=run.proposal.record_id).order_by("-pk").first()
    return edit_draft(known.pk, actor, draft, now) if known else create_draft(run.community, actor, draft, now)
