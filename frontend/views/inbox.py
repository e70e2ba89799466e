"""Answers: what was I told, and how do I want to be told."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from frontend import news
from frontend.views.asked import page_number, plain
from governance import clock, selectors
from governance.errors import NotFound
from governance.models import Notification, Reader
from governance.notifications import inbox, preferences, telling
from governance.notifications.topics import TOPICS, Channel
from governance.readers import sessions

_CACHE = "_unread_of_this_request"
_NUMBER_DIGITS_MAX = 18


@dataclass(frozen=True)
class Line:
    """One line as it is shown."""

    notification: Notification
    told: news.Told


def index(request: HttpRequest) -> HttpResponse:
    """List what the reader was told, unread first; filters stand in the address."""
    if sessions.current(request) is None and not request.user.is_authenticated:
        return redirect(f"{reverse('site:join')}?{urlencode({'next': request.get_full_path()})}")
    reader = _reader(request)
    wanted = _wanted(request)
    page = inbox.page(reader, wanted, page_number(request))
    told = telling.of_announcements(line.announcement for line in page.lines)
    lines = [Line(line, news.told(each)) for line, each in zip(page.lines, told, strict=True)]
    return render(
        request,
        "pages/inbox.html",
        {
            "page": page,
            "lines": lines,
            "newest": max((line.notification.pk for line in lines), default=0),
            "wanted": wanted,
            "topics": TOPICS,
            "communities": [card.community for card in selectors.communities(clock.now())],
            "query": _query(wanted),
            "is_filtered": wanted != inbox.Wanted(),
        },
    )


def follow_link(request: HttpRequest, number: int) -> HttpResponse:
    """Mark one line read and go to what it is about."""
    line = inbox.read(_reader(request), number, clock.now())
    if line is None:
        raise NotFound("unknown_notification", "there is no such line in your inbox", found=number)
    return redirect(news.told(telling.of_announcements([line.announcement])[0]).path)


@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """Mark one line read, or all that were listed."""
    reader, wanted = _reader(request), _wanted(request)
    one = _number(request, "one")
    if one:
        inbox.read(reader, one, clock.now())
    else:
        inbox.read_all(reader, wanted, clock.now(), newest=_number(request, "newest"))
    query = _query(wanted)
    return redirect(reverse("site:inbox") + (f"?{query}" if query else ""))


@require_POST
def wishes(request: HttpRequest) -> HttpResponse:
    """Keep the matrix as the form has it: a channel for each topic, the communities that are muted, letters or none."""
    reader = _reader(request)
    named = {topic.key: request.POST[topic.key] for topic in TOPICS if topic.key in request.POST}
    preferences.wish(reader, named)
    muted = set(request.POST.getlist("muted"))
    for community, was_muted in preferences.wishes_of(reader).communities:
        if (community.slug in muted) is not was_muted:
            preferences.mute(reader, community, muted=community.slug in muted)
    preferences.stop_letters(reader, clock.now(), stopped=request.POST.get("letters") == "stopped")
    if request.POST.get("try_again"):
        preferences.try_again(reader)
    messages.success(request, _("What you are told is kept as you said."))
    return redirect(f"{reverse('site:reader_settings')}#told")


def unread(request: HttpRequest) -> int:
    """Return how many lines of whoever follows in this browser are unread; asked once for each request."""
    if not hasattr(request, _CACHE):
        reader = sessions.current(request)
        setattr(request, _CACHE, inbox.unread_count(reader) if reader is not None else 0)
    found: int = getattr(request, _CACHE)
    return found


def matrix(reader: Reader) -> dict[str, object]:
    """Return what `parts/preferences.html` shows: whoever includes it puts this into its context as `told`."""
    return {"wishes": preferences.wishes_of(reader), "channels": list(Channel)}


def _reader(request: HttpRequest) -> Reader:
    return sessions.needed(request, get_language() or "en", clock.now())


def _wanted(request: HttpRequest) -> inbox.Wanted:
    return inbox.Wanted(
        unread=plain(request, "show") == "unread", topic=plain(request, "topic"), community=plain(request, "community")
    )


def _query(wanted: inbox.Wanted) -> str:
    asked = {"show": "unread" if wanted.unread else "", "topic": wanted.topic, "community": wanted.community}
    return urlencode({name: value for name, value in asked.items() if value})


def _number(request: HttpRequest, name: str) -> int:
    """Return a whole number of the form; nonsense is none."""
    text = request.POST.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _NUMBER_DIGITS_MAX else 0
