"""Suites that are committed to and not shown, and their openings. Nothing of their rows is here, or anywhere before."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from governance.models import Community, Record
from models_registry.datasets.kinds import OF_ROLE
from models_registry.hidden_suites.commitment import name_of
from models_registry.models.datasets import Dataset


class HiddenSuiteQuerySet(models.QuerySet["HiddenSuite"]):
    """Named queries."""

    def closed(self) -> Self:
        """Return the suites that nobody has opened yet."""
        return self.filter(opened_at__isnull=True)

    def opened(self) -> Self:
        """Return the others: ordinary suites by now."""
        return self.filter(opened_at__isnull=False)


class HiddenSuite(models.Model):
    """A suite of which only this is known until its keeper opens it; `commitment` binds all of it and its rows.

    The rows are with the keeper alone. `opens_within_seconds`: so long they have, once a model is fixed.
    """

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="hidden_suites")
    commitment = models.CharField(max_length=64)
    title = models.CharField(max_length=200)
    kind = models.CharField(max_length=12)
    records = models.PositiveBigIntegerField()
    languages = models.JSONField()
    license = models.CharField(max_length=40)
    keeper = models.CharField(max_length=42)
    opens_within_seconds = models.PositiveIntegerField()
    committed_at = models.DateTimeField()
    record = models.OneToOneField(Record, on_delete=models.PROTECT, related_name="+")
    # what it turned out to be: a suite is hidden once
    opened_at = models.DateTimeField(null=True)
    dataset = models.OneToOneField(Dataset, on_delete=models.PROTECT, null=True, related_name="hidden_as")

    objects = HiddenSuiteQuerySet.as_manager()

    class Meta:
        """The newest first, and constraints."""

        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [
            # prevents one commitment counting twice
            models.UniqueConstraint(fields=["community", "commitment"], name="committed_once"),
            # prevents a suite that counts as opened and shows nothing, and one that is shown and counts as hidden
            models.CheckConstraint(
                condition=Q(opened_at__isnull=True, dataset__isnull=True)
                | Q(opened_at__isnull=False, dataset__isnull=False),
                name="opened_means_shown",
            ),
            # prevents a suite that nothing can be measured on
            models.CheckConstraint(
                condition=Q(kind__in=OF_ROLE["evaluation"], records__gte=1), name="hidden_suite_has_rows"
            ),
        ]

    def __str__(self) -> str:
        """Return the title."""
        return self.title

    @property
    def name(self) -> str:
        """How a rule names it."""
        return name_of(self.commitment)


class SuiteOpening(models.Model):
    """That a suite was opened for one run, whose model was fixed before. One moment may serve several runs."""

    suite = models.ForeignKey(HiddenSuite, on_delete=models.PROTECT, related_name="openings")
    run_record = models.ForeignKey(Record, on_delete=models.PROTECT, related_name="+")
    record = models.OneToOneField(Record, on_delete=models.PROTECT, related_name="+")

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents a suite being opened twice for one model
            models.UniqueConstraint(fields=["suite", "run_record"], name="opened_once_for_a_run"),
        ]

    def __str__(self) -> str:
        """Return what was opened."""
        return f"opening of {self.suite}"
