"""What goes out as JSON for settlements. Amounts and values are decimal text: they may outgrow JSON's numbers."""

from typing import Any

from rest_framework import serializers

from governance.serializers.community_outputs import TransactionOutput
from training_jobs.ledger.currencies import in_full
from training_jobs.models import Settlement, SettlementReading, SettlementTerms
from training_jobs.settlement.selectors import Owed


class SettlementTermsOutput(serializers.ModelSerializer[SettlementTerms]):
    """The terms of one currency. `rate`: base units of the token for one minor unit of the currency."""

    proposal = serializers.CharField(source="proposal.public_id")

    class Meta:
        """Fields."""

        model = SettlementTerms
        fields: tuple[str, ...] = ("currency", "token", "treasury", "rate", "adopted_at", "proposal")


class SettlementOwedOutput(serializers.Serializer[Owed]):
    """What a site is owed, in micro-units: `credit` waits for a vote, `due` for a transfer."""

    site = serializers.CharField()
    currency = serializers.CharField()
    credit = serializers.CharField()
    due = serializers.CharField()
    payout = serializers.CharField(help_text="empty: its operator has named no address")


class SettlementReadingOutput(serializers.ModelSerializer[SettlementReading]):
    """How far the transfers of a token were read. `halted` says why no more are."""

    class Meta:
        """Fields."""

        model = SettlementReading
        fields: tuple[str, ...] = ("token", "first_block", "block_number", "block_hash", "halted")


class SettlementAccountOutput(serializers.Serializer[dict[str, Any]]):
    """Terms in force, what sites are owed, and how far the chain was read. No terms: nothing is settled on chain."""

    chain_id = serializers.IntegerField()
    terms = SettlementTermsOutput(many=True)
    owed = SettlementOwedOutput(many=True)
    readings = SettlementReadingOutput(many=True)


class SettlementTransferOutput(serializers.ModelSerializer[Settlement]):
    """Where the transfer that paid stands: `block_time` in UNIX seconds, `log` its place in the block."""

    log = serializers.IntegerField(source="position")

    class Meta:
        """Fields."""

        model = Settlement
        fields: tuple[str, ...] = ("block_number", "block_hash", "block_time", "transaction", "log", "paid_at")


class SettlementOutput(serializers.ModelSerializer[Settlement]):
    """One settlement, by the number of the proposal that approved it. `value`: base units of the token."""

    number = serializers.IntegerField(source="proposal.number")
    proposal = serializers.CharField(source="proposal.public_id")
    state = serializers.ChoiceField(choices=["due", "paid", "withdrawn"])
    units = serializers.CharField(source="amount")
    amount = serializers.SerializerMethodField()
    paid = serializers.SerializerMethodField()

    class Meta:
        """Fields."""

        model = Settlement
        fields: tuple[str, ...] = (
            "number",
            "proposal",
            "state",
            "site",
            "currency",
            "units",
            "amount",
            "chain_id",
            "token",
            "treasury",
            "rate",
            "payout",
            "value",
            "approved_at",
            "withdrawn_at",
            "paid",
        )

    def get_amount(self, found: Settlement) -> str:
        """Return the amount in the currency itself, with all digits."""
        return in_full(found.amount, found.currency)

    def get_paid(self, found: Settlement) -> SettlementTransferOutput(allow_null=True):  # type: ignore[valid-type]
        """Return the transfer that paid it, or nothing."""
        return None if found.paid_at is None else SettlementTransferOutput(found).data


class SettlementPaymentOutput(serializers.Serializer[Any]):
    """A transaction that pays a settlement, neither signed nor sent here. Only from `sender` does it count."""

    sender = serializers.CharField()
    transaction = TransactionOutput()
