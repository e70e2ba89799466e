"""Checks at start-up: a publication target that does not exist is noticed before the first release, not by it."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from models_registry.publishing import TARGETS


@register()
def known_targets(**_kwargs: Any) -> list[CheckMessage]:  # noqa: ANN401 - Django's signature
    """Refuse targets that are not in the table."""
    unknown = sorted(set(settings.PUBLICATION_TARGETS) - set(TARGETS))
    if unknown:
        return [
            Error(
                f"COMMONWEIGHTS_PUBLICATION_TARGETS names {', '.join(unknown)}.",
                hint=f"Known are {', '.join(sorted(TARGETS))}.",
                id="commonweights.E004",
            )
        ]
    return []
