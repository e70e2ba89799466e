"""Reports that strangers signed about releases."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from models_registry.models.versions import Version


class Attestation(models.Model):
    """A report that a stranger signed about a release and handed in, as its bytes; `attestations` judges and shows it.

    `summary` repeats what lists show, so that they need not read the bytes; `fsck` compares. Hiding keeps the row.
    """

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="attestations")
    digest = models.CharField(max_length=64)
    public_key = models.CharField(max_length=64)
    envelope = models.BinaryField()
    summary = models.JSONField()
    filed_at = models.DateTimeField()
    hidden_at = models.DateTimeField(null=True)
    hidden_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        """The newest first, and constraints."""

        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [
            # prevents one attestation being shown twice at a release
            models.UniqueConstraint(fields=["version", "digest"], name="attested_once"),
            # prevents hiding without a reason that everybody can read
            models.CheckConstraint(
                condition=Q(hidden_at__isnull=True, hidden_reason="")
                | Q(hidden_at__isnull=False) & ~Q(hidden_reason=""),
                name="hidden_means_explained",
            ),
        ]

    def __str__(self) -> str:
        """Return the digest's beginning."""
        return f"attestation {self.digest[:12]}"
