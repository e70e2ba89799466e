"""What people reported about released versions, and the stewards whom a vote has named to answer."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from governance.models import Community, Proposal
from models_registry.incidents import lifecycle
from models_registry.models.datasets import Dataset
from models_registry.models.versions import Version

_SEVERITIES = [(name, name) for name in lifecycle.SEVERITIES]


class Incident(models.Model):
    """A harm that somebody reports about a version, with what to ask it. `incidents.lifecycle` computes its state.

    `digest` is that of what was reported, which the log has too; `contact` is for the stewards alone, and erased in
    time (`models_registry.contacts`). `network` is a keyed hash that the next day forgets (`models_registry.networks`).
    The texts are public from the triage on, unless they are withheld with a public reason.
    """

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="incidents")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="incidents")
    number = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    category = models.CharField(max_length=40)
    claimed_severity = models.CharField(max_length=12, choices=_SEVERITIES)
    prompt = models.TextField()
    expected = models.TextField()
    seen = models.TextField(blank=True)
    contact = models.CharField(max_length=200, blank=True)
    contact_erased_at = models.DateTimeField(null=True)
    network = models.CharField(max_length=32, blank=True)
    reporter = models.CharField(max_length=42, blank=True)
    reported_at = models.DateTimeField()

    triaged_at = models.DateTimeField(null=True)
    triaged_by = models.CharField(max_length=42, blank=True)
    severity = models.CharField(max_length=12, choices=_SEVERITIES, blank=True)
    triage_reason = models.CharField(max_length=1_000, blank=True)

    outcome = models.CharField(max_length=20, blank=True)
    answered_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=42, blank=True)
    answer = models.CharField(max_length=2_000, blank=True)
    reproduced = models.TextField(blank=True)
    duplicate_of = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="duplicates")

    withheld_at = models.DateTimeField(null=True)
    withheld_reason = models.CharField(max_length=1_000, blank=True)
    paused_at = models.DateTimeField(null=True)
    case = models.ForeignKey(Dataset, on_delete=models.PROTECT, null=True, related_name="incidents")
    case_proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, null=True, related_name="incident_cases")

    class Meta:
        """The newest first, and constraints."""

        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            # prevents two incidents answering to one address
            models.UniqueConstraint(fields=["community", "number"], name="incident_number_once"),
            # prevents the same report of the same version being listed twice
            models.UniqueConstraint(fields=["version", "digest"], name="reported_once"),
            # prevents a triage that nobody answers for
            models.CheckConstraint(
                condition=Q(triaged_at__isnull=True, severity="")
                | Q(triaged_at__isnull=False) & ~Q(severity="") & ~Q(triaged_by="") & ~Q(triage_reason=""),
                name="triaged_means_explained",
            ),
            # prevents an outcome without a triage, a name and a reason
            models.CheckConstraint(
                condition=Q(outcome="", answered_at__isnull=True)
                | Q(outcome__in=[str(each) for each in lifecycle.OUTCOMES], triaged_at__isnull=False)
                & Q(answered_at__isnull=False)
                & ~Q(answered_by="")
                & ~Q(answer=""),
                name="answered_means_explained",
            ),
            # prevents a duplicate of nothing
            models.CheckConstraint(
                condition=Q(outcome="duplicate", duplicate_of__isnull=False)
                | ~Q(outcome="duplicate") & Q(duplicate_of__isnull=True),
                name="a_duplicate_names_the_other",
            ),
            # prevents withholding without a reason that everybody can read
            models.CheckConstraint(
                condition=Q(withheld_at__isnull=True, withheld_reason="")
                | Q(withheld_at__isnull=False) & ~Q(withheld_reason=""),
                name="withheld_means_explained",
            ),
        ]

    def __str__(self) -> str:
        """Return the number and what it is about."""
        return f"incident {self.number} of {self.version}"

    @property
    def facts(self) -> lifecycle.Facts:
        """The facts that `lifecycle` computes a state from."""
        return lifecycle.Facts(self.reported_at, self.severity or self.claimed_severity, self.triaged_at, self.outcome)

    @property
    def state(self) -> lifecycle.State:
        """The state, which no clock changes."""
        return lifecycle.state(self.facts)

    @property
    def readable(self) -> bool:
        """Whether everybody may read what was reported: once triaged, unless it is withheld."""
        return self.triaged_at is not None and self.withheld_at is None


class WaitingReport(models.Model):
    """A report of somebody who did not sign in, on a day that had brought as many as stewards are asked to read.

    `told` is what the form asks. It becomes an incident when there is room again (`incidents.waiting`); until then it
    is for the stewards alone, who take it in sooner or turn it away.
    """

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="waiting_reports")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64)
    told = models.JSONField()
    network = models.CharField(max_length=32, blank=True)
    came_at = models.DateTimeField()

    class Meta:
        """The first that came first, and constraints."""

        ordering: ClassVar = ["came_at", "pk"]
        constraints: ClassVar = [
            # prevents the same report waiting twice
            models.UniqueConstraint(fields=["version", "digest"], name="waiting_once"),
        ]

    def __str__(self) -> str:
        """Return what it is about."""
        return f"a report about {self.version}"


class IncidentStewards(models.Model):
    """Who answers incidents since a vote; the newest are in office. With no members it is the council again."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="incident_stewards")
    members = models.JSONField()
    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="incident_stewards")
    named_at = models.DateTimeField()

    class Meta:
        """The newest first."""

        verbose_name_plural = "incident stewards"
        ordering: ClassVar = ["-named_at", "-pk"]

    def __str__(self) -> str:
        """Return how many they are."""
        return f"{len(self.members)} stewards"
