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
from models_registry.release_status import Standing, passed_over
from models_registry.rights.selectors import warnings_of_version
from models_registry.rights.serializers import WarnedOutput
from models_registry.withdrawals import stop_of


class VersionOutput(serializers.ModelSerializer[Version]):
    """A version of a model."""

    model = serializers.CharField(source="model.__str__")
    release = serializers.CharField(source="release_record_id", allow_null=True)
    evaluation = serializers.SerializerMethodField()
    publications = serializers.SerializerMethodField()
    deliveries = serializers.SerializerMethodField()
    stopped = serializers.SerializerMethodField()
    set_back = serializers.SerializerMethodField()
    passed_over = serializers.SerializerMethodField()
    learnt_from_removed = serializers.SerializerMethodField()

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
            "set_back",
            "passed_over",
            "learnt_from_removed",
        )

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_passed_over(self, version: Version) -> list[str]:
        """Return the rules that it breaks: a vote of the gravest tier released it all the same."""
        return list(passed_over(version))

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_stopped(self, version: Version) -> dict[str, Any] | None:
        """Return why the hub does not hand it out: withdrawn by a vote, or paused by a guardian or a vote (`voted`)."""
        stop = stop_of(version, clock.now())
        if stop is None:
            return None
        return {
            "withdrawn": stop.withdrawn,
            "voted": stop.voted or stop.withdrawn,
            "reason": stop.reason,
            "since": stop.since,
            "until": stop.until,
        }

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_set_back(self, version: Version) -> dict[str, Any] | None:
        """Return since when and why the community has gone back to an earlier version; null where it has not."""
        if version.set_back_at is None:
            return None
        return {"since": version.set_back_at, "reason": version.set_back_reason}

    @extend_schema_field(WarnedOutput(many=True))
    def get_learnt_from_removed(self, version: Version) -> list[dict[str, Any]]:
        """Return the removals of data that this version learnt from, and whether what must follow is done."""
        return list(WarnedOutput(warnings_of_version(version, clock.now()), many=True).data)

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


class LogProofOutput(serializers.Serializer[Any]):
    """An entry of the community's log with its proof in the tree of the checkpoint's size (RFC 6962)."""

    position = serializers.IntegerField()
    leaf = serializers.CharField()
    proof = serializers.ListField(child=serializers.CharField())


class StatusOutput(serializers.Serializer[Any]):
    """How a release stands today. Times are UNIX seconds; `entries` are what changed it, in the signed log."""

    release = serializers.CharField()
    revision = serializers.CharField()
    model = serializers.CharField()
    version = serializers.IntegerField()
    standing = serializers.ChoiceField(choices=[str(each) for each in Standing])
    reason = serializers.CharField(allow_blank=True)
    until = serializers.IntegerField(allow_null=True)
    asked_at = serializers.IntegerField()
    rests_on_stopped = serializers.CharField(allow_null=True)
    checkpoint = serializers.CharField(allow_null=True)
    entries = LogProofOutput(many=True)


class BuiltOutput(serializers.Serializer[Any]):
    """A version that was built on a release; generation 1 are those that start from it."""

    name = serializers.CharField()
    revision = serializers.CharField()
    generation = serializers.IntegerField()
    mirrored = serializers.BooleanField()


class ApprovedOutput(serializers.Serializer[Any]):
    """One vote, by its power and the number of ballots; `support` is the exact part of all power that was for it."""

    number = serializers.IntegerField()
    kind = serializers.CharField()
    title = serializers.CharField()
    author = serializers.CharField()
    sponsors = serializers.ListField(child=serializers.CharField())
    ballots = serializers.IntegerField()
    support = serializers.CharField(allow_null=True)
    executed_at = serializers.IntegerField()


class OverriddenOutput(serializers.Serializer[Any]):
    """The vote that released a model although it broke these rules."""

    vote = ApprovedOutput()
    rules = serializers.ListField(child=serializers.CharField())
    reason = serializers.CharField()


class ReviewedOutput(serializers.Serializer[Any]):
    """What a member attested before the release, under a rule that asked. `at` is UNIX seconds."""

    rule = serializers.CharField()
    reviewer = serializers.CharField()
    objects = serializers.BooleanField()
    reason = serializers.CharField(allow_blank=True)
    at = serializers.IntegerField()


class ResponsibilityOutput(serializers.Serializer[Any]):
    """Who answers for what, from the records of the release alone."""

    training = ApprovedOutput()
    approved = ApprovedOutput(many=True)
    run = serializers.IntegerField()
    attempt = serializers.IntegerField()
    device = serializers.CharField(allow_blank=True)
    isolation = serializers.CharField()
    code_digest = serializers.CharField()
    accepted = serializers.BooleanField()
    reviewed = ReviewedOutput(many=True)
    overridden = OverriddenOutput(allow_null=True)
    key_fingerprint = serializers.CharField()
    guardians = serializers.ListField(child=serializers.CharField())
    community_page = serializers.CharField()
    incidents_page = serializers.CharField()


class PromiseOutput(serializers.Serializer[Any]):
    """What was promised, what was measured (exact; null where nothing was), and whether it was kept."""

    metric = serializers.CharField(source="promise.metric")
    comparator = serializers.CharField(source="promise.comparator")
    bound = serializers.CharField(source="promise.text")
    measured = serializers.CharField(allow_null=True)
    parent = serializers.CharField(allow_null=True)
    unit = serializers.CharField(allow_blank=True)
    kept = serializers.BooleanField()


class AccountabilityOutput(serializers.Serializer[Any]):
    """Who answers for a release, and what its proposal promised with what was measured."""

    responsibility = ResponsibilityOutput()
    promises = PromiseOutput(many=True)


class JudgedOutput(serializers.Serializer[Any]):
    """What a rule of today says of a release, on what was measured then; `measured` false means: cannot be judged."""

    rule = serializers.CharField(source="rule.slug")
    holds = serializers.BooleanField()
    measured = serializers.BooleanField()
    binds = serializers.BooleanField()
    is_new = serializers.BooleanField()
    found = serializers.CharField()
    needed = serializers.CharField()


class WatchedOutput(serializers.Serializer[Any]):
    """A release judged again by the rules in force today; `calls` is whether that asks for another vote."""

    model = serializers.CharField(source="version.model.__str__")
    version = serializers.IntegerField(source="version.number")
    revision = serializers.CharField(source="version.revision")
    age_days = serializers.IntegerField()
    is_old = serializers.BooleanField()
    calls = serializers.BooleanField()
    judged = JudgedOutput(many=True)


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
