"""The work: runs, their seats and attempts with lease and fencing number, and the events that a run streams.

Data, constraints and named queries only. States are computed by `lifecycle`; changes happen in `services`.
"""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from governance.models import Community, Proposal, Record
from models_registry.models import Model, Version
from training_jobs import lifecycle


class RunQuerySet(models.QuerySet["Run"]):
    """Named queries."""

    def unfinished(self) -> Self:
        """Return the runs that may still need work: what a sweeper looks at."""
        return self.filter(verdict="", failed_at__isnull=True, canceled_at__isnull=True)

    def unpublished(self) -> Self:
        """Return the runs whose result may be released and is not yet: accepted, or overridden by a vote."""
        return self.filter(Q(verdict="accepted") | Q(override_record__isnull=False), version__isnull=True)


class Run(models.Model):
    """One training run of one approved specification."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="runs")
    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="run")
    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="runs")
    base = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="derived_runs")
    spec_record = models.OneToOneField(Record, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    # the lease: whoever holds the newest fencing number may write, nobody else
    fence = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_expires_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)

    # facts of its life
    retry_at = models.DateTimeField(null=True)
    trained_at = models.DateTimeField(null=True)
    # until then the evaluation waits for hidden suites to be opened; null: it waits for none
    opening_until = models.DateTimeField(null=True)
    # what was measured, while people look at it whom rules ask to, and since when they do
    report = models.JSONField(null=True)
    reviewing_since = models.DateTimeField(null=True)
    verdict = models.CharField(max_length=12, blank=True)
    judged_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=60, blank=True)
    failure_detail = models.TextField(blank=True)
    canceled_at = models.DateTimeField(null=True)
    canceled_by = models.CharField(max_length=64, blank=True)
    deadline_at = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True)
    paused_by = models.CharField(max_length=64, blank=True)
    pause_reason = models.TextField(blank=True)
    run_record = models.OneToOneField(Record, on_delete=models.PROTECT, null=True, related_name="+")
    evaluation_record = models.OneToOneField(Record, on_delete=models.PROTECT, null=True, related_name="+")
    version = models.OneToOneField(Version, on_delete=models.PROTECT, null=True, related_name="run")
    # a vote that releases the result although the rules rejected it
    overridden_at = models.DateTimeField(null=True)
    override_record = models.OneToOneField(Record, on_delete=models.PROTECT, null=True, related_name="+")

    objects = RunQuerySet.as_manager()

    class Meta:
        """Constraints mirror the lifecycle."""

        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            # prevents a verdict that nothing supports
            models.CheckConstraint(
                condition=Q(verdict="") | Q(verdict__in=["accepted", "rejected"], evaluation_record__isnull=False),
                name="verdict_has_evaluation",
            ),
            # prevents publishing what the gates refused, unless a vote overrode them
            models.CheckConstraint(
                condition=Q(version__isnull=True) | Q(verdict="accepted") | Q(override_record__isnull=False),
                name="only_accepted_runs_become_versions",
            ),
            # prevents overriding what was not rejected, and an override without its vote
            models.CheckConstraint(
                condition=Q(overridden_at__isnull=True, override_record__isnull=True)
                | Q(overridden_at__isnull=False, override_record__isnull=False, verdict="rejected"),
                name="only_rejected_runs_are_overridden",
            ),
            # prevents a review of nothing
            models.CheckConstraint(
                condition=Q(reviewing_since__isnull=True, report__isnull=True)
                | Q(reviewing_since__isnull=False, report__isnull=False, run_record__isnull=False),
                name="a_review_has_a_report",
            ),
            # prevents a pause that nobody answers for
            models.CheckConstraint(
                condition=Q(paused_until__isnull=True) | ~Q(paused_by="", pause_reason=""), name="pause_has_author"
            ),
        ]

    def __str__(self) -> str:
        """Return number and model."""
        return f"run {self.pk} of {self.model}"

    @property
    def facts(self) -> lifecycle.Facts:
        """The facts that `lifecycle` computes a state from."""
        return lifecycle.Facts(
            verdict=self.verdict,
            overridden_at=self.overridden_at,
            canceled_at=self.canceled_at,
            failed_at=self.failed_at,
            lease_expires_at=self.lease_expires_at,
            lease_owner=self.lease_owner,
            heartbeat_at=self.heartbeat_at,
            retry_at=self.retry_at,
            trained_at=self.trained_at,
            opening_until=self.opening_until,
            reviewing_since=self.reviewing_since,
            paused_until=self.paused_until,
            deadline_at=self.deadline_at,
        )

    def state(self, now: datetime) -> lifecycle.State:
        """Return the state at `now`."""
        return lifecycle.state(self.facts, now)


class Seat(models.Model):
    """A member's place in a run of several machines, with a lease of its own. Slot 0, the lead's, is the run itself."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="seats")
    slot = models.PositiveSmallIntegerField()

    fence = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_expires_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)

    # its share is done: what the machine says that it made, to be held against what the lead handed over
    took_part_at = models.DateTimeField(null=True)
    description = models.JSONField(default=dict)

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["slot"]
        constraints: ClassVar = [
            # prevents two leases of one place
            models.UniqueConstraint(fields=["run", "slot"], name="seat_once"),
            # prevents a second lease of the lead's place, which the run holds itself
            models.CheckConstraint(condition=Q(slot__gte=1), name="seat_is_a_members"),
            # prevents one machine in two places of a run
            models.UniqueConstraint(
                fields=["run", "lease_owner"], condition=~Q(lease_owner=""), name="one_seat_per_machine"
            ),
            # prevents a machine at work on a share that is done
            models.CheckConstraint(
                condition=Q(took_part_at__isnull=True) | Q(lease_owner=""), name="seat_is_left_when_done"
            ),
        ]

    def __str__(self) -> str:
        """Return slot and run."""
        return f"seat {self.slot} of run {self.run_id}"

    def is_held(self, now: datetime) -> bool:
        """Say whether a machine has it at `now`."""
        return bool(self.lease_owner) and self.lease_expires_at is not None and now < self.lease_expires_at

    def is_free(self, now: datetime) -> bool:
        """Say whether a machine could take it at `now`, as far as the seat knows: the run has to go on, too."""
        rests = self.retry_at is not None and now < self.retry_at
        return self.took_part_at is None and not rests and not self.is_held(now)


class Attempt(models.Model):
    """One worker's try at a run. Its number is the fencing number of the lease; slot 0 is the lead's."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="attempts")
    slot = models.PositiveSmallIntegerField(default=0)
    number = models.PositiveIntegerField()
    owner = models.CharField(max_length=120)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, blank=True)
    detail = models.TextField(blank=True)
    # what it used of the approved budget, written when it ends
    device_seconds = models.PositiveIntegerField(default=0)

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["slot", "number"]
        constraints: ClassVar = [
            # prevents two attempts with one fencing number
            models.UniqueConstraint(fields=["run", "slot", "number"], name="attempt_number_once"),
            # prevents two live attempts at one place of a run
            models.UniqueConstraint(
                fields=["run", "slot"], condition=Q(ended_at__isnull=True), name="one_live_attempt_per_slot"
            ),
        ]

    def __str__(self) -> str:
        """Return run and number."""
        return f"attempt {self.number} of run {self.run_id}"


class RunEvent(models.Model):
    """One line of what a run streams: a loss, a stage, a failure. Written under the fencing number of the attempt."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    slot = models.PositiveSmallIntegerField(default=0)
    attempt = models.PositiveIntegerField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=20)
    data = models.JSONField(default=dict)

    class Meta:
        """Order and index."""

        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            models.Index(fields=["run", "kind", "id"]),
            models.Index(fields=["run", "slot", "kind", "id"]),  # the curve of the lead, the last step of each place
        ]

    def __str__(self) -> str:
        """Return the kind."""
        return self.kind
