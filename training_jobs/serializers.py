"""What goes out as JSON for runs."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from governance.clock import now as clock
from training_jobs.models import Attempt, Run, RunEvent


class AttemptOutput(serializers.ModelSerializer[Attempt]):
    """One worker's try."""

    class Meta:
        """Fields."""

        model = Attempt
        fields = ("number", "owner", "started_at", "ended_at", "outcome", "detail")


class RunOutput(serializers.ModelSerializer[Run]):
    """A run with its state now."""

    id = serializers.IntegerField(source="pk")
    community = serializers.CharField(source="community.slug")
    proposal = serializers.CharField(source="proposal.public_id")
    model = serializers.CharField(source="model.__str__")
    state = serializers.SerializerMethodField()
    spec = serializers.SerializerMethodField()
    evaluation = serializers.SerializerMethodField()
    release = serializers.CharField(source="version.revision", default=None, allow_null=True)
    attempts = AttemptOutput(many=True)

    class Meta:
        """Fields."""

        model = Run
        fields = (
            "id",
            "community",
            "proposal",
            "model",
            "state",
            "created_at",
            "trained_at",
            "judged_at",
            "verdict",
            "failure",
            "failure_detail",
            "retry_at",
            "canceled_at",
            "spec",
            "evaluation",
            "release",
            "attempts",
        )

    def get_state(self, run: Run) -> str:
        """Compute the state."""
        return str(run.state(clock()))

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_spec(self, run: Run) -> dict[str, Any]:
        """Return the approved specification."""
        return run.spec_record.body

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_evaluation(self, run: Run) -> dict[str, Any] | None:
        """Return what was measured and judged."""
        return run.evaluation_record.body if run.evaluation_record else None


class RunEventOutput(serializers.ModelSerializer[RunEvent]):
    """One line of what a run streams."""

    class Meta:
        """Fields."""

        model = RunEvent
        fields = ("id", "attempt", "at", "kind", "data")
