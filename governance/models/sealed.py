"""Sealed ballots, the keys that they are sealed for, and the records about both."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from governance.fields import PowerField
from governance.models.proposals import Proposal
from governance.models.record import Record


class SealingKey(models.Model):
    """A keyholder's key for one proposal: public before voting opens, the secret (`secret`) once voting has closed."""

    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="sealing_keys", db_index=False)
    keyholder = models.CharField(max_length=42)
    # The keyholder's place in the charter, from 1.
    place = models.PositiveSmallIntegerField()
    public_key = models.CharField(max_length=64)
    signature = models.CharField(max_length=132)
    at = models.DateTimeField()
    secret = models.CharField(max_length=64, blank=True)
    secret_at = models.DateTimeField(null=True)

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["proposal", "place"]
        constraints: ClassVar = [
            # prevents a keyholder with two keys, of which voters would seal for either
            models.UniqueConstraint(fields=["proposal", "place"], name="sealing_key_once"),
            # prevents one secret opening two shares, which would lower the threshold
            models.UniqueConstraint(fields=["proposal", "public_key"], name="sealing_key_of_one"),
        ]

    def __str__(self) -> str:
        """Return whose key it is."""
        return f"{self.keyholder} {self.public_key}"


class SealedBallotQuerySet(models.QuerySet["SealedBallot"]):
    """Named queries."""

    def counting(self) -> Self:
        """Return the newest of each voter, in the order of the Merkle tree."""
        return self.filter(superseded_at__isnull=True).order_by("voter_key")


class SealedBallot(models.Model):
    """A signed ballot that nobody can read yet. After voting, a `Ballot` with the same record follows from it.

    No row of `Ballot` exists before: what shows, counts or exports ballots has nothing that it could give away.
    """

    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="sealed_ballots", db_index=False)
    voter = models.CharField(max_length=42)
    voter_key = models.CharField(max_length=42)
    sealed = models.TextField()
    nonce = models.BigIntegerField()
    power = PowerField()
    house_power = PowerField(default=0)
    signature = models.TextField()
    record = models.OneToOneField(Record, on_delete=models.PROTECT, related_name="sealed_ballot")
    # Where the community's log has the event of this ballot.
    position = models.BigIntegerField()
    cast_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)

    objects = SealedBallotQuerySet.as_manager()

    class Meta:
        """Constraints, and the index of the order of acceptance."""

        indexes: ClassVar = [models.Index(fields=["proposal", "id"], name="sealed_in_order")]
        constraints: ClassVar = [
            # prevents counting one voter twice
            models.UniqueConstraint(
                fields=["proposal", "voter_key"],
                condition=Q(superseded_at__isnull=True),
                name="one_sealed_ballot_per_voter",
            ),
            # prevents two ballots that claim to be the same step of the same voter
            models.UniqueConstraint(fields=["proposal", "voter", "nonce"], name="sealed_nonce_once"),
        ]

    def __str__(self) -> str:
        """Return the voter."""
        return self.voter


class SealedVote(models.Model):
    """The records of a vote on which ballots are sealed: the public keys, and what opened the ballots."""

    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="sealed_vote")
    sealing_record = models.OneToOneField(Record, on_delete=models.PROTECT, related_name="+")
    unsealing_record = models.OneToOneField(Record, on_delete=models.PROTECT, null=True, related_name="+")

    def __str__(self) -> str:
        """Return the proposal."""
        return str(self.proposal)
