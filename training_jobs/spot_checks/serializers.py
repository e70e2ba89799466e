"""What goes out as JSON for spot checks. Everything about one is public: its evidence is in the log."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from governance import clock
from training_jobs.models import Doubt, SpotCheck
from training_jobs.models.spot_checks import DOUBTS, OUTCOMES
from training_jobs.previews import lifecycle


class SpotCheckOutput(serializers.ModelSerializer[SpotCheck]):
    """A slice of the steps of a site, computed again by another machine. `outcome` is empty until it is over."""

    id = serializers.IntegerField(source="pk")
    site = serializers.CharField(source="slice.site.slug")
    run = serializers.IntegerField(source="slice.attempt.run_id")
    attempt = serializers.IntegerField(source="slice.attempt.number")
    first_step = serializers.IntegerField()
    last_step = serializers.IntegerField()
    start_digest = serializers.CharField(source="slice.start_digest", help_text="Empty: the base model.")
    end_digest = serializers.CharField(source="slice.end_digest")
    seed = serializers.CharField(source="slice.seed")
    log_size = serializers.IntegerField(
        source="slice.log_size", help_text="Drawn with the first root signed for a log of so many events or more."
    )
    state = serializers.SerializerMethodField()
    outcome = serializers.ChoiceField(choices=[*OUTCOMES, ""])
    report = serializers.SerializerMethodField()

    class Meta:
        """Fields."""

        model = SpotCheck
        fields = (
            "id",
            "site",
            "run",
            "attempt",
            "first_step",
            "last_step",
            "start_digest",
            "end_digest",
            "seed",
            "log_size",
            "number",
            "state",
            "ordered_at",
            "started_at",
            "finished_at",
            "outcome",
            "checker",
            "report",
        )

    @extend_schema_field(serializers.ChoiceField(choices=[str(state) for state in lifecycle.State]))
    def get_state(self, check: SpotCheck) -> str:
        """Compute the state."""
        return str(check.state(clock.now()))

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_report(self, check: SpotCheck) -> dict[str, Any]:
        """Return what was compared and wherein it differs; or why nothing was."""
        return dict(check.report)


class DoubtOutput(serializers.ModelSerializer[Doubt]):
    """Something that speaks against a site, noted once for an attempt."""

    doubt = serializers.ChoiceField(choices=list(DOUBTS), source="kind")
    run = serializers.IntegerField(source="attempt.run_id")
    attempt = serializers.IntegerField(source="attempt.number")
    evidence = serializers.SerializerMethodField()

    class Meta:
        """Fields."""

        model = Doubt
        fields = ("doubt", "run", "attempt", "at", "evidence")

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_evidence(self, doubt: Doubt) -> dict[str, Any]:
        """Return what was found."""
        return dict(doubt.evidence)
