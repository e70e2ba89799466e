"""What is done outside: deliveries of versions to other places, notices in discussions elsewhere."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from governance.models import Proposal
from models_registry.models.versions import Model, Publication, Version
from models_registry.publishing import delivery

REASON_CHARACTERS = 500


class Errand(models.Model):
    """Something to be done outside, tried until it is done or given up: `errands.py` says who works on it and when.

    `publishing/delivery.py` computes its state. `next_at` is when it is due, or null when nothing more is tried.
    """

    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    fence = models.PositiveBigIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_detail = models.CharField(max_length=1000, blank=True)
    failed_at = models.DateTimeField(null=True)

    class Meta:
        """Not a table: deliveries and notices are."""

        abstract = True


class Delivery(Errand):
    """A version on its way to a target other than our own hub: planned with the version, worked off by workers."""

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="deliveries")
    target = models.CharField(max_length=40)
    publication = models.OneToOneField(Publication, on_delete=models.PROTECT, null=True, related_name="delivery")

    class Meta:
        """Constraints."""

        verbose_name_plural = "deliveries"
        constraints: ClassVar = [
            # prevents two workers' rows for one place, and so two publications
            models.UniqueConstraint(fields=["version", "target"], name="delivered_once_per_target"),
            # prevents a delivery that is neither due, nor failed, nor done, or two of these
            models.CheckConstraint(
                condition=Q(next_at__isnull=False, failed_at__isnull=True, publication__isnull=True)
                | Q(next_at__isnull=True, failed_at__isnull=False, publication__isnull=True)
                | Q(next_at__isnull=True, failed_at__isnull=True, publication__isnull=False),
                name="a_delivery_is_due_failed_or_done",
            ),
        ]

    def __str__(self) -> str:
        """Return what goes where."""
        return f"{self.version} to {self.target}"

    def facts(self) -> delivery.Facts:
        """Return what its state is computed from."""
        published_at = self.publication.published_at if self.publication else None
        return delivery.Facts(self.attempts, self.next_at, self.lease_expires_at, self.failed_at, published_at)


class Notice(Errand):
    """What became of a proposal, to be said in its discussion on another hub: one for each stage.

    `number` and `location` are the discussion's there, known as soon as it was opened.
    """

    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="notices")
    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="notices")
    stage = models.CharField(max_length=20)
    reason = models.CharField(max_length=REASON_CHARACTERS, blank=True)
    number = models.PositiveIntegerField(null=True)
    location = models.CharField(max_length=500, blank=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents saying one thing twice
            models.UniqueConstraint(fields=["proposal", "stage"], name="noticed_once_per_stage"),
            # prevents a notice that is neither due, nor failed, nor done, or two of these
            models.CheckConstraint(
                condition=Q(next_at__isnull=False, failed_at__isnull=True, done_at__isnull=True)
                | Q(next_at__isnull=True, failed_at__isnull=False, done_at__isnull=True)
                | Q(next_at__isnull=True, failed_at__isnull=True, done_at__isnull=False),
                name="a_notice_is_due_failed_or_done",
            ),
            # prevents a notice that was said nowhere
            models.CheckConstraint(
                condition=Q(done_at__isnull=True) | Q(number__isnull=False), name="said_means_somewhere"
            ),
        ]

    def __str__(self) -> str:
        """Return what is said about what."""
        return f"{self.stage} of {self.proposal}"

    def facts(self) -> delivery.Facts:
        """Return what its state is computed from."""
        return delivery.Facts(self.attempts, self.next_at, self.lease_expires_at, self.failed_at, self.done_at)
