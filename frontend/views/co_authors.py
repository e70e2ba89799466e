"""Answers: who writes this draft, how did it grow, and what differs between two of its versions."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from frontend import words
from frontend.views.asked import plain, viewer
from governance import selectors
from governance.clock import now
from governance.deliberation import co_authors, comments, versions
from governance.errors import NotFound, Refusal
from governance.models import Proposal
from governance.services.common import is_co_author


@login_required
def index(request: HttpRequest, slug: str, draft_id: int) -> HttpResponse:
    """Show who writes a draft: its author asks others, whoever is asked answers."""
    return _page(request, co_authors.draft_of(slug, draft_id, viewer(request)))


@login_required
@require_POST
def act(request: HttpRequest, slug: str, draft_id: int, action: str) -> HttpResponse:
    """Ask somebody, answer, or end somebody's part."""
    actor, address = viewer(request), request.POST.get("address", "")
    draft = co_authors.draft_of(slug, draft_id, actor)
    try:
        if action == "ask":
            co_authors.invite(draft.pk, actor, address, now())
        elif action in ("accept", "decline"):
            co_authors.answer(draft.pk, actor, now(), accept=action == "accept")
        elif action == "end":
            co_authors.remove(draft.pk, actor, address, now())
        else:
            raise NotFound("unknown_action", "there is no such thing to do", found=action)
    except Refusal as refusal:
        return _page(request, draft, refusal)
    if action == "accept":
        return redirect("site:draft", slug=slug, draft_id=draft_id)
    if action == "decline":
        return redirect("site:propose", slug=slug)
    return redirect("site:co_authors", slug=slug, draft_id=draft_id)


@login_required
@require_POST
def share(request: HttpRequest, slug: str, draft_id: int) -> HttpResponse:
    """Show one's own draft to everybody, so that it can be talked about."""
    draft = selectors.draft(slug, draft_id, viewer(request))
    co_authors.share(draft.pk, viewer(request), now())
    return redirect("site:discussion", slug=slug, number=draft.number)


def history(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """List the versions of a draft, and show what differs between two of them: the last two unless others are asked."""
    actor = viewer(request)
    proposal = comments.discussed(selectors.community_named(slug), number, actor)
    rows = versions.readable(proposal, by_author=is_co_author(proposal, actor))
    by_number = {str(row.number): row for row in rows}
    after = by_number.get(plain(request, "after")) or (rows[-1] if rows else None)
    before = by_number.get(plain(request, "before")) or (rows[-2] if len(rows) > 1 else None)
    context = {
        "community": proposal.community,
        "tab": "proposals",
        "proposal": proposal,
        "versions": rows,
        "names": selectors.member_names(proposal.community, {row.editor for row in rows}),
        "compared": versions.compare(before, after) if before and after and before != after else None,
    }
    return render(request, "pages/versions.html", context)


def _page(request: HttpRequest, draft: Proposal, refusal: Refusal | None = None) -> HttpResponse:
    people = [*co_authors.of(draft), *co_authors.asked(draft)]
    context = {
        "community": draft.community,
        "tab": "proposals",
        "draft": draft,
        "people": people,
        "names": selectors.member_names(draft.community, {draft.author, *(each.address for each in people)}),
        "is_author": draft.author == viewer(request),
        "asked": any(each.address == viewer(request) and each.accepted_at is None for each in people),
        "address": request.POST.get("address", ""),
        "refusal": words.refusal(refusal.code, refusal.detail, refusal.found, refusal.allowed) if refusal else "",
    }
    return render(request, "pages/co_authors.html", context, status=refusal.status if refusal else 200)
