"""The lines that the verifier in the browser fills in: one for each numbered check, in the reader's language."""

from typing import Any

from django import template

from frontend import words

register = template.Library()


@register.inclusion_tag("parts/browser_check.html")
def browser_check() -> dict[str, Any]:
    """Show the empty lines, and how each of the three results looks."""
    return {"checks": words.FINDINGS, "statuses": words.CHECKS}
