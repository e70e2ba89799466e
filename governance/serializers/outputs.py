"""What goes out as JSON for governance: communities, proposals, ballots, drafts, records."""

import json
from datetime import UTC
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from governance import clock, eip712
from governance.choices import text_of
from governance.kinds import kind_named
from governance.models import Ballot, Community, Event, Proposal, Record
from governance.outcome import Condition
from governance.sentences import condition_sentence
from governance.serializers.inputs import ChoiceField
from governance.services import terms_of
from governance.standing import standings


class CommunityOutput(serializers.ModelSerializer[Community]):
    """A community. Its rules stand in its charter."""

    record = serializers.CharField(source="record_id")
    charter = serializers.CharField(source="charter_id")

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
            "record",
            "charter",
        )


class CharterOutput(serializers.Serializer[Any]):
    """The charter in force: its record, its content, and the council in office."""

    record = serializers.CharField()
    charter = serializers.DictField()
    council = serializers.DictField(allow_null=True)


class ConditionOutput(serializers.Serializer[Any]):
    """One condition of a decision, with a sentence in the reader's language."""

    condition = serializers.CharField()
    holds = serializers.BooleanField()
    found = serializers.CharField()
    needed = serializers.CharField()
    sentence = serializers.CharField()


class RoundOutput(serializers.Serializer[Any]):
    """One round of a count by elimination; choices by their place from 0."""

    number = serializers.IntegerField()
    scores = serializers.ListField(child=serializers.CharField())
    elected = serializers.ListField(child=serializers.IntegerField())
    eliminated = serializers.ListField(child=serializers.IntegerField())
    transferred = serializers.ListField(child=serializers.CharField())
    exhausted = serializers.CharField()


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
            "tier",
            "method",
            "choices",
            "seats",
            "rules",
            "census_at",
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
            "paused_until",
            "vetoed_at",
            "extended_by",
            "closed_early",
        )

    def get_state(self, proposal: Proposal) -> str:
        """Compute the state."""
        return str(proposal.state(clock.now()))

    def get_description(self, proposal: Proposal) -> str:
        """Say what happens if it passes."""
        return kind_named(proposal.kind).describe(proposal.payload)


class ProposalDetailOutput(ProposalOutput):
    """A proposal with its count so far. `totals` are exact: whole numbers, or fractions such as 1/3.

    While ballots are `sealed` nobody knows how the vote stands: see `proposals/<id>/sealing`.
    """

    totals = serializers.SerializerMethodField()
    winners = serializers.SerializerMethodField()
    conditions = serializers.SerializerMethodField()
    rounds = serializers.SerializerMethodField()
    pairwise = serializers.SerializerMethodField()
    house = serializers.SerializerMethodField()
    ballot_count = serializers.SerializerMethodField()
    sealed = serializers.SerializerMethodField()
    run = serializers.SerializerMethodField()

    class Meta(ProposalOutput.Meta):
        """Fields."""

        fields = (
            *ProposalOutput.Meta.fields,
            "totals",
            "winners",
            "conditions",
            "rounds",
            "pairwise",
            "house",
            "ballot_count",
            "sealed",
            "run",
        )

    def to_representation(self, instance: Proposal) -> dict[str, Any]:
        """Count once for all fields."""
        self._standing = standings([instance])[instance.pk]
        return super().to_representation(instance)

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_totals(self, _proposal: Proposal) -> dict[str, str]:
        """Return the scores by choice."""
        return dict(self._standing["totals"])

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_winners(self, _proposal: Proposal) -> list[str]:
        """Return who is ahead, or has won; nobody in a tie."""
        return list(self._standing["winners"])

    @extend_schema_field(ConditionOutput(many=True))
    def get_conditions(self, _proposal: Proposal) -> list[dict[str, Any]]:
        """Return each condition with its numbers and a sentence."""
        return [
            {**body, "sentence": condition_sentence(Condition.from_body(body), str)}
            for body in self._standing["conditions"]
        ]

    @extend_schema_field(RoundOutput(many=True))
    def get_rounds(self, _proposal: Proposal) -> list[dict[str, Any]]:
        """Return the rounds of a count by elimination."""
        return list(self._standing["rounds"])

    @extend_schema_field(serializers.ListField(child=serializers.ListField(child=serializers.CharField())))
    def get_pairwise(self, _proposal: Proposal) -> list[list[str]]:
        """Return for each pair the power that prefers the row to the column."""
        return list(self._standing["pairwise"])

    @extend_schema_field({"type": "object", "nullable": True, "additionalProperties": {"type": "string"}})
    def get_house(self, _proposal: Proposal) -> dict[str, str] | None:
        """Return the count of the second house."""
        return self._standing["house"]  # type: ignore[no-any-return]

    @extend_schema_field(OpenApiTypes.INT)
    def get_ballot_count(self, _proposal: Proposal) -> int:
        """Return how many voters' ballots count."""
        return int(self._standing["ballot_count"])

    @extend_schema_field(OpenApiTypes.BOOL)
    def get_sealed(self, _proposal: Proposal) -> bool:
        """Return whether ballots are sealed, so that all numbers here are those of a vote without ballots."""
        return bool(self._standing.get("sealed", False))

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
        fields = (
            "draft",
            "community",
            "number",
            "kind",
            "title",
            "text",
            "payload",
            "timing",
            "method",
            "choices",
            "seats",
            "seeks_sponsors",
            "author",
            "created_at",
        )


class SponsorsOutput(serializers.Serializer[Any]):
    """Who backs a draft as it is now, and the power that it needs."""

    sponsors = serializers.ListField(child=serializers.CharField())
    threshold = serializers.CharField()


class ReceiptOutput(serializers.ModelSerializer[Ballot]):
    """A ballot as a receipt: what was signed, what it weighed, and the record that keeps it."""

    digest = serializers.CharField(source="record_id")
    proposal = serializers.CharField(source="proposal.public_id")
    choice = ChoiceField()
    power = serializers.CharField()
    house_power = serializers.CharField()
    record = serializers.DictField()
    url = serializers.CharField()

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
            "house_power",
            "signature",
            "cast_at",
            "record",
            "url",
        )

    def to_representation(self, instance: Ballot) -> dict[str, Any]:
        """Return the fields one by one: asking the serializer's own would cost as much as accepting the ballot."""
        return receipt_of(instance)


def receipt_of(ballot: Ballot) -> dict[str, Any]:
    """Return what ReceiptOutput declares."""
    record = json.loads(ballot.record.canonical)
    return {
        "digest": ballot.record_id,
        "proposal": ballot.proposal.public_id,
        "voter": ballot.voter,
        # Its keys in the same order whatever the database does; a sealed ballot's record does not say it.
        "choice": record["body"].get("choice", ballot.choice),
        "reason": ballot.reason,
        "nonce": ballot.nonce,
        "power": str(ballot.power),
        "house_power": str(ballot.house_power),
        "signature": ballot.signature,
        "cast_at": ballot.cast_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "record": record,
        "url": f"/receipts/{ballot.record_id}/",
    }


class CastOutput(serializers.Serializer[Any]):
    """The receipt of a ballot that was cast, and the page that shows it."""

    receipt = ReceiptOutput()
    url = serializers.CharField()


class BallotOfferOutput(serializers.Serializer[Any]):
    """What a wallet is asked to sign. `delegated` is what others' delegations add, until they vote themselves."""

    typed_data = serializers.DictField()
    nonce = serializers.IntegerField()
    power = serializers.CharField()
    delegated = serializers.CharField()
    house_power = serializers.CharField()
    summary = serializers.CharField()


class EligibilityOutput(serializers.Serializer[Any]):
    """Whether an address may vote, with how much; `reason` says why not."""

    voter = serializers.CharField()
    may_vote = serializers.BooleanField()
    power = serializers.CharField()
    delegated = serializers.CharField()
    house_power = serializers.CharField()
    block = serializers.IntegerField(allow_null=True)
    census_done = serializers.BooleanField()
    reason = serializers.CharField(allow_blank=True)


class OfferOutput(serializers.Serializer[Any]):
    """A message to sign, in words too."""

    typed_data = serializers.DictField()
    summary = serializers.CharField()


class InvitationOutput(serializers.Serializer[Any]):
    """A nonce and the text to sign."""

    nonce = serializers.CharField()
    message = serializers.CharField()


class SessionOutput(serializers.Serializer[Any]):
    """Who is signed in; null for nobody."""

    address = serializers.CharField(allow_null=True)


class EventOutput(serializers.ModelSerializer[Event]):
    """One line of the audit log, with its place in the log of the community."""

    class Meta:
        """Fields."""

        model = Event
        fields = ("id", "at", "kind", "actor", "data", "position")


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


class MethodOutput(serializers.Serializer[Any]):
    """One voting method."""

    name = serializers.CharField()
    version = serializers.CharField()
    label = serializers.CharField()
    description = serializers.CharField()
    tie_rule = serializers.CharField()
    structured = serializers.BooleanField()
    binary = serializers.BooleanField()
    elects_many = serializers.BooleanField()


def ballot_summary(proposal: Proposal, choice: object, voter: str) -> str:
    """Say in one sentence what a ballot says."""
    terms = terms_of(proposal)
    said = text_of(terms.method, terms.choices, choice)
    return f"{eip712.parse_address(voter)} votes {said} on proposal {proposal.number} of {proposal.community.slug}"
