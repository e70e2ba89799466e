"""Communities, their members and councils, and the votes that they brought from elsewhere."""

from typing import ClassVar

from django.db import models

from governance.fields import PowerField
from governance.models.record import Record


class Community(models.Model):
    """A group that owns models and decides about them. `charter` is the record of the rules in force."""

    slug = models.SlugField(unique=True)
    name_en = models.CharField(max_length=120)
    name_fr = models.CharField(max_length=120)
    description_en = models.TextField(blank=True)
    description_fr = models.TextField(blank=True)
    instance = models.CharField(max_length=200)
    chain_id = models.BigIntegerField()
    token = models.CharField(max_length=42)
    release_key = models.CharField(max_length=64)
    record = models.OneToOneField(Record, on_delete=models.PROTECT, related_name="+")
    charter = models.ForeignKey(Record, on_delete=models.PROTECT, related_name="+")
    log_size = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Plural for the admin."""

        verbose_name_plural = "communities"

    def __str__(self) -> str:
        """Return the slug."""
        return self.slug


class Council(models.Model):
    """Guardians elected by a vote: they can veto or pause what waits in its timelock, and nothing else."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="councils")
    members = models.JSONField()
    elected_at = models.DateTimeField()
    term_ends_at = models.DateTimeField()
    record = models.OneToOneField(Record, on_delete=models.PROTECT, related_name="+")

    class Meta:
        """The newest first: it is the one in office, while its term lasts."""

        ordering: ClassVar = ["-elected_at", "-pk"]

    def __str__(self) -> str:
        """Return the number of seats."""
        return f"{len(self.members)} guardians"


class Member(models.Model):
    """A name that a community knows an address by, and what they say about themselves as a delegate."""

    community = models.ForeignKey(Community, on_delete=models.CASCADE, related_name="members")
    address = models.CharField(max_length=42)
    name = models.CharField(max_length=80, blank=True)
    statement = models.TextField(blank=True)

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents two names for one voter
            models.UniqueConstraint(fields=["community", "address"], name="member_once"),
        ]

    def __str__(self) -> str:
        """Return the name."""
        return self.name


class ImportedVote(models.Model):
    """A vote that a community brought from elsewhere: shown as history, never executed."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="imported_votes")
    source = models.CharField(max_length=40)
    external_id = models.CharField(max_length=100)
    title = models.CharField(max_length=300)
    text = models.TextField(blank=True)
    author = models.CharField(max_length=42, blank=True)
    method = models.CharField(max_length=32)
    choices = models.JSONField()
    result = models.JSONField()
    closed_at = models.DateTimeField()
    imported_at = models.DateTimeField()
    record = models.OneToOneField(Record, on_delete=models.PROTECT, related_name="+")

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["-closed_at"]
        constraints: ClassVar = [
            # prevents importing one vote twice
            models.UniqueConstraint(fields=["community", "source", "external_id"], name="imported_once"),
        ]

    def __str__(self) -> str:
        """Return the title."""
        return self.title


class ImportedBallot(models.Model):
    """One ballot of an imported vote, as its voter signed it there.

    `signed` is the signed message with its fields ({"fields", "message"}), null where the export had none; `verified`
    says that the signature was checked and is the voter's.
    """

    vote = models.ForeignKey(ImportedVote, on_delete=models.CASCADE, related_name="ballots")
    voter = models.CharField(max_length=42)
    choice = models.JSONField()
    power = PowerField()
    reason = models.TextField(blank=True)
    signature = models.TextField(blank=True)
    signed = models.JSONField(null=True)
    verified = models.BooleanField()
    cast_at = models.DateTimeField()

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents counting a voter twice
            models.UniqueConstraint(fields=["vote", "voter"], name="imported_ballot_once"),
        ]

    def __str__(self) -> str:
        """Return the voter."""
        return self.voter
