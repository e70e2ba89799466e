"""Datasets that intake has read."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from governance.models import Community, Proposal, Record
from models_registry.datasets.kinds import OF_ROLE


class DatasetQuerySet(models.QuerySet["Dataset"]):
    """Named queries."""

    def included(self) -> Self:
        """Return the datasets that the community voted in; what was removed since is among them."""
        return self.filter(included_at__isnull=False)

    def standing(self) -> Self:
        """Return the included datasets that were not removed: those that a new run may learn from."""
        return self.included().filter(removal__isnull=True)


class Dataset(models.Model):
    """A dataset that intake has read, hashed and scanned. It may be trained on once a vote has included it.

    `sources` and `contributors` are as its record will have them (`rights`); `contributions` is the SHA-256 of the file
    that says which rows are whose, and empty when nobody is named.
    """

    ROLES: ClassVar = [("training", "training"), ("evaluation", "evaluation")]

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="datasets")
    digest = models.CharField(max_length=64)
    slug = models.SlugField(max_length=80)
    title = models.CharField(max_length=200)
    license = models.CharField(max_length=40)
    role = models.CharField(max_length=12, choices=ROLES)
    kind = models.CharField(max_length=12)
    records = models.PositiveBigIntegerField()
    size = models.PositiveBigIntegerField()
    records_root = models.CharField(max_length=64)
    shards = models.JSONField()
    languages = models.JSONField()
    data_kinds = models.JSONField(default=list)  # what kinds of data the rows are, as rules of sites name them
    # where the rows are kept, ISO 3166-1; empty: nowhere in particular
    country = models.CharField(max_length=2, blank=True, default="")
    scans = models.JSONField()
    sources = models.JSONField(default=list)
    contributors = models.JSONField(default=list)
    contributions = models.CharField(max_length=64, blank=True)
    registered_by = models.CharField(max_length=42, blank=True)
    registered_at = models.DateTimeField()
    included_at = models.DateTimeField(null=True)
    inclusion_record = models.OneToOneField(Record, on_delete=models.PROTECT, null=True, related_name="+")
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, null=True, related_name="datasets")

    objects = DatasetQuerySet.as_manager()

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents one dataset under two names in one community
            models.UniqueConstraint(fields=["community", "digest"], name="dataset_once"),
            # prevents a dataset that counts as included without the vote that included it
            models.CheckConstraint(
                condition=Q(included_at__isnull=True) | Q(inclusion_record__isnull=False, proposal__isnull=False),
                name="included_means_voted",
            ),
            # prevents a suite that nothing can be measured on, and training on what only a suite can mean
            *(
                models.CheckConstraint(condition=~Q(role=role) | Q(kind__in=kinds), name=f"{role}_rows")
                for role, kinds in OF_ROLE.items()
            ),
        ]

    def __str__(self) -> str:
        """Return the title."""
        return self.title

    @property
    def clean(self) -> bool:
        """Whether no blocking scan found anything."""
        return all(scan["passed"] or not scan["blocks"] for scan in self.scans)

    @property
    def left_by(self) -> Record | None:
        """The record of the removal that left it where a contributor took rows back; a vote's removal includes it."""
        removal = self.made_by.filter(proposal__isnull=True, record__isnull=False).order_by("pk").first()
        return removal.record if removal else None
