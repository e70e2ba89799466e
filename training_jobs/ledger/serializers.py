"""What goes out as JSON for the books. Amounts are decimal text in whole units: they may outgrow JSON's numbers."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from training_jobs.ledger.currencies import in_full
from training_jobs.models import LedgerAccount, LedgerEntry, LedgerPosting
from training_jobs.models.ledger import ACCOUNT_KINDS, ENTRY_KINDS


class LedgerAccountOutput(serializers.ModelSerializer[LedgerAccount]):
    """One account. `units` are micro-units of money, or device-seconds; `balance` says it in the currency itself."""

    id = serializers.IntegerField(source="pk")
    kind = serializers.ChoiceField(choices=list(ACCOUNT_KINDS))
    units = serializers.CharField(source="balance")
    balance = serializers.SerializerMethodField()

    class Meta:
        """Fields."""

        model = LedgerAccount
        fields: tuple[str, ...] = ("id", "kind", "owner", "currency", "units", "balance", "opened_at")

    def get_balance(self, account: LedgerAccount) -> str:
        """Return what is in it, with all digits."""
        return in_full(account.balance, account.currency)


class LedgerPostingOutput(serializers.ModelSerializer[LedgerPosting]):
    """An amount that goes from one account to another."""

    currency = serializers.CharField(source="source.currency")
    units = serializers.CharField(source="amount")
    amount = serializers.SerializerMethodField()

    class Meta:
        """Fields."""

        model = LedgerPosting
        fields: tuple[str, ...] = ("currency", "units", "amount")

    def get_fields(self) -> dict[str, Any]:
        """Add both sides: `from` is a word of the language, and cannot be the name of an attribute."""
        sides = {
            "from": serializers.CharField(source="source.name", help_text="kind:owner"),
            "to": serializers.CharField(source="target.name", help_text="kind:owner"),
        }
        return {**sides, **super().get_fields()}

    def get_amount(self, posting: LedgerPosting) -> str:
        """Return the amount in the currency itself, with all digits."""
        return in_full(posting.amount, posting.source.currency)


class LedgerEntryOutput(serializers.ModelSerializer[LedgerEntry]):
    """One booking with its postings, and the facts that its amounts were computed from."""

    kind = serializers.ChoiceField(choices=list(ENTRY_KINDS))
    proposal = serializers.SerializerMethodField()
    request = serializers.SerializerMethodField()
    postings = LedgerPostingOutput(many=True)
    facts = serializers.SerializerMethodField()

    class Meta:
        """Fields."""

        model = LedgerEntry
        fields: tuple[str, ...] = ("number", "at", "kind", "key", "proposal", "request", "postings", "facts")

    def get_proposal(self, entry: LedgerEntry) -> str:
        """Return the proposal whose vote moved it; empty for none."""
        return entry.proposal.public_id if entry.proposal else ""

    def get_request(self, entry: LedgerEntry) -> str:
        """Return the request that it is about; empty for none."""
        return entry.hold.request if entry.hold else ""

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_facts(self, entry: LedgerEntry) -> dict[str, Any]:
        """Return what the amounts were computed from."""
        found: dict[str, Any] = entry.data
        return found


class ContributionsOutput(serializers.Serializer[dict[str, Any]]):
    """Device-seconds by address, as parameters of the source of voting power `contribution_credits`."""

    credits = serializers.DictField(child=serializers.CharField())
