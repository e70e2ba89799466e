"""Calls for another vote: what the site's watch found, and the proposal that members may make of it."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from governance.models import Community, Proposal
from models_registry.models.versions import Version

# What a call is for: a version that breaks a rule of today or measures worse, a rule that is about to end.
RELEASE, SUNSET = "release", "sunset"
CAUSES = (RELEASE, SUNSET)


class CallQuerySet(models.QuerySet["Call"]):
    """Named queries."""

    def open(self) -> Self:
        """Return the calls whose cause lasts."""
        return self.filter(closed_at__isnull=True)


class Call(models.Model):
    """A draft that nobody has written yet: its kind and payload, and why. Nothing is voted on before a member takes it.

    `subject` is the revision of the version, or the digest of the rule's record; `facts` is what was found, from which
    `calls.words` makes title and text. `proposal` is the newest draft that somebody took up.
    """

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="calls")
    cause = models.CharField(max_length=12, choices=[(name, name) for name in CAUSES])
    subject = models.CharField(max_length=64)
    version = models.ForeignKey(Version, on_delete=models.PROTECT, null=True, related_name="calls")
    kind = models.CharField(max_length=40)
    payload = models.JSONField()
    facts = models.JSONField()
    opened_at = models.DateTimeField()

    taken_up_by = models.CharField(max_length=42, blank=True)
    taken_up_at = models.DateTimeField(null=True)
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, null=True, related_name="calls")

    closed_at = models.DateTimeField(null=True)
    closed_because = models.CharField(max_length=20, blank=True)

    objects = CallQuerySet.as_manager()

    class Meta:
        """The newest first, and constraints."""

        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            # prevents a second call for a cause that has one
            models.UniqueConstraint(
                fields=["community", "cause", "subject"], condition=Q(closed_at__isnull=True), name="called_once"
            ),
            # prevents a draft that came of a call without the member who made it
            models.CheckConstraint(
                condition=Q(proposal__isnull=True, taken_up_at__isnull=True, taken_up_by="")
                | Q(proposal__isnull=False, taken_up_at__isnull=False) & ~Q(taken_up_by=""),
                name="taken_up_by_somebody",
            ),
            # prevents a call that ends without saying why
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, closed_because="")
                | Q(closed_at__isnull=False) & ~Q(closed_because=""),
                name="closed_means_explained",
            ),
        ]

    def __str__(self) -> str:
        """Return the cause and what it is about."""
        return f"{self.cause} {self.subject[:12]}"
