"""Readers for the tests of notifications: by a wallet, by what they follow, with or without an e-mail address."""

from datetime import datetime

from governance.models import Community, Follow, LetterErrand, Notification, Proposal, Reader
from governance.notifications import planning
from governance.readers import accounts


def reader(
    now: datetime,
    *,
    address: str | None = None,
    email: str | None = None,
    language: str = "en",
) -> Reader:
    """Make a reader."""
    made = accounts.create(language, now, email=email)
    if address is not None:
        Reader.objects.filter(pk=made.pk).update(address=address)
        made.refresh_from_db()
    return made


def follow(who: Reader, community: Community, now: datetime, proposal: Proposal | None = None, model: str = "") -> None:
    """Let a reader follow a community, one of its decisions, or one of its models."""
    Follow.objects.create(reader=who, community=community, proposal=proposal, model_name=model, since=now)


def kinds(who: Reader) -> list[str]:
    """Return what a reader was told, as topic:kind, the oldest first."""
    lines = Notification.objects.filter(reader=who).select_related("announcement").order_by("pk")
    return [f"{line.announcement.topic}:{line.announcement.kind}" for line in lines]


def letters_of(who: Reader) -> list[str]:
    """Return the channels of the letters that a reader is to get or got, the oldest first."""
    return list(LetterErrand.objects.filter(reader=who).order_by("pk").values_list("channel", flat=True))


def plan(now: datetime, facts: planning.Ask = planning.nothing) -> int:
    """Do what the sweeper does."""
    return planning.plan(now, facts)
