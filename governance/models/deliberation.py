"""What is said about a proposal before and while it is voted on: comments, what moderation did, drafts as they grew.

The community's log holds that something was written, hidden or erased, and by whom; texts stand only here, so that
they can be erased.
"""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce

from governance.models.proposals import Proposal
from governance.models.readers import Reader


class CommentQuerySet(models.QuerySet["Comment"]):
    """Named queries."""

    def in_order(self) -> Self:
        """Return them thread by thread, each in the order in which it was written."""
        return self.order_by("thread", "number")


class Comment(models.Model):
    """One thing that somebody said about a proposal. `number` counts within the proposal, and stays what it is.

    Who wrote it signed in with a wallet (`address`) or follows without one (`by_reader`; `name` is what they call
    themselves). `answers` is the comment that it answers, `thread` the one at the top.
    """

    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, related_name="comments", db_index=False)
    number = models.PositiveIntegerField()
    thread = models.PositiveIntegerField()
    answers = models.PositiveIntegerField(null=True)
    address = models.CharField(max_length=42, blank=True)
    by_reader = models.BooleanField(default=False)
    reader = models.ForeignKey(Reader, on_delete=models.SET_NULL, null=True, related_name="comments")
    name = models.CharField(max_length=60, blank=True)
    text = models.TextField(blank=True)
    written_at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)

    objects = CommentQuerySet.as_manager()

    class Meta:
        """The order of a page, what limits look at, and constraints."""

        indexes: ClassVar = [
            models.Index(fields=["proposal", "thread", "number"], name="comment_order"),
            models.Index(fields=["address", "-written_at"], name="comment_by_address"),
        ]
        constraints: ClassVar = [
            # prevents two comments answering to one address
            models.UniqueConstraint(fields=["proposal", "number"], name="comment_number_once"),
            # prevents a comment of nobody, and one of two people
            models.CheckConstraint(
                condition=Q(by_reader=True, address="") | Q(by_reader=False, reader__isnull=True) & ~Q(address=""),
                name="comment_has_one_author",
            ),
            # prevents that something is left of what was erased
            models.CheckConstraint(
                condition=Q(erased_at__isnull=True) | Q(text="", name=""), name="comment_erased_is_empty"
            ),
        ]

    def __str__(self) -> str:
        """Return the number."""
        return f"comment {self.number}"


class CommentVersion(models.Model):
    """What a comment said before it was edited, until when."""

    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    text = models.TextField(blank=True)
    until = models.DateTimeField()

    class Meta:
        """Order and constraints."""

        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            # prevents two versions with one number
            models.UniqueConstraint(fields=["comment", "number"], name="comment_version_once"),
        ]

    def __str__(self) -> str:
        """Return the number."""
        return str(self.number)


class CommentReport(models.Model):
    """Somebody says that a comment breaks a rule. Only moderators see who; settled when one of them has looked."""

    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="reports")
    address = models.CharField(max_length=42, blank=True)
    reader = models.ForeignKey(Reader, on_delete=models.CASCADE, null=True, related_name="comment_reports")
    rule = models.CharField(max_length=30)
    text = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    settled_by = models.CharField(max_length=42, blank=True)

    class Meta:
        """Order and constraints."""

        ordering: ClassVar = ["at", "pk"]
        constraints: ClassVar = [
            # prevent that one person is many
            models.UniqueConstraint(
                fields=["comment", "address"], condition=~Q(address=""), name="comment_reported_once"
            ),
            models.UniqueConstraint(
                fields=["comment", "reader"], condition=Q(reader__isnull=False), name="comment_reported_once_by_reader"
            ),
        ]

    def __str__(self) -> str:
        """Return the rule."""
        return self.rule


class CommentHiding(models.Model):
    """A moderator hid a comment, by which rule and why; its author may appeal once, and somebody else answers.

    `upheld` is the answer; a hiding that was not upheld, or that its moderator took back, is over (`lifted_at`).
    """

    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="hidings")
    rule = models.CharField(max_length=30)
    reason = models.CharField(max_length=500)
    by = models.CharField(max_length=42)
    at = models.DateTimeField()
    appeal = models.CharField(max_length=1000, blank=True)
    appealed_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=500, blank=True)
    answered_by = models.CharField(max_length=42, blank=True)
    answered_at = models.DateTimeField(null=True)
    upheld = models.BooleanField(null=True)
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        """The newest first, and constraints."""

        ordering: ClassVar = ["-at", "-pk"]
        constraints: ClassVar = [
            # prevents hiding what is hidden
            models.UniqueConstraint(
                fields=["comment"], condition=Q(lifted_at__isnull=True), name="comment_hidden_once"
            ),
            # prevents an answer to no appeal, and a moderator who judges what they did themselves
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True, upheld__isnull=True)
                | Q(appealed_at__isnull=False, upheld__isnull=False) & ~Q(answered_by=models.F("by")),
                name="appeal_answered_by_another",
            ),
            # prevents that a comment stays hidden against the answer
            models.CheckConstraint(
                condition=Q(upheld__isnull=True) | Q(upheld=True) | Q(lifted_at__isnull=False),
                name="not_upheld_is_over",
            ),
        ]

    def __str__(self) -> str:
        """Return the rule."""
        return self.rule


class DraftVersionQuerySet(models.QuerySet["DraftVersion"]):
    """Named queries."""

    def public(self) -> Self:
        """Return the versions that others than the authors could ever read: those since the draft was shown to anybody.

        That is the one which stood when it was shared or submitted, and all after it.
        """
        shown = self.annotate(shown_at=Coalesce("proposal__shared_at", "proposal__submitted_at"))
        later = DraftVersion.objects.filter(proposal=OuterRef("proposal"), number__gt=OuterRef("number"))
        return shown.filter(~Exists(later.filter(at__lte=OuterRef("shown_at"))), shown_at__isnull=False)


class DraftVersion(models.Model):
    """A draft as one of its authors left it."""

    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, related_name="draft_versions", db_index=False)
    number = models.PositiveIntegerField()
    editor = models.CharField(max_length=42)
    at = models.DateTimeField()
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    payload = models.JSONField(default=dict)

    objects = DraftVersionQuerySet.as_manager()

    class Meta:
        """Order and constraints."""

        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            # prevents two versions with one number
            models.UniqueConstraint(fields=["proposal", "number"], name="draft_version_once"),
        ]

    def __str__(self) -> str:
        """Return the number."""
        return str(self.number)


class CoAuthor(models.Model):
    """Somebody whom the author of a draft asked to write it together. Accepted, they may edit it until it is submitted.

    `ended_at`: they declined, left, or the author ended it.
    """

    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, related_name="co_authors", db_index=False)
    address = models.CharField(max_length=42, db_index=True)
    invited_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        """Order and constraints."""

        ordering: ClassVar = ["pk"]
        constraints: ClassVar = [
            # prevents inviting somebody twice
            models.UniqueConstraint(fields=["proposal", "address"], name="co_author_once"),
        ]

    def __str__(self) -> str:
        """Return the address."""
        return self.address
