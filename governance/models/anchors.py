"""What is to be written down on a chain, and what was: one row for each digest."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from governance.models.communities import Community
from governance.models.record import Record


class Anchor(models.Model):
    """A digest on its way to an anchor contract, or there.

    `record` is what the digest is of: a tally, whose ballots' Merkle root is posted, or a release. `nonce` is that of a
    transaction which no block was seen to have; `transaction` the last one sent. With `posted_at` it is there for good:
    the time of the block that has it, and the final block in which that was seen.
    """

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="anchors")
    record = models.OneToOneField(Record, on_delete=models.PROTECT, related_name="anchor")
    kind = models.CharField(max_length=16)
    digest = models.CharField(max_length=64)
    planned_at = models.DateTimeField()

    # on its way
    nonce = models.BigIntegerField(null=True)
    fee_wei = models.DecimalField(max_digits=30, decimal_places=0, default=0)
    transaction = models.CharField(max_length=66, blank=True)
    sent_at = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_detail = models.CharField(max_length=300, blank=True)

    # there
    posted_at = models.DateTimeField(null=True)
    chain_id = models.BigIntegerField(null=True)
    contract = models.CharField(max_length=42, blank=True)
    block_number = models.BigIntegerField(null=True)
    block_hash = models.CharField(max_length=66, blank=True)

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            # prevents posting one thing twice, which the contract would refuse after the fee is paid
            models.UniqueConstraint(fields=["kind", "digest"], name="anchor_once"),
            # prevents two transactions under one nonce, of which only one could ever arrive
            models.UniqueConstraint(fields=["nonce"], condition=Q(nonce__isnull=False), name="anchor_nonce_once"),
            # prevents something posted nowhere, and work on what is done
            models.CheckConstraint(
                condition=Q(posted_at__isnull=True, next_at__isnull=False)
                | Q(
                    posted_at__isnull=False,
                    chain_id__isnull=False,
                    block_number__isnull=False,
                    nonce__isnull=True,
                    next_at__isnull=True,
                ),
                name="anchor_done_or_due",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["next_at"], name="anchor_due")]

    def __str__(self) -> str:
        """Return kind and a short digest."""
        return f"{self.kind} {self.digest[:12]}"
