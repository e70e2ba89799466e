"""Previews of proposed trainings, and trials of proposed datasets: what was asked for, the bounds, lease and report.

Data, constraints and named queries only. A preview has no record and no artifact: nothing in the registry can point to
one. What it reported stands in the audit log by its SHA-256.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from governance.models import Proposal
from training_jobs.previews import lifecycle


class PreviewQuerySet(models.QuerySet["Preview"]):
    """Named queries."""

    def unfinished(self) -> Self:
        """Return the previews that may still need work."""
        return self.filter(finished_at__isnull=True, failed_at__isnull=True)

    def ended(self) -> Self:
        """Return the others."""
        return self.exclude(finished_at__isnull=True, failed_at__isnull=True)


class Preview(models.Model):
    """One bounded run of a proposed specification, as it was when somebody asked. `fence` counts its attempts.

    `kind`: a training is its first steps; a trial trains twice, with the proposed dataset and without. `plan` is what a
    trial was derived from (`previews.trial_plan`), and empty for a training.
    """

    TRAINING, TRIAL = "training", "trial"
    KINDS: ClassVar = [(TRAINING, TRAINING), (TRIAL, TRIAL)]

    kind = models.CharField(max_length=8, choices=KINDS, default=TRAINING)
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="previews")
    requested_by = models.CharField(max_length=42)
    spec = models.JSONField()
    spec_digest = models.CharField(max_length=64)
    plan = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    # the bounds, as they were when it was asked for
    steps_max = models.PositiveIntegerField()
    samples_max = models.PositiveIntegerField()
    seconds_max = models.PositiveIntegerField()

    # the lease: whoever holds the newest fencing number may write, nobody else
    fence = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_expires_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)

    # facts of its life; `started_at` and `step` are those of the newest attempt
    started_at = models.DateTimeField(null=True)
    step = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=60, blank=True)
    failure_detail = models.TextField(blank=True)
    report = models.JSONField(null=True)
    report_digest = models.CharField(max_length=64, blank=True)
    removed_at = models.DateTimeField(null=True)

    objects = PreviewQuerySet.as_manager()

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            # prevents two previews of one proposal at the same time
            models.UniqueConstraint(
                fields=["proposal"],
                condition=Q(finished_at__isnull=True, failed_at__isnull=True),
                name="one_unfinished_preview",
            ),
            # prevents evidence that the log does not commit to
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True) | (Q(report__isnull=False) & ~Q(report_digest="")),
                name="done_preview_has_report",
            ),
            # prevents a preview that worked and did not
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True) | Q(failed_at__isnull=True), name="preview_done_or_failed"
            ),
            # prevents a trial of nobody knows what
            models.CheckConstraint(condition=Q(kind="training") | ~Q(plan={}), name="trial_has_a_plan"),
        ]
        indexes: ClassVar = [models.Index(fields=["requested_by", "created_at"])]

    def __str__(self) -> str:
        """Return number and proposal."""
        return f"{'trial' if self.is_trial else 'preview'} {self.pk} of {self.proposal}"

    @property
    def is_trial(self) -> bool:
        """Say whether it tries a dataset."""
        return self.kind == self.TRIAL

    @property
    def facts(self) -> lifecycle.Facts:
        """The facts that `lifecycle` computes a state from."""
        return lifecycle.Facts(self.finished_at, self.failed_at, self.lease_owner, self.lease_expires_at)

    def state(self, now: datetime) -> lifecycle.State:
        """Return the state at `now`."""
        return lifecycle.state(self.facts, now)

    def seconds_used(self, now: datetime) -> int:
        """Return the device-seconds of the newest attempt at `now`, measuring included: it counts from its claim."""
        return 0 if self.started_at is None else max(0, (now - self.started_at) // timedelta(seconds=1))
