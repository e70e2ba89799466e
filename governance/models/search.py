"""What can be found: one row for each thing with a page of its own, and how far each community's log has been read.

The rows are a copy, made again from the things themselves (`governance.search`); nothing rests on them. The database
keeps what it searches in beside them by itself: a full text table on SQLite, a vector with an index on PostgreSQL
(migration 0005).
"""

from typing import ClassVar

from django.db import models

from governance.models.communities import Community
from governance.models.proposals import Proposal


class SearchEntry(models.Model):
    """One thing that can be found. `kind` and `key` say which page it has; its address is the frontend's.

    `title` and `title_fr` are what readers see (`title_fr` is empty where there is one title for both languages),
    `text` what an extract is cut from. `title_words` and `text_words` are the same in both languages without accents
    and capitals: what is searched. `weight` is how much rather this kind is meant than others.
    """

    community = models.ForeignKey(Community, on_delete=models.CASCADE, related_name="search_entries", db_index=False)
    kind = models.CharField(max_length=20)
    key = models.CharField(max_length=140)
    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, null=True, related_name="+")
    title = models.CharField(max_length=300)
    title_fr = models.CharField(max_length=300, blank=True)
    text = models.TextField(blank=True)
    title_words = models.TextField()
    text_words = models.TextField(blank=True)
    weight = models.PositiveSmallIntegerField()
    at = models.DateTimeField()

    class Meta:
        """Constraints."""

        verbose_name_plural = "search entries"
        constraints: ClassVar = [
            # prevents finding one thing twice
            models.UniqueConstraint(fields=["community", "kind", "key"], name="found_once"),
        ]

    def __str__(self) -> str:
        """Return what it stands for."""
        return f"{self.kind} {self.key}"


class SearchCursor(models.Model):
    """How far the log of a community has been read for the index: the position that comes next."""

    community = models.OneToOneField(Community, on_delete=models.CASCADE, related_name="search_cursor")
    position = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        """Return the position."""
        return str(self.position)


class Visit(models.Model):
    """When a member was here: `at` last, and `before` the time before that, from which on things are new to them."""

    address = models.CharField(max_length=42, unique=True)
    at = models.DateTimeField()
    before = models.DateTimeField(null=True)

    def __str__(self) -> str:
        """Return who and when."""
        return f"{self.address} {self.at}"
