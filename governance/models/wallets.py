"""Ballots that wait for the owners of a wallet that several people hold, and what each owner has signed."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import OuterRef, Q, Subquery

from governance.models.proposals import Proposal
from governance.models.record import Record


class PendingBallotQuerySet(models.QuerySet["PendingBallot"]):
    """Named queries."""

    def waiting(self) -> Self:
        """Return those that were not cast, the newest first. Whether their vote is still open, the proposal says."""
        return self.filter(record__isnull=True).order_by("-pk")

    def begun_by(self, owner: str) -> Self:
        """Return those that this owner began: of the signatures there, theirs came first."""
        first = OwnerSignature.objects.filter(pending=OuterRef("pk")).order_by("pk").values("owner")[:1]
        return self.annotate(begun_by_owner=Subquery(first)).filter(begun_by_owner=owner)


class PendingBallot(models.Model):
    """A ballot as a wallet is to cast it. No evidence: once cast, the ballot's own record is."""

    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="pending_ballots")
    wallet = models.CharField(max_length=42)
    # Of a sealed ballot nobody here knows what it says: there is its sealed text in the place of choice and reason.
    choice = models.JSONField(null=True)
    reason = models.TextField(blank=True)
    sealed = models.TextField(blank=True)
    nonce = models.BigIntegerField()
    # What the wallet is to stand by: the digest of the ballot's message, as hex.
    digest = models.CharField(max_length=64)
    # As the wallet said at this block: who its owners are, and how many of them it needs.
    owners = models.JSONField()
    threshold = models.PositiveIntegerField()
    block_number = models.BigIntegerField()
    begun_at = models.DateTimeField()
    looked_at = models.DateTimeField()
    # The ballot that it became.
    record = models.OneToOneField(Record, null=True, on_delete=models.PROTECT, related_name="pending_ballot")

    objects = PendingBallotQuerySet.as_manager()

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents owners of one wallet from signing the same ballot in two places
            models.UniqueConstraint(fields=["digest"], name="pending_ballot_once"),
            # prevents a ballot that says in the open what it seals, and one that says nothing
            models.CheckConstraint(
                condition=Q(sealed="", choice__isnull=False) | (~Q(sealed="") & Q(choice__isnull=True, reason="")),
                name="pending_ballot_open_or_sealed",
            ),
        ]

    def __str__(self) -> str:
        """Return wallet and choice."""
        return f"{self.wallet} {self.choice}"


class OwnerSignature(models.Model):
    """That one owner stands by a waiting ballot: by a signature, or, where there is none, on the chain."""

    pending = models.ForeignKey(PendingBallot, on_delete=models.CASCADE, related_name="signatures")
    owner = models.CharField(max_length=42)
    signature = models.TextField(blank=True)
    signed_at = models.DateTimeField()

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents counting one owner twice
            models.UniqueConstraint(fields=["pending", "owner"], name="owner_signs_once"),
        ]

    def __str__(self) -> str:
        """Return the owner."""
        return self.owner
