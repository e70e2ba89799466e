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
    """A preview with its state now. Evidence before a vote: its weights are deleted, and no release can rest on it.

    Its kind is `training` for the first steps of a model update, and `trial` for a dataset: two trainings, with it and
    without.
    """

    id = serializers.IntegerField(source="pk")
    proposal = serializers.CharField(source="proposal.public_id", help_text="Empty while it is a draft.")
    draft = serializers.IntegerField(source="proposal_id", help_text="The number of the draft that it was or is.")
    state = serializers.SerializerMethodField()
    current = serializers.SerializerMethodField(
        help_text="Whether the proposal is still what was previewed: a draft may have changed since."
    )
    attempts = serializers.IntegerField(source="fence")
    spec = serializers.DictField(help_text="The specification: of a trial, the one with the dataset in it.")
    plan = serializers.DictField(
        help_text="Of a trial: the dataset, and the model, recipe and rules that it was derived from. Otherwise empty."
    )
    explanation = serializers.SerializerMethodField()
    report = serializers.SerializerMethodField()

    class Meta:
        """Fields."""

        model = Preview
        fields = (
            "id",
            "proposal",
            "draft",
            "kind",
            "requested_by",
            "spec",
            "spec_digest",
            "plan",
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
        """Return what was measured; the SHA-256 of its canonical form is `report_digest`.

        Of a trial: `measured` and `verdicts` of the models `with` and `without` the dataset, each against the base;
        `difference` between the two; `attacks` with found triggers, and `findings`, one for each: `works` where it came
        with the dataset, `spreads` where random words bring the same about, or nothing.
        """
        return preview.report
