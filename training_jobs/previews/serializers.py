"""What goes out as JSON for previews."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from governance import clock
from training_jobs.failures import failure
from training_jobs.models import Preview
from training_jobs.previews import lifecycle
from training_jobs.previews.selectors import is_current
from training_jobs.serializers import ExplanationOutput


class PreviewOutput(serializers.ModelSerializer[Preview]):
    """A preview with its state now. Evidence before a vote: its weights are deleted, and no release can rest on it."""

    id = serializers.IntegerField(source="pk")
    proposal = serializers.CharField(source="proposal.public_id", help_text="Empty while it is a draft.")
    draft = serializers.IntegerField(source="proposal_id", help_text="The number of the draft that it was or is.")
    state = serializers.SerializerMethodField()
    current = serializers.SerializerMethodField(
        help_text="Whether the proposal is still what was previewed: a draft may have changed since."
    )
    attempts = serializers.IntegerField(source="fence")
    explanation = serializers.SerializerMethodField()
    report = serializers.SerializerMethodField()

    class Meta:
        """Fields."""

        model = Preview
        fields = (
            "id",
            "proposal",
            "draft",
            "requested_by",
            "spec_digest",
            "current",
            "state",
            "created_at",
            "started_at",
            "finished_at",
            "failed_at",
            "failure",
            "failure_detail",
            "explanation",
            "step",
            "steps_max",
            "samples_max",
            "seconds_max",
            "attempts",
            "report",
            "report_digest",
            "removed_at",
        )

    @extend_schema_field(serializers.ChoiceField(choices=[str(state) for state in lifecycle.State]))
    def get_state(self, preview: Preview) -> str:
        """Compute the state."""
        return str(preview.state(clock.now()))

    def get_current(self, preview: Preview) -> bool:
        """Compare the digests."""
        return is_current(preview, preview.proposal)

    @extend_schema_field(ExplanationOutput(allow_null=True))
    def get_explanation(self, preview: Preview) -> dict[str, str] | None:
        """Say why it failed and what to do, if its code has words."""
        found = failure(preview.failure) if preview.failure else None
        return None if found is None else {"says": str(found.says), "suggestion": str(found.suggestion)}

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_report(self, preview: Preview) -> dict[str, Any] | None:
        """Return what was measured; the SHA-256 of its canonical form is `report_digest`."""
        return preview.report
