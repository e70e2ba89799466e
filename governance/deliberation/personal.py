"""What somebody said in discussions, reported, and wrote with others: given, and erased."""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from governance.deliberation.erasing import wipe
from governance.models import CoAuthor, Comment, CommentHiding, CommentReport, DraftVersion
from governance.portability.person import Person, Stays, shown

LOGGED = "the log names who did it"


class Discussions:
    """Comments with what they said before, reports, invitations, and versions of drafts that others never read."""

    def held(self, person: Person) -> dict[str, Any]:
        """Return them."""
        said = _comments(person)
        return {
            "comments": [shown(row) for row in said],
            "comment_versions": [shown(row) for comment in said for row in comment.versions.all()],
            "comment_reports": [shown(row) for row in _reports(person)],
            "co_author_of": [shown(row) for row in _co_author(person)],
            "draft_versions": [shown(row) for row in _unseen(person)],
        }

    def erase(self, person: Person, now: datetime) -> dict[str, int]:
        """Erase texts and names; the places of comments stay. Reports and unanswered invitations go."""
        return {
            "comments": wipe(_comments(person), now),
            "comment reports": _reports(person).delete()[0],
            "invitations": _co_author(person).filter(accepted_at__isnull=True).delete()[0],
            "draft versions": _unseen(person).delete()[0],
        }

    def stays(self, person: Person) -> list[Stays]:
        """Return the places of comments, acts of moderation, and who wrote a proposal together."""
        at = person.address
        if not at:
            return []
        acts = CommentHiding.objects.filter(Q(by=at) | Q(answered_by=at))
        together = CoAuthor.objects.filter(address=at, accepted_at__isnull=False)
        versions = DraftVersion.objects.public().filter(editor=at)
        return [
            Stays("places of comments", Comment.objects.filter(address=at), "the page of the discussion", LOGGED),
            Stays("acts of moderation", acts, "the page of moderation", LOGGED),
            Stays("co-author", together, "the page of the proposal", LOGGED),
            Stays("draft versions", versions, "the page of versions", "it was shown to everybody as a part of a draft"),
        ]


def _comments(person: Person) -> "QuerySet[Comment]":
    by_address = Q(address=person.address) if person.address else Q(pk__in=())
    by_reader = Q(reader=person.reader) if person.reader is not None else Q(pk__in=())
    return Comment.objects.filter(by_address | by_reader, erased_at__isnull=True).order_by("pk")


def _reports(person: Person) -> "QuerySet[CommentReport]":
    by_address = Q(address=person.address) if person.address else Q(pk__in=())
    by_reader = Q(reader=person.reader) if person.reader is not None else Q(pk__in=())
    return CommentReport.objects.filter(by_address | by_reader).order_by("pk")


def _co_author(person: Person) -> "QuerySet[CoAuthor]":
    return CoAuthor.objects.filter(address=person.address) if person.address else CoAuthor.objects.none()


def _unseen(person: Person) -> "QuerySet[DraftVersion]":
    """Return the versions of their own drafts that nobody but the authors could ever read."""
    own = DraftVersion.objects.filter(proposal__author=person.address)
    unseen = own.exclude(pk__in=DraftVersion.objects.public().values("pk"))
    return unseen.order_by("pk") if person.address else unseen.none()
