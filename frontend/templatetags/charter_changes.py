"""Template filters of what a proposal changes in the voting rules."""

from django import template

from frontend.words import charter_changes
from governance.charter_changes import CharterChanges

register = template.Library()


@register.filter
def changed_groups(of: CharterChanges) -> list[charter_changes.Group]:
    """Return what changes, tier by tier and then the rest."""
    return charter_changes.groups(of)


@register.filter
def unchanged_parts(of: CharterChanges) -> list[str]:
    """Return the names of the tiers and parts in which nothing changes."""
    return charter_changes.unchanged(of)
