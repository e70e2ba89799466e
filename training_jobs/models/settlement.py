"""Settlement through a token on chain: the terms that votes fixed, what is to be paid, and how far payments were read.

Data, constraints and named queries only; `settlement` writes them. Off for a community without terms. Amounts are in
micro-units of money; `rate` and `value` are decimal text, because tokens count in numbers that no column holds.
"""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from governance.models import Community, Proposal


class SettlementTerms(models.Model):
    """How debts in one currency are settled, as a vote fixed it; the newest counts. Without a token they are not."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="settlement_terms")
    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3)
    token = models.CharField(max_length=42, blank=True)
    treasury = models.CharField(max_length=42, blank=True)
    rate = models.CharField(max_length=40, blank=True)  # base units of the token for one minor unit of money
    adopted_at = models.DateTimeField()

    class Meta:
        """Newest first, and constraints."""

        ordering: ClassVar = ["-adopted_at", "-pk"]
        verbose_name_plural = "settlement terms"
        constraints: ClassVar = [
            # prevents terms by which nobody could pay
            models.CheckConstraint(
                condition=Q(token="", treasury="", rate="") | ~Q(token="") & ~Q(treasury="") & ~Q(rate=""),
                name="settlement_terms_are_whole",
            ),
        ]

    def __str__(self) -> str:
        """Return currency and token."""
        return f"{self.currency} by {self.token or 'nothing'}"


class SettlementQuerySet(models.QuerySet["Settlement"]):
    """Named queries."""

    def due(self) -> Self:
        """Return those that are neither paid nor withdrawn, oldest first."""
        return self.filter(paid_at__isnull=True, withdrawn_at__isnull=True).order_by("approved_at", "pk")


class Settlement(models.Model):
    """What a vote decided to pay a site on chain, with all that was voted; and the transfer that paid it."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="settlements")
    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="settlement")
    site = models.CharField(max_length=50)  # its slug, as the books call it
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField()
    chain_id = models.PositiveBigIntegerField()
    token = models.CharField(max_length=42)
    treasury = models.CharField(max_length=42)
    rate = models.CharField(max_length=40)
    payout = models.CharField(max_length=42)
    value = models.CharField(max_length=78)  # base units of the token
    approved_at = models.DateTimeField()

    # the transfer that paid it, and when it was booked
    block_number = models.PositiveBigIntegerField(null=True)
    block_hash = models.CharField(max_length=66, blank=True)
    block_time = models.PositiveBigIntegerField(null=True)  # UNIX seconds
    transaction = models.CharField(max_length=66, blank=True)
    position = models.PositiveIntegerField(null=True)  # of its log in the block
    paid_at = models.DateTimeField(null=True)

    # the vote that took it back
    withdrawal = models.OneToOneField(Proposal, on_delete=models.PROTECT, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)

    objects = SettlementQuerySet.as_manager()

    class Meta:
        """Newest first, and constraints."""

        ordering: ClassVar = ["-approved_at", "-pk"]
        constraints: ClassVar = [
            # prevents one transfer paying two settlements, of whichever communities
            models.UniqueConstraint(
                fields=["chain_id", "transaction", "position"],
                condition=Q(paid_at__isnull=False),
                name="settlement_transfer_once",
            ),
            # prevents a payment that nobody can find on the chain
            models.CheckConstraint(
                condition=Q(paid_at__isnull=True, block_number=None, block_time=None, position=None)
                & Q(block_hash="", transaction="")
                | Q(paid_at__isnull=False, block_number__isnull=False, block_time__isnull=False)
                & Q(position__isnull=False)
                & ~Q(block_hash="")
                & ~Q(transaction=""),
                name="settlement_payment_is_whole",
            ),
            # prevents taking back what no vote took back, and what was paid
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, withdrawal__isnull=True)
                | Q(withdrawn_at__isnull=False, withdrawal__isnull=False, paid_at__isnull=True),
                name="settlement_withdrawn_by_vote",
            ),
            # prevents settling nothing
            models.CheckConstraint(condition=Q(amount__gt=0), name="settlement_of_something"),
        ]

    def __str__(self) -> str:
        """Return its vote and the site."""
        return f"settlement of proposal {self.proposal_id} for {self.site}"

    @property
    def state(self) -> str:
        """Where it stands: due, paid or withdrawn."""
        if self.paid_at is not None:
            return "paid"
        return "due" if self.withdrawn_at is None else "withdrawn"


class SettlementReading(models.Model):
    """How far the transfers of a token were read for a community. `halted` says why nothing more is read."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="settlement_readings")
    token = models.CharField(max_length=42)
    first_block = models.PositiveBigIntegerField()
    block_number = models.PositiveBigIntegerField()
    block_hash = models.CharField(max_length=66)
    block_time = models.PositiveBigIntegerField()
    halted = models.TextField(blank=True)

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            # prevents reading one token twice
            models.UniqueConstraint(fields=["community", "token"], name="settlement_reading_once"),
        ]

    def __str__(self) -> str:
        """Return token and block."""
        return f"{self.token} up to block {self.block_number}"
