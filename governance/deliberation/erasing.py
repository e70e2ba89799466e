"""Erasing what somebody said: the text and the name go, with every earlier version; that it was there stays visible."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from governance.models import Comment, CommentHiding, CommentReport, CommentVersion
from governance.services.events import note


def wipe(comments: "QuerySet[Comment]", now: datetime) -> int:
    """Erase these comments for good; return how many. Each leaves its place, and a line in the log without a name.

    What was appealed goes too: an appeal can repeat what was hidden. Safe to repeat.
    """
    rows = list(comments.filter(erased_at__isnull=True).select_related("proposal").order_by("pk"))
    with transaction.atomic():
        CommentVersion.objects.filter(comment__in=rows).delete()
        CommentHiding.objects.filter(comment__in=rows).update(appeal="")
        CommentReport.objects.filter(comment__in=rows).update(text="")
        Comment.objects.filter(pk__in=[row.pk for row in rows]).update(text="", name="", reader=None, erased_at=now)
        for row in rows:
            note("comment_erased", now, proposal=row.proposal, number=row.proposal.number, comment=row.number)
    return len(rows)
