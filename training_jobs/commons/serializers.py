"""What goes in and out as JSON for shared computing: requests with why they wait, in codes and numbers; a free slot."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from training_jobs.commons import lifecycle
from training_jobs.commons.allotments import UNLIMITED
from training_jobs.models import Allotment, ComputeRequest
from training_jobs.scheduling.values import Why


class AllotmentOutput(serializers.ModelSerializer[Allotment]):
    """Devices that a request got at a site. `price` is micro-units of money per device-hour, as decimal text."""

    site = serializers.CharField(source="site.slug")
    price = serializers.CharField(help_text="Micro-units per device-hour.")
    how = serializers.CharField(help_text="Empty: in force; ended, untaken, or why it was interrupted.")

    class Meta:
        """Fields."""

        model = Allotment
        fields: tuple[str, ...] = (
            "site",
            "allotted_at",
            "until",
            "why",
            "lent",
            "price",
            "grams_per_kwh",
            "claimed_at",
            "recalled_at",
            "ended_at",
            "how",
        )


class ComputeWaitOutput(serializers.Serializer):
    """Why a request waits, as a code and numbers."""

    why = serializers.ChoiceField(choices=[str(each) for each in Why])
    expected = serializers.IntegerField(allow_null=True, help_text="About when it begins, UNIX seconds.")
    plus_minus = serializers.IntegerField(help_text="Seconds.")
    data = serializers.DictField(help_text="What the reason is filled with: devices, site, until, before, ahead, …")


class ComputeRequestOutput(serializers.Serializer):
    """A request of computing. `wait` is there while it waits for devices."""

    id = serializers.IntegerField(source="request.pk")
    name = serializers.CharField(source="request.name")
    community = serializers.CharField(source="request.community.slug")
    state = serializers.ChoiceField(choices=[str(each) for each in lifecycle.State])
    origin = serializers.ChoiceField(choices=[ComputeRequest.VOTED, ComputeRequest.SANDBOX], source="request.origin")
    member = serializers.CharField(source="request.member")
    newcomer = serializers.BooleanField(source="request.newcomer")
    run = serializers.IntegerField(source="request.run_id", allow_null=True)
    preview = serializers.IntegerField(source="request.preview_id", allow_null=True)
    requested_at = serializers.DateTimeField(source="request.requested_at")
    waiting_since = serializers.DateTimeField(source="request.waiting_since")
    devices = serializers.IntegerField(source="request.devices")
    memory_bytes = serializers.IntegerField(source="request.memory_bytes")
    seconds = serializers.IntegerField(source="request.seconds")
    data_kinds = serializers.ListField(child=serializers.CharField(), source="request.data")
    ceiling = serializers.SerializerMethodField()
    slack = serializers.IntegerField(source="request.slack")
    ended_at = serializers.DateTimeField(source="request.ended_at", allow_null=True)
    outcome = serializers.CharField(source="request.outcome")
    reason = serializers.CharField(source="request.reason")
    wait = serializers.SerializerMethodField()
    allotments = AllotmentOutput(many=True, source="request.allotments.all")

    @extend_schema_field(OpenApiTypes.STR)
    def get_ceiling(self, row: Any) -> str | None:  # noqa: ANN401 - a row of the selectors
        """Return the voted ceiling in micro-units, as decimal text; null for none."""
        return None if row.request.ceiling >= UNLIMITED else str(row.request.ceiling)

    @extend_schema_field(ComputeWaitOutput(allow_null=True))
    def get_wait(self, row: Any) -> Mapping[str, Any] | None:  # noqa: ANN401 - a row of the selectors
        """Return why it waits."""
        return None if row.wait is None else ComputeWaitOutput(row.wait).data


class NextSlotOutput(serializers.Serializer):
    """The next slot for a need: null where there is none, as things stand."""

    site = serializers.CharField()
    since = serializers.IntegerField(help_text="UNIX seconds.")
    until = serializers.IntegerField(help_text="UNIX seconds.")
    price = serializers.CharField(help_text="Of all of it at most, in micro-units.")


class NextSlotAnswer(serializers.Serializer):
    """The answer to a question for a slot."""

    slot = NextSlotOutput(allow_null=True)
