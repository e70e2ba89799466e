"""What comes in and goes out as JSON for consultations."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from governance.models import Consultation, Statement
from governance.serializers.base import StrictInteger, StrictSerializer, StrictText
from governance.statements import moderation, rules


class ConsultationInput(StrictSerializer):
    """What to ask people about."""

    question = StrictText(max_length=rules.QUESTION_MAX)
    text = StrictText(max_length=rules.TEXT_MAX, allow_blank=True, default="")
    days = StrictInteger(help_text="For how many days people can answer.")
    seeds = serializers.ListField(
        child=StrictText(allow_blank=True), help_text="The statements to begin with, written by you."
    )
    proposal = StrictInteger(required=False, help_text="The number of your own proposal that it is about, if any.")


class WriteStatementInput(StrictSerializer):
    """One sentence for others to answer."""

    text = StrictText()
    different = serializers.BooleanField(
        default=False, help_text="You have seen the statements like it, and mean another thing."
    )


class AnswerStatementInput(StrictSerializer):
    """What you say of a statement."""

    statement = StrictInteger()
    answer = StrictText(help_text="`agree`, `disagree` or `pass`.")


class HideInput(StrictSerializer):
    """By which rule of the policy a statement is hidden, and why."""

    rule = StrictText(help_text=f"One of {', '.join(rules.HIDING_RULES)}.")
    reason = StrictText(max_length=rules.NOTE_MAX)


class AppealInput(StrictSerializer):
    """Why a statement should be shown again."""

    appeal = StrictText(max_length=rules.NOTE_MAX)


class AppealAnswerInput(StrictSerializer):
    """What you say to an appeal."""

    answer = StrictText(max_length=rules.NOTE_MAX)
    restore = serializers.BooleanField(help_text="Whether the statement is shown again.")


class StatementOutput(serializers.ModelSerializer[Statement]):
    """One statement; of a hidden one everything but the text."""

    text = serializers.SerializerMethodField()
    written_by = serializers.SerializerMethodField()
    hidden = serializers.SerializerMethodField()

    class Meta:
        """Fields."""

        model = Statement
        fields = (
            "number",
            "text",
            "written_by",
            "at",
            "hidden",
            "hidden_at",
            "hidden_by",
            "hidden_rule",
            "hidden_reason",
            "appeal",
            "appealed_at",
            "appeal_answer",
            "appeal_answered_by",
            "appeal_answered_at",
            "restored_at",
        )

    def get_text(self, statement: Statement) -> str:
        """Return the sentence, or nothing where it is hidden."""
        return "" if moderation.is_hidden(statement) else statement.text

    @extend_schema_field(serializers.ChoiceField(choices=["author", "participant"]))
    def get_written_by(self, statement: Statement) -> str:
        """Say who wrote it: the author of the consultation, or one of those who answer. Never which one."""
        return "author" if statement.seed else "participant"

    def get_hidden(self, statement: Statement) -> bool:
        """Say whether it is hidden."""
        return moderation.is_hidden(statement)


class ConsultationResultOutput(serializers.Serializer[Any]):
    """The newest count. `body` is what `python -m governance.statements` computes from the export."""

    at = serializers.DateTimeField()
    digest = serializers.CharField(help_text="SHA-256 of the body's canonical form; in the log once it has closed.")
    body = serializers.DictField()


class ConsultationOutput(serializers.ModelSerializer[Consultation]):
    """A consultation as everybody may read it."""

    community = serializers.CharField(source="community.slug")
    proposal = serializers.SerializerMethodField()
    state = serializers.SerializerMethodField()
    result = serializers.SerializerMethodField()

    class Meta:
        """Fields."""

        model = Consultation
        fields = (
            "community",
            "number",
            "proposal",
            "author",
            "question",
            "text",
            "opens_at",
            "closes_at",
            "closed_at",
            "state",
            "result",
        )

    def get_proposal(self, consultation: Consultation) -> int | None:
        """Return the number of the proposal that it is about."""
        return consultation.proposal.number if consultation.proposal else None

    @extend_schema_field(serializers.ChoiceField(choices=[str(each) for each in rules.State]))
    def get_state(self, consultation: Consultation) -> str:
        """Compute the state."""
        return str(rules.state(consultation.closes_at, consultation.closed_at, self.context["now"]))

    @extend_schema_field(ConsultationResultOutput(allow_null=True))
    def get_result(self, consultation: Consultation) -> Any:  # noqa: ANN401 - JSON
        """Return the newest count, if there is one."""
        found = getattr(consultation, "result", None)
        return None if found is None else ConsultationResultOutput(found).data


class MineOutput(serializers.Serializer[Any]):
    """How far you are."""

    following = StatementOutput(allow_null=True, help_text="What you are asked next.")
    answers = serializers.DictField(child=serializers.CharField(), help_text="Your answers by statement number.")
    written = StatementOutput(many=True)
    total = serializers.IntegerField(help_text="How many statements there are to answer.")


class ExportOutput(serializers.Serializer[Any]):
    """All answers of a consultation that has closed, without names or moments."""

    version = serializers.IntegerField()
    consultation = serializers.DictField()
    statements = serializers.ListField(child=serializers.DictField())
    rows = serializers.ListField(child=serializers.DictField())
