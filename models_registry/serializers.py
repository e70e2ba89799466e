"""What goes out as JSON for the registry."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from governance import clock
from models_registry.deliveries import told
from models_registry.models import Model, Version
from models_registry.publishing.delivery import State
from models_registry.publishing.discussion import Stage
from models_registry.withdrawals import stop_of


class VersionOutput(serializers.ModelSerializer[Version]):
    """A version of a model."""

    model = serializers.CharField(source="model.__str__")
    release = serializers.CharField(source="release_record_id", allow_null=True)
    evaluation = serializers.SerializerMethodField()
    publications = serializers.SerializerMethodField()
    deliveries = serializers.SerializerMethodField()
    stopped = serializers.SerializerMethodField()

    class Meta:
        """Fields."""

        model = Version
        fields = (
            "model",
            "number",
            "revision",
            "manifest_sha256",
            "release",
            "evaluation",
            "publications",
            "deliveries",
            "created_at",
            "published_at",
            "stopped",
        )

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_stopped(self, version: Version) -> dict[str, Any] | None:
        """Return why the hub does not hand it out: withdrawn by a vote, or paused by a guardian until a time."""
        stop = stop_of(version, clock.now())
        if stop is None:
            return None
        return {"withdrawn": stop.withdrawn, "reason": stop.reason, "since": stop.since, "until": stop.until}

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_evaluation(self, version: Version) -> dict[str, Any] | None:
        """Return what was measured and judged."""
        return version.evaluation_record.body if version.evaluation_record else None

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_publications(self, version: Version) -> list[dict[str, str]]:
        """Return where it was published."""
        return [
            {"target": publication.target, "location": publication.location, "revision": publication.revision}
            for publication in version.publications.all()
        ]

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_deliveries(self, version: Version) -> list[dict[str, Any]]:
        """Return where it is on its way to, or was brought: one entry for each target beside our own hub."""
        now = clock.now()
        return [told(row, now) for row in version.deliveries.all()]


class ModelOutput(serializers.ModelSerializer[Model]):
    """A model with its versions."""

    community = serializers.CharField(source="community.slug")
    versions = VersionOutput(many=True)

    class Meta:
        """Fields."""

        model = Model
        fields = ("namespace", "name", "community", "title_en", "title_fr", "license", "versions")


class NoticeOutput(serializers.Serializer[Any]):
    """One thing that was or is to be said in a proposal's discussion on another hub."""

    target = serializers.CharField()
    stage = serializers.ChoiceField(sorted(Stage))
    stage_words = serializers.CharField()
    state = serializers.ChoiceField(sorted(State))
    state_words = serializers.CharField()
    attempts = serializers.IntegerField()
    attempts_max = serializers.IntegerField()
    next_at = serializers.DateTimeField(allow_null=True)
    error = serializers.DictField(child=serializers.CharField(allow_blank=True), allow_null=True)
    location = serializers.CharField(allow_blank=True)
    done_at = serializers.DateTimeField(allow_null=True)


class LineageBallotOutput(serializers.Serializer[Any]):
    """One ballot: its voter, and the digest by which its receipt is found."""

    voter = serializers.CharField()
    digest = serializers.CharField()


class LineageNodeOutput(serializers.Serializer[Any]):
    """One record, or all ballots of one proposal."""

    id = serializers.CharField()
    kind = serializers.CharField()
    subject = serializers.CharField(source="record.subject")
    proposal_number = serializers.IntegerField(source="number", allow_null=True)
    ballot_count = serializers.IntegerField()
    ballots = LineageBallotOutput(many=True)


class LineageOutput(serializers.Serializer[Any]):
    """The lineage of a release: nodes with parents before children, edges as pairs of a node and what it rests on."""

    nodes = LineageNodeOutput(many=True)
    edges = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))
