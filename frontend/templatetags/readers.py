"""Template tags for people who follow: who follows here, and whether they follow this."""

from typing import Any

from django import template
from django.template.context import Context
from django.urls import reverse

from governance.errors import Refusal
from governance.models import Follow
from governance.readers import following as follows
from governance.readers import sessions
from models_registry.following import subject_named

register = template.Library()


@register.simple_tag(takes_context=True)
def following(context: Context, kind: str, name: Any) -> bool:  # noqa: ANN401 - text, or a model that is its name
    """Say whether whoever reads this page follows a community, proposal or model; a visitor follows nothing."""
    request = context.get("request")
    reader = sessions.current(request) if request is not None else None
    if reader is None:
        return False
    try:
        return follows.is_following(reader, subject_named(kind, str(name)))
    except Refusal:
        return False


@register.filter
def followed_at(row: Follow) -> str:
    """Return the address of the page of what is followed."""
    if row.proposal is not None:
        return reverse("site:proposal", args=[row.community.slug, row.proposal.number])
    if row.model_name:
        return reverse("site:model", args=row.model_name.split("/", 1))
    return reverse("site:community", args=[row.community.slug])
