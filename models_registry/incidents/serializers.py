"""What comes in and goes out as JSON for incidents. A report's texts go out only to who may read them."""

from typing import Any

from rest_framework import serializers

from governance.serializers.base import StrictInteger, StrictSerializer, StrictText
from models_registry.incidents import lifecycle
from models_registry.incidents.selectors import Row
from models_registry.incidents.services import Answer, Report
from models_registry.models import WaitingReport


class ReportInput(StrictSerializer):
    """A report: what to ask the version, what it should say, and what it said. `contact` is for the stewards alone."""

    category = StrictText()
    severity = StrictText()
    prompt = StrictText()
    expected = StrictText()
    seen = StrictText(required=False, allow_blank=True, default="")
    contact = StrictText(required=False, allow_blank=True, default="")

    @classmethod
    def to_report(cls, data: object) -> Report:
        """Read a report."""
        return Report(**cls.read(data))


class TriageInput(StrictSerializer):
    """How severe it is, and why."""

    severity = StrictText()
    reason = StrictText()


class AnswerInput(StrictSerializer):
    """The outcome with its public reason; `reproduced` is what the version said when the stewards asked."""

    outcome = StrictText()
    reason = StrictText()
    reproduced = StrictText(required=False, allow_blank=True, default="")
    duplicate_of = StrictInteger(required=False, allow_null=True, default=None)

    @classmethod
    def to_answer(cls, data: object) -> Answer:
        """Read an answer."""
        return Answer(**cls.read(data))


class CaseInput(StrictSerializer):
    """What the question is added to: the digest of a suite, or empty for a new one; and its language."""

    suite = StrictText(required=False, allow_blank=True, default="")
    language = StrictText()


class SeverityOutput(serializers.Serializer[Any]):
    """One row of the table of deadlines, both counted from the report."""

    severity = serializers.CharField()
    triage_seconds = serializers.IntegerField()
    answer_seconds = serializers.IntegerField()
    may_pause = serializers.BooleanField()


class ReportOutput(serializers.Serializer[Any]):
    """What was reported, where it may be read."""

    prompt = serializers.CharField()
    expected = serializers.CharField()
    seen = serializers.CharField()


class TriageOutput(serializers.Serializer[Any]):
    """Who said how severe it is, when, and why."""

    at = serializers.DateTimeField(source="triaged_at")
    by = serializers.CharField(source="triaged_by")
    severity = serializers.CharField()
    reason = serializers.CharField(source="triage_reason")


class OutcomeOutput(serializers.Serializer[Any]):
    """What came of it. `reproduced` is left out where the report may not be read."""

    at = serializers.DateTimeField(source="answered_at")
    by = serializers.CharField(source="answered_by")
    outcome = serializers.ChoiceField(choices=[str(each) for each in lifecycle.OUTCOMES])
    reason = serializers.CharField(source="answer")
    duplicate_of = serializers.IntegerField(source="duplicate_of.number", allow_null=True, default=None)


class WithheldOutput(serializers.Serializer[Any]):
    """Since when the texts are kept from the public, and why."""

    at = serializers.DateTimeField(source="withheld_at")
    reason = serializers.CharField(source="withheld_reason")


class WaitsOutput(serializers.Serializer[WaitingReport]):
    """A report that waits, as whoever sent it is told: its digest is in the log, and it gets a number later."""

    state = serializers.CharField(default="waiting")
    digest = serializers.CharField()
    came_at = serializers.DateTimeField()


class WaitingReportOutput(WaitsOutput):
    """A report that waits, as stewards read it; `number` is its place for taking it in or turning it away."""

    number = serializers.IntegerField(source="pk")
    revision = serializers.CharField(source="version.revision")
    told = serializers.DictField(child=serializers.CharField(allow_blank=True))


class IncidentOutput(serializers.Serializer[Row]):
    """An incident: where it stands, until when the next step is due, and the answers. `report` is null until triaged.

    `digest` is that of the canonical form (RFC 8785) of category, severity as reported, prompt, expected and seen.
    """

    number = serializers.IntegerField(source="incident.number")
    community = serializers.CharField(source="incident.community.slug")
    model = serializers.CharField(source="incident.version.model.__str__")
    version = serializers.IntegerField(source="incident.version.number")
    revision = serializers.CharField(source="incident.version.revision")
    digest = serializers.CharField(source="incident.digest")
    category = serializers.ChoiceField(source="incident.category", choices=lifecycle.CATEGORIES)
    claimed_severity = serializers.ChoiceField(source="incident.claimed_severity", choices=list(lifecycle.SEVERITIES))
    severity = serializers.ChoiceField(choices=list(lifecycle.SEVERITIES))
    state = serializers.ChoiceField(choices=[str(each) for each in lifecycle.State])
    reported_at = serializers.DateTimeField(source="incident.reported_at")
    due_at = serializers.DateTimeField(allow_null=True)
    overdue = serializers.BooleanField()
    report = serializers.SerializerMethodField()
    reproduced = serializers.SerializerMethodField()
    triage = serializers.SerializerMethodField()
    outcome = serializers.SerializerMethodField()
    withheld = serializers.SerializerMethodField()
    paused_at = serializers.DateTimeField(source="incident.paused_at", allow_null=True)
    case = serializers.CharField(source="incident.case.digest", allow_null=True, default=None)

    def get_report(self, row: Row) -> ReportOutput(allow_null=True):  # type: ignore[valid-type]
        """Return what was reported, or nothing where it may not be read."""
        return ReportOutput(row.incident).data if self._readable(row) else None

    def get_reproduced(self, row: Row) -> str:
        """Return what the version said when the stewards asked it; empty where it may not be read."""
        return row.incident.reproduced if self._readable(row) else ""

    def get_triage(self, row: Row) -> TriageOutput(allow_null=True):  # type: ignore[valid-type]
        """Return the triage, or nothing."""
        return None if row.incident.triaged_at is None else TriageOutput(row.incident).data

    def get_outcome(self, row: Row) -> OutcomeOutput(allow_null=True):  # type: ignore[valid-type]
        """Return the outcome, or nothing."""
        return None if row.incident.answered_at is None else OutcomeOutput(row.incident).data

    def get_withheld(self, row: Row) -> WithheldOutput(allow_null=True):  # type: ignore[valid-type]
        """Return why the texts are withheld, or nothing."""
        return None if row.incident.withheld_at is None else WithheldOutput(row.incident).data

    def _readable(self, row: Row) -> bool:
        return row.incident.readable or bool(self.context.get("may_read"))
