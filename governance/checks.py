"""Checks before a deployment (`manage.py check --deploy`): an unsafe installation says so loudly."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security, deploy=True)
def no_demo(**_kwargs: Any) -> list[CheckMessage]:  # noqa: ANN401 - Django's signature
    """Refuse to deploy the demo: its wallet signs for anybody who asks."""
    if settings.DEMO:
        return [
            Error(
                "COMMONWEIGHTS_DEMO is on: the demo wallet would sign ballots for every visitor.",
                hint="Unset COMMONWEIGHTS_DEMO.",
                id="commonweights.E002",
            )
        ]
    return []


@register(Tags.security, deploy=True)
def secure_origin(**_kwargs: Any) -> list[CheckMessage]:  # noqa: ANN401 - Django's signature
    """Refuse to deploy without https: sign-in texts and ballots name the origin."""
    if not settings.SECURE:
        return [
            Error(
                f"COMMONWEIGHTS_ORIGIN is {settings.ORIGIN}, which is not https.",
                hint="Set it to the public https address.",
                id="commonweights.E003",
            )
        ]
    return []
