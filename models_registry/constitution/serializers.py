"""What goes out as JSON for ethics rules."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from models_registry.models import EthicsRule


class EthicsRuleOutput(serializers.ModelSerializer[EthicsRule]):
    """A rule in force, or revoked."""

    community = serializers.CharField(source="community.slug")
    bound = serializers.SerializerMethodField()
    record = serializers.CharField(source="record_id")
    proposal = serializers.CharField(source="proposal.public_id")

    class Meta:
        """Fields."""

        model = EthicsRule
        fields = (
            "slug",
            "community",
            "title",
            "metric",
            "comparator",
            "bound",
            "scope",
            "severity",
            "adopted_at",
            "revoked_at",
            "record",
            "proposal",
        )

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_bound(self, rule: EthicsRule) -> dict[str, int]:
        """Return the exact bound."""
        return {"numerator": rule.bound_numerator, "denominator": rule.bound_denominator}
