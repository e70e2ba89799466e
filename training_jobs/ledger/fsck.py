"""What `fsck` says of the books: every entry is in the log, every balance is the sum of its postings, no cent is lost.

As `governance.fsck`: the log is the truth of what was booked; balances and holds follow from the postings and are
computed again here. Reads only, entries some at a time.
"""

from collections import defaultdict
from collections.abc import Iterator

from governance.clock import unix
from governance.fsck import Finding
from governance.fsck.finding import advised, compare, finding, guarded, seconds
from governance.models import Community, Event
from training_jobs.commons import naming
from training_jobs.ledger.booking import RUNS, said
from training_jobs.ledger.services import BY_A_VOTE
from training_jobs.models import LedgerAccount, LedgerEntry, LedgerHold, LedgerPosting, RaisedCeiling, Run
from training_jobs.models.ledger import HELD, OUTSIDE

ACCOUNT, ENTRY, HOLD = "training_jobs_ledgeraccount", "training_jobs_ledgerentry", "training_jobs_ledgerhold"
RESTORE = "restore the row from a backup; the log has what was booked"
# The event that tells each kind of entry.
EVENTS = {
    "opened": "budget_opened",
    "held": "budget_held",
    "settled": "budget_settled",
    "released": "budget_released",
    "transferred": "budget_transferred",
    "approved": "settlement_approved",
    "paid": "settlement_paid",
    "withdrawn": "settlement_withdrawn",
}


def check_one(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with the books of one community; nothing for sound ones."""
    yield from advised(RESTORE, guarded(ENTRY, community.slug, _check_entries(community)))
    yield from advised(RESTORE, guarded(ACCOUNT, community.slug, _check_balances(community)))
    yield from advised(RESTORE, guarded(HOLD, community.slug, _check_holds(community)))


def _check_entries(community: Community) -> Iterator[Finding]:
    """Each entry has its place and its event, and no event is without its entry."""
    told: dict[object, Event] = {}
    for event in community.events.filter(kind__in=EVENTS.values()).order_by("position").iterator(chunk_size=500):
        number = event.data.get("entry")
        if number in told:
            yield finding("governance_event", event.pk, "data.entry", "an entry that no event told before", number)
        told.setdefault(number, event)
    rows = LedgerEntry.objects.filter(community=community).select_related("hold", "proposal").order_by("number")
    for place, entry in enumerate(rows.iterator(chunk_size=500), start=1):
        if entry.number != place:
            yield finding(ENTRY, entry.pk, "number", place, entry.number)
        yield from guarded(ENTRY, entry.pk, _check_entry(entry, told.pop(entry.number, None)))
    for number, event in told.items():
        yield finding("governance_event", event.pk, event.kind, f"an entry {number}", "none")


def _check_entry(entry: LedgerEntry, event: Event | None) -> Iterator[Finding]:
    if event is None:
        yield finding(ENTRY, entry.pk, "event", f"{EVENTS[entry.kind]} in the log", "none: it was slipped in")
        return
    expected = {"event": event.kind, "at": unix(event.at), "proposal": event.proposal_id, **event.data}
    found = {"event": EVENTS[entry.kind], "at": seconds(entry.at), "proposal": entry.proposal_id, **said(entry)}
    yield from compare(ENTRY, entry.pk, expected, found)


def _check_balances(community: Community) -> Iterator[Finding]:
    """Each balance is what came in less what went out; all of one currency together are nothing."""
    sums: dict[int, int] = defaultdict(int)
    postings = LedgerPosting.objects.filter(entry__community=community)
    for source, target, amount in postings.values_list("source_id", "target_id", "amount").iterator(chunk_size=5_000):
        sums[source] -= amount
        sums[target] += amount
    together: dict[str, int] = defaultdict(int)
    for account in LedgerAccount.objects.filter(community=community).order_by("pk"):
        yield from compare(ACCOUNT, account.pk, {"balance": sums.pop(account.pk, 0)}, {"balance": account.balance})
        together[account.currency] += account.balance
        if account.kind != OUTSIDE and account.balance < 0:
            yield finding(ACCOUNT, account.pk, "balance", "nothing below zero", account.balance)
    for currency, total in together.items():
        if total:
            yield finding(ACCOUNT, community.slug, f"all balances in {currency}", 0, total)
    for stranger in sums:
        yield finding(ACCOUNT, stranger, "community", community.slug, "another one")


def _check_holds(community: Community) -> Iterator[Finding]:
    """Each hold is what its entries say; what is held in all is what they have left; and a run stands behind each."""
    left: dict[str, int] = defaultdict(int)
    rows = LedgerHold.objects.filter(community=community).select_related("budget").order_by("pk")
    for hold in rows.iterator(chunk_size=500):
        yield from compare(HOLD, hold.pk, _told(hold), _kept(hold))
        left[hold.budget.currency] += hold.left
        yield from _check_run(community, hold)
    for account in LedgerAccount.objects.filter(community=community, kind=HELD, owner=RUNS):
        kept = {"held in all": left.pop(account.currency, 0)}
        yield from compare(ACCOUNT, account.pk, kept, {"held in all": account.balance})
    for currency, amount in left.items():
        if amount:
            yield finding(HOLD, community.slug, f"held in {currency}", amount, "no account")


def _told(hold: LedgerHold) -> dict[str, object]:
    """Return what the entries of a hold make it: begun once, raised by votes, ended at most once, nothing lost."""
    entries = list(hold.entries.order_by("number").prefetch_related("postings__source"))
    held, ended = ([entry for entry in entries if entry.kind == kind] for kind in ("held", "released"))
    raised = [entry for entry in held if entry.key.startswith(BY_A_VOTE)]
    begun = [entry for entry in held if entry not in raised]
    ceiling, spent, returned = (_moved(entries, kind, hold.budget.currency) for kind in ("held", "settled", "released"))
    return {
        "times begun": len(begun),
        "raised by": sorted(entry.proposal_id for entry in raised if entry.proposal_id is not None),
        "times ended": len(ended),
        "held_at": seconds(begun[0].at) if begun else None,
        "released_at": seconds(ended[0].at) if ended else None,
        "ceiling": ceiling,
        "spent": spent,
        "returned": returned,
    }


def _kept(hold: LedgerHold) -> dict[str, object]:
    """Return the same as the row of the hold has it."""
    is_over = hold.released_at is not None
    raised = RaisedCeiling.objects.filter(proposal__ledger_entries__hold=hold).values_list("proposal", flat=True)
    return {
        "times begun": 1,
        "raised by": sorted(set(raised)),
        "times ended": int(is_over),
        "held_at": seconds(hold.held_at),
        "released_at": seconds(hold.released_at),
        "ceiling": hold.ceiling,
        "spent": hold.spent,
        "returned": hold.ceiling - hold.spent if is_over else 0,
    }


def _check_run(community: Community, hold: LedgerHold) -> Iterator[Finding]:
    """Find a request that names a run which is not there, and money that is kept for one that is over."""
    if not hold.request.startswith(naming.OF_A_RUN):
        return
    run = Run.objects.filter(pk=naming.runs_named(community, [hold.request]).get(hold.request)).first()
    if run is None:
        yield finding(HOLD, hold.pk, "request", "a run of this community", hold.request)
    elif hold.released_at is None and _is_over(run):
        yield finding(HOLD, hold.pk, "released_at", "a moment", "held for a run that is over")


def _is_over(run: Run) -> bool:
    """Say whether a run has ended, and no machine stops at it any more."""
    is_over = run.verdict or run.reviewing_since or run.failed_at or run.canceled_at
    return bool(is_over) and not run.requests.filter(ended_at__isnull=True).exists()


def _moved(entries: list[LedgerEntry], kind: str, currency: str) -> int:
    """Return what the entries of a kind moved in a currency."""
    postings = [posting for entry in entries if entry.kind == kind for posting in entry.postings.all()]
    return sum(posting.amount for posting in postings if posting.source.currency == currency)
