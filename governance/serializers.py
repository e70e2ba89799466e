"""What comes in and goes out as JSON for governance, and the strict base that all apps read their input with.

Strict: unknown keys are refused, and text is not a number, a number is not text, true is not 1.
"""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from governance import eip712, services
from governance.clock import now as clock
from governance.errors import Malformed
from governance.kinds import kind_named
from governance.models import Ballot, Community, Event, Proposal, Record
from governance.tally import method_named


class StrictText(serializers.CharField):
    """Text that is text."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401 - DRF's signature
        """Keep spaces as they are: what was signed is what counts."""
        super().__init__(**{"trim_whitespace": False, **kwargs})

    def to_internal_value(self, data: object) -> str:
        """Refuse numbers, booleans and null."""
        if not isinstance(data, str):
            raise serializers.ValidationError("this is text")
        return data


class StrictInteger(serializers.IntegerField):
    """A whole number that is written as one."""

    def to_internal_value(self, data: object) -> int:
        """Refuse text, fractions and booleans."""
        if type(data) is not int:
            raise serializers.ValidationError("this is a whole number, without quotes or fraction")
        return data


class StrictObject(serializers.DictField):
    """A JSON object."""

    def to_internal_value(self, data: object) -> dict[str, Any]:
        """Refuse anything else."""
        if not isinstance(data, dict):
            raise serializers.ValidationError("this is a JSON object")
        return data


class StrictSerializer(serializers.Serializer[Any]):
    """Input of exactly the declared keys."""

    @classmethod
    def read(cls, data: object) -> dict[str, Any]:
        """Return the checked values; raise Malformed with the first field that is wrong."""
        serializer = cls(data=data)
        if not isinstance(data, dict):
            raise Malformed("malformed_json", "the body is a JSON object")
        unknown = sorted(set(data) - set(serializer.fields))
        if unknown:
            raise Malformed(
                "unknown_field", "there is no such field", field=unknown[0][:80], allowed=sorted(serializer.fields)
            )
        if not serializer.is_valid():
            field, problems = next(iter(serializer.errors.items()))
            first = problems[0] if isinstance(problems, list) else problems
            code = "missing_field" if getattr(first, "code", "") == "required" else "malformed_field"
            raise Malformed(code, str(first), field=field, found=data.get(field))
        return dict(serializer.validated_data)


# --- input --------------------------------------------------------------------------------------------------------


class NonceInput(StrictSerializer):
    """Who wants to sign in, and on which chain the wallet is."""

    address = StrictText()
    chain_id = StrictInteger(required=False)


class SignInInput(StrictSerializer):
    """The signed text."""

    message = StrictText(max_length=8_000)
    signature = StrictText()


class DraftInput(StrictSerializer):
    """A draft. `payload` is what its kind takes; a wrong one is refused with the field and what is allowed."""

    community = StrictText()
    kind = StrictText()
    title = StrictText(allow_blank=True)
    text = StrictText(required=False, allow_blank=True, default="")
    payload = StrictObject()
    opens_at = StrictInteger(required=False)
    voting_period_seconds = StrictInteger(required=False)


class CancelInput(StrictSerializer):
    """Why a proposal is taken back."""

    reason = StrictText()


class BallotInput(StrictSerializer):
    """A signed ballot: the fields of the signed message that the proposal does not fix, and the signature."""

    proposal = StrictText()
    voter = StrictText()
    choice = StrictInteger()
    reason = StrictText(required=False, allow_blank=True, default="")
    nonce = StrictInteger()
    signature = StrictText()

    @classmethod
    def to_request(cls, data: object) -> services.BallotRequest:
        """Read a ballot request."""
        return services.BallotRequest(**cls.read(data))


# --- output -------------------------------------------------------------------------------------------------------


class CommunityOutput(serializers.ModelSerializer[Community]):
    """A community."""

    record = serializers.CharField(source="record_id")

    class Meta:
        """Fields."""

        model = Community
        fields = (
            "slug",
            "name_en",
            "name_fr",
            "description_en",
            "description_fr",
            "instance",
            "chain_id",
            "token",
            "release_key",
            "rules",
            "record",
        )


class ConditionOutput(serializers.Serializer[Any]):
    """One condition of a decision."""

    condition = serializers.CharField()
    holds = serializers.BooleanField()
    found = serializers.CharField()
    needed = serializers.CharField()


class ProposalOutput(serializers.ModelSerializer[Proposal]):
    """A proposal with its state now."""

    id = serializers.CharField(source="public_id")
    community = serializers.CharField(source="community.slug")
    state = serializers.SerializerMethodField()
    description = serializers.SerializerMethodField()
    total_supply = serializers.CharField(allow_null=True)

    class Meta:
        """Fields."""

        model = Proposal
        fields = (
            "id",
            "community",
            "number",
            "kind",
            "title",
            "text",
            "payload",
            "author",
            "state",
            "description",
            "method",
            "rules",
            "snapshot_block",
            "snapshot_hash",
            "total_supply",
            "submitted_at",
            "opens_at",
            "closes_at",
            "passed",
            "queued_at",
            "eta",
            "expires_at",
            "executed_at",
            "canceled_at",
            "canceled_by",
            "cancel_reason",
        )

    def get_state(self, proposal: Proposal) -> str:
        """Compute the state."""
        return str(proposal.state(clock()))

    def get_description(self, proposal: Proposal) -> str:
        """Say what happens if it passes."""
        return kind_named(proposal.kind).describe(proposal.payload)


class ProposalDetailOutput(ProposalOutput):
    """A proposal with its count so far."""

    totals = serializers.SerializerMethodField()
    conditions = serializers.SerializerMethodField()
    run = serializers.SerializerMethodField()

    class Meta(ProposalOutput.Meta):
        """Fields."""

        fields = (*ProposalOutput.Meta.fields, "totals", "conditions", "run")

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_totals(self, proposal: Proposal) -> dict[str, str]:
        """Count the ballots cast so far."""
        if not proposal.record_id:
            return {}
        method = method_named(proposal.method)
        count = method.count(proposal.ballots.counting().values_list("choice", "power"))
        return {name: str(power) for name, power in count.totals.items()}

    @extend_schema_field(ConditionOutput(many=True))
    def get_conditions(self, proposal: Proposal) -> list[dict[str, Any]]:
        """Judge the ballots cast so far."""
        if not proposal.record_id:
            return []
        return [condition.to_body() for condition in services.decide(proposal).conditions]

    @extend_schema_field(OpenApiTypes.INT)
    def get_run(self, proposal: Proposal) -> int | None:
        """Return the training run that an executed model update made."""
        run = getattr(proposal, "run", None)
        return run.pk if run else None


class DraftOutput(serializers.ModelSerializer[Proposal]):
    """A draft: it has a number, and no id before it is submitted."""

    draft = serializers.IntegerField(source="pk")
    community = serializers.CharField(source="community.slug")

    class Meta:
        """Fields."""

        model = Proposal
        fields = ("draft", "community", "number", "kind", "title", "text", "payload", "timing", "author", "created_at")


class ReceiptOutput(serializers.ModelSerializer[Ballot]):
    """A ballot as a receipt: what was signed, what it weighed, and the record that keeps it."""

    digest = serializers.CharField(source="record_id")
    proposal = serializers.CharField(source="proposal.public_id")
    power = serializers.CharField()
    record = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    class Meta:
        """Fields. Nothing here changes with time, so that the same ballot has the same receipt for ever."""

        model = Ballot
        fields = (
            "digest",
            "proposal",
            "voter",
            "choice",
            "reason",
            "nonce",
            "power",
            "signature",
            "cast_at",
            "record",
            "url",
        )

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_record(self, ballot: Ballot) -> dict[str, Any]:
        """Return the record itself."""
        return ballot.record.value.to_dict()

    def get_url(self, ballot: Ballot) -> str:
        """Return the receipt's page."""
        return f"/receipts/{ballot.record_id}/"


class CastOutput(serializers.Serializer[Any]):
    """The receipt of a ballot that was cast, and the page that shows it."""

    receipt = ReceiptOutput()
    url = serializers.CharField()


class BallotOfferOutput(serializers.Serializer[Any]):
    """What a wallet is asked to sign."""

    typed_data = serializers.DictField()
    nonce = serializers.IntegerField()
    power = serializers.CharField()
    summary = serializers.CharField()


class InvitationOutput(serializers.Serializer[Any]):
    """A nonce and the text to sign."""

    nonce = serializers.CharField()
    message = serializers.CharField()


class SessionOutput(serializers.Serializer[Any]):
    """Who is signed in; null for nobody."""

    address = serializers.CharField(allow_null=True)


class EventOutput(serializers.ModelSerializer[Event]):
    """One line of the audit log."""

    class Meta:
        """Fields."""

        model = Event
        fields = ("id", "at", "kind", "actor", "data")


class RecordOutput(serializers.ModelSerializer[Record]):
    """A record: its digest, and the canonical text that the digest is of."""

    parents = serializers.SerializerMethodField()

    class Meta:
        """Fields."""

        model = Record
        fields = ("digest", "kind", "subject", "canonical", "parents")

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_parents(self, record: Record) -> list[str]:
        """Return the digests of the parents."""
        return list(record.value.parents)


class KindOutput(serializers.Serializer[Any]):
    """One kind of proposal."""

    name = serializers.CharField()
    label = serializers.CharField()
    description = serializers.CharField()


class ProblemOutput(serializers.Serializer[Any]):
    """Every refusal (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    field = serializers.CharField(required=False)


def ballot_summary(proposal: Proposal, choice: int, voter: str) -> str:
    """Say in one sentence what a ballot says."""
    option = method_named(proposal.method).options[choice]
    return f"{eip712.parse_address(voter)} votes {option} on proposal {proposal.number} of {proposal.community.slug}"
