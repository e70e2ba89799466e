"""Checks before a deployment (`manage.py check --deploy`): an unsafe installation says so loudly."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from governance.chain.factory import addresses


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


@register(Tags.security, deploy=True)
def chain_of_different_operators(**_kwargs: Any) -> list[CheckMessage]:  # noqa: ANN401 - Django's signature
    """Refuse two chain addresses with one host: one operator would only agree with itself."""
    hosts = [urlsplit(address).hostname for address in addresses()]
    doubled = sorted({str(host) for host in hosts if hosts.count(host) > 1})
    if doubled:
        return [
            Error(
                f"COMMONWEIGHTS_CHAIN_RPC names {', '.join(doubled)} more than once.",
                hint="Name nodes of different operators, or one node.",
                id="commonweights.E005",
            )
        ]
    return []
