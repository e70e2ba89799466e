"""Datasets on their way in: files that arrive in parts, and files that a worker reads or fetches."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from governance.models import Community
from models_registry.models.datasets import Dataset
from models_registry.models.errands import Errand
from models_registry.publishing import delivery


class DatasetUpload(models.Model):
    """A file that a member sends in parts. How much of it is there, its file says (`datasets.uploads`)."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="dataset_uploads")
    actor = models.CharField(max_length=42)
    name = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents one file that is sent twice at once, which would count twice against its sender's quota
            models.UniqueConstraint(fields=["community", "actor", "sha256", "name"], name="dataset_upload_once"),
        ]

    def __str__(self) -> str:
        """Return the name of the file."""
        return self.name


class DatasetIntake(Errand):
    """A dataset that a worker takes in: `source` says from where, `asked` what was said of it (`datasets.intakes`).

    An intake that is done or failed has no upload any more; what it had sent is gone.
    """

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="dataset_intakes")
    actor = models.CharField(max_length=42)
    source = models.JSONField()
    asked = models.JSONField()
    upload = models.OneToOneField(DatasetUpload, on_delete=models.SET_NULL, null=True, related_name="intake")
    requested_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, null=True, related_name="intakes")

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents an intake that is neither due, nor failed, nor done, or two of these
            models.CheckConstraint(
                condition=Q(next_at__isnull=False, failed_at__isnull=True, done_at__isnull=True)
                | Q(next_at__isnull=True, failed_at__isnull=False, done_at__isnull=True)
                | Q(next_at__isnull=True, failed_at__isnull=True, done_at__isnull=False),
                name="an_intake_is_due_failed_or_done",
            ),
            # prevents an intake that counts as done without the dataset that came of it
            models.CheckConstraint(
                condition=Q(done_at__isnull=True) | Q(dataset__isnull=False), name="taken_in_means_a_dataset"
            ),
        ]

    def __str__(self) -> str:
        """Return the title of what comes in."""
        return str(self.asked.get("title", ""))

    def facts(self) -> delivery.Facts:
        """Return what its state is computed from."""
        return delivery.Facts(self.attempts, self.next_at, self.lease_expires_at, self.failed_at, self.done_at)
