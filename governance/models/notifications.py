"""What readers want to be told, what they were told, and the letters that tell them.

An announcement is one thing that is told under one topic; a notification is its line in one reader's inbox. Both are
forgotten in time: the log is what lasts.
"""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from governance.models.communities import Community
from governance.models.proposals import Proposal
from governance.models.readers import Reader


class NewsCursor(models.Model):
    """How far a community's log was read for what is to be told: the next place. Whoever tells holds this row."""

    community = models.OneToOneField(Community, on_delete=models.CASCADE, primary_key=True, related_name="+")
    position = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        """Return the place."""
        return str(self.position)


class Announcement(models.Model):
    """One thing to be told under one topic, and how far along the readers it was told (`reader_cursor`).

    `what` names the thing: a place of the log, or a moment of a decision. `kind` is the event's or the moment's.
    `people` are the addresses that it asks or touches, by concern; `said` is what the words need, and nothing secret.
    """

    community = models.ForeignKey(Community, on_delete=models.CASCADE, related_name="announcements", db_index=False)
    what = models.CharField(max_length=60)
    topic = models.CharField(max_length=40)
    kind = models.CharField(max_length=40)
    at = models.DateTimeField()
    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, null=True, related_name="+")
    actor = models.CharField(max_length=64, blank=True)
    model = models.CharField(max_length=110, blank=True)
    people = models.JSONField(default=dict)
    said = models.JSONField(default=dict)
    reader_cursor = models.BigIntegerField(default=0)
    done_at = models.DateTimeField(null=True)

    class Meta:
        """The index of what is still to be told, and constraints."""

        indexes: ClassVar = [
            models.Index(fields=["community", "id"], condition=Q(done_at__isnull=True), name="to_be_told"),
        ]
        constraints: ClassVar = [
            # prevents announcing a thing twice under one topic
            models.UniqueConstraint(fields=["community", "what", "topic"], name="announced_once"),
        ]

    def __str__(self) -> str:
        """Return the kind."""
        return self.kind


class NotificationQuerySet(models.QuerySet["Notification"]):
    """Named queries."""

    def unread(self) -> Self:
        """Return what was not read yet."""
        return self.filter(read_at__isnull=True)


class Notification(models.Model):
    """One line in the inbox of one reader. `lettered_at` is when a letter said it, or when it became too late to."""

    reader = models.ForeignKey(Reader, on_delete=models.CASCADE, related_name="notifications", db_index=False)
    announcement = models.ForeignKey(Announcement, on_delete=models.CASCADE, related_name="notifications")
    key = models.CharField(max_length=90)
    channel = models.CharField(max_length=8)
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    lettered_at = models.DateTimeField(null=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        """Order, the indexes of the inbox and of the count beside the bell, and constraints."""

        ordering: ClassVar = ["-at", "-pk"]
        indexes: ClassVar = [
            models.Index(fields=["reader", "-at"], name="inbox_order"),
            models.Index(fields=["reader"], condition=Q(read_at__isnull=True), name="inbox_unread"),
            models.Index(fields=["read_at"], name="inbox_forgetting"),
        ]
        constraints: ClassVar = [
            # prevents telling one reader the same thing twice, under whatever topics
            models.UniqueConstraint(fields=["reader", "key"], name="told_once"),
        ]

    def __str__(self) -> str:
        """Return the key."""
        return self.key


class LetterErrand(models.Model):
    """One letter to one reader, until it is sent, dropped or given up; `announcement` is null for a digest.

    Whoever works on it has a lease with a fencing number. `handed_at` is set before a mail server is spoken to, and
    taken back when that server has answered with an error: still set when the next one comes, nobody knows whether the
    letter went out. `ended_as` is "sent", "dropped" (nothing was left to say) or "failed".
    """

    reader = models.ForeignKey(Reader, on_delete=models.CASCADE, related_name="letters", db_index=False)
    key = models.CharField(max_length=90)
    channel = models.CharField(max_length=8)
    announcement = models.ForeignKey(Announcement, on_delete=models.CASCADE, null=True, related_name="+")
    next_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True)
    handed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_as = models.CharField(max_length=8, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_detail = models.CharField(max_length=500, blank=True)

    class Meta:
        """The index of what is due, and constraints."""

        indexes: ClassVar = [
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="letters_due"),
            models.Index(fields=["ended_at"], name="letters_over"),
        ]
        constraints: ClassVar = [
            # prevents two letters for one thing, and two digests of one day or week
            models.UniqueConstraint(fields=["reader", "key"], name="letter_once"),
            # prevents a letter that is over and still due
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_as="", next_at__isnull=False)
                | Q(ended_at__isnull=False, next_at__isnull=True) & ~Q(ended_as=""),
                name="letter_ends_once",
            ),
        ]

    def __str__(self) -> str:
        """Return the key."""
        return self.key


class Preference(models.Model):
    """How one reader wants to hear of one topic, where that differs from the table of topics."""

    reader = models.ForeignKey(Reader, on_delete=models.CASCADE, related_name="preferences", db_index=False)
    topic = models.CharField(max_length=40)
    channel = models.CharField(max_length=8)

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents two wishes for one topic
            models.UniqueConstraint(fields=["reader", "topic"], name="preference_once"),
        ]

    def __str__(self) -> str:
        """Return topic and channel."""
        return f"{self.topic}: {self.channel}"


class MutedCommunity(models.Model):
    """A reader wants to hear nothing of one community."""

    reader = models.ForeignKey(Reader, on_delete=models.CASCADE, related_name="muted", db_index=False)
    community = models.ForeignKey(Community, on_delete=models.CASCADE, related_name="+")

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents muting twice
            models.UniqueConstraint(fields=["reader", "community"], name="muted_once"),
        ]

    def __str__(self) -> str:
        """Return the community."""
        return str(self.community_id)


class Postbox(models.Model):
    """Whether letters reach a reader: stopped by their own wish, or their mail server refuses the address.

    `email` is the address that `bounces` (refusals in a row) and `undeliverable_at` are about: with another one the
    count begins anew.
    """

    reader = models.OneToOneField(Reader, on_delete=models.CASCADE, primary_key=True, related_name="postbox")
    stopped_at = models.DateTimeField(null=True)
    email = models.CharField(max_length=254, blank=True)
    bounces = models.PositiveSmallIntegerField(default=0)
    undeliverable_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        """Return the reader."""
        return str(self.reader_id)
