"""What comes in and goes out as JSON of discussions, of moderation, and of drafts that several people write."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from governance.deliberation.policy import NAME_MAX, RULES
from governance.deliberation.reading import Shown
from governance.serializers.base import StrictInteger, StrictSerializer, StrictText


class CommentInput(StrictSerializer):
    """A comment. `answers` is the number of another one; `name` is what a reader without a wallet is called."""

    text = StrictText(allow_blank=True)
    answers = StrictInteger(required=False, allow_null=True, default=None)
    name = StrictText(required=False, allow_blank=True, default="", max_length=4 * NAME_MAX)


class CommentEditInput(StrictSerializer):
    """What a comment says from now on."""

    text = StrictText(allow_blank=True)


class CommentReportInput(StrictSerializer):
    """The rule of the published policy, and what is to be said about it."""

    rule = StrictText(help_text=", ".join(RULES))
    text = StrictText(required=False, allow_blank=True, default="")


class CommentHideInput(StrictSerializer):
    """By which rule a comment is hidden, and the reason that everybody reads."""

    rule = StrictText(help_text=", ".join(RULES))
    reason = StrictText(allow_blank=True)


class CommentAppealInput(StrictSerializer):
    """Why a comment should be shown again."""

    text = StrictText(allow_blank=True)


class CommentJudgeInput(StrictSerializer):
    """The answer to an appeal: whether it stays hidden (`upheld`), and why."""

    upheld = serializers.BooleanField()
    answer = StrictText(allow_blank=True)


class CoAuthorInput(StrictSerializer):
    """Whom to ask."""

    address = StrictText()


class CoAuthorAnswerInput(StrictSerializer):
    """Whether an invitation is accepted; whoever has accepted leaves with false."""

    accept = serializers.BooleanField()


class HidingOutput(serializers.Serializer[Any]):
    """What a moderator did, the appeal, and its answer."""

    proposal = serializers.IntegerField(source="comment.proposal.number", help_text="its number in the community")
    comment = serializers.IntegerField(source="comment.number")
    rule = serializers.CharField()
    reason = serializers.CharField()
    by = serializers.CharField()
    at = serializers.DateTimeField()
    appeal = serializers.CharField(allow_blank=True)
    appealed_at = serializers.DateTimeField(allow_null=True)
    answer = serializers.CharField(allow_blank=True)
    answered_by = serializers.CharField(allow_blank=True)
    answered_at = serializers.DateTimeField(allow_null=True)
    upheld = serializers.BooleanField(allow_null=True)
    lifted_at = serializers.DateTimeField(allow_null=True)


class CommentOutput(serializers.Serializer[Shown]):
    """A comment as whoever asks may see it: the text of a hidden one goes to its author and to moderators."""

    number = serializers.IntegerField(source="comment.number")
    thread = serializers.IntegerField(source="comment.thread")
    answers = serializers.IntegerField(source="comment.answers", allow_null=True)
    state = serializers.CharField(help_text="visible, hidden, appealed, upheld or erased")
    author = serializers.CharField(source="comment.address", help_text="empty for a reader without a wallet")
    name = serializers.CharField(source="author_name", help_text="of a reader: as they call themselves, unchecked")
    role = serializers.CharField(help_text="author, co_author, moderator, reader, or empty")
    text = serializers.CharField(help_text="Markdown, as it was written")
    written_at = serializers.DateTimeField(source="comment.written_at")
    edited_at = serializers.DateTimeField(source="comment.edited_at", allow_null=True)
    erased_at = serializers.DateTimeField(source="comment.erased_at", allow_null=True)
    hiding = serializers.SerializerMethodField()

    @extend_schema_field(HidingOutput(allow_null=True))
    def get_hiding(self, shown: Shown) -> Any:  # noqa: ANN401 - JSON
        """Return by whom, when and why it is hidden."""
        if shown.hiding is None:
            return None
        shown.hiding.comment = shown.comment
        return HidingOutput(shown.hiding).data


class DiscussionOutput(serializers.Serializer[Any]):
    """One page of a discussion, thread by thread."""

    total = serializers.IntegerField()
    page = serializers.IntegerField(source="number")
    pages = serializers.IntegerField()
    comments = CommentOutput(many=True)


class PieceOutput(serializers.Serializer[Any]):
    """A piece of text: same, removed or added."""

    how = serializers.CharField()
    text = serializers.CharField()


class EarlierOutput(serializers.Serializer[Any]):
    """What a comment said until a moment, and what changed then."""

    number = serializers.IntegerField(source="version.number")
    text = serializers.CharField(source="version.text")
    until = serializers.DateTimeField(source="version.until")
    changes = PieceOutput(many=True)


class StoryOutput(serializers.Serializer[Any]):
    """One comment with what it said before."""

    comment = CommentOutput(source="shown")
    earlier = EarlierOutput(many=True)


class ModerationOutput(serializers.Serializer[Any]):
    """What moderators did, the newest first, and the policy by which they did it."""

    total = serializers.IntegerField()
    page = serializers.IntegerField(source="number")
    pages = serializers.IntegerField()
    rules = serializers.SerializerMethodField()
    moderators = serializers.SerializerMethodField()
    reports_open = serializers.IntegerField(help_text="comments that somebody reported and no moderator has settled")
    acts = serializers.SerializerMethodField()

    def get_rules(self, _acts: Any) -> list[str]:  # noqa: ANN401 - acts
        """Return the rules of the policy."""
        return list(RULES)

    def get_moderators(self, acts: Any) -> list[str]:  # noqa: ANN401 - acts
        """Return the addresses."""
        return [address for address, _name in acts.moderators]

    @extend_schema_field(HidingOutput(many=True))
    def get_acts(self, acts: Any) -> Any:  # noqa: ANN401 - JSON
        """Return this page of them."""
        return HidingOutput([row for row, _by, _answered in acts.rows], many=True).data


class CoAuthorOutput(serializers.Serializer[Any]):
    """Somebody who was asked to write a draft together."""

    address = serializers.CharField()
    invited_at = serializers.DateTimeField()
    accepted_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class DraftVersionOutput(serializers.Serializer[Any]):
    """A draft as one of its authors left it."""

    number = serializers.IntegerField()
    editor = serializers.CharField()
    at = serializers.DateTimeField()
    title = serializers.CharField()
    text = serializers.CharField()
    payload = serializers.DictField()


class DraftComparedOutput(serializers.Serializer[Any]):
    """What differs between two versions, word by word; empty where nothing does."""

    before = serializers.IntegerField(source="before.number")
    after = serializers.IntegerField(source="after.number")
    title = PieceOutput(many=True)
    text = PieceOutput(many=True)
    payload = PieceOutput(many=True)


class SimilarOutput(serializers.Serializer[Any]):
    """A proposal that says nearly the same, and the share of the weight of their words that both have."""

    number = serializers.IntegerField()
    title = serializers.CharField()
    shared_bps = serializers.IntegerField()
