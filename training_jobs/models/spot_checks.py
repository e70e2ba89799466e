"""Spot checks: a random slice of what a site computed, computed again by another machine, and both compared.

Data, constraints and named queries only.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q


class SpotCheck(models.Model):
    """One slice of the steps of an attempt that is to be, or was, recomputed elsewhere."""

    attempt = models.ForeignKey("training_jobs.Attempt", on_delete=models.PROTECT, related_name="spot_checks")
    site = models.ForeignKey(
        "training_jobs.Site", on_delete=models.PROTECT, related_name="spot_checks"
    )  # that is checked
    first_step = models.PositiveIntegerField()
    last_step = models.PositiveIntegerField()
    seed = models.CharField(max_length=64)  # of the draw: SHA-256 over what neither side could choose
    ordered_at = models.DateTimeField()
    fence = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_expires_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=16, blank=True)  # equal, within, differs, not_possible
    report = models.JSONField(default=dict)  # what was claimed, what was found, by which machine

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["ordered_at", "pk"]
        constraints: ClassVar = [
            # prevents one slice being checked twice
            models.UniqueConstraint(fields=["attempt", "first_step"], name="slice_checked_once"),
            # prevents an outcome of a check that is not over
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True, outcome="") | Q(finished_at__isnull=False) & ~Q(outcome=""),
                name="spot_check_ends_with_an_outcome",
            ),
        ]

    def __str__(self) -> str:
        """Return attempt and steps."""
        return f"steps {self.first_step} to {self.last_step} of {self.attempt}"
