"""The books of a community: accounts, entries, and postings that move an amount from one account to another.

Data and constraints only; `ledger.booking` writes them. A posting names where an amount comes from and where it goes,
so both sides of it are always equal: no sum has to be checked for the books to balance. Entries and postings are
append-only, and both accounts of a posting are of one community and one currency: triggers see to it (migration 0003).
Money is in micro-units (a millionth of the currency's minor unit).
"""

from typing import ClassVar, Final

from django.db import models
from django.db.models import F, Q

from governance.models import Community, Proposal

OUTSIDE: Final = "outside"  # where money comes from and goes to; the only one below zero
BUDGET: Final = "budget"
HELD: Final = "held"  # set aside for runs, up to their ceilings
SITE_CREDIT: Final = "site_credit"  # what a site has earned and was not paid yet; owner: its slug
DUE: Final = "due"  # of a site's credit, what a vote decided to pay on chain and nobody has paid yet; owner: its slug
CONTRIBUTION_CREDIT: Final = "contribution_credit"  # device-seconds given; owner: an address
ACCOUNT_KINDS: Final = (OUTSIDE, BUDGET, HELD, SITE_CREDIT, DUE, CONTRIBUTION_CREDIT)

BY_VOTE: Final = ("opened", "transferred", "approved", "paid", "withdrawn")
ENTRY_KINDS: Final = (*BY_VOTE, "held", "settled", "released")


class LedgerAccount(models.Model):
    """One account. `balance` repeats what its postings add up to, so that the database can refuse to overdraw it."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="ledger_accounts", db_index=False)
    kind = models.CharField(max_length=20)
    owner = models.CharField(max_length=64)
    currency = models.CharField(max_length=16)
    balance = models.BigIntegerField(default=0)
    opened_at = models.DateTimeField()

    class Meta:
        """Constraints and order."""

        ordering: ClassVar = ["kind", "owner", "currency", "pk"]
        constraints: ClassVar = [
            # prevents two accounts for one purpose
            models.UniqueConstraint(fields=["community", "kind", "owner", "currency"], name="ledger_account_once"),
            # prevents an account that no rule knows
            models.CheckConstraint(condition=Q(kind__in=ACCOUNT_KINDS), name="ledger_account_kind_is_known"),
            # prevents an account that nobody can name
            models.CheckConstraint(condition=~Q(owner="") & ~Q(currency=""), name="ledger_account_is_named"),
            # prevents spending what is not there
            models.CheckConstraint(condition=Q(kind=OUTSIDE) | Q(balance__gte=0), name="ledger_is_not_overdrawn"),
        ]

    def __str__(self) -> str:
        """Return kind, owner and currency."""
        return f"{self.name} {self.currency}"

    @property
    def name(self) -> str:
        """How the account is called in the books, beside its currency."""
        return f"{self.kind}:{self.owner}"


class LedgerHold(models.Model):
    """The ceiling of one request, set aside from a budget. What is left of it goes back when it is released."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="ledger_holds", db_index=False)
    request = models.CharField(max_length=80)
    budget = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="holds")
    ceiling = models.BigIntegerField()
    spent = models.BigIntegerField(default=0)
    held_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True)

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [
            # prevents holding twice for one request
            models.UniqueConstraint(fields=["community", "request"], name="ledger_hold_once"),
            # prevents paying more than was voted
            models.CheckConstraint(
                condition=Q(ceiling__gte=0, spent__gte=0, spent__lte=F("ceiling")), name="ledger_ceiling_is_kept"
            ),
        ]

    def __str__(self) -> str:
        """Return the request."""
        return self.request

    @property
    def left(self) -> int:
        """What may still be spent, in micro-units."""
        return 0 if self.released_at is not None else self.ceiling - self.spent


class LedgerEntry(models.Model):
    """One booking: what happened, once for each cause. `data` has what the amounts were computed from."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="ledger_entries", db_index=False)
    number = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=16)
    key = models.CharField(max_length=160)
    at = models.DateTimeField()
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, null=True, related_name="ledger_entries")
    hold = models.ForeignKey(LedgerHold, on_delete=models.PROTECT, null=True, related_name="entries")
    data = models.JSONField(default=dict)

    class Meta:
        """Constraints and order."""

        ordering: ClassVar = ["-number"]
        verbose_name_plural = "ledger entries"
        constraints: ClassVar = [
            # prevents two entries at one place of the books
            models.UniqueConstraint(fields=["community", "number"], name="ledger_number_once"),
            # prevents booking one cause twice
            models.UniqueConstraint(fields=["community", "key"], name="ledger_cause_once"),
            # prevents an entry that no rule knows
            models.CheckConstraint(condition=Q(kind__in=ENTRY_KINDS), name="ledger_entry_kind_is_known"),
            # prevents money that no vote let in, and that no vote moved
            models.CheckConstraint(
                condition=~Q(kind__in=BY_VOTE) | Q(proposal__isnull=False),
                name="ledger_moves_by_vote",
            ),
        ]

    def __str__(self) -> str:
        """Return number and kind."""
        return f"{self.number} {self.kind}"


class LedgerPosting(models.Model):
    """An amount that goes from one account to another within an entry."""

    entry = models.ForeignKey(LedgerEntry, on_delete=models.PROTECT, related_name="postings", db_index=False)
    source = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="given")
    target = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="received")
    amount = models.BigIntegerField()

    class Meta:
        """Constraints and order."""

        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            # prevents two ways to say one thing
            models.UniqueConstraint(fields=["entry", "source", "target"], name="ledger_posting_once"),
            # prevents nothing, and money that flows backwards
            models.CheckConstraint(condition=Q(amount__gt=0), name="ledger_posting_moves_something"),
            # prevents an account that pays itself
            models.CheckConstraint(condition=~Q(source=F("target")), name="ledger_posting_has_two_sides"),
        ]

    def __str__(self) -> str:
        """Return the amount."""
        return str(self.amount)
