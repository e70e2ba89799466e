"""Spot checks of sites: slices that machines handed over, computed again elsewhere, and what else speaks against them.

Data, constraints and named queries only. What a slice commits its machine to is the digest of its two ends; `seed` is
drawn afterwards (`spot_checks.draw`). The files of slices lie in RUNS_DIR/slices/<number>.
"""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from training_jobs.models.runs import Attempt
from training_jobs.previews import lifecycle

EQUAL, WITHIN, DIFFERS, NOT_POSSIBLE = "equal", "within", "differs", "not_possible"
OUTCOMES = (EQUAL, WITHIN, DIFFERS, NOT_POSSIBLE)
WRONG_DIGEST, TOO_FAST, STOOD_ALONE = "wrong_digest", "too_fast", "stood_alone"
DOUBTS = (WRONG_DIGEST, TOO_FAST, STOOD_ALONE)


class Slice(models.Model):
    """The steps between two states of a training that a machine of a site handed over, the later one just now."""

    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="slices")
    site = models.ForeignKey("training_jobs.Site", on_delete=models.PROTECT, related_name="slices")
    first_step = models.PositiveIntegerField()  # 0: from the base model
    last_step = models.PositiveIntegerField()
    is_final = models.BooleanField(default=False)  # it ends with the model, not with a checkpoint
    start_digest = models.CharField(max_length=64, blank=True)  # of the checkpoint's manifest; empty: the base model
    end_digest = models.CharField(max_length=64)
    claimed = models.JSONField()  # files with their digests, losses by step, class of machine, as handed over
    handed_at = models.DateTimeField()
    # of the community's log, once it held the digests: the first root signed for as many or more is drawn with
    log_size = models.BigIntegerField()
    seed = models.CharField(max_length=64, blank=True)
    settled_at = models.DateTimeField(null=True)  # passed over, or ordered to be checked
    removed_at = models.DateTimeField(null=True)  # its files are gone

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            # prevents a hand-over that is repeated counting twice in the draw
            models.UniqueConstraint(fields=["attempt", "last_step", "is_final"], name="slice_handed_over_once"),
            # prevents a slice without steps
            models.CheckConstraint(condition=Q(last_step__gt=models.F("first_step")), name="slice_has_steps"),
        ]

    def __str__(self) -> str:
        """Return attempt and steps."""
        return f"steps {self.first_step} to {self.last_step} of {self.attempt}"


class SpotCheckQuerySet(models.QuerySet["SpotCheck"]):
    """Named queries."""

    def unfinished(self) -> Self:
        """Return those that may still need work."""
        return self.filter(finished_at__isnull=True)

    def ended(self) -> Self:
        """Return the others."""
        return self.filter(finished_at__isnull=False)


class SpotCheck(models.Model):
    """One recomputation of a slice by a machine that is not its site's. `fence` counts its attempts."""

    slice = models.ForeignKey(Slice, on_delete=models.PROTECT, related_name="checks")
    number = models.PositiveSmallIntegerField()  # 1, and where that one differs another machine's
    ordered_at = models.DateTimeField()
    seconds_max = models.PositiveIntegerField()

    # the lease: whoever holds the newest fencing number may write, nobody else
    fence = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_expires_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    step = models.PositiveIntegerField(default=0)

    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=16, blank=True, choices=[(name, name) for name in OUTCOMES])
    checker = models.CharField(max_length=120, blank=True)  # who recomputed it: "platform", or runner:12
    report = models.JSONField(default=dict)  # what was claimed, what was found, and wherein they differ
    removed_at = models.DateTimeField(null=True)

    objects = SpotCheckQuerySet.as_manager()

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["ordered_at", "pk"]
        constraints: ClassVar = [
            # prevents one slice being checked by two at once, or without end
            models.UniqueConstraint(fields=["slice", "number"], name="slice_checked_once"),
            models.UniqueConstraint(
                fields=["slice"], condition=Q(finished_at__isnull=True), name="slice_checked_by_one_at_a_time"
            ),
            # prevents an outcome of a check that is not over
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True, outcome="") | Q(finished_at__isnull=False) & ~Q(outcome=""),
                name="spot_check_ends_with_an_outcome",
            ),
        ]

    def __str__(self) -> str:
        """Return number and slice."""
        return f"check {self.number} of {self.slice}"

    @property
    def attempt(self) -> Attempt:
        """Whose steps they were."""
        return self.slice.attempt

    @property
    def first_step(self) -> int:
        """After which step it began."""
        return self.slice.first_step

    @property
    def last_step(self) -> int:
        """With which step it ended."""
        return self.slice.last_step

    @property
    def facts(self) -> lifecycle.Facts:
        """The facts that a state is computed from; a check has the life of a preview."""
        return lifecycle.Facts(self.finished_at, None, self.lease_owner, self.lease_expires_at)

    def state(self, now: datetime) -> lifecycle.State:
        """Return the state at `now`."""
        return lifecycle.state(self.facts, now)


class Doubt(models.Model):
    """Something that speaks against the machines of a site, once for each attempt: evidence, and no verdict yet."""

    site = models.ForeignKey("training_jobs.Site", on_delete=models.PROTECT, related_name="doubts")
    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="doubts")
    kind = models.CharField(max_length=16, choices=[(name, name) for name in DOUBTS])
    at = models.DateTimeField()
    evidence = models.JSONField()

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["-at", "-pk"]
        constraints: ClassVar = [
            # prevents a machine that tries one hand-over again and again counting as many
            models.UniqueConstraint(fields=["site", "attempt", "kind"], name="doubted_once_for_an_attempt"),
        ]

    def __str__(self) -> str:
        """Return kind and site."""
        return f"{self.kind} at {self.site}"
