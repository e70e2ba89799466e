"""What was released last, everywhere: for who comes to see what communities own. Reads only."""

from models_registry.models import EthicsRule, Version
from models_registry.selectors import VersionRow, version_row


def newest_releases(most: int) -> list[VersionRow]:
    """Return the newest version of each model that is handed out, the newest first."""
    found = Version.objects.filter(
        release_record__isnull=False, withdrawn_at__isnull=True, set_back_at__isnull=True, held_at__isnull=True
    ).select_related("model__community", "proposal", "evaluation_record", "release_record")
    newest: dict[int, VersionRow] = {}
    for version in found.order_by("-created_at", "-pk")[: most * 5]:
        if version.model_id not in newest:
            row = version_row(version)
            if row.in_use:
                newest[version.model_id] = row
    return list(newest.values())[:most]


def release_count() -> int:
    """Return how many versions were released."""
    return Version.objects.filter(release_record__isnull=False).count()


def rules_in_force_count() -> int:
    """Return how many ethics rules bind models now."""
    return EthicsRule.objects.filter(revoked_at__isnull=True).count()
