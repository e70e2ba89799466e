"""The JSON API of ethics rules."""

from rest_framework import generics

from models_registry.constitution.serializers import EthicsRuleOutput
from models_registry.models import EthicsRule


class RuleList(generics.ListAPIView[EthicsRule]):
    """Ethics rules, newest first."""

    serializer_class = EthicsRuleOutput
    queryset = EthicsRule.objects.select_related("community", "proposal", "record").order_by("-pk")
