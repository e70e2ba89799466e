"""Answers: what is the community asked, what do people think, where do they agree. Works without scripts."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.http import require_POST

from frontend import words
from frontend.views.asked import page_number, viewer
from frontend.views.errors import later
from governance import clock
from governance import selectors as governance
from governance.errors import Conflict, Invalid, Refusal
from governance.models import Community, Consultation, Reader
from governance.readers import sessions
from governance.statements import export, moderation, rules, selectors, services

PAGE_SIZE = 20
DIGITS_MAX = 9
DAYS_USUAL = 14


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """List what the community is asked and was asked."""
    community = governance.community_named(slug)
    page = Paginator(selectors.of_community(community), PAGE_SIZE).get_page(page_number(request))
    moment = clock.now()
    context = {
        "community": community,
        "tab": "proposals",
        "page": page,
        "rows": [selectors.shown(each, moment) for each in page.object_list],
    }
    return render(request, "pages/consultations.html", context)


@login_required
def ask(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the form that asks people something; a posted one opens the consultation, or comes back."""
    community = governance.community_named(slug)
    said = {name: request.POST.get(name, "") for name in ("question", "text", "days", "seeds", "proposal")}
    if request.method != "POST":
        said = {"days": str(DAYS_USUAL), "proposal": request.GET.get("proposal", "")[:DIGITS_MAX]}
        return _form(request, community, said)
    try:
        made = services.open_consultation(community, viewer(request), _asked(community, said), clock.now())
    except Refusal as refusal:
        return _form(request, community, said, refusal)
    return redirect("site:consultation", slug=slug, number=made.number)


def detail(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Ask the next statement, and show what came of it so far."""
    return _page(request, _named(slug, number))


@require_POST
def answer(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Take one answer; to htmx the next statement comes back, otherwise the page."""
    consultation, reader = _named(slug, number), _reader(request)
    services.answer(
        consultation, reader, _whole(request.POST.get("statement", "")), request.POST.get("says", ""), clock.now()
    )
    if getattr(request, "htmx", False):
        return render(request, "parts/consultation_ask.html", _asking(request, consultation))
    return redirect(f"{request.path.removesuffix('answer/')}#ask")


@require_POST
def write(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Add a statement; one like others comes back with these, to be confirmed."""
    consultation, reader = _named(slug, number), _reader(request)
    text, different = request.POST.get("text", ""), request.POST.get("different") == "1"
    try:
        services.write(consultation, reader, text, clock.now(), different=different)
    except Refusal as refusal:
        return later(_page(request, consultation, refusal, text), refusal)
    return redirect(f"{request.path.removesuffix('write/')}#yours")


@require_POST
def take_back(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Take all of one's answers back."""
    services.take_back(_named(slug, number), _reader(request), clock.now())
    return redirect("site:consultation", slug=slug, number=number)


@login_required
@require_POST
def hide(request: HttpRequest, slug: str, number: int, statement: int) -> HttpResponse:
    """Hide a statement, as a moderator."""
    consultation, said = _named(slug, number), (request.POST.get("rule", ""), request.POST.get("reason", ""))
    return _done(
        request, consultation, lambda: moderation.hide(consultation, statement, viewer(request), *said, clock.now())
    )


@require_POST
def appeal(request: HttpRequest, slug: str, number: int, statement: int) -> HttpResponse:
    """Ask for another look, as whoever wrote it."""
    consultation, reader, word = _named(slug, number), _reader(request), request.POST.get("appeal", "")
    return _done(request, consultation, lambda: moderation.appeal(consultation, statement, reader, word, clock.now()))


@login_required
@require_POST
def answer_appeal(request: HttpRequest, slug: str, number: int, statement: int) -> HttpResponse:
    """Answer an appeal, as somebody else than who hid the statement."""
    consultation, word = _named(slug, number), request.POST.get("answer", "")
    restore = request.POST.get("restore") == "1"
    actor = viewer(request)
    return _done(
        request,
        consultation,
        lambda: moderation.answer_appeal(consultation, statement, actor, word, clock.now(), restore=restore),
    )


def as_json(_request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Give the answers of a closed consultation as JSON."""
    exported = selectors.exported(_named(slug, number))
    answer = JsonResponse(exported, json_dumps_params={"indent": 2, "ensure_ascii": False})
    answer["Content-Disposition"] = f'attachment; filename="{slug}-consultation-{number}.json"'
    return answer


def as_csv(_request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Give them as CSV."""
    table = export.as_csv(selectors.exported(_named(slug, number)))
    answer = HttpResponse(table, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{slug}-consultation-{number}.csv"'
    return answer


def _named(slug: str, number: int) -> Consultation:
    return services.named(governance.community_named(slug), number)


def _reader(request: HttpRequest) -> Reader:
    return sessions.needed(request, get_language() or "", clock.now())


def _whole(text: str) -> int:
    usable = text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX
    return int(text) if usable else 0


def _asked(community: Community, said: dict[str, str]) -> services.Asked:
    proposal = None
    if said["proposal"].strip():
        proposal = community.proposals.filter(number=_whole(said["proposal"].strip())).first()
        if proposal is None:
            raise Invalid("unknown_proposal", "there is no such proposal", field="proposal", found=said["proposal"])
    return services.Asked(
        said["question"], said["text"], _whole(said["days"].strip()), said["seeds"].splitlines(), proposal
    )


def _form(
    request: HttpRequest, community: Community, said: dict[str, str], refusal: Refusal | None = None
) -> HttpResponse:
    context = {
        "community": community,
        "tab": "proposals",
        "said": said,
        "refusal": _sentence(refusal) if refusal else "",
        "wrong": refusal.field if refusal else "",
        "rules": rules,
    }
    return render(request, "pages/consultation_form.html", context, status=refusal.status if refusal else 200)


def _done(request: HttpRequest, consultation: Consultation, act: Callable[[], Any]) -> HttpResponse:
    try:
        act()
    except Refusal as refusal:
        return _page(request, consultation, refusal)
    return redirect("site:consultation", slug=consultation.community.slug, number=consultation.number)


def _asking(request: HttpRequest, consultation: Consultation) -> dict[str, Any]:
    reader = sessions.current(request)
    return {
        "community": consultation.community,
        "consultation": consultation,
        "mine": selectors.mine(consultation, reader),
        "may_take_part": reader is not None or bool(viewer(request)),
        "answers": words.TABLES["statement_answer"].items(),
        "state": rules.state(consultation.closes_at, consultation.closed_at, clock.now()),
    }


def _page(
    request: HttpRequest, consultation: Consultation, refusal: Refusal | None = None, text: str = ""
) -> HttpResponse:
    moment, actor = clock.now(), viewer(request)
    asking = _asking(request, consultation)
    mine = asking["mine"].answers
    context = asking | {
        "tab": "proposals",
        "shown": selectors.shown(consultation, moment),
        "statements": [(each, mine.get(each.number, "")) for each in services.visible(consultation)],
        "hidden": selectors.hidden(consultation),
        "moderates": actor in moderation.moderators(consultation, moment) if actor else False,
        "may_answer": selectors.appeals_for(consultation, actor, moment) if actor else set(),
        "author_name": governance.name_of(consultation.author),
        "hiding_rules": words.TABLES["hiding_rule"].items(),
        "rules": rules,
        "text": text,
        "refusal": _sentence(refusal) if refusal else "",
        "similar": _similar(consultation, refusal),
    }
    status = refusal.status if refusal else 200
    return render(request, "pages/consultation.html", context, status=status)


def _similar(consultation: Consultation, refusal: Refusal | None) -> list[Any]:
    """Return the statements that a refused one is like."""
    if not isinstance(refusal, Conflict) or refusal.code != "similar_statement":
        return []
    return list(services.visible(consultation).filter(number__in=refusal.found))


def _sentence(refusal: Refusal) -> str:
    return words.refusal(refusal.code, refusal.detail, refusal.found, refusal.allowed)
