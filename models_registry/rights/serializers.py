"""What comes in and goes out as JSON for rights."""

from typing import Any

from rest_framework import serializers

from governance.serializers import StrictSerializer, StrictText
from models_registry.models import Removal
from models_registry.rights.lifecycle import Asked, Owed
from models_registry.rights.selectors import RequestRow, Warned
from models_registry.rights.sentences import warning_sentence


class StrictTexts(serializers.ListField):
    """A list of texts."""

    child = StrictText()


class AskInput(StrictSerializer):
    """What somebody asks to be taken out. `records` by digest or id; `source` by its name."""

    dataset = serializers.RegexField(r"^[0-9a-f]{64}$")
    scope = StrictText()
    reason = StrictText(max_length=4_000)
    records = StrictTexts(required=False, default=list, max_length=1_000)
    source = StrictText(required=False, allow_blank=True, default="")
    contact = StrictText(required=False, allow_blank=True, default="", max_length=400)


class DeclineInput(StrictSerializer):
    """Why a request is declined."""

    reason = StrictText(max_length=1_000)


class ForgetInput(StrictSerializer):
    """The salt of a request, by which whoever asked without signing in is known again."""

    salt = StrictText(required=False, allow_blank=True, default="", max_length=32)


class BlastInput(StrictSerializer):
    """What is searched for."""

    community = StrictText()
    by = StrictText()
    value = StrictText(max_length=500)


class RequestOutput(serializers.Serializer[RequestRow]):
    """A request as everybody may read it: never its text, nor how to reach whoever asked."""

    reference = serializers.CharField(source="request.reference")
    community = serializers.CharField(source="request.community.slug")
    dataset = serializers.CharField(source="request.dataset.digest")
    scope = serializers.CharField(source="request.scope")
    source = serializers.CharField(source="request.source")
    records = serializers.ListField(source="request.records", child=serializers.CharField())
    digest = serializers.CharField(source="request.digest")
    state = serializers.ChoiceField(choices=[str(state) for state in Asked])
    asked_at = serializers.DateTimeField(source="request.asked_at")
    due_at = serializers.DateTimeField(source="request.due_at")
    declined_reason = serializers.CharField(source="request.declined_reason")
    proposal = serializers.CharField(source="proposal.public_id", allow_null=True)


class AskedOutput(RequestOutput):
    """A request as whoever made it is told of it: with the salt by which they can show what they asked."""

    salt = serializers.CharField(source="request.salt")


class PrivateOutput(RequestOutput):
    """A request as stewards read it."""

    reason = serializers.CharField(source="request.reason")
    contact = serializers.CharField(source="request.contact")


class RemovalOutput(serializers.ModelSerializer[Removal]):
    """What was removed, by which vote or request, and what is left."""

    dataset = serializers.CharField(source="dataset.digest")
    successor = serializers.CharField(source="successor.digest", allow_null=True)
    proposal = serializers.CharField(source="proposal.public_id", allow_null=True)
    request = serializers.CharField(source="request.reference", allow_null=True)
    record = serializers.CharField(source="record_id", allow_null=True)

    class Meta:
        """Fields."""

        model = Removal
        fields = (
            "dataset",
            "records",
            "successor",
            "why",
            "follow_up",
            "follow_up_because",
            "due_at",
            "removed_at",
            "proposal",
            "request",
            "record",
        )


class LearntOutput(serializers.Serializer[Any]):
    """A release that learnt from what was asked for, and through which revisions."""

    release = serializers.CharField()
    model = serializers.CharField()
    version = serializers.IntegerField()
    revision = serializers.CharField()
    datasets = serializers.ListField(child=serializers.CharField())
    through = serializers.ListField(child=serializers.CharField())


class BlastOutput(serializers.Serializer[Any]):
    """Datasets that hold what was searched for, versions that learnt from them, and bases that no record explains."""

    by = serializers.CharField()
    value = serializers.CharField()
    datasets = serializers.SerializerMethodField()
    learnt = LearntOutput(source="blast.learnt", many=True)
    unexplained = serializers.ListField(source="blast.unexplained", child=serializers.CharField())

    def get_datasets(self, found: Any) -> list[str]:  # noqa: ANN401 - a Found
        """Return their digests."""
        return [dataset.digest for dataset in found.datasets]


class ShareOutput(serializers.Serializer[Any]):
    """What part of a run's rows somebody gave, exact; an empty address is nobody who is named."""

    contributor = serializers.CharField(allow_blank=True)
    numerator = serializers.IntegerField(source="part.numerator")
    denominator = serializers.IntegerField(source="part.denominator")


class CreditsOutput(serializers.Serializer[Any]):
    """The parameters of the power source `contribution_credits`: records given to datasets in force, by address."""

    credits = serializers.DictField(child=serializers.CharField())


class WarnedOutput(serializers.Serializer[Warned]):
    """A removal that a version learnt from, and whether what must follow is done."""

    dataset = serializers.CharField(source="removal.dataset.digest")
    removed_at = serializers.DateTimeField(source="removal.removed_at")
    follow_up = serializers.CharField(source="removal.follow_up")
    due_at = serializers.DateTimeField(source="removal.due_at", allow_null=True)
    state = serializers.ChoiceField(choices=[str(state) for state in Owed])
    sentence = serializers.SerializerMethodField()

    def get_sentence(self, warned: Warned) -> str:
        """Return it in one sentence."""
        return warning_sentence(warned)
