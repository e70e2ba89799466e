"""Answers: how do we draw things? Every part of the site in every state, on one page that is made of them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from frontend import design, words

# Tables of words whose entries are shown as pills; the others are headings and sentences.
_PILLS = (
    "proposal_state", "run_state", "preview_state", "outcome", "attested", "incident_state", "severity", "outlook",
)  # fmt: skip
_COLOURS = (
    "ground", "surface", "sunken", "ink", "ink-soft", "line", "line-strong", "focus", "water", "water-deep",
    "water-wash",
)  # fmt: skip
_TONES = ("for", "for-wash", "against", "against-wash", "abstain", "abstain-wash", "warn", "warn-wash")


def living(request: HttpRequest) -> HttpResponse:
    """Show the tokens, the parts and their states."""
    light = design.tokens("light")
    context = {
        "themes": [(theme, design.pairs(theme)) for theme in design.THEMES],
        "swatches": [
            (name, [design.tokens(theme)[name] for theme in design.THEMES])
            for name in (*_COLOURS, *_TONES, *(f"choice-{number}" for number in range(8)))
        ],
        "sizes": [(name, value) for name, value in light.items() if name.startswith(("size-", "space-", "radius"))],
        "icons": design.icons(),
        "pills": [(table, list(words.TABLES[table])) for table in _PILLS],
    }
    return render(request, "pages/design.html", context)
