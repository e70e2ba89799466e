"""Who signs releases, releases that wait for guardians, and the signatures that were made."""

from typing import ClassVar

from django.db import models

from governance.models import Community, Proposal, Record
from models_registry.models.versions import Model


class ReleaseKeys(models.Model):
    """Who signs releases since a vote: a release key, and guardians of whom some must sign. The newest are in force.

    The body of the record says all of it; until the first vote the founding key of the community signs alone.
    """

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="release_keys")
    record = models.OneToOneField(Record, on_delete=models.PROTECT, related_name="+")
    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="release_keys")
    adopted_at = models.DateTimeField()

    class Meta:
        """The order of adoption."""

        verbose_name_plural = "release keys"
        ordering: ClassVar = ["-adopted_at", "-pk"]

    def __str__(self) -> str:
        """Return the fingerprint's beginning."""
        return f"keys {self.record_id[:12]}"


class WaitingRelease(models.Model):
    """A release whose evidence is made and that guardians have still to sign: `payload` is what they sign."""

    release_record = models.OneToOneField(Record, on_delete=models.PROTECT, related_name="+")
    evaluation_record = models.ForeignKey(Record, on_delete=models.PROTECT, related_name="waiting_releases")
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="waiting_releases")
    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="waiting_releases")
    keys = models.ForeignKey(ReleaseKeys, on_delete=models.PROTECT, related_name="waiting_releases")
    payload = models.BinaryField()
    since = models.DateTimeField()

    class Meta:
        """The newest first."""

        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        """Return model and version."""
        return f"{self.model} v{self.release_record.body['version']}"


class ReleaseSignature(models.Model):
    """One signature that was made for a release: of a guardian, or of a key whose signatures differ each time."""

    release_record = models.ForeignKey(Record, on_delete=models.PROTECT, related_name="release_signatures")
    message_sha256 = models.CharField(max_length=64)
    public_key = models.CharField(max_length=130)
    signature = models.BinaryField()
    signed_at = models.DateTimeField()

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents one key counting twice for the same bytes
            models.UniqueConstraint(fields=["message_sha256", "public_key"], name="signed_once"),
        ]

    def __str__(self) -> str:
        """Return the key."""
        return self.public_key
