"""What comes in and goes out as JSON for reviews."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from governance.serializers.base import StrictInteger, StrictSerializer, StrictText
from models_registry.duties import tasks
from training_jobs.models import Attested
from training_jobs.reviews.asking import AskedOf
from training_jobs.reviews.selectors import Review, SampleRow


class MessageInput(StrictSerializer):
    """What a reviewer wants to attest."""

    rule = StrictText(help_text="The name of the rule that asks.")
    reviewer = StrictText()
    finding = StrictText(help_text="nothing_to_object, or objects")
    reason = StrictText(allow_blank=True, help_text="Needed for an objection.")


class AttestationInput(MessageInput):
    """What a reviewer signed: the values of the offered message, its time, and the signature."""

    at = StrictInteger(help_text="UNIX seconds, as in the message.")
    signature = StrictText()


class AttestedOutput(serializers.ModelSerializer[Attested]):
    """One attestation that was taken in."""

    class Meta:
        """Fields."""

        model = Attested
        fields = ("reviewer", "finding", "reason", "at", "signature", "filed_at")


class AskedReviewOutput(serializers.Serializer[AskedOf]):
    """What one rule asks of reviewers. Digests are those that the message names; times are UNIX seconds."""

    rule = serializers.CharField(source="slug")
    record = serializers.CharField(source="rule.pk", help_text="The digest of the rule's record.")
    binds = serializers.BooleanField(help_text="Whether breaking it rejects the result.")
    task = serializers.ChoiceField(choices=list(tasks.TASKS), source="duty.task")
    people = serializers.IntegerField(source="duty.people")
    samples = serializers.IntegerField(source="duty.samples")
    objections = serializers.IntegerField(source="duty.objections", help_text="How many of them it bears.")
    opened_at = serializers.IntegerField()
    closes_at = serializers.IntegerField(help_text="Nothing is taken in from then on.")
    candidate = serializers.CharField(source="what.candidate")
    report = serializers.CharField(source="what.report")
    drawn = serializers.CharField(source="what.drawn")
    samples_sha256 = serializers.CharField(source="what.samples_sha256")
    lines = serializers.ListField(
        child=serializers.IntegerField(), source="what.lines", help_text="Places of the drawn samples, from 0."
    )
    agreeing = serializers.IntegerField(source="said.agreeing")
    objecting = serializers.IntegerField(source="said.objecting")
    attested = AttestedOutput(many=True)


class ReviewOutput(serializers.Serializer[Review]):
    """The review of a run: open while its state is `reviewing`."""

    run = serializers.IntegerField(source="run.pk")
    state = serializers.SerializerMethodField()
    duties = AskedReviewOutput(many=True)

    @extend_schema_field(serializers.CharField())
    def get_state(self, review: Review) -> str:
        """Return the state of the run."""
        return str(review.state)


class SampleRowOutput(serializers.Serializer[SampleRow]):
    """One drawn sample. `place` is its line in the file, from 1."""

    place = serializers.IntegerField()
    language = serializers.CharField()
    given = serializers.CharField()
    expected = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()


class DrawnOutput(serializers.Serializer[Any]):
    """The samples that one rule asks reviewers to read."""

    rule = serializers.CharField()
    drawn = serializers.CharField()
    samples = SampleRowOutput(many=True)
