"""What comes in and goes out as JSON for whoever is signed in, about themselves: inbox, wishes, what is kept."""

from typing import Any

from rest_framework import serializers

from governance.models import Notification
from governance.notifications.preferences import Wishes
from governance.portability.person import VERSION
from governance.serializers.base import AnyJson, StrictInteger, StrictObject, StrictSerializer, StrictText


class InboxLineOutput(serializers.Serializer[Any]):
    """One thing that the reader was told. `kind` is an event of the log, or a moment of a vote."""

    id = serializers.IntegerField(source="pk")
    topic = serializers.CharField(source="announcement.topic")
    kind = serializers.CharField(source="announcement.kind")
    at = serializers.DateTimeField()
    read_at = serializers.DateTimeField(allow_null=True)
    community = serializers.CharField(source="announcement.community.slug")
    proposal = serializers.SerializerMethodField()
    actor = serializers.CharField(source="announcement.actor", allow_blank=True)
    said = serializers.SerializerMethodField()

    def get_proposal(self, row: Notification) -> str:
        """Return the id that ballots sign, or nothing."""
        proposal = row.announcement.proposal
        return proposal.public_id if proposal is not None else ""

    def get_said(self, row: Notification) -> dict[str, Any]:
        """Return what the event says."""
        return dict(row.announcement.said)


class InboxOutput(serializers.Serializer[Any]):
    """One page of an inbox: what is unread first. `unread` is counted up to 100."""

    page = serializers.IntegerField(source="number")
    pages = serializers.IntegerField()
    total = serializers.IntegerField()
    unread = serializers.IntegerField()
    lines = InboxLineOutput(many=True)


class InboxReadInput(StrictSerializer):
    """Mark read: one line (`id`), or all up to the line `newest`."""

    id = StrictInteger(required=False, min_value=1, max_value=2**63 - 1)
    newest = StrictInteger(required=False, min_value=1, max_value=2**63 - 1)


class InboxReadOutput(serializers.Serializer[Any]):
    """How many lines are unread now, counted up to 100."""

    unread = serializers.IntegerField()


class WishOutput(serializers.Serializer[Any]):
    """How one topic is heard of, and how it would be if nothing were said."""

    topic = serializers.CharField(source="topic.key")
    channel = serializers.CharField()
    default = serializers.CharField(source="topic.default")


class WishesOutput(serializers.Serializer[Any]):
    """All that a reader said about being told."""

    topics = WishOutput(many=True)
    muted = serializers.SerializerMethodField()
    letters_stopped = serializers.BooleanField(source="stopped")
    email_refused = serializers.BooleanField(source="undeliverable")
    has_email = serializers.BooleanField()

    def get_muted(self, wishes: Wishes) -> list[str]:
        """Return the communities that are muted, by slug."""
        return [community.slug for community, is_muted in wishes.communities if is_muted]


class WishesInput(StrictSerializer):
    """What changes: topics with their channel, whole list of muted communities by slug, letters or none."""

    topics = StrictObject(required=False)
    muted = serializers.ListField(child=StrictText(max_length=64), required=False, max_length=1_000)
    letters_stopped = serializers.BooleanField(required=False)


class StaysOutput(serializers.Serializer[Any]):
    """What stays of somebody who erases what is private: how much, where others see it, and why."""

    what = serializers.CharField()
    where = serializers.CharField(allow_blank=True)
    why = serializers.CharField()
    rows = serializers.IntegerField()


class KeptRowsOutput(serializers.Serializer[Any]):
    """The same with the rows themselves."""

    what = serializers.CharField()
    where = serializers.CharField(allow_blank=True)
    why = serializers.CharField()
    rows = serializers.ListField(child=serializers.DictField())


class MyDataOutput(serializers.Serializer[Any]):
    """Everything that is kept about whoever is signed in, as `manage.py export_person` prints it."""

    version = serializers.IntegerField(help_text=f"{VERSION}")
    address = serializers.CharField(allow_blank=True)
    email = serializers.CharField(allow_blank=True)
    made_at = serializers.CharField()
    private = serializers.DictField(child=AnyJson(), help_text="by who keeps it")
    stays = KeptRowsOutput(many=True)


class EraseInput(StrictSerializer):
    """The word that it is meant: `confirm` is "erase"."""

    confirm = StrictText()


class ErasedOutput(serializers.Serializer[Any]):
    """How many rows went, by who kept them, and what stays."""

    version = serializers.IntegerField()
    erased = serializers.DictField(child=AnyJson())
    stays = StaysOutput(many=True)
    elsewhere = serializers.CharField()
