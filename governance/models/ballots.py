"""Signed ballots."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from governance.fields import PowerField
from governance.models.proposals import Proposal
from governance.models.record import Record


class BallotQuerySet(models.QuerySet["Ballot"]):
    """Named queries."""

    def counting(self) -> Self:
        """Return the ballots that count: the newest of each voter, in the order of the Merkle tree."""
        return self.filter(superseded_at__isnull=True).order_by("voter_key")


class Ballot(models.Model):
    """A signed ballot with the power that it carries. A changed vote is a new row; the older one is superseded."""

    # No index of its own: those below begin with it, and each one more makes every ballot dearer.
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="ballots", db_index=False)
    voter = models.CharField(max_length=42)
    voter_key = models.CharField(max_length=42)
    choice = models.JSONField()
    reason = models.TextField(blank=True)
    nonce = models.BigIntegerField()
    power = PowerField()
    house_power = PowerField(default=0)
    signature = models.TextField()  # of a contract wallet it may be long
    record = models.OneToOneField(Record, on_delete=models.PROTECT, related_name="ballot")
    # Where the community's log has the event of this ballot.
    position = models.BigIntegerField()
    cast_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)

    objects = BallotQuerySet.as_manager()

    class Meta:
        """The indexes of pages, which show the largest first or the newest, and constraints."""

        indexes: ClassVar = [
            models.Index(
                fields=["proposal", "-power", "voter_key"],
                condition=Q(superseded_at__isnull=True),
                name="largest_first",
            ),
            # The newest first, and all in the order in which they were accepted. It only grows at its end.
            models.Index(fields=["proposal", "id"], name="in_order_of_acceptance"),
            models.Index(fields=["voter", "proposal"], name="ballots_of_a_voter"),
        ]
        constraints: ClassVar = [
            # prevents counting one voter twice; the order of the Merkle tree
            models.UniqueConstraint(
                fields=["proposal", "voter_key"],
                condition=Q(superseded_at__isnull=True),
                name="one_counting_ballot_per_voter",
            ),
            # prevents two ballots that claim to be the same step of the same voter
            models.UniqueConstraint(fields=["proposal", "voter", "nonce"], name="ballot_nonce_once"),
        ]

    def __str__(self) -> str:
        """Return voter and choice."""
        return f"{self.voter} {self.choice}"
