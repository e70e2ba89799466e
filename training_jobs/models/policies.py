"""How a community shares its computing: the policies that its votes adopted, and who counts as a newcomer.

Data, constraints and named queries only. Who may attest, how many must, and for how long it holds, a policy says.
"""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from governance.models import Community, Proposal


class ComputePolicy(models.Model):
    """A policy that a vote adopted; the newest counts, and before the first the defaults of `scheduling.values.Policy`.

    `body` holds every field of `Policy`, and `newcomers`: the rule by which one qualifies.
    """

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="compute_policies")
    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="+")
    body = models.JSONField()
    adopted_at = models.DateTimeField()

    class Meta:
        """Newest first."""

        ordering: ClassVar = ["-adopted_at", "-pk"]
        verbose_name_plural = "compute policies"

    def __str__(self) -> str:
        """Return its vote."""
        return f"policy of proposal {self.proposal_id}"


class PolicyReplay(models.Model):
    """The last months once more under a proposed policy, computed in a worker, for the page of the proposal.

    `of` is the digest of what is compared: a draft that changes, or another policy in force, is computed again.
    """

    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="policy_replay")
    of = models.CharField(max_length=64)
    ordered_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    rows = models.JSONField(default=list)  # [[name, before, after]]
    about = models.JSONField(default=dict)  # of which history: since, until, how much of what, and what is left out
    failure = models.CharField(max_length=60, blank=True)

    class Meta:
        """Oldest first: the order in which they are computed; and constraints."""

        ordering: ClassVar = ["ordered_at", "pk"]
        constraints: ClassVar = [
            # prevents figures of a replay that failed, or that nobody has computed
            models.CheckConstraint(
                condition=Q(rows=[]) | Q(finished_at__isnull=False, failure=""), name="replay_has_figures_at_its_end"
            ),
        ]

    def __str__(self) -> str:
        """Return its proposal."""
        return f"replay for proposal {self.proposal_id}"


class NewcomerAttestationQuerySet(models.QuerySet["NewcomerAttestation"]):
    """Named queries."""

    def standing(self, now: datetime) -> Self:
        """Return those that count at `now`."""
        return self.filter(expires_at__gt=now, withdrawn_at__isnull=True)


class NewcomerAttestation(models.Model):
    """A member says of another that they are new to computing: a student, an independent, a small organisation."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="newcomer_attestations")
    member = models.CharField(max_length=42)
    peer = models.CharField(max_length=42)
    kind = models.CharField(max_length=40)  # one of those that the rule names
    reason = models.CharField(max_length=500)
    attested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.CharField(max_length=42, blank=True)  # the peer, or the member themselves

    objects = NewcomerAttestationQuerySet.as_manager()

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["-attested_at", "-pk"]
        constraints: ClassVar = [
            # prevents a peer counting twice for one member
            models.UniqueConstraint(
                fields=["community", "member", "peer"],
                condition=Q(withdrawn_at__isnull=True),
                name="peer_attests_once_at_a_time",
            ),
            # prevents a word for oneself
            models.CheckConstraint(condition=~Q(member=models.F("peer")), name="nobody_attests_themselves"),
        ]

    def __str__(self) -> str:
        """Return both."""
        return f"{self.peer} for {self.member}"
