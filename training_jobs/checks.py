"""Checks of this app's settings: what cannot work is said before it is needed."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 - Django's name

from governance.errors import Invalid
from training_jobs.carbon.configured import intensity


@register("configuration")
def carbon_source(**_kwargs: Any) -> list[CheckMessage]:  # noqa: ANN401 - Django's signature
    """Refuse a source of carbon intensity that cannot be used, and say where the figures are made up."""
    try:
        intensity()
    except Invalid as refusal:
        allowed = f" Allowed: {refusal.allowed}." if refusal.allowed else ""
        hint = "See docs/how-to/count-carbon.md."
        return [Error(f"COMMONWEIGHTS_CARBON_SOURCE: {refusal.detail}.{allowed}", hint=hint, id="commonweights.E010")]
    if settings.CARBON_SOURCE == "sample" and not settings.DEMO:
        message = "COMMONWEIGHTS_CARBON_SOURCE is sample: its grids are made up."
        return [Warning(message, hint="Name a real source, or none.", id="commonweights.W010")]
    return []
