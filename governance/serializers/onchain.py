"""What goes in and out where a community governs by contract."""

from typing import Any

from rest_framework import serializers

from governance.serializers.base import StrictInteger, StrictSerializer, StrictText
from governance.serializers.community_outputs import TransactionOutput


class ContractTransactionInput(StrictSerializer):
    """What is to be sent: vote, vote_by_signature, queue, execute or cancel. The others take no further fields."""

    action = StrictText()
    choice = StrictInteger(required=False)
    reason = StrictText(required=False, allow_blank=True, default="")
    voter = StrictText(required=False, allow_blank=True, default="")
    signature = StrictText(required=False, allow_blank=True, default="")


class ContractOfferOutput(serializers.Serializer[Any]):
    """A draft as a proposal of the Governor: what to send, how it will be called there, and what it approves."""

    transaction = TransactionOutput()
    number = serializers.CharField(help_text="the Governor's proposal id, as decimal text")
    approves = serializers.CharField(help_text="the digest that the anchor is asked to approve")
    description = serializers.CharField()


class ContractTransactionOutput(serializers.Serializer[Any]):
    """A transaction for a wallet to send. It was neither signed nor sent here."""

    transaction = TransactionOutput()


class ContractVoteMessageOutput(serializers.Serializer[Any]):
    """The Governor's own typed data, for a voter who lets somebody else send the vote."""

    typed_data = serializers.DictField()


class ContractStandOutput(serializers.Serializer[Any]):
    """How a proposal stands on its chain. `steps` are what may be sent now."""

    governor = serializers.CharField()
    anchor = serializers.CharField()
    timelock = serializers.CharField()
    number = serializers.CharField()
    approves = serializers.CharField()
    steps = serializers.ListField(child=serializers.CharField())
    read_to = serializers.DateTimeField()
    halted = serializers.CharField()
    refused = serializers.CharField()


class ContractStepOutput(serializers.Serializer[Any]):
    """One change of a Governor's number, in the units of a charter's rules."""

    before = serializers.CharField()
    after = serializers.CharField()
    at = serializers.DateTimeField()


class ContractChangedOutput(serializers.Serializer[Any]):
    """A number that was changed: what the tiers of the charter say, and what the Governor does now if it is known."""

    rule = serializers.CharField(help_text='a rule of a charter by its name there, or "timelock"')
    promised = serializers.ListField(child=serializers.CharField())
    now = serializers.CharField(allow_null=True)
    kept = serializers.BooleanField()
    steps = ContractStepOutput(many=True)


class CommunityContractOutput(serializers.Serializer[Any]):
    """The contracts that the charter names. `kept`: the Governor still does what the charter says."""

    governor = serializers.CharField()
    anchor = serializers.CharField()
    timelock = serializers.CharField()
    read_to = serializers.DateTimeField()
    halted = serializers.CharField()
    kept = serializers.BooleanField()
    changed = ContractChangedOutput(many=True)
