"""Models that a community owns, their versions, and where these were published.

Which run made a version is said by records, not by a foreign key: training_jobs stands above this app.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from governance.models import Community, Proposal, Record


class Model(models.Model):
    """A model that a community owns; its versions are its history."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="models")
    namespace = models.SlugField()
    name = models.SlugField()
    title_en = models.CharField(max_length=120)
    title_fr = models.CharField(max_length=120)
    license = models.CharField(max_length=40)

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents two models answering to one hub address
            models.UniqueConstraint(fields=["namespace", "name"], name="model_address_once"),
        ]

    def __str__(self) -> str:
        """Return the hub address."""
        return f"{self.namespace}/{self.name}"


class Version(models.Model):
    """One published state of a model. Number 0 is the base that the community started from; it has no release.

    `files` is its listing, as `storage.listing` writes it: what lies in the storage under which name. What stops it
    (a withdrawal, a pause) is said by `withdrawals.py`; its files stay.
    """

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    revision = models.CharField(max_length=40, unique=True)
    manifest_sha256 = models.CharField(max_length=64)
    folder = models.CharField(max_length=300)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="children")
    evaluation_record = models.OneToOneField(Record, on_delete=models.PROTECT, null=True, related_name="+")
    release_record = models.OneToOneField(Record, on_delete=models.PROTECT, null=True, related_name="+")
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, null=True, related_name="versions")
    files = models.JSONField(default=list)
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_reason = models.CharField(max_length=500, blank=True)
    withdrawal = models.OneToOneField(Proposal, on_delete=models.PROTECT, null=True, related_name="withdrew")
    paused_by = models.CharField(max_length=42, blank=True)
    paused_reason = models.CharField(max_length=500, blank=True)
    paused_until = models.DateTimeField(null=True)
    # A pause by vote: until a time, or, where there is none, until another vote.
    held_at = models.DateTimeField(null=True)
    held_until = models.DateTimeField(null=True)
    held_reason = models.CharField(max_length=500, blank=True)
    held_by = models.ForeignKey(Proposal, on_delete=models.PROTECT, null=True, related_name="held_versions")
    # A vote went back to an earlier version: this one is handed out by its name only, and is not `main`.
    set_back_at = models.DateTimeField(null=True)
    set_back_reason = models.CharField(max_length=500, blank=True)
    set_back_by = models.ForeignKey(Proposal, on_delete=models.PROTECT, null=True, related_name="set_back")

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            # prevents two versions with one number
            models.UniqueConstraint(fields=["model", "number"], name="version_number_once"),
            # prevents a version above the base that no release record explains
            models.CheckConstraint(
                condition=Q(number=0) | Q(release_record__isnull=False, evaluation_record__isnull=False),
                name="a_version_has_a_release",
            ),
            # prevents a withdrawal that no vote explains
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(withdrawal__isnull=False), name="withdrawn_means_voted"
            ),
            # prevents a pause without a name and a reason
            models.CheckConstraint(
                condition=Q(paused_until__isnull=True) | ~Q(paused_by="") & ~Q(paused_reason=""),
                name="paused_means_explained",
            ),
            # prevents a pause by vote that no vote explains
            models.CheckConstraint(
                condition=Q(held_at__isnull=True, held_until__isnull=True)
                | Q(held_by__isnull=False) & ~Q(held_reason=""),
                name="held_means_voted",
            ),
            # prevents going back to an earlier version without a vote
            models.CheckConstraint(
                condition=Q(set_back_at__isnull=True) | Q(set_back_by__isnull=False) & ~Q(set_back_reason=""),
                name="set_back_means_voted",
            ),
        ]

    def __str__(self) -> str:
        """Return model and number."""
        return f"{self.model} v{self.number}"


class Publication(models.Model):
    """A version made available at a target, once per target."""

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="publications")
    target = models.CharField(max_length=40)
    location = models.CharField(max_length=500)
    revision = models.CharField(max_length=64)
    record = models.OneToOneField(Record, on_delete=models.PROTECT, related_name="+")
    published_at = models.DateTimeField()

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents publishing one version twice at one place
            models.UniqueConstraint(fields=["version", "target"], name="published_once_per_target"),
        ]

    def __str__(self) -> str:
        """Return the place."""
        return self.location
