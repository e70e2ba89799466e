"""Sites of the compute commons: who offers what, which communities let it in, what was measured there, when it is busy.

Data, constraints and named queries only. Standing is computed by `sites.lifecycle` from the facts here and a clock;
`told` is no state but what the logs were last told, so that they are told once. Memory is in bytes, shares are in basis
points (10,000 = all).
"""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Max, Q

from governance.models import Community, Proposal
from training_jobs.sites import lifecycle

BPS = 10_000


class SiteQuerySet(models.QuerySet["Site"]):
    """Named queries."""

    def with_sight(self) -> Self:
        """Add when a machine of the site was last seen, in the same query."""
        seen = Max("runners__last_seen_at", filter=Q(runners__revoked_at__isnull=True))
        return self.annotate(machines_seen_at=seen)

    def present(self) -> Self:
        """Return those that have not left for good."""
        return self.filter(left_at__isnull=True)

    def serving(self, community: Community) -> Self:
        """Return those that a community has let in and not removed."""
        admitted = Admission.objects.in_force().filter(community=community)
        return self.filter(pk__in=admitted.values("site_id"))


class Site(models.Model):
    """A place with compute: what its operator says of it, what was measured there, and the facts of its life."""

    slug = models.SlugField(max_length=50, unique=True)
    name = models.CharField(max_length=120)
    operator = models.CharField(max_length=42, db_index=True)
    region = models.CharField(max_length=40)  # of the grid, as forecasts of carbon intensity name it
    country = models.CharField(max_length=2)  # ISO 3166-1 alpha-2

    # what its operator says
    device_kind = models.CharField(max_length=40)
    devices = models.PositiveIntegerField()
    memory_bytes = models.PositiveBigIntegerField()  # of each device
    currency = models.CharField(max_length=3, default="EUR")  # ISO 4217, of the money among the inputs; it stays
    # of the price, as `scheduling.prices.Inputs.to_body` writes them: each with its value, date and source
    inputs = models.JSONField()
    hours_max = models.PositiveIntegerField(default=0)  # longest run in hours; 0: no limit
    data_in = models.JSONField(null=True)  # kinds of data that may enter; null: any
    data_out = models.JSONField(null=True)  # kinds of data that may leave; null: any
    commons_share_bps = models.PositiveIntegerField(default=BPS)
    payout_address = models.CharField(max_length=42, blank=True)  # where its operator is paid on chain (EIP-55)

    # what the newest measurement of each machine that is attached adds up to, written with it
    devices_measured = models.PositiveIntegerField(default=0)
    memory_measured = models.PositiveBigIntegerField(default=0)  # of the smallest device
    speed_measured = models.PositiveBigIntegerField(default=0)  # tokens per second of the slowest device
    measured_at = models.DateTimeField(null=True)

    # facts of its life
    created_at = models.DateTimeField()
    last_seen_at = models.DateTimeField(null=True)  # what its operator sent; machines have a sight of their own
    drained_at = models.DateTimeField(null=True)
    left_at = models.DateTimeField(null=True)
    suspended_at = models.DateTimeField(null=True)
    suspended_by = models.CharField(max_length=42, blank=True)  # empty: the platform, after a check
    suspended_reason = models.TextField(blank=True)
    suspended_evidence = models.JSONField(default=dict)
    told = models.JSONField(default=dict)  # what the logs were last told that it offers

    objects = SiteQuerySet.as_manager()

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["slug"]
        constraints: ClassVar = [
            # prevents a share of more than all, and a site that gives nothing
            models.CheckConstraint(
                condition=Q(commons_share_bps__gte=1, commons_share_bps__lte=BPS, devices__gte=1),
                name="site_gives_a_share",
            ),
            # prevents a suspension that says nothing
            models.CheckConstraint(
                condition=Q(suspended_at__isnull=True) | ~Q(suspended_reason=""), name="suspension_has_a_reason"
            ),
            # prevents figures that nobody measured
            models.CheckConstraint(
                condition=Q(measured_at__isnull=False) | Q(devices_measured=0, memory_measured=0, speed_measured=0),
                name="measured_figures_were_measured",
            ),
        ]

    def __str__(self) -> str:
        """Return the name."""
        return self.name

    @property
    def seen_at(self) -> datetime | None:
        """When the site was last heard of: from its operator, or from a machine that is attached and not revoked."""
        if hasattr(self, "machines_seen_at"):
            machines: datetime | None = self.machines_seen_at
        else:
            machines = self.runners.filter(revoked_at__isnull=True).aggregate(seen=Max("last_seen_at"))["seen"]
        return max((moment for moment in (self.last_seen_at, machines) if moment is not None), default=None)

    @property
    def facts(self) -> lifecycle.Facts:
        """The facts that `lifecycle` computes a standing from."""
        return lifecycle.Facts(
            seen_at=self.seen_at,
            drained_at=self.drained_at,
            suspended_at=self.suspended_at,
            left_at=self.left_at,
        )

    def standing(self, now: datetime) -> lifecycle.Standing:
        """Return where it stands at `now`."""
        return lifecycle.standing(self.facts, now)


class AdmissionQuerySet(models.QuerySet["Admission"]):
    """Named queries."""

    def in_force(self) -> Self:
        """Return those that nobody has ended."""
        return self.filter(removed_at__isnull=True)


class Admission(models.Model):
    """A community lets a site in: by a vote (`proposal`) or by a steward's word. Ended the same two ways, or by it."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="admissions")
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="site_admissions")
    admitted_at = models.DateTimeField()
    admitted_by = models.CharField(max_length=42, blank=True)
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, null=True, related_name="+")
    reason = models.TextField(blank=True)
    removed_at = models.DateTimeField(null=True)
    removed_by = models.CharField(max_length=42, blank=True)  # a steward, or the operator of a site that left
    removal = models.ForeignKey(Proposal, on_delete=models.PROTECT, null=True, related_name="+")
    removed_reason = models.TextField(blank=True)

    objects = AdmissionQuerySet.as_manager()

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["-admitted_at", "-pk"]
        constraints: ClassVar = [
            # prevents a site being let in twice at once
            models.UniqueConstraint(
                fields=["site", "community"], condition=Q(removed_at__isnull=True), name="admitted_once_at_a_time"
            ),
            # prevents an admission that nobody answers for, and one that two do
            models.CheckConstraint(
                condition=Q(proposal__isnull=True) & ~Q(admitted_by="") | Q(proposal__isnull=False, admitted_by=""),
                name="admission_has_one_source",
            ),
            # prevents an end that nobody answers for, and traces of one that was not
            models.CheckConstraint(
                condition=Q(removed_at__isnull=True, removal__isnull=True, removed_by="")
                | Q(removed_at__isnull=False, removal__isnull=True) & ~Q(removed_by="")
                | Q(removed_at__isnull=False, removal__isnull=False, removed_by=""),
                name="removal_has_one_source",
            ),
        ]

    def __str__(self) -> str:
        """Return site and community."""
        return f"{self.site} in {self.community}"


class SiteStewards(models.Model):
    """Who admits, removes and suspends sites for a community between votes, as a vote named them; the newest counts."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="site_stewards")
    members = models.JSONField()  # [{"address", "name"}]; empty: the council in office
    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="+")
    named_at = models.DateTimeField()

    class Meta:
        """Newest first."""

        ordering: ClassVar = ["-named_at", "-pk"]
        verbose_name_plural = "site stewards"

    def __str__(self) -> str:
        """Return how many."""
        return f"{len(self.members)} stewards of sites"


class SiteMeasurement(models.Model):
    """What a machine of the site measured of itself: its devices, and the short reference benchmark on one of them."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="measurements")
    runner = models.ForeignKey("training_jobs.Runner", on_delete=models.PROTECT, related_name="measurements")
    measured_at = models.DateTimeField()
    device_kind = models.CharField(max_length=40)
    devices = models.PositiveIntegerField()
    memory_bytes = models.PositiveBigIntegerField()  # of the smallest device
    tokens_per_second = models.PositiveBigIntegerField()  # of one device: the median of `repeats`
    repeats = models.JSONField()  # tokens per second, one for each repeat
    software = models.CharField(max_length=64)  # digest of what it ran
    benchmark = models.PositiveSmallIntegerField()  # version of the workload: only equal ones can be compared

    class Meta:
        """Newest first, and what every figure must be."""

        ordering: ClassVar = ["-measured_at", "-pk"]
        constraints: ClassVar = [
            # prevents devices that do nothing
            models.CheckConstraint(condition=Q(devices__gte=1, tokens_per_second__gte=1), name="measured_something"),
        ]

    def __str__(self) -> str:
        """Return site and speed."""
        return f"{self.site}: {self.tokens_per_second} tokens/s"


class BusyQuerySet(models.QuerySet["Busy"]):
    """Named queries."""

    def between(self, since: datetime, until: datetime) -> Self:
        """Return those that overlap with [since, until)."""
        return self.filter(since__lt=until, until__gt=since)


class Busy(models.Model):
    """Devices of a site that are not to be had in [since, until): one occurrence of an event of its calendar."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="busy")
    uid = models.CharField(max_length=255)
    since = models.DateTimeField()
    until = models.DateTimeField()
    devices = models.PositiveIntegerField()
    summary = models.CharField(max_length=200, blank=True)
    noted_at = models.DateTimeField()  # when the site was told of it, as it stands here

    objects = BusyQuerySet.as_manager()

    class Meta:
        """Constraints and order."""

        ordering: ClassVar = ["since", "uid"]
        verbose_name_plural = "busy times"
        indexes: ClassVar = [models.Index(fields=["site", "until"], name="busy_of_site_until")]
        constraints: ClassVar = [
            # prevents one occurrence blocking twice
            models.UniqueConstraint(fields=["site", "uid", "since"], name="busy_once"),
            # prevents time that runs backwards
            models.CheckConstraint(condition=Q(until__gt=F("since")), name="busy_ends_after_it_begins"),
            # prevents an entry that blocks nothing
            models.CheckConstraint(condition=Q(devices__gte=1), name="busy_blocks_something"),
        ]

    def __str__(self) -> str:
        """Return site and beginning."""
        return f"{self.site} from {self.since:%Y-%m-%d %H:%M}"
