"""What goes out as JSON about delegation, the census and the log."""

from typing import Any

from rest_framework import serializers

from governance.models import CensusEntry, Delegation


class DelegationOutput(serializers.ModelSerializer[Delegation]):
    """A delegation as it was signed."""

    digest = serializers.CharField(source="record_id")

    class Meta:
        """Fields."""

        model = Delegation
        fields = (
            "digest",
            "delegator",
            "delegate",
            "topic",
            "share_bps",
            "expires_at",
            "nonce",
            "signature",
            "made_at",
            "superseded_at",
        )


class DelegationOfferOutput(serializers.Serializer[Any]):
    """A delegation to sign, in words too."""

    typed_data = serializers.DictField()
    nonce = serializers.IntegerField()
    summary = serializers.CharField()


class TransactionOutput(serializers.Serializer[Any]):
    """A call that a wallet can send."""

    to = serializers.CharField()
    data = serializers.CharField()
    chainId = serializers.CharField()  # noqa: N815 - as wallets spell it


class ChainDelegationOfferOutput(serializers.Serializer[Any]):
    """The ways to delegate on chain: by a transaction of one's own, or by a signature that somebody else sends."""

    delegate_now = serializers.CharField()
    transaction = TransactionOutput()
    by_signature = serializers.DictField(allow_null=True)
    relay = serializers.BooleanField()


class ChainDelegationOutput(serializers.Serializer[Any]):
    """A signed delegation as a call; `hash` is the transaction where this installation has sent it."""

    transaction = TransactionOutput()
    hash = serializers.CharField(allow_null=True)


class DelegateOutput(serializers.Serializer[Any]):
    """One member as a delegate. `power` is of the newest census."""

    address = serializers.CharField()
    name = serializers.CharField()
    statement = serializers.CharField()
    power = serializers.CharField()
    delegators = serializers.IntegerField()
    votes = serializers.IntegerField()
    participation_bps = serializers.IntegerField()


class DelegateDetailOutput(serializers.Serializer[Any]):
    """A delegate with the delegations received and given, and the votes with reasons."""

    delegate = DelegateOutput()
    received = DelegationOutput(many=True)
    given = DelegationOutput(many=True)
    votes = serializers.ListField(child=serializers.DictField())


class CensusEntryOutput(serializers.ModelSerializer[CensusEntry]):
    """One entry of a census."""

    power = serializers.CharField()
    house_power = serializers.CharField()

    class Meta:
        """Fields."""

        model = CensusEntry
        fields = ("voter", "power", "house_power")


class CensusOutput(serializers.Serializer[Any]):
    """One page of a census: `record` is empty while it is being taken."""

    record = serializers.DictField(allow_null=True)
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    entries = CensusEntryOutput(many=True)


class CensusProofOutput(serializers.Serializer[Any]):
    """One entry with the path from it to the root (RFC 6962)."""

    voter = serializers.CharField()
    power = serializers.CharField()
    house_power = serializers.CharField()
    index = serializers.IntegerField()
    size = serializers.IntegerField()
    proof = serializers.ListField(child=serializers.CharField())
    root = serializers.CharField()


class LogOutput(serializers.Serializer[Any]):
    """The size of a community's log, and the newest signed checkpoint."""

    size = serializers.IntegerField()
    checkpoint = serializers.CharField(allow_null=True)


class LogEntriesOutput(serializers.Serializer[Any]):
    """Leaves of a log, as they are hashed."""

    start = serializers.IntegerField()
    leaves = serializers.ListField(child=serializers.CharField())


class ProofOutput(serializers.Serializer[Any]):
    """A proof about a log: hashes from the leaf up (RFC 6962)."""

    proof = serializers.ListField(child=serializers.CharField())


class ImportedVoteOutput(serializers.Serializer[Any]):
    """A vote that the community brought from elsewhere."""

    id = serializers.IntegerField(source="pk")
    source = serializers.CharField()
    external_id = serializers.CharField()
    title = serializers.CharField()
    method = serializers.CharField()
    choices = serializers.ListField(child=serializers.CharField())
    result = serializers.DictField()
    closed_at = serializers.DateTimeField()
    record = serializers.CharField(source="record_id")
