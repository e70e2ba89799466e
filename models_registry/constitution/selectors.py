"""Questions that pages and the API ask about ethics rules. Reads only."""

from governance.models import Community
from models_registry.models import EthicsRule


def rules_of(community: Community) -> list[EthicsRule]:
    """Return the ethics rules of a community: those in force first, then by time."""
    found = EthicsRule.objects.filter(community=community).select_related("proposal").order_by("adopted_at")
    return sorted(found, key=lambda rule: rule.revoked_at is not None)


def rules_in_force(community: Community) -> list[EthicsRule]:
    """Return the ethics rules that bind new runs."""
    return [rule for rule in rules_of(community) if rule.revoked_at is None]
