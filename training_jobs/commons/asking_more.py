"""A run has used what was voted for it: its author is told once, and any member asks for more by a draft in one step.

The draft is an ordinary model update with the same specification and a higher ceiling. It trains from its base again:
what a vote fixed is never stretched, so the run that has stopped does not go on with other money.
"""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from governance.errors import Conflict, Invalid, NotFound
from governance.models import Event, Proposal
from governance.services import Draft, create_draft, edit_draft, note
from governance.services.drafts import TITLE_MAX
from training_jobs.ledger.currencies import for_people, require_written
from training_jobs.models import ComputeRequest, Run

AT_CEILING = "run_at_ceiling"
KIND = "model_update"


def tell(request: ComputeRequest, now: datetime) -> None:
    """Tell the log, and so the author, that a run has stopped at its ceiling: once, whichever of its machines did."""
    run = request.run
    if run is None:
        return
    told = Event.objects.filter(community=run.community, proposal=run.proposal, kind=AT_CEILING)
    if not told.exists():
        note(AT_CEILING, now, proposal=run.proposal, run=run.pk, **money_of(run))


def money_of(run: Run) -> dict[str, str]:
    """Return the ceiling in money that was voted for a run ({"amount", "currency"}); nothing where there is none."""
    found = run.spec_record.body["budget"].get("money")
    return {"amount": str(found["amount"]), "currency": str(found["currency"])} if found else {}


def suggested(run: Run) -> str:
    """Return twice the ceiling of a run, in its currency: what a form begins with."""
    found = money_of(run)
    return for_people(2 * _micro(found), found["currency"]) if found else ""


def propose(run_id: int, amount: str, actor: str, now: datetime) -> Proposal:
    """Return a draft of this member with a higher ceiling; a second call for the same run changes the first.

    Refuses a run without a ceiling in money, one that has its verdict, and an amount that is not above what was voted.
    """
    run = Run.objects.select_related("community__charter", "proposal", "spec_record").filter(pk=run_id).first()
    if run is None:
        raise NotFound("unknown_run", "there is no such run", found=run_id)
    voted = money_of(run)
    if not voted:
        raise Conflict("no_ceiling", "no ceiling in money was voted for this run", found=run_id)
    if run.verdict:
        raise Conflict("run_is_over", "this run has its verdict", found=run.verdict)
    amount = amount.strip()
    if _micro({**voted, "amount": amount}) <= _micro(voted):
        detail = "ask for more than what was voted"
        raise Invalid("not_more", detail, field="amount", found=amount[:40], allowed=f"above {voted['amount']}")
    before = run.proposal.payload["spec"]
    spec = {**before, "budget": {**before["budget"], "money": {**voted, "amount": amount}}}
    title = _("Again with a higher ceiling: %(title)s") % {"title": run.proposal.title}
    draft = Draft(KIND, title[:TITLE_MAX], run.proposal.text, {"spec": spec}, {})
    mine = run.community.proposals.filter(author=actor, kind=KIND, submitted_at__isnull=True, canceled_at__isnull=True)
    known = next(
        (each for each in mine.order_by("-pk") if _but_for_money(each.payload) == _but_for_money(run.proposal.payload)),
        None,
    )
    return edit_draft(known.pk, actor, draft, now) if known else create_draft(run.community, actor, draft, now)


def _micro(money: dict[str, str]) -> int:
    return require_written(money["amount"], money["currency"], "amount")


def _but_for_money(payload: dict[str, Any]) -> dict[str, Any]:
    spec = payload["spec"]
    return {**spec, "budget": {name: value for name, value in spec["budget"].items() if name != "money"}}
