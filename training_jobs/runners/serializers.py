"""What runners and their owners send and get as JSON."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from governance.errors import Malformed
from governance.evidence.canonical import canonical_bytes
from governance.serializers.base import StrictInteger, StrictObject, StrictSerializer, StrictText
from training_jobs.models import Runner
from training_jobs.runners import tokens
from training_jobs.runners.services import DAYS_DEFAULT, DAYS_MAX, NewToken
from training_jobs.spec.payload import WORKERS_MAX

PROTOCOL = 1
FENCE_MAX = 2**31 - 1
SLOT_MAX = WORKERS_MAX - 1
EVENTS_AT_ONCE_MAX = 500
DEVICES_MAX = 64
BYTES_MAX = 2**53 - 1
WORD = r"^[a-z0-9][a-z0-9_-]{0,39}\Z"
CODE = r"^[a-z0-9][a-z0-9_]{0,59}\Z"
NAME = r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}\Z"


class Word(serializers.RegexField):
    """Text of a known form; a number is not text."""

    def to_internal_value(self, data: object) -> str:
        """Refuse what is not text."""
        if not isinstance(data, str):
            raise serializers.ValidationError("this is text")
        return str(super().to_internal_value(data))


class StrictBoolean(serializers.BooleanField):
    """True or false, written as such."""

    def to_internal_value(self, data: object) -> bool:
        """Refuse text and numbers."""
        if not isinstance(data, bool):
            raise serializers.ValidationError("this is true or false")
        return data


class PlainObject(StrictObject):
    """A JSON object that has a canonical form: no fractions, no numbers that readers round, no lone surrogates."""

    def to_internal_value(self, data: object) -> dict[str, Any]:
        """Refuse anything else; raises CanonicalError for what has no such form."""
        found = super().to_internal_value(data)
        canonical_bytes(found)
        return found


class ObjectList(serializers.ListField):
    """A list of JSON objects in canonical form."""

    child = PlainObject()

    def to_internal_value(self, data: object) -> list[Any]:
        """Refuse anything but a list of them."""
        if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
            raise serializers.ValidationError("this is a list of JSON objects")
        canonical_bytes(data)
        return data


class ScopeList(serializers.ListField):
    """Scopes, each once."""

    child = StrictText()

    def to_internal_value(self, data: object) -> list[str]:
        """Refuse what is not a list of known scopes."""
        if not isinstance(data, list) or not data or not all(scope in tokens.SCOPES for scope in data):
            raise serializers.ValidationError(f"a list of some of {', '.join(tokens.SCOPES)}")
        return [scope for scope in tokens.SCOPES if scope in data]


# --- from people --------------------------------------------------------------------------------------------------


class RunnerInput(StrictSerializer):
    """A machine that a member lends."""

    community = StrictText(max_length=50)
    name = Word(NAME, max_length=80, trim_whitespace=False)
    scopes = ScopeList(default=list(tokens.SCOPES))
    days = StrictInteger(min_value=1, max_value=DAYS_MAX, default=DAYS_DEFAULT)


class RunnerOutput(serializers.ModelSerializer[Runner]):
    """What everybody may know of a runner."""

    community = serializers.CharField(source="community.slug")
    capabilities = serializers.JSONField()

    class Meta:
        """Fields."""

        model = Runner
        fields = ("id", "community", "owner", "name", "created_at", "last_seen_at", "revoked_at", "capabilities")


class NewTokenOutput(serializers.Serializer[NewToken]):
    """A token, shown once."""

    id = serializers.IntegerField(source="runner.pk")
    name = serializers.CharField(source="runner.name")
    token = serializers.CharField(source="text")
    expires_at = serializers.DateTimeField(source="row.expires_at")
    scopes = serializers.ListField(child=serializers.CharField(), source="row.scopes")


# --- from machines ------------------------------------------------------------------------------------------------


class DeviceInput(StrictSerializer):
    """One device that can train."""

    kind = Word(WORD, max_length=40, trim_whitespace=False)
    name = StrictText(max_length=120, allow_blank=True)
    memory_bytes = StrictInteger(min_value=0, max_value=BYTES_MAX)


class HelloInput(StrictSerializer):
    """What a machine says of itself."""

    devices = ObjectList(max_length=DEVICES_MAX)
    cpus = StrictInteger(min_value=1, max_value=100_000)
    memory_bytes = StrictInteger(min_value=0, max_value=BYTES_MAX)
    speed_tokens_per_second = StrictInteger(min_value=0, max_value=BYTES_MAX)
    isolation = Word(WORD, max_length=40, trim_whitespace=False)
    protocol = StrictInteger(min_value=1, max_value=1_000)

    @classmethod
    def read(cls, data: object) -> dict[str, Any]:
        """Read the devices too."""
        values = super().read(data)
        for index, device in enumerate(values["devices"]):
            try:
                DeviceInput.read(device)
            except Malformed as error:
                field = f"devices[{index}].{error.field}"
                raise Malformed(error.code, error.detail, field=field, found=error.found) from error
        return values


class FenceInput(StrictSerializer):
    """Which attempt of the lead it is about."""

    fence = StrictInteger(min_value=1, max_value=FENCE_MAX)


class LeaseInput(FenceInput):
    """Which attempt it is about, at whichever place of the run; slot 0 is the lead's."""

    slot = StrictInteger(min_value=0, max_value=SLOT_MAX, default=0)


class EventsInput(LeaseInput):
    """What a trainer said since."""

    events = ObjectList(max_length=EVENTS_AT_ONCE_MAX)


class TookPartInput(FenceInput):
    """What a member made whose share is done."""

    slot = StrictInteger(min_value=1, max_value=SLOT_MAX)
    description = PlainObject()


class FailInput(LeaseInput):
    """Why an attempt did not work."""

    code = Word(CODE, max_length=60, trim_whitespace=False)
    detail = StrictText(max_length=8_000, allow_blank=True)
    permanent = StrictBoolean()


class CheckpointInput(FenceInput):
    """A checkpoint whose files were uploaded."""

    manifest = PlainObject()


class TrainedInput(FenceInput):
    """A finished model whose files were uploaded."""

    description = PlainObject()
    isolation = Word(WORD, max_length=40, trim_whitespace=False)


class EvaluatedInput(FenceInput):
    """What was measured."""

    report = PlainObject()


class TrialEventsInput(FenceInput):
    """What a trial said since."""

    events = ObjectList(max_length=EVENTS_AT_ONCE_MAX)


class TriedInput(FenceInput):
    """What a trial found."""

    report = PlainObject()
    isolation = Word(WORD, max_length=40, trim_whitespace=False)


class RecomputedInput(TriedInput):
    """What a spot check found: the check.json of `training_jobs.trainer.slice`."""


class HelloOutput(serializers.Serializer[Any]):
    """What a machine needs to know."""

    runner = serializers.IntegerField()
    name = serializers.CharField()
    community = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    expires_at = serializers.DateTimeField()
    issued_at = serializers.DateTimeField()
    protocol = serializers.IntegerField()
    measure = serializers.BooleanField(help_text="The site that it stands at asks for a measurement.")


class WorkOutput(serializers.Serializer[Any]):
    """A run that may be taken."""

    run = serializers.IntegerField(source="run.pk")
    seat = serializers.ChoiceField(["lead", "member"])
    community = serializers.CharField(
        source="run.community.record_id", help_text="Another one than the runner's where its site serves several."
    )
    spec = serializers.CharField(source="run.spec_record_id")
    proposal = serializers.CharField(source="run.proposal.record_id")
    decision = serializers.CharField(source="run.proposal.decision_record_id")
    model = serializers.CharField(source="run.model.__str__")
    phase = serializers.SerializerMethodField()
    device_seconds = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField(source="run.created_at")

    def get_phase(self, offer: Any) -> str:  # noqa: ANN401 - an Offer of `work`, which imports nothing from here
        """Say what is left to do."""
        return "train" if offer.run.run_record_id is None else "evaluate"

    def get_device_seconds(self, offer: Any) -> int:  # noqa: ANN401 - likewise
        """Return the approved budget."""
        return int(offer.run.spec_record.body["budget"]["device_seconds"])


class WorkListOutput(serializers.Serializer[Any]):
    """The runs that may be taken, oldest first."""

    runs = WorkOutput(many=True)


class MeetingOutput(serializers.Serializer[Any]):
    """Where the machines of a run meet, and what lets this one in."""

    url = serializers.CharField()
    ticket = serializers.CharField()
    member = serializers.CharField()


class OpenedOutput(serializers.Serializer[Any]):
    """How a hidden suite was opened: its rows by their digest, and the salt of its commitment."""

    digest = serializers.CharField()
    salt = serializers.CharField()


class AssignmentOutput(serializers.Serializer[Any]):
    """The right to work on a run, and everything that it takes."""

    run_id = serializers.IntegerField()
    fence = serializers.IntegerField()
    spec = serializers.SerializerMethodField()
    phase = serializers.ChoiceField(["train", "evaluate"])
    metrics = serializers.ListField(child=serializers.CharField())
    suite = serializers.CharField()
    further = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        help_text="The suites that rules name, by digest, and what is measured on each.",
    )
    device_seconds = serializers.IntegerField()
    lease_seconds = serializers.IntegerField()
    heartbeat_seconds = serializers.IntegerField()
    slot = serializers.IntegerField(help_text="0: the lead; above: a member, which trains only.")
    exchange = MeetingOutput(allow_null=True)
    openings = serializers.DictField(
        child=OpenedOutput(allow_null=True),
        help_text="By the names of hidden suites, how they were opened for this model; null: they were not (yet).",
    )

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_spec(self, assignment: dict[str, Any]) -> dict[str, Any]:
        """Return the approved specification."""
        return dict(assignment["spec"])


class TrialOutput(serializers.Serializer[Any]):
    """A trial that may be taken."""

    trial = serializers.IntegerField(source="pk")
    proposal = serializers.CharField(source="proposal.public_id", help_text="Empty while it is a draft.")
    dataset = serializers.CharField(source="plan.dataset")
    spec = serializers.CharField(source="spec_digest")
    steps = serializers.IntegerField(source="steps_max", help_text="Of both trainings together.")
    samples = serializers.IntegerField(source="samples_max")
    device_seconds = serializers.IntegerField(source="seconds_max")
    created_at = serializers.DateTimeField()


class TrialListOutput(serializers.Serializer[Any]):
    """The trials that may be taken, oldest first."""

    trials = TrialOutput(many=True)


class OfferedCheckOutput(serializers.Serializer[Any]):
    """A spot check that may be made."""

    check = serializers.IntegerField(source="pk")
    run = serializers.IntegerField(source="attempt.run_id")
    device_seconds = serializers.IntegerField(source="seconds_max")
    ordered_at = serializers.DateTimeField()


class CheckListOutput(serializers.Serializer[Any]):
    """The spot checks that may be made, oldest first."""

    checks = OfferedCheckOutput(many=True)


class SliceOutput(serializers.Serializer[Any]):
    """What is to be computed again: `slice.json` in RUN_DIR."""

    first = serializers.IntegerField(help_text="The step after which it begins; 0: the base model.")
    last = serializers.IntegerField()
    final = serializers.BooleanField(help_text="Whether it ends with the model, not with a checkpoint.")
    seed = serializers.CharField()


class CheckAssignmentOutput(serializers.Serializer[Any]):
    """The right to make a spot check, and everything that it takes."""

    check = serializers.IntegerField()
    fence = serializers.IntegerField()
    spec = serializers.DictField()
    request = SliceOutput()
    suite = serializers.CharField()
    device_seconds = serializers.IntegerField()
    lease_seconds = serializers.IntegerField()
    heartbeat_seconds = serializers.IntegerField()


class TrialRequestOutput(serializers.Serializer[Any]):
    """What is to be tried: `trial-of.json` in RUN_DIR."""

    dataset = serializers.CharField()
    steps = serializers.IntegerField(help_text="Of each training.")
    samples = serializers.IntegerField()


class TrialAssignmentOutput(serializers.Serializer[Any]):
    """The right to make a trial, and everything that it takes."""

    trial = serializers.IntegerField()
    fence = serializers.IntegerField()
    spec = serializers.DictField(help_text="The specification with the dataset in it.")
    request = TrialRequestOutput()
    metrics = serializers.ListField(child=serializers.CharField())
    suite = serializers.CharField()
    further = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        help_text="The suites that rules name, by digest, and what is measured on each.",
    )
    device_seconds = serializers.IntegerField()
    lease_seconds = serializers.IntegerField()
    heartbeat_seconds = serializers.IntegerField()


class FileOutput(serializers.Serializer[Any]):
    """One file of RUN_DIR."""

    path = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()


class FileListOutput(serializers.Serializer[Any]):
    """The files that a run needs."""

    files = FileOutput(many=True)


class AnswerOutput(serializers.Serializer[Any]):
    """What the runner is to do: continue, cancel, pause or stale."""

    answer = serializers.CharField()


class ReceivedOutput(serializers.Serializer[Any]):
    """How many bytes of an upload are there."""

    received = serializers.IntegerField()


class ResultOutput(serializers.Serializer[Any]):
    """What was written: the digest of the record, or nothing where none is."""

    run = serializers.IntegerField()
    record = serializers.CharField(allow_null=True)
    verdict = serializers.CharField(allow_blank=True)
