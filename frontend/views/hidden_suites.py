"""Answers: which suites does nobody see yet, who keeps them, how is one committed to and opened? Without scripts."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from frontend import words
from frontend.views.asked import viewer
from frontend.views.dataset_adding import LICENCES, problem
from governance import clock
from governance import selectors as governance
from governance.errors import Malformed, Refusal
from governance.models import Community
from models_registry.datasets.kinds import OF_ROLE
from models_registry.datasets.rows import LANGUAGES, IntakeError
from models_registry.hidden_suites import selectors, services
from models_registry.hidden_suites.serializers import SuiteInput
from models_registry.models import HiddenSuite
from training_jobs import openings

HOUR_SECONDS = services.HOUR_SECONDS
_HOURS = 72
_DIGITS_MAX = 9
_SAID = ("commitment", "title", "kind", "license")


@login_required
def commit(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the form; a posted one becomes a commitment, or comes back with what is wrong."""
    community = governance.community_named(slug)
    if request.method != "POST":
        return _form(request, community, {"hours": _HOURS, "kind": "dialogue", "languages": ["en"]})
    said: dict[str, Any] = {name: request.POST.get(name, "").strip() for name in (*_SAID, "records", "hours")}
    said["languages"] = request.POST.getlist("languages")
    try:
        values = SuiteInput.read(
            {
                **{name: said[name] for name in _SAID},
                "community": slug,
                "records": _whole(said["records"], "records"),
                "languages": said["languages"],
                "opens_within_seconds": _whole(said["hours"], "opens_within_seconds") * HOUR_SECONDS,
            }
        )
        del values["community"]
        suite, _ = services.commit(community, viewer(request), services.NewSuite(**values), clock.now())
    except Refusal as refusal:
        return _form(request, community, said, _sentence(refusal), refusal.status)
    return redirect("site:hidden_suite", commitment=suite.commitment)


def detail(request: HttpRequest, commitment: str) -> HttpResponse:
    """Show what is public of one suite, and to its keeper the form that opens it."""
    return _page(request, selectors.find(commitment))


@login_required
@require_POST
def open_suite(request: HttpRequest, commitment: str) -> HttpResponse:
    """Open a suite as its keeper; what is wrong comes back on its page."""
    file = request.FILES.get("file")
    try:
        if file is None:
            raise Malformed("missing_field", "choose the file with the rows", field="file")
        salt = request.POST.get("salt", "").strip()
        dataset = openings.open_suite(commitment, viewer(request), salt, file.file, clock.now())
    except IntakeError as error:
        found = problem(error.code, str(error).partition(": ")[2])
        return _page(request, selectors.find(commitment), f"{found['says']} {found['detail']}", error.status)
    except Refusal as refusal:
        if refusal.code == "unknown_suite":
            raise
        return _page(request, selectors.find(commitment), _sentence(refusal), refusal.status)
    return redirect("site:dataset", digest=dataset.digest)


def _page(request: HttpRequest, suite: HiddenSuite, refusal: str = "", status: int = 200) -> HttpResponse:
    context = {
        "community": suite.community,
        "tab": "datasets",
        "suite": suite,
        "keeper": governance.member_names(suite.community, [suite.keeper]).get(suite.keeper, ""),
        "refusal": refusal,
        "openings": suite.openings.select_related("record").order_by("pk"),
        "rules": selectors.rules_on(suite),
        "waiting": openings.waiting_for(suite, clock.now()) if suite.opened_at is None else [],
        "is_keeper": viewer(request).lower() == suite.keeper.lower(),
    }
    return render(request, "pages/hidden_suite.html", context, status=status)


def _form(
    request: HttpRequest, community: Community, said: dict[str, Any], refusal: str = "", status: int = 200
) -> HttpResponse:
    least, most = services.OPENS_WITHIN_SECONDS
    context = {
        "community": community,
        "tab": "datasets",
        "said": said,
        "refusal": refusal,
        "licences": LICENCES,
        "languages": LANGUAGES,
        "kinds": OF_ROLE["evaluation"],
        "hours_min": least // HOUR_SECONDS,
        "hours_max": most // HOUR_SECONDS,
    }
    return render(request, "pages/hidden_suite_commit.html", context, status=status)


def _whole(text: str, field: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS_MAX:
        raise Malformed("malformed_field", "this is a whole number", field=field, found=text[:80])
    return int(text)


def _sentence(refusal: Refusal) -> str:
    return words.refusal(refusal.code, refusal.detail, refusal.found, refusal.allowed)
