"""What is kept of a community's Governor on its chain: how far it was read, what it said, whose proposals it has."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from governance.models.communities import Community
from governance.models.proposals import Proposal


class Contract(models.Model):
    """A Governor with its anchor and timelock, and the last block that was read.

    `halted` says why it is read no more: the chain took back something that was carried out already.
    """

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="contracts")
    governor = models.CharField(max_length=42)
    anchor = models.CharField(max_length=42)
    timelock = models.CharField(max_length=42)
    first_block = models.BigIntegerField()
    block_number = models.BigIntegerField()
    block_hash = models.CharField(max_length=66)
    block_time = models.BigIntegerField()
    read_at = models.DateTimeField(null=True)
    halted = models.CharField(max_length=300, blank=True)

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents reading one pair twice, which would carry out its decisions twice
            models.UniqueConstraint(fields=["community", "governor", "anchor"], name="contract_once"),
        ]

    def __str__(self) -> str:
        """Return the Governor's address."""
        return self.governor


class ContractMark(models.Model):
    """A block up to which a contract was read, by number and hash: where to go on after the chain took blocks back."""

    contract = models.ForeignKey(Contract, on_delete=models.CASCADE, related_name="marks", db_index=False)
    number = models.BigIntegerField()
    hash = models.CharField(max_length=66)
    time = models.BigIntegerField()

    class Meta:
        """The newest first, and constraints."""

        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            # prevents two hashes for one block
            models.UniqueConstraint(fields=["contract", "number"], name="contract_mark_once"),
        ]

    def __str__(self) -> str:
        """Return the number."""
        return str(self.number)


class ContractEvent(models.Model):
    """One event of a Governor, its timelock or its anchor. `proposal` is the Governor's id as decimal text.

    `taken`: what follows from it here was done, or nothing does.
    """

    contract = models.ForeignKey(Contract, on_delete=models.CASCADE, related_name="events", db_index=False)
    block_number = models.BigIntegerField()
    block_hash = models.CharField(max_length=66)
    block_time = models.BigIntegerField()
    transaction = models.CharField(max_length=66)
    position = models.BigIntegerField()
    kind = models.CharField(max_length=20)
    proposal = models.CharField(max_length=78, blank=True)
    data = models.JSONField()
    taken = models.BooleanField(default=False)

    class Meta:
        """In the order of the chain, what is to be done, and constraints."""

        ordering: ClassVar = ["block_number", "position"]
        indexes: ClassVar = [
            models.Index(fields=["contract", "proposal"], name="contract_events_of"),
            models.Index(
                fields=["contract", "block_number", "position"], condition=Q(taken=False), name="contract_events_due"
            ),
        ]
        constraints: ClassVar = [
            # prevents counting one event twice, however often a range is read
            models.UniqueConstraint(fields=["contract", "block_number", "position"], name="contract_event_once"),
        ]

    def __str__(self) -> str:
        """Return what it is and where."""
        return f"{self.kind} in block {self.block_number}"


class ContractProposal(models.Model):
    """A draft as it was offered to a Governor: the content that became of it is this one, whatever the draft says now.

    `approves` is the digest that the anchor is asked to approve; `number` the Governor's id, known beforehand;
    `refused` the reason why a proposal that stands on the chain was not taken up here.
    """

    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, related_name="offers")
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="proposals")
    approves = models.CharField(max_length=66, unique=True)
    number = models.CharField(max_length=78)
    operation = models.CharField(max_length=66)
    description = models.TextField()
    content = models.JSONField()
    offered_at = models.DateTimeField()
    refused = models.CharField(max_length=300, blank=True)

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents one proposal of a Governor standing for two drafts
            models.UniqueConstraint(fields=["contract", "number"], name="contract_proposal_once"),
        ]

    def __str__(self) -> str:
        """Return the digest."""
        return self.approves
