"""What goes out as JSON for runs."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from governance import clock
from training_jobs import seats
from training_jobs.failures import failure
from training_jobs.models import Attempt, Run, RunEvent, Seat
from training_jobs.recipe_changes import RecipeChanges


class AttemptOutput(serializers.ModelSerializer[Attempt]):
    """One worker's try."""

    class Meta:
        """Fields."""

        model = Attempt
        fields = ("slot", "number", "owner", "started_at", "ended_at", "outcome", "detail", "device_seconds")


class SeatOutput(serializers.ModelSerializer[Seat]):
    """A member's place in a run of several machines; the lead's is the run itself."""

    agrees = serializers.SerializerMethodField()

    class Meta:
        """Fields."""

        model = Seat
        fields = ("slot", "fence", "lease_owner", "lease_expires_at", "took_part_at", "agrees")

    def get_agrees(self, seat: Seat) -> bool | None:
        """Say whether it made the same files as the lead; null while one of them is not done."""
        return seats.agrees(seat.run, seat)


class ExplanationOutput(serializers.Serializer[Any]):
    """What a failure means, in the language of the request."""

    says = serializers.CharField()
    suggestion = serializers.CharField()


class RunOutput(serializers.ModelSerializer[Run]):
    """A run with its state now."""

    id = serializers.IntegerField(source="pk")
    community = serializers.CharField(source="community.slug")
    proposal = serializers.CharField(source="proposal.public_id")
    model = serializers.CharField(source="model.__str__")
    state = serializers.SerializerMethodField()
    spec = serializers.SerializerMethodField()
    evaluation = serializers.SerializerMethodField()
    explanation = serializers.SerializerMethodField()
    release = serializers.CharField(source="version.revision", default=None, allow_null=True)
    override = serializers.CharField(
        source="override_record_id", allow_null=True, help_text="The record of the vote that overrode the verdict."
    )
    attempts = AttemptOutput(many=True)
    seats = SeatOutput(many=True)

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
            "reviewing_since",
            "judged_at",
            "verdict",
            "overridden_at",
            "override",
            "failure",
            "failure_detail",
            "explanation",
            "retry_at",
            "opening_until",
            "canceled_at",
            "paused_until",
            "paused_by",
            "pause_reason",
            "deadline_at",
            "spec",
            "evaluation",
            "release",
            "attempts",
            "seats",
        )

    def get_state(self, run: Run) -> str:
        """Compute the state."""
        return str(run.state(clock.now()))

    @extend_schema_field(ExplanationOutput(allow_null=True))
    def get_explanation(self, run: Run) -> dict[str, str] | None:
        """Say why a run failed and what to do, if its code has words."""
        found = failure(run.failure) if run.failure else None
        return None if found is None else {"says": str(found.says), "suggestion": str(found.suggestion)}

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_spec(self, run: Run) -> dict[str, Any]:
        """Return the approved specification."""
        return run.spec_record.body

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_evaluation(self, run: Run) -> dict[str, Any] | None:
        """Return what was measured and judged."""
        return run.evaluation_record.body if run.evaluation_record else None


class ChangeOutput(serializers.Serializer[Any]):
    """One thing that a proposed recipe does otherwise, as data and as a sentence."""

    field = serializers.CharField(help_text="Its path in the specification.")
    code = serializers.ChoiceField(choices=["added", "removed", "times", "changed"])
    old = serializers.JSONField(allow_null=True)
    new = serializers.JSONField(allow_null=True)
    times = serializers.CharField(
        allow_null=True, help_text="For an amount: new / old as a fraction, such as 2 or 1/3."
    )
    subject = serializers.CharField(help_text="The digest of the dataset that the change is about, or nothing.")
    sentence = serializers.CharField()


class DifferenceOutput(serializers.Serializer[Any]):
    """What a model update does otherwise than the recipe of the version it starts from."""

    proposal = serializers.CharField()
    base = serializers.CharField(help_text="The revision of the version that it starts from.")
    run = serializers.IntegerField(help_text="The run that made that version.")
    changes = ChangeOutput(many=True)

    @classmethod
    def of(cls, proposal: str, found: RecipeChanges) -> dict[str, Any]:
        """Return the difference as JSON."""
        changes = [
            {
                "field": change.field,
                "code": change.code,
                "old": change.old,
                "new": change.new,
                "times": None if change.times is None else str(change.times),
                "subject": change.subject,
                "sentence": sentence,
            }
            for change, sentence in found.changes
        ]
        return {"proposal": proposal, "base": found.base.revision, "run": found.run.pk, "changes": changes}


class StepPointOutput(serializers.Serializer[Any]):
    """One step that was logged; null: the machine did not say."""

    step = serializers.IntegerField()
    attempt = serializers.IntegerField()
    loss = serializers.CharField(help_text="In nats per token, as decimal text.")
    tokens_per_second = serializers.IntegerField(allow_null=True)
    learning_rate = serializers.CharField(allow_null=True, help_text="Decimal text.")


class AttemptBreakOutput(serializers.Serializer[Any]):
    """Where an attempt took over."""

    step = serializers.IntegerField()
    attempt = serializers.IntegerField()


class RunSeriesOutput(serializers.Serializer[Any]):
    """What a run said step by step."""

    points = StepPointOutput(many=True)
    attempts = AttemptBreakOutput(many=True)
    checkpoints = serializers.ListField(child=serializers.IntegerField(), help_text="Steps, at most 60 of them.")


class RunEventOutput(serializers.ModelSerializer[RunEvent]):
    """One line of what a run streams."""

    class Meta:
        """Fields."""

        model = RunEvent
        fields = ("id", "slot", "attempt", "at", "kind", "data")
