"""Feeds (Atom, RFC 4287) of a model and of a community, as the log has them: an entry is named by its place there.

Programs that read feeds send no cookies: `?lang=fr` chooses the language.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import translation
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from frontend import news, words
from frontend.news import one_line
from frontend.templatetags.commonweights import localised
from governance import selectors as communities
from governance.deliberation import comments, reading
from governance.models import Community, Event
from governance.notifications import log
from models_registry import happenings, selectors
from training_jobs.news import facts

View = Callable[..., HttpResponse]
TITLE_MAX = 300
TEXT_MAX = 1_000
COMMENTS_MAX = 50


def in_asked_language(view: View) -> View:
    """Answer in the language that the address asks for, where it asks for one that the site speaks."""

    @wraps(view)
    def answered(request: HttpRequest, **parts: Any) -> HttpResponse:  # noqa: ANN401 - what the address has
        wanted = request.GET.get("lang", "")
        if wanted not in dict(settings.LANGUAGES):
            return view(request, **parts)
        with translation.override(wanted):
            return view(request, **parts)

    return answered


@in_asked_language
def model(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Answer with the newest happenings of a model: releases, pauses, withdrawals, returns and incidents."""
    card = selectors.model_named(namespace, name)
    owner = card.model.community
    page = reverse("site:model", args=[namespace, name])
    feed = _feed(request, str(localised(card.model, "title")), page, owner)
    for each in happenings.of_model(card.model):
        place = reverse("site:release", args=[each.revision])
        if each.incident is not None and each.event.kind.startswith("incident_"):
            place = reverse("site:incident", args=[owner.slug, each.incident])
        title = f"{words.word('event', each.event.kind).label} – {_('version %(number)d') % {'number': each.number}}"
        _add(feed, owner, each.event, title, place, _broken(each.passed_over) or each.reason)
    return _answer(feed)


@in_asked_language
def community(request: HttpRequest, slug: str) -> HttpResponse:
    """Answer with what a community decided, trained and released last, and what harm was reported."""
    owner = communities.community_named(slug)
    feed = _feed(request, str(localised(owner, "name")), reverse("site:community", args=[slug]), owner)
    for event, what in log.newest(owner, facts):
        each = news.told(what)
        _add(feed, owner, event, each.subject, each.path, each.sentence)
    return _answer(feed)


@in_asked_language
def discussion(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Answer with the newest comments on a proposal that everybody may read."""
    owner = communities.community_named(slug)
    proposal = comments.discussed(owner, number)
    feed = _feed(request, proposal.title, reverse("site:discussion", args=[slug, number]), owner)
    for each in reading.newest(proposal, COMMENTS_MAX):
        place = _absolute(reverse("site:comment", args=[slug, number, each.comment.number]))
        name = each.author_name or news.short(each.comment.address)
        title = _("No. %(number)d by %(name)s") % {"number": each.comment.number, "name": name}
        said = one_line(each.text, TEXT_MAX)
        written, edited = each.comment.written_at, each.comment.edited_at or each.comment.written_at
        feed.add_item(one_line(title, TITLE_MAX), place, said, unique_id=place, pubdate=written, updateddate=edited)
    return _answer(feed)


def _feed(request: HttpRequest, title: str, page: str, owner: Community) -> Atom1Feed:
    return Atom1Feed(
        title=one_line(title, TITLE_MAX),
        link=_absolute(page),
        feed_url=_absolute(request.get_full_path()),
        description="",
        author_name=str(localised(owner, "name")),
        language=get_language() or "en",
    )


def _add(feed: Atom1Feed, owner: Community, event: Event, title: str, place: str, says: str) -> None:
    log_page = _absolute(reverse("site:log", args=[owner.slug]))
    feed.add_item(
        one_line(title, TITLE_MAX),
        _absolute(place),
        one_line(says, 1_000),
        unique_id=f"{log_page}#{event.position}",
        pubdate=event.at,
        updateddate=event.at,
    )


def _answer(feed: Atom1Feed) -> HttpResponse:
    return HttpResponse(feed.writeString("utf-8"), content_type="application/atom+xml; charset=utf-8")


def _broken(rules: tuple[str, ...]) -> str:
    """Say which rules a vote passed over, in the words of the pages; nothing for nearly all releases."""
    said = _("It breaks %(rules)s, and was published all the same.") % {"rules": ", ".join(rules)}
    return f"{_('Overridden by a vote')}. {said}" if rules else ""


def _absolute(path: str) -> str:
    return f"{settings.ORIGIN}{path}"
