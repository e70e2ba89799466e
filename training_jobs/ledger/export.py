"""The books as files for other programs, made while they are sent: CSV (RFC 4180) and a Beancount journal.

The journal follows "Beancount Language Syntax" (https://beancount.github.io/docs/beancount_language_syntax.html): every
account is opened with its currencies, every entry is a transaction that balances, and the file ends with a balance
assertion for each account, so that `bean-check` says whether it is whole. Money of the commons is `Assets`, by purpose;
where it comes from and goes to is `Equity`. Amounts have all of their digits; equal books give equal bytes.

A text that people wrote is never taken for a program's own: in CSV there is none, in the journal it is quoted. Dates of
a journal never go back, so that a clock that was set back breaks no balance; `time` has what the clock said.
"""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

from django.db.models import Max

from governance.models import Community
from training_jobs.ledger.currencies import in_full
from training_jobs.models import LedgerAccount, LedgerEntry, LedgerPosting
from training_jobs.models.ledger import BUDGET, CONTRIBUTION_CREDIT, DUE, HELD, OUTSIDE, SITE_CREDIT

COLUMNS: Final = (
    "entry", "at", "kind", "key", "proposal", "request", "from", "to", "amount", "units", "currency", "transaction",
)  # fmt: skip
BATCH: Final = 500
_ROOTS: Final = {
    OUTSIDE: "Equity:Outside",
    BUDGET: "Assets:Budgets",
    HELD: "Assets:Held",
    SITE_CREDIT: "Assets:Sites",
    DUE: "Assets:Due",
    CONTRIBUTION_CREDIT: "Assets:Contributions",
}
# What a part of an account's name is as it stands, but for its first letter; `x-` begins what is escaped.
_PLAIN: Final = re.compile(r"(?!x-)[a-z][a-z0-9-]*|[0-9][A-Za-z0-9-]*")


def as_csv(community: Community) -> Iterator[str]:
    """Yield a line of names, then one line for each posting: `amount` in the currency itself, `units` as it is kept.

    `transaction` is the hash of the one that paid it on chain, and empty for all else.
    """
    yield _row(COLUMNS)
    for entry in _entries(community, _newest(community)):
        for posting in entry.postings.all():
            yield _row(_cells(entry, posting))


def as_journal(community: Community) -> Iterator[str]:
    """Yield a Beancount file, directive by directive."""
    newest = _newest(community)
    accounts = list(LedgerAccount.objects.filter(community=community).order_by("kind", "owner", "currency"))
    yield f"; The books of {community.slug}, up to entry {newest}. Amounts are in the currency itself.\n"
    yield 'option "title" ' + quoted(community.name_en) + "\n\n"
    yield from _opened(accounts)
    balances: dict[int, int] = defaultdict(int)
    day = min((_day(account.opened_at) for account in accounts), default=date(1970, 1, 1))
    for entry in _entries(community, newest):
        day = max(day, _day(entry.at))
        yield _transaction(entry, day)
        for posting in entry.postings.all():
            balances[posting.source_id] -= posting.amount
            balances[posting.target_id] += posting.amount
    # An assertion holds at the beginning of its day.
    after = max([day, *(_day(account.opened_at) for account in accounts)]) + timedelta(days=1)
    for account in accounts:
        kept = in_full(balances[account.pk], account.currency)
        yield f"{after} balance {account_name(account)}  {kept} ~ 0 {commodity(account.currency)}\n"


def account_name(account: LedgerAccount) -> str:
    """Return the name of an account in a journal. Two owners never share one; the owner stands beside it, too."""
    owner = account.owner
    part = owner[0].upper() + owner[1:] if _PLAIN.fullmatch(owner) else f"X-{owner.encode().hex()}"
    return f"{_ROOTS[account.kind]}:{part}"


def quoted(text: str) -> str:
    """Return a text as a journal's string, on one line."""
    line = " ".join(text.split())
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '"'


def commodity(currency: str) -> str:
    """Return the name of a currency in a journal: capital letters."""
    return currency.upper()


def _opened(accounts: list[LedgerAccount]) -> Iterator[str]:
    """Yield the directives that open the accounts: those of several currencies are one account there."""
    together: dict[str, list[LedgerAccount]] = defaultdict(list)
    for account in accounts:
        together[account_name(account)].append(account)
    for name, same in together.items():
        currencies = ",".join(commodity(account.currency) for account in same)
        yield f"{_day(min(account.opened_at for account in same))} open {name}  {currencies}\n"
        yield f"  owner: {quoted(same[0].owner)}\n"
    yield "\n"


def _transaction(entry: LedgerEntry, day: date) -> str:
    postings = list(entry.postings.all())
    why = str(entry.data.get("reason") or entry.data.get("source") or "")
    # Without a posting it would be no transaction: what moved nothing is a comment.
    mark = "" if postings else "; "
    lines = [f"{mark}{day} * {quoted(entry.kind)}"]
    told = {
        "number": str(entry.number),
        "time": quoted(_moment(entry.at)),
        "key": quoted(entry.key),
        "proposal": quoted(entry.proposal.public_id) if entry.proposal else "",
        "request": quoted(entry.hold.request) if entry.hold else "",
        "reason": quoted(why) if why else "",
        "transaction": quoted(str(entry.data["transaction"])) if "transaction" in entry.data else "",
    }
    lines += [f"{mark}  {name}: {value}" for name, value in told.items() if value]
    for posting in postings:
        currency = posting.source.currency
        lines.append(f"  {account_name(posting.source)}  {_amount(-posting.amount, currency)}")
        lines.append(f"  {account_name(posting.target)}  {_amount(posting.amount, currency)}")
    return "\n".join(lines) + "\n\n"


def _cells(entry: LedgerEntry, posting: LedgerPosting) -> tuple[object, ...]:
    currency = posting.source.currency
    return (
        entry.number,
        _moment(entry.at),
        entry.kind,
        entry.key,
        entry.proposal.public_id if entry.proposal else "",
        entry.hold.request if entry.hold else "",
        posting.source.name,
        posting.target.name,
        in_full(posting.amount, currency),
        posting.amount,
        currency,
        entry.data.get("transaction", ""),
    )


def _newest(community: Community) -> int:
    """Return the number of the newest entry: what is booked while a file is sent is not in it."""
    newest: int | None = LedgerEntry.objects.filter(community=community).aggregate(newest=Max("number"))["newest"]
    return newest or 0


def _entries(community: Community, newest: int) -> Iterator[LedgerEntry]:
    """Yield the entries in their order, some at a time, with all that a line says of them."""
    first = 1
    while first <= newest:
        batch = LedgerEntry.objects.filter(
            community=community, number__gte=first, number__lte=min(newest, first + BATCH - 1)
        )
        yield from (
            batch.select_related("proposal__community", "hold")
            .prefetch_related("postings__source", "postings__target")
            .order_by("number")
        )
        first += BATCH


def _row(cells: tuple[object, ...]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


def _amount(amount: int, currency: str) -> str:
    return f"{in_full(amount, currency)} {commodity(currency)}"


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
