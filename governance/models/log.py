"""The log of each community: its events in order, the hashes of its tree, and the checkpoints that were signed."""

from typing import ClassVar

from django.db import models

from governance.models.communities import Community
from governance.models.proposals import Proposal


class Event(models.Model):
    """What happened, to what, by whom. Refusals are in it too.

    An event of a community has a place in the community's log: `leaf` is what is hashed, `position` where it stands.
    """

    # No indexes of their own: those below begin with them.
    community = models.ForeignKey(Community, on_delete=models.PROTECT, null=True, related_name="events", db_index=False)
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, null=True, related_name="events", db_index=False)
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    actor = models.CharField(max_length=64, blank=True)
    data = models.JSONField(default=dict)
    position = models.BigIntegerField(null=True)
    leaf = models.TextField(blank=True)

    class Meta:
        """Order, index and constraints."""

        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["kind", "-id"]), models.Index(fields=["proposal", "-id"])]
        constraints: ClassVar = [
            # prevents two events at one place of a log
            models.UniqueConstraint(fields=["community", "position"], name="log_position_once"),
        ]

    def __str__(self) -> str:
        """Return the kind."""
        return self.kind


class LogNode(models.Model):
    """The hash of a complete subtree of a community's log: `index` counts the nodes of one level from the left."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="log_nodes", db_index=False)
    level = models.PositiveSmallIntegerField()
    index = models.BigIntegerField()
    hash = models.BinaryField(max_length=32)

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents two hashes for one subtree
            models.UniqueConstraint(fields=["community", "level", "index"], name="log_node_once"),
        ]

    def __str__(self) -> str:
        """Return the address of the node."""
        return f"{self.level}/{self.index}"


class Checkpoint(models.Model):
    """A signed statement of the size and root of a community's log, as it was published."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="checkpoints")
    size = models.BigIntegerField()
    note = models.TextField()
    at = models.DateTimeField()

    class Meta:
        """Order and constraints."""

        ordering: ClassVar = ["-size"]
        constraints: ClassVar = [
            # prevents two statements about one size
            models.UniqueConstraint(fields=["community", "size"], name="checkpoint_once"),
        ]

    def __str__(self) -> str:
        """Return the size."""
        return str(self.size)
