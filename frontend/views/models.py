"""Answers: which models does the community own, which version is in use, how did it come about, what differs."""

from dataclasses import asdict, replace
from secrets import token_hex
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext

from frontend import brook, measured_tables, model_map, tables, words
from frontend.blind import Blind, blind, taken
from frontend.views import trying
from frontend.views.asked import plain
from governance import clock
from governance import selectors as governance
from governance.errors import NotFound, Refusal
from models_registry import selectors
from models_registry.in_use import in_use
from models_registry.incidents import selectors as incidents
from models_registry.models import Version
from models_registry.rights import selectors as rights
from training_jobs import model_history, version_comparison
from training_jobs.footprint import used_by


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """List the models of a community, each with its history as a small picture."""
    community = governance.community_named(slug)
    cards = [(card, brook.draw(card.versions)) for card in selectors.models_of(community)]
    return render(request, "pages/models.html", {"community": community, "tab": "models", "models": cards})


def detail(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Show one model: what is in use, its map, its versions, what went wrong."""
    card = selectors.model_named(namespace, name)
    used = in_use(card)
    graph = model_history.map_of(card.model, clock.now())
    reported = incidents.page(incidents.of_model(card.model), 1, clock.now())
    context = {
        "community": card.model.community,
        "tab": "models",
        "card": card,
        "used": used,
        "steps": model_map.steps(graph),
        "wide": model_map.wide(graph),
        "tall": model_map.tall(graph),
        "try": trying.offer(card.model, f"v{used.row.version.number}" if used else ""),
        "runs_used": used_by(card.model, clock.now()),
        "incidents": reported,
        "removed_data": rights.open_warnings(rights.warnings_of(card.model, clock.now())),
    }
    return render(request, "pages/model.html", context)


def map_json(_request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Give the graph of a model to programs."""
    card = selectors.model_named(namespace, name)
    graph = model_history.map_of(card.model, clock.now())
    return JsonResponse({"model": str(card.model), **graph.to_dict()})


def map_svg(_request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Give the picture alone, painted without the style sheet of the site."""
    card = selectors.model_named(namespace, name)
    picture = model_map.wide(model_history.map_of(card.model, clock.now()))
    drawn = {
        "picture": picture,
        "community": card.model.community,
        "alone": True,
        "way": "wide",
        "origin": settings.ORIGIN,
    }
    drawing = render_to_string("parts/model_map_picture.html", drawn) if picture else model_map.NOTHING
    return HttpResponse(drawing, content_type="image/svg+xml; charset=utf-8")


def compare(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Show two versions side by side; the newest and the one before it where none are named."""
    card = selectors.model_named(namespace, name)
    wanted = plain(request, "a"), plain(request, "b")
    context: dict[str, Any] = {"community": card.model.community, "tab": "models", "card": card, "wanted": wanted}
    try:
        first, second = version_comparison.chosen(card, *wanted)
    except Refusal as refusal:
        context["problem"] = words.refusal(refusal.code, refusal.detail)
        return render(request, "pages/model_compare.html", context, status=refusal.status)
    if first and second:
        context["wanted"] = str(first.number), str(second.number)
        found = context["found"] = version_comparison.compare(first, second, clock.now())
        context["sides"] = [{"side": side, "label": _label(side.version)} for side in (found.first, found.second)]
        context["may_ask"] = bool(settings.SERVING_SOCKET)
        context |= {"blind": _blind(request, found.said), "fresh_seed": token_hex(4)}
    return render(request, "pages/model_compare.html", context)


def compare_csv(request: HttpRequest, namespace: str, name: str) -> HttpResponseBase:
    """Hand out the tables of the page that compares two versions, as one file; each row says which it is of."""
    card = selectors.model_named(namespace, name)
    first, second = version_comparison.chosen(card, plain(request, "a"), plain(request, "b"))
    if first is None or second is None:
        raise NotFound("nothing_to_compare", "this model has less than two versions", found=len(card.versions))
    found = version_comparison.compare(first, second, clock.now())
    title = f"{namespace}-{name}-v{first.number}-v{second.number}"
    return tables.csv_file(title, measured_tables.COMPARED_COLUMNS, measured_tables.compared(found))


def _blind(request: HttpRequest, said: version_comparison.Said | None) -> Blind | None:
    """Return the answers without names as far as the address says; nothing where none differ."""
    if said is None:
        return None
    picks = taken(plain(request, "picks"), plain(request, "pick"))
    found = blind([asdict(each) for each in said.different], "first", "second", plain(request, "seed"), picks)
    return replace(found, same=said.same) if found else None


def _label(version: Version) -> str:
    return gettext("Version %(number)s") % {"number": version.number}
