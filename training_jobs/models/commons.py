"""Requests of computing and the sites that were allotted to them: what the scheduler decided, and what came of it.

Data, constraints and named queries only. What waits, runs and is over is computed by `commons.lifecycle` from the facts
here. Memory is in bytes, money in micro-units (a millionth of the currency's minor unit), as in `scheduling.values`.
"""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q

from governance.models import Community, Proposal


class ComputeRequestQuerySet(models.QuerySet["ComputeRequest"]):
    """Named queries."""

    def open(self) -> Self:
        """Return those that have not come to an end: they wait, or an allotment of theirs is in force."""
        return self.filter(ended_at__isnull=True)


class ComputeRequest(models.Model):
    """One piece of work that asks for devices: a place of a voted run, or what a member's own quota pays for."""

    VOTED, SANDBOX = "voted", "sandbox"
    REFUSED = "refused"

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="compute_requests")
    # its name in the community's log: run:12 for the lead of a run, run:12/1 for a member's seat, preview:7
    name = models.CharField(max_length=64)
    origin = models.CharField(max_length=8, choices=[(VOTED, VOTED), (SANDBOX, SANDBOX)])
    member = models.CharField(max_length=42)
    run = models.ForeignKey("training_jobs.Run", on_delete=models.PROTECT, null=True, related_name="requests")
    slot = models.PositiveSmallIntegerField(default=0)  # of the run
    preview = models.OneToOneField("training_jobs.Preview", on_delete=models.PROTECT, null=True, related_name="request")

    requested_at = models.DateTimeField()
    devices = models.PositiveIntegerField()
    memory_bytes = models.PositiveBigIntegerField()  # of each device
    seconds = models.PositiveIntegerField()  # the longest it may take, at reference speed
    data = models.JSONField(default=list)  # kinds of data that enter a site
    ceiling = models.PositiveBigIntegerField()
    slack = models.PositiveIntegerField(default=0)  # seconds for which a greener start may be waited for
    tier = models.PositiveSmallIntegerField(default=0)
    checkpoints = models.BooleanField(default=False)
    newcomer = models.BooleanField(default=False)  # as attested when it was requested

    waiting_since = models.DateTimeField()  # since it was requested, or interrupted
    # why it waits, as the log was last told (`values.Why`); empty while it does not
    waits_for = models.CharField(max_length=20, blank=True, default="")
    cannot_since = models.DateTimeField(null=True)  # since when no site that is here could ever begin it
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, blank=True)  # as `scheduling.events.Outcome`, or "refused"
    reason = models.CharField(max_length=40, blank=True)  # a code, of one that was refused

    objects = ComputeRequestQuerySet.as_manager()

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["requested_at", "pk"]
        constraints: ClassVar = [
            # prevents two requests that one log cannot tell apart
            models.UniqueConstraint(fields=["community", "name"], name="request_named_once_in_a_log"),
            # prevents one place of a run asking twice
            models.UniqueConstraint(fields=["run", "slot"], name="place_of_a_run_asks_once"),
            # prevents a request for nothing in particular, and one for two things
            models.CheckConstraint(
                condition=Q(run__isnull=False, preview__isnull=True, origin="voted")
                | Q(run__isnull=True, preview__isnull=False, origin="sandbox"),
                name="request_is_for_one_thing",
            ),
            # prevents an end that nobody explains
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, outcome="") | Q(ended_at__isnull=False) & ~Q(outcome=""),
                name="request_ends_with_an_outcome",
            ),
            # prevents a request that needs nothing
            models.CheckConstraint(condition=Q(devices__gte=1, seconds__gte=1), name="request_needs_something"),
        ]

    def __str__(self) -> str:
        """Return its name."""
        return self.name


class AllotmentQuerySet(models.QuerySet["Allotment"]):
    """Named queries."""

    def in_force(self) -> Self:
        """Return those that hold devices now."""
        return self.filter(ended_at__isnull=True)


class Allotment(models.Model):
    """Devices of a site that the scheduler gave to a request: its machines may take the work, nobody else's."""

    request = models.ForeignKey(ComputeRequest, on_delete=models.PROTECT, related_name="allotments")
    site = models.ForeignKey("training_jobs.Site", on_delete=models.PROTECT, related_name="allotments")
    allotted_at = models.DateTimeField()
    until = models.DateTimeField()  # the latest end
    why = models.CharField(max_length=20)  # as `scheduling.values.Why`
    lent = models.BooleanField(default=False)  # on devices of the reserved share
    price = models.PositiveBigIntegerField()  # micro-units per device-hour, as the site stood then
    grams_per_kwh = models.PositiveIntegerField(null=True)  # of its region when it was allotted; null: not known
    claimed_at = models.DateTimeField(null=True)  # when a machine of the site took it
    recalled_at = models.DateTimeField(null=True)  # when a newcomer asked for the devices back
    ended_at = models.DateTimeField(null=True)
    how = models.CharField(max_length=20, blank=True)  # ended, or as `scheduling.events.Interruption`, or untaken

    objects = AllotmentQuerySet.as_manager()

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["-allotted_at", "-pk"]
        constraints: ClassVar = [
            # prevents two sites working on one request
            models.UniqueConstraint(
                fields=["request"], condition=Q(ended_at__isnull=True), name="allotted_once_at_a_time"
            ),
            # prevents an end without a cause
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, how="") | Q(ended_at__isnull=False) & ~Q(how=""),
                name="allotment_ends_somehow",
            ),
            # prevents time that runs backwards
            models.CheckConstraint(condition=Q(until__gt=F("allotted_at")), name="allotment_ends_after_it_begins"),
        ]

    def __str__(self) -> str:
        """Return request and site."""
        return f"{self.request} at {self.site}"

    def covers(self, moment: datetime) -> bool:
        """Say whether a machine that began at `moment` did so under it."""
        return (
            self.claimed_at is not None
            and self.claimed_at <= moment
            and (self.ended_at is None or moment < self.ended_at)
        )


class RaisedCeiling(models.Model):
    """More money for a run that is under way, as a vote allowed: its ceiling from then on, in its own currency."""

    run = models.ForeignKey("training_jobs.Run", on_delete=models.PROTECT, related_name="raised_ceilings")
    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="+")
    raised_at = models.DateTimeField()
    ceiling = models.PositiveBigIntegerField()  # micro-units, of the whole run

    class Meta:
        """The newest first."""

        ordering: ClassVar = ["-raised_at", "-pk"]

    def __str__(self) -> str:
        """Return run and ceiling."""
        return f"{self.run}: {self.ceiling}"
