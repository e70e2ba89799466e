"""What the site asks of a version that was released: the plan, the lease, and what was measured or answered.

Data, constraints and named queries only. An inquiry changes nothing of a release. One that measures leaves a record
that rests on the release's; one about an incident leaves answers, whose SHA-256 stands in the audit log.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from governance.models import Record
from models_registry.models import Incident, Version
from training_jobs.previews import lifecycle

# Why an inquiry was made. All but the last measure; the last asks what an incident says.
SCHEDULE, CHANGE, ASKED, INCIDENT = "schedule", "change", "asked", "incident"
REASONS = (SCHEDULE, CHANGE, ASKED, INCIDENT)


class InquiryQuerySet(models.QuerySet["Inquiry"]):
    """Named queries."""

    def unfinished(self) -> Self:
        """Return the inquiries that may still need work."""
        return self.filter(finished_at__isnull=True, failed_at__isnull=True)

    def ended(self) -> Self:
        """Return the others."""
        return self.exclude(finished_at__isnull=True, failed_at__isnull=True)

    def measuring(self) -> Self:
        """Return those that measure."""
        return self.exclude(because=INCIDENT)

    def measured(self) -> Self:
        """Return those that have measured, newest first."""
        return self.measuring().filter(finished_at__isnull=False).order_by("-finished_at", "-pk")


class Inquiry(models.Model):
    """One look at a released version by a machine of the site. `fence` counts its attempts.

    `plan` is what is asked, as `inquiries.plan` makes it; of an incident, how many answers.
    """

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="inquiries")
    because = models.CharField(max_length=12, choices=[(name, name) for name in REASONS])
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, null=True, related_name="inquiries")
    asked_by = models.CharField(max_length=42, blank=True)
    plan = models.JSONField()
    created_at = models.DateTimeField()
    seconds_max = models.PositiveIntegerField()

    # the lease: whoever holds the newest fencing number may write, nobody else
    fence = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_expires_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)

    # facts of its life; `started_at` and `samples` are those of the newest attempt
    started_at = models.DateTimeField(null=True)
    samples = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    device_seconds = models.PositiveIntegerField(default=0)
    failed_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=60, blank=True)
    failure_detail = models.TextField(blank=True)
    removed_at = models.DateTimeField(null=True)

    # what came of it: a record of what was measured, or the answers to an incident's question
    record = models.OneToOneField(Record, on_delete=models.PROTECT, null=True, related_name="inquiry")
    answers = models.JSONField(null=True)
    answers_digest = models.CharField(max_length=64, blank=True)

    objects = InquiryQuerySet.as_manager()

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["-id"]
        verbose_name_plural = "inquiries"
        constraints: ClassVar = [
            # prevents a version being measured twice at once, however often the schedule or people ask
            models.UniqueConstraint(
                fields=["version"],
                condition=Q(finished_at__isnull=True, failed_at__isnull=True) & ~Q(because=INCIDENT),
                name="measured_once_at_a_time",
            ),
            # prevents an incident's question being put twice at once
            models.UniqueConstraint(
                fields=["incident"],
                condition=Q(finished_at__isnull=True, failed_at__isnull=True),
                name="incident_asked_once_at_a_time",
            ),
            # prevents an inquiry about an incident that names none, and the other way round
            models.CheckConstraint(
                condition=Q(because=INCIDENT, incident__isnull=False) | ~Q(because=INCIDENT) & Q(incident__isnull=True),
                name="incident_inquiry_names_it",
            ),
            # prevents an end without evidence that the log commits to
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True, record__isnull=True, answers__isnull=True)
                | Q(finished_at__isnull=False, record__isnull=False, answers__isnull=True) & ~Q(because=INCIDENT)
                | Q(finished_at__isnull=False, record__isnull=True, answers__isnull=False, because=INCIDENT)
                & ~Q(answers_digest=""),
                name="finished_inquiry_has_evidence",
            ),
            # prevents an inquiry that worked and did not
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True) | Q(failed_at__isnull=True), name="inquiry_done_or_failed"
            ),
        ]

    def __str__(self) -> str:
        """Return number and version."""
        return f"inquiry {self.pk} about {self.version}"

    @property
    def facts(self) -> lifecycle.Facts:
        """The facts that a state is computed from; an inquiry has the life of a preview."""
        return lifecycle.Facts(self.finished_at, self.failed_at, self.lease_owner, self.lease_expires_at)

    def state(self, now: datetime) -> lifecycle.State:
        """Return the state at `now`."""
        return lifecycle.state(self.facts, now)

    def seconds_used(self, now: datetime) -> int:
        """Return the device-seconds of the newest attempt at `now`, counted from its claim."""
        return 0 if self.started_at is None else max(0, (now - self.started_at) // timedelta(seconds=1))
