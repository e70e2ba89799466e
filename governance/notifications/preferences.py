"""What readers want to be told, and how: one wish for each topic, communities that are muted, and no letters at all.

Only what differs from the table of topics is stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from governance.errors import Malformed
from governance.models import Community, Follow, MutedCommunity, Postbox, Preference
from governance.models.readers import Reader
from governance.notifications.topics import BY_KEY, DIGESTS, TOPICS, Channel, Topic


@dataclass(frozen=True)
class Wish:
    """One line of the matrix."""

    topic: Topic
    channel: Channel


@dataclass(frozen=True)
class Wishes:
    """All that a reader said about being told. `undeliverable` says that their mail server refuses the address."""

    topics: tuple[Wish, ...]
    communities: tuple[tuple[Community, bool], ...]
    stopped: bool
    undeliverable: bool
    has_email: bool


def wishes_of(reader: Reader) -> Wishes:
    """Return the matrix of a reader, and the communities that they could mute with whether they do."""
    said = dict(reader.preferences.values_list("topic", "channel"))
    postbox = Postbox.objects.filter(reader=reader).first()
    muted = set(reader.muted.values_list("community_id", flat=True))
    return Wishes(
        topics=tuple(Wish(topic, _channel(said.get(topic.key), topic)) for topic in TOPICS),
        communities=tuple((each, each.pk in muted) for each in Community.objects.order_by("pk")),
        stopped=postbox is not None and postbox.stopped_at is not None,
        undeliverable=postbox is not None
        and postbox.undeliverable_at is not None
        and postbox.email == (reader.email or ""),
        has_email=reader.email_confirmed_at is not None,
    )


def wish(reader: Reader, wanted: Mapping[str, str]) -> None:
    """Keep how the reader wants to hear of these topics; raise Malformed for a topic or channel that does not exist."""
    for key, channel in wanted.items():
        if key not in BY_KEY:
            raise Malformed("unknown_news_topic", "there is no such topic", field="topic", found=key)
        if channel not in set(Channel):
            allowed = [str(each) for each in Channel]
            raise Malformed("unknown_channel", "no such channel", field=key, found=channel, allowed=allowed)
    with transaction.atomic():
        for key, channel in wanted.items():
            if BY_KEY[key].default == channel:
                reader.preferences.filter(topic=key).delete()
            else:
                Preference.objects.update_or_create(reader=reader, topic=key, defaults={"channel": channel})


def mute(reader: Reader, community: Community, *, muted: bool) -> None:
    """Hear nothing of a community, or hear of it again."""
    if muted:
        MutedCommunity.objects.get_or_create(reader=reader, community=community)
    else:
        MutedCommunity.objects.filter(reader=reader, community=community).delete()


def stop_letters(reader: Reader, now: datetime, *, stopped: bool) -> None:
    """Send no letters at all, or send them again. The inbox goes on either way."""
    Postbox.objects.update_or_create(reader=reader, defaults={"stopped_at": now if stopped else None})


def try_again(reader: Reader) -> None:
    """Take an address for good again that was refused too often: its reader says that it works."""
    Postbox.objects.filter(reader=reader).update(bounces=0, undeliverable_at=None)


def unsubscribe(reader: Reader, scope: str, now: datetime) -> None:
    """End the letters of a topic, of a digest ("daily", "weekly"), or all of them ("all"). The inbox goes on.

    Safe to repeat. Raises Malformed for anything else.
    """
    if scope == "all":
        stop_letters(reader, now, stopped=True)
        return
    if scope in DIGESTS:
        wish(reader, {each.topic.key: Channel.INBOX for each in wishes_of(reader).topics if each.channel == scope})
        return
    if scope not in BY_KEY:
        raise Malformed("unknown_news_topic", "there is no such topic", field="scope", found=scope)
    said = reader.preferences.filter(topic=scope).values_list("channel", flat=True).first()
    if _channel(said, BY_KEY[scope]) is not Channel.OFF:
        wish(reader, {scope: Channel.INBOX})


def followed_communities(reader: Reader) -> list[int]:
    """Return the communities that a reader follows anything of."""
    return list(Follow.objects.filter(reader=reader).order_by().values_list("community_id", flat=True).distinct())


def _channel(said: str | None, topic: Topic) -> Channel:
    return Channel(said) if said in set(Channel) else topic.default
