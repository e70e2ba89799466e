"""What the API says of anchors."""

from typing import Any

from rest_framework import serializers

from governance.anchoring.kinds import KINDS
from governance.models import Anchor


class AnchorOutput(serializers.ModelSerializer[Anchor]):
    """A digest that was written down on a chain, or is on its way there (`posted_at` is null)."""

    record = serializers.CharField(source="record_id", help_text="what it is of: a tally, or a release")
    kind = serializers.ChoiceField(choices=KINDS)
    transaction = serializers.CharField(help_text="the one that was sent last; empty if none was")

    class Meta:
        """Which columns."""

        model = Anchor
        fields = (
            "kind",
            "digest",
            "record",
            "planned_at",
            "posted_at",
            "chain_id",
            "contract",
            "transaction",
            "block_number",
            "block_hash",
        )


class AnchorsOutput(serializers.Serializer[Any]):
    """One page."""

    page = serializers.IntegerField(source="number")
    pages = serializers.IntegerField()
    total = serializers.IntegerField()
    results = AnchorOutput(source="rows", many=True)
