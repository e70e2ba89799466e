"""What reviewers attested about a run. Data and constraints only; it goes into the record of the run's evaluation."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from governance.models import Record
from models_registry.duties.tasks import FINDINGS
from training_jobs.models.runs import Run


class Attested(models.Model):
    """One signed attestation under one rule of a run. `at` is the UNIX second that the reviewer signed."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="attested")
    rule = models.ForeignKey(Record, on_delete=models.PROTECT, related_name="+")
    reviewer = models.CharField(max_length=42)
    finding = models.CharField(max_length=20)
    reason = models.TextField(blank=True)
    at = models.PositiveBigIntegerField()
    signature = models.TextField()  # of a passkey it is long
    # Of a contract wallet: its kind, and the block at which it was asked; nothing where a key signed.
    wallet = models.JSONField(null=True)
    filed_at = models.DateTimeField()

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            # prevents one person counting twice (addresses have one spelling here)
            models.UniqueConstraint(fields=["run", "rule", "reviewer"], name="attested_once_under_a_rule"),
            # prevents a finding that no verifier knows
            models.CheckConstraint(condition=Q(finding__in=FINDINGS), name="attested_finding_is_known"),
            # prevents an objection that says nothing
            models.CheckConstraint(condition=~Q(finding="objects", reason=""), name="objection_has_a_reason"),
        ]

    def __str__(self) -> str:
        """Return reviewer and run."""
        return f"{self.reviewer} on run {self.run_id}"
