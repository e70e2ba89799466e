"""Answers: where is it. One question over everything that has a page; the whole question stands in the address."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import get_language

from frontend import words
from frontend.places import address_of
from frontend.views.asked import page_number, plain
from governance import clock, search, selectors
from governance.lifecycle import State
from governance.search import Hit

TYPED_MAX = 200
_STATES = [state for state in State if state is not State.DRAFT]


def index(request: HttpRequest) -> HttpResponse:
    """Show what was found, how much of each kind, and the ways to narrow it."""
    typed = _typed(request)
    wanted = {name: plain(request, name) for name in ("kind", "community", "state")}
    found = search.search(typed, clock.now(), **wanted, page=page_number(request))
    return render(
        request,
        "pages/search.html",
        {
            "typed": typed,
            "wanted": wanted,
            "filtered": any(wanted.values()),
            "found": found,
            "hits": [(hit, address_of(hit), _pieces(hit)) for hit in found.hits],
            "all_count": sum(found.counts.values()),
            "communities": selectors.all_communities(),
            "states": [(state.value, words.word("proposal_state", state).label) for state in _STATES],
        },
    )


def suggest(request: HttpRequest) -> JsonResponse:
    """Return a few things whose titles match what is being typed, for the command palette."""
    hits = search.suggest(_typed(request), clock.now(), community=plain(request, "community"))
    return JsonResponse({"found": [_suggested(hit) for hit in hits]})


def _suggested(hit: Hit) -> dict[str, Any]:
    kind = words.word("found_kind", hit.kind)
    state = str(words.word("proposal_state", hit.state).label) if hit.state else ""
    return {
        "title": "".join(piece.text for piece in _pieces(hit)),
        "kind": str(kind.label),
        "icon": kind.icon,
        "state": state,
        "community": _in_language(hit.community.name_en, hit.community.name_fr),
        "address": address_of(hit),
    }


def _pieces(hit: Hit) -> Any:  # noqa: ANN401 - pieces of either title
    """Return the title in the reader's language; where it was found in the other one alone, that one."""
    first, other = (hit.title_fr_pieces, hit.title_pieces) if _french() else (hit.title_pieces, hit.title_fr_pieces)
    if not first or (other and any(piece.marked for piece in other) and not any(piece.marked for piece in first)):
        return other or first
    return first


def _typed(request: HttpRequest) -> str:
    return request.GET.get("q", "")[:TYPED_MAX].replace("\0", "").strip("\r\n")


def _in_language(english: str, french: str) -> str:
    return french or english if _french() else english or french


def _french() -> bool:
    return (get_language() or "en").startswith("fr")
