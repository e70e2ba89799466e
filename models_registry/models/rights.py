"""Requests to take data out, and removals: what was taken out, by which vote or rule, and what must follow."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from governance.models import Community, Proposal, Record
from models_registry.models.datasets import Dataset
from models_registry.rights.lifecycle import RequestFacts, Vote


class RemovalRequest(models.Model):
    """Somebody asked that records, a source or their own rows be taken out. `reason` and `contact` are private.

    `digest` is the SHA-256 of these two with `salt`, so that who asked can show what they asked. Contact and salt are
    erased in time (`models_registry.contacts`): without the salt nobody can guess the contact from the digest.
    `network` is a keyed hash that the next day forgets (`models_registry.networks`).
    """

    SCOPES: ClassVar = [("records", "records"), ("source", "source"), ("contributor", "contributor")]

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="removal_requests")
    reference = models.CharField(max_length=16, unique=True)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="removal_requests")
    scope = models.CharField(max_length=12, choices=SCOPES)
    records = models.JSONField(default=list)
    source = models.CharField(max_length=200, blank=True)
    requester = models.CharField(max_length=42, blank=True)
    contact = models.CharField(max_length=200, blank=True)
    contact_erased_at = models.DateTimeField(null=True)
    network = models.CharField(max_length=32, blank=True)
    reason = models.CharField(max_length=2_000)
    salt = models.CharField(max_length=32, blank=True)
    digest = models.CharField(max_length=64)
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    declined_at = models.DateTimeField(null=True)
    declined_by = models.CharField(max_length=42, blank=True)
    declined_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [
            # prevents a request that nobody could be told the answer of
            models.CheckConstraint(
                condition=~Q(requester="") | ~Q(contact="") | Q(contact_erased_at__isnull=False), name="somebody_asked"
            ),
            # prevents declining without a name and a reason
            models.CheckConstraint(
                condition=Q(declined_at__isnull=True) | ~Q(declined_by="") & ~Q(declined_reason=""),
                name="declined_means_explained",
            ),
        ]

    def __str__(self) -> str:
        """Return the reference."""
        return self.reference

    def facts(self, vote: Vote, *, removed: bool) -> RequestFacts:
        """Return what the state is computed from; `removed`: everything that it asks for was taken out."""
        return RequestFacts(self.due_at, self.declined_at, removed, vote)


class Removal(models.Model):
    """A dataset that no new run may train on: as a whole, or because of some records, without which there is another.

    `records` are leaf digests; None is the whole dataset. A vote made it (`proposal`), or the rule by which
    contributors take back their own (`request`); then it has a `record` only if a vote had included the dataset.
    """

    dataset = models.OneToOneField(Dataset, on_delete=models.PROTECT, related_name="removal")
    records = models.JSONField(null=True)
    successor = models.ForeignKey(Dataset, on_delete=models.PROTECT, null=True, related_name="made_by")
    why = models.CharField(max_length=500)
    follow_up = models.CharField(max_length=12)
    follow_up_because = models.CharField(max_length=500, blank=True)
    due_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField()
    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, null=True, related_name="removal")
    record = models.OneToOneField(Record, on_delete=models.PROTECT, null=True, related_name="+")
    request = models.ForeignKey(RemovalRequest, on_delete=models.PROTECT, null=True, related_name="removals")

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents a removal that neither a vote nor a request explains
            models.CheckConstraint(
                condition=Q(proposal__isnull=False, record__isnull=False)
                | Q(proposal__isnull=True, request__isnull=False),
                name="removed_means_voted_or_asked",
            ),
            # prevents work that must follow and is never due
            models.CheckConstraint(
                condition=Q(follow_up="none", due_at__isnull=True) & ~Q(follow_up_because="")
                | ~Q(follow_up="none") & Q(due_at__isnull=False),
                name="what_follows_is_due",
            ),
        ]

    def __str__(self) -> str:
        """Return the dataset."""
        return f"removal of {self.dataset}"

    def covers(self, request: RemovalRequest) -> bool:
        """Say whether it took out all that a request about this very dataset asks for."""
        if self.request_id == request.pk or self.records is None:
            return True
        return bool(request.records) and set(request.records) <= set(self.records)
