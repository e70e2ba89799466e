"""What goes out as JSON for inquiries. Answers to an incident's question go out only to who may read the incident."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from governance import clock
from training_jobs.failures import failure
from training_jobs.models import Inquiry
from training_jobs.models.inquiries import REASONS
from training_jobs.previews import lifecycle
from training_jobs.serializers import ExplanationOutput


class _InquiryOutput(serializers.ModelSerializer[Inquiry]):
    """What every inquiry says of itself."""

    id = serializers.IntegerField(source="pk")
    revision = serializers.CharField(source="version.revision")
    state = serializers.SerializerMethodField()
    because = serializers.ChoiceField(choices=list(REASONS))
    attempts = serializers.IntegerField(source="fence")
    explanation = serializers.SerializerMethodField()

    class Meta:
        """Fields."""

        model = Inquiry
        fields: tuple[str, ...] = (
            "id",
            "revision",
            "because",
            "asked_by",
            "state",
            "created_at",
            "started_at",
            "finished_at",
            "device_seconds",
            "seconds_max",
            "attempts",
            "failed_at",
            "failure",
            "explanation",
        )

    @extend_schema_field(serializers.ChoiceField(choices=[str(state) for state in lifecycle.State]))
    def get_state(self, inquiry: Inquiry) -> str:
        """Compute the state."""
        return str(inquiry.state(clock.now()))

    @extend_schema_field(ExplanationOutput(allow_null=True))
    def get_explanation(self, inquiry: Inquiry) -> dict[str, str] | None:
        """Say why it failed and what to do, if its code has words."""
        found = failure(inquiry.failure) if inquiry.failure else None
        return None if found is None else {"says": str(found.says), "suggestion": str(found.suggestion)}


class MeasurementOutput(_InquiryOutput):
    """A released version measured again. `record` names what was measured and judged; it never changes the release."""

    plan = serializers.SerializerMethodField()
    record = serializers.CharField(source="record_id", allow_null=True)
    measurement = serializers.SerializerMethodField()

    class Meta(_InquiryOutput.Meta):
        """Fields."""

        fields = (*_InquiryOutput.Meta.fields, "samples", "plan", "record", "measurement")

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_plan(self, inquiry: Inquiry) -> dict[str, Any]:
        """Return what is measured, by which rules it is judged, and which suites are fresh."""
        return dict(inquiry.plan)

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_measurement(self, inquiry: Inquiry) -> dict[str, Any] | None:
        """Return the body of the record: values with intervals, the verdict, and what got worse since the release."""
        return inquiry.record.body if inquiry.record else None


class ReproductionOutput(_InquiryOutput):
    """An incident's question, put by the site. `answers` is null for who may not read the incident."""

    incident = serializers.IntegerField(source="incident.number")
    answers = serializers.SerializerMethodField()

    class Meta(_InquiryOutput.Meta):
        """Fields."""

        fields = (*_InquiryOutput.Meta.fields, "incident", "answers", "answers_digest")

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_answers(self, inquiry: Inquiry) -> dict[str, Any] | None:
        """Return each answer with what it says, and how many say what; its canonical form has `answers_digest`."""
        return inquiry.answers if self.context.get("may_read") else None
