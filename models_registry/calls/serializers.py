"""What goes out as JSON for calls for another vote."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from models_registry.calls.selectors import Shown
from models_registry.models.calls import CAUSES


class CallOutput(serializers.Serializer[Any]):
    """A call: what was found, and the proposal that a member could make of it. It is no draft before somebody does."""

    id = serializers.IntegerField(source="call.pk")
    cause = serializers.ChoiceField(choices=list(CAUSES), source="call.cause")
    subject = serializers.CharField(
        source="call.subject", help_text="The revision of a version, or the digest of a rule's record."
    )
    title = serializers.CharField()
    found = serializers.CharField()
    kind = serializers.CharField(source="call.kind")
    payload = serializers.SerializerMethodField()
    facts = serializers.SerializerMethodField()
    opened_at = serializers.DateTimeField(source="call.opened_at")
    taken = serializers.BooleanField(help_text="Whether a member is at it: a young draft, or a submitted proposal.")
    taken_up_by = serializers.CharField(source="call.taken_up_by")
    taken_up_at = serializers.DateTimeField(source="call.taken_up_at", allow_null=True)
    closed_at = serializers.DateTimeField(source="call.closed_at", allow_null=True)
    closed_because = serializers.CharField(source="call.closed_because")

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_payload(self, row: Shown) -> dict[str, Any]:
        """Return what the draft would propose."""
        return dict(row.call.payload)

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_facts(self, row: Shown) -> dict[str, Any]:
        """Return what was found."""
        return dict(row.call.facts)
