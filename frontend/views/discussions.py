"""Answers: what do people say about this proposal, what became of a comment, and how do I say something myself."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from frontend import words
from frontend.views.asked import page_number, plain, viewer
from frontend.views.errors import later
from governance import selectors
from governance.clock import now
from governance.deliberation import comments, moderation, policy, reading
from governance.deliberation.people import Writer, required_writer, writer_of
from governance.errors import Refusal
from governance.kinds import kind_named
from governance.models import Comment, Proposal

_DIGITS_MAX = 6


@never_cache
def discussion(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Show one page of the comments, and the form to write one; `answer` in the address says what it answers."""
    proposal = comments.discussed(selectors.community_named(slug), number)
    said = {"answers": plain(request, "answer"), "text": ""}
    if plain(request, "quote"):
        said["text"] = _quoted(proposal, said["answers"])
    return _page(request, proposal, said)


@require_POST
def write(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Take a comment; what is wrong comes back with what was written."""
    proposal = comments.discussed(selectors.community_named(slug), number)
    writer = required_writer(request)
    said = {name: request.POST.get(name, "") for name in ("answers", "text", "name")}
    try:
        made = comments.write(
            proposal, writer, said["text"], now(), answers=_number(said["answers"]), name=said["name"]
        )
    except Refusal as refusal:
        return later(_page(request, proposal, said, refusal), refusal)
    return redirect(_place(proposal, made))


@never_cache
def comment(request: HttpRequest, slug: str, number: int, comment: int) -> HttpResponse:
    """Show one comment with what it said before, what moderators did, and all that one may do with it."""
    return _story(request, comments.discussed(selectors.community_named(slug), number), comment)


@require_POST
def act(request: HttpRequest, slug: str, number: int, comment: int, action: str) -> HttpResponse:
    """Do one thing with a comment; what is wrong comes back with the form."""
    if action not in _ACTIONS:
        raise Http404
    proposal = comments.discussed(selectors.community_named(slug), number)
    try:
        _ACTIONS[action](request, proposal, comment, now())
    except Refusal as refusal:
        return later(_story(request, proposal, comment, action, refusal), refusal)
    if action == "report":
        messages.success(request, _("The moderators are told. Thank you."))
    return redirect("site:comment", slug=slug, number=number, comment=comment)


def _page(
    request: HttpRequest, proposal: Proposal, said: dict[str, str], refusal: Refusal | None = None
) -> HttpResponse:
    moment, writer = now(), writer_of(request)
    shown = reading.discussion(proposal, writer, page_number(request), moment)
    answered = _number(said["answers"])
    context = {
        **_about(request, proposal, moment),
        "talk": shown,
        "writer": writer,
        "said": said,
        "answered": answered if any(each.comment.number == answered for each in shown.comments) else None,
        "text_max": policy.TEXT_MAX,
        "name_max": policy.NAME_MAX,
        "refusal": _sentence(refusal),
        "wrong": refusal.field if refusal else "",
    }
    return render(request, "pages/discussion.html", context, status=refusal.status if refusal else 200)


def _story(
    request: HttpRequest, proposal: Proposal, number: int, action: str = "", refusal: Refusal | None = None
) -> HttpResponse:
    moment, writer = now(), writer_of(request)
    context = {
        **_about(request, proposal, moment),
        "story": reading.story(proposal, number, writer, moment),
        "writer": writer,
        "rules": [(rule, words.word("moderation_rule", rule)) for rule in policy.RULES],
        "action": action,
        "posted": request.POST,
        "policy": policy,
        "refusal": _sentence(refusal),
    }
    return render(request, "pages/comment.html", context, status=refusal.status if refusal else 200)


def _about(request: HttpRequest, proposal: Proposal, moment: datetime) -> dict[str, Any]:
    """Return what the head of the page needs; the tabs only where the proposal was submitted."""
    shown = None
    if proposal.submitted_at is not None:
        community = proposal.community
        shown = selectors.proposal_detail(community.slug, proposal.number, moment, viewer(request), with_ballots=False)
    return {
        "community": proposal.community,
        "tab": "proposals",
        "section": "discussion",
        "proposal": proposal,
        "shown": shown,
        "kind": kind_named(proposal.kind),
    }


def _edit(request: HttpRequest, proposal: Proposal, number: int, moment: datetime) -> None:
    comments.edit(proposal, number, required_writer(request), request.POST.get("text", ""), moment)


def _erase(request: HttpRequest, proposal: Proposal, number: int, moment: datetime) -> None:
    comments.erase(proposal, number, required_writer(request), moment)


def _report(request: HttpRequest, proposal: Proposal, number: int, moment: datetime) -> None:
    rule, text = request.POST.get("rule", ""), request.POST.get("text", "")
    moderation.report(proposal, number, required_writer(request), rule, text, moment)


def _hide(request: HttpRequest, proposal: Proposal, number: int, moment: datetime) -> None:
    rule, reason = request.POST.get("rule", ""), request.POST.get("reason", "")
    moderation.hide(proposal, number, _wallet(request), rule, reason, moment)


def _settle(request: HttpRequest, proposal: Proposal, number: int, moment: datetime) -> None:
    moderation.settle(proposal, number, _wallet(request), moment)


def _take_back(request: HttpRequest, proposal: Proposal, number: int, moment: datetime) -> None:
    moderation.take_back(proposal, number, _wallet(request), moment)


def _appeal(request: HttpRequest, proposal: Proposal, number: int, moment: datetime) -> None:
    moderation.appeal(proposal, number, required_writer(request), request.POST.get("text", ""), moment)


def _judge(request: HttpRequest, proposal: Proposal, number: int, moment: datetime) -> None:
    upheld = request.POST.get("upheld", "") != "0"
    moderation.judge(proposal, number, _wallet(request), request.POST.get("answer", ""), moment, upheld=upheld)


_ACTIONS: dict[str, Callable[[HttpRequest, Proposal, int, datetime], None]] = {
    "edit": _edit,
    "erase": _erase,
    "report": _report,
    "settle": _settle,
    "hide": _hide,
    "take-back": _take_back,
    "appeal": _appeal,
    "judge": _judge,
}


def _wallet(request: HttpRequest) -> str:
    """Return the address that acts; a visitor and a reader are sent to sign in."""
    writer: Writer = required_writer(request)
    return writer.address


def _number(text: str) -> int | None:
    usable = text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX
    return int(text) if usable else None


def _quoted(proposal: Proposal, number: str) -> str:
    """Return a visible comment as a quotation to answer below."""
    answered = _number(number)
    if answered is None:
        return ""
    text = reading.story(proposal, answered, None, now()).shown.text
    return "".join(f"> {line}\n" for line in text.splitlines()) + "\n" if text else ""


def _place(proposal: Proposal, made: Comment) -> str:
    address = reverse("site:discussion", args=[proposal.community.slug, proposal.number])
    page = reading.page_of(made)
    return f"{address}{f'?page={page}' if page > 1 else ''}#comment-{made.number}"


def _sentence(refusal: Refusal | None) -> str:
    return words.refusal(refusal.code, refusal.detail, refusal.found, refusal.allowed) if refusal else ""
