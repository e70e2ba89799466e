"""Mirrors: what is kept of communities of other sites, each in tables of its own, apart from those that live here.

Only what was verified is in them; what did not verify is named in `MirroredDocument.detail` or kept as evidence.
"""

from typing import ClassVar

from django.db import models


class Mirror(models.Model):
    """One community of another site, and how far it is followed. `slug` names the mirror here."""

    slug = models.SlugField(unique=True)
    address = models.CharField(max_length=300)
    community = models.SlugField()
    origin = models.CharField(max_length=400)  # of its log, as its checkpoints carry it
    public_key = models.CharField(max_length=64)
    key_was_given = models.BooleanField()  # by the operator; else it was taken as the site told it at first contact
    size = models.BigIntegerField(default=0)  # entries that are here
    began_at = models.DateTimeField()
    asked_at = models.DateTimeField(null=True)  # when the other site last answered
    stopped = models.CharField(max_length=40, blank=True)
    detail = models.CharField(max_length=600, blank=True)  # of why it stopped, or of the last thing that went wrong

    def __str__(self) -> str:
        """Return its name."""
        return self.slug


class MirroredCheckpoint(models.Model):
    """A checkpoint with a good signature. `forked`: the log that it is of is not the one that was followed."""

    mirror = models.ForeignKey(Mirror, on_delete=models.CASCADE, related_name="checkpoints", db_index=False)
    size = models.BigIntegerField()
    note = models.TextField()
    seen_at = models.DateTimeField()
    forked = models.BooleanField(default=False)

    class Meta:
        """Order and constraints."""

        ordering: ClassVar = ["-size", "-id"]
        constraints: ClassVar = [
            # prevents two statements about one size, but for those that prove a fork
            models.UniqueConstraint(
                fields=["mirror", "size"], condition=models.Q(forked=False), name="mirrored_checkpoint_once"
            ),
        ]

    def __str__(self) -> str:
        """Return the size."""
        return str(self.size)


class MirroredEntry(models.Model):
    """A leaf of the log, as it is hashed."""

    mirror = models.ForeignKey(Mirror, on_delete=models.CASCADE, related_name="entries", db_index=False)
    position = models.BigIntegerField()
    leaf = models.TextField()

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents two leaves at one place
            models.UniqueConstraint(fields=["mirror", "position"], name="mirrored_entry_once"),
        ]

    def __str__(self) -> str:
        """Return the position."""
        return str(self.position)


class MirroredNode(models.Model):
    """The hash of a complete subtree of the log, as `LogNode`."""

    mirror = models.ForeignKey(Mirror, on_delete=models.CASCADE, related_name="nodes", db_index=False)
    level = models.PositiveSmallIntegerField()
    index = models.BigIntegerField()
    hash = models.BinaryField(max_length=32)

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents two hashes for one subtree
            models.UniqueConstraint(fields=["mirror", "level", "index"], name="mirrored_node_once"),
        ]

    def __str__(self) -> str:
        """Return the address of the node."""
        return f"{self.level}/{self.index}"


class MirroredDocument(models.Model):
    """A record, or the manifest of a release, that the log leads to: named by the SHA-256 of its text.

    `place` is where a manifest lies below the site's address; empty for a record.
    """

    class State(models.TextChoices):
        """How far it is."""

        WANTED = "wanted"
        KEPT = "kept"
        ABSENT = "absent"  # the other site has none: many digests in a log name files, not records
        REFUSED = "refused"  # what came does not verify

    mirror = models.ForeignKey(Mirror, on_delete=models.CASCADE, related_name="documents", db_index=False)
    sha256 = models.CharField(max_length=64)
    place = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WANTED)
    text = models.TextField(blank=True)
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        """Indexes and constraints."""

        indexes: ClassVar = [models.Index(fields=["mirror", "state"])]
        constraints: ClassVar = [
            # prevents that one document is asked for twice
            models.UniqueConstraint(fields=["mirror", "sha256", "place"], name="mirrored_document_once"),
            # prevents that what did not verify is handed out
            models.CheckConstraint(condition=models.Q(state="kept") | models.Q(text=""), name="mirrored_text_if_kept"),
        ]

    def __str__(self) -> str:
        """Return a short digest."""
        return self.sha256[:12]
