"""Machines that members lend to their community, and the tokens by which those machines are known.

Data, constraints and named queries only. A token itself is never stored: its SHA-256 is, and 256 random bits cannot be
guessed back from it. What a runner did stands in the attempts of runs, under `Runner.lease_name`.
"""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from governance.models import Community


class RunnerQuerySet(models.QuerySet["Runner"]):
    """Named queries."""

    def at_work(self) -> Self:
        """Return the runners that nobody has revoked."""
        return self.filter(revoked_at__isnull=True)


class Runner(models.Model):
    """One machine of one member. `capabilities` is what it said of itself when it last said hello; nobody checks it."""

    is_authenticated = True  # what the API asks of whoever a request comes from

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="runners")
    owner = models.CharField(max_length=42)
    # where it stands, if its owner operates a site of the commons
    site = models.ForeignKey("training_jobs.Site", on_delete=models.PROTECT, null=True, related_name="runners")
    name = models.CharField(max_length=80)
    capabilities = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    last_seen_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = RunnerQuerySet.as_manager()

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            # prevents two machines that nobody can tell apart
            models.UniqueConstraint(
                fields=["community", "name"], condition=Q(revoked_at__isnull=True), name="runner_name_once"
            ),
        ]

    def __str__(self) -> str:
        """Return the name."""
        return self.name

    @property
    def address(self) -> str:
        """Whose machine it is: who stands in the audit log for what it is refused."""
        return str(self.owner)

    @property
    def lease_name(self) -> str:
        """The name under which it holds leases, and by which its attempts are found again."""
        return f"runner:{self.pk}"


class RunnerToken(models.Model):
    """What a runner shows to be let in: scopes, an end, and the digest of the secret."""

    runner = models.ForeignKey(Runner, on_delete=models.CASCADE, related_name="tokens")
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField()
    days = models.PositiveSmallIntegerField()  # for how long it was given, and for how long the next one will be
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        """Newest first."""

        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        """Return whose it is."""
        return f"token of {self.runner}"

    def holds(self, now: datetime) -> bool:
        """Say whether it lets anybody in at `now`."""
        return now < self.expires_at and self.runner.revoked_at is None
