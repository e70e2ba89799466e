"""Signed delegations of voting power, off the chain."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from governance.models.communities import Community
from governance.models.record import Record


class Delegation(models.Model):
    """A signed share of somebody's power for somebody else. A newer one to the same delegate and topic replaces it."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="delegations")
    delegator = models.CharField(max_length=42)
    delegate = models.CharField(max_length=42, db_index=True)
    topic = models.CharField(max_length=40, blank=True)
    share_bps = models.PositiveSmallIntegerField()
    expires_at = models.BigIntegerField(default=0)
    nonce = models.BigIntegerField()
    signature = models.TextField()  # of a passkey it is long
    record = models.OneToOneField(Record, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents two shares of one delegator for one delegate on one topic
            models.UniqueConstraint(
                fields=["community", "delegator", "delegate", "topic"],
                condition=Q(superseded_at__isnull=True),
                name="one_share_per_delegate_and_topic",
            ),
            # prevents two delegations that claim to be the same step
            models.UniqueConstraint(fields=["community", "delegator", "nonce"], name="delegation_nonce_once"),
        ]

    def __str__(self) -> str:
        """Return who trusts whom."""
        return f"{self.delegator} → {self.delegate}"
