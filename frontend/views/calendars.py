"""Calendars (iCalendar, RFC 5545): the dates of a community's open decisions and consultations, or of one decision.

A date has no length and blocks no time. Its name (UID) never changes, so a calendar that is subscribed to moves it when
it moves. Programs send no cookies: `?lang=fr` chooses the language.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from icalendar import Calendar, Event, vUri

from frontend.news import one_line
from frontend.templatetags.commonweights import localised
from frontend.views.feeds import in_asked_language
from governance import clock, selectors
from governance.models import Community, Consultation
from governance.selectors import calendar

TITLE_MAX = 150
# How often a program may come back (RFC 7986).
REFRESH = timedelta(hours=1)


@in_asked_language
def community(_request: HttpRequest, slug: str) -> HttpResponse:
    """Answer with the dates of a community."""
    found = selectors.community_named(slug)
    now = clock.now()
    made = _calendar(found, calendar.of_community(found, now))
    for asked in calendar.consultations_of(found, now):
        made.add_component(_end_of(found, asked))
    return _answer(made, f"{slug}.ics")


@in_asked_language
def proposal(_request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Answer with the dates of one decision."""
    dates = calendar.of_proposal(slug, number)
    return _answer(_calendar(dates[0].proposal.community, dates), f"{slug}-{number}.ics")


def _calendar(of: Community, dates: Iterable[calendar.Date]) -> Calendar:
    made = Calendar()
    made.add("prodid", "-//Commonweights//Decisions//EN")
    made.add("version", "2.0")
    made.add("calscale", "GREGORIAN")
    name = one_line(str(localised(of, "name")), TITLE_MAX)
    made.add("name", name)
    made.add("x-wr-calname", name)
    made.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    for date in dates:
        made.add_component(_event(date))
    return made


def _event(date: calendar.Date) -> Event:
    decision = date.proposal
    place = settings.ORIGIN + reverse("site:proposal", args=[decision.community.slug, decision.number])
    event = _point(f"{decision.record_id}-{date.what}", date.at, date.changed_at, _summary(date), place)
    event.add("sequence", date.sequence)
    event.add("status", "CANCELLED" if date.canceled else "TENTATIVE" if date.tentative else "CONFIRMED")
    return event


def _end_of(of: Community, asked: Consultation) -> Event:
    place = settings.ORIGIN + reverse("site:consultation", args=[of.slug, asked.number])
    summary = _("Answers until: %(question)s") % {"question": one_line(asked.question, TITLE_MAX)}
    event = _point(f"{of.slug}-consultation-{asked.number}-answers", asked.closes_at, asked.opens_at, summary, place)
    event.add("sequence", 0)
    event.add("status", "CONFIRMED")
    return event


def _point(name: str, at: datetime, changed_at: datetime, summary: str, place: str) -> Event:
    event = Event()
    event.add("uid", f"{name}@{urlsplit(settings.ORIGIN).hostname}")
    # Without a METHOD the stamp is when what is said here changed last (section 3.8.7.2): the same answer twice is
    # the same bytes.
    event.add("dtstamp", _utc(changed_at))
    event.add("last-modified", _utc(changed_at))
    event.add("dtstart", _utc(at))
    event.add("summary", summary)
    event.add("description", place)
    event.add("url", vUri(place))
    event.add("transp", "TRANSPARENT")
    return event


def _summary(date: calendar.Date) -> str:
    title = one_line(date.proposal.title, TITLE_MAX)
    sentences = {
        calendar.OPENS: _("Voting opens: %(title)s"),
        calendar.CLOSES: _("Voting closes: %(title)s"),
        calendar.EFFECT: _("Takes effect at the earliest: %(title)s"),
        calendar.LAPSES: _("Lapses if not carried out: %(title)s"),
    }
    return str(sentences[date.what] % {"title": title})


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def _answer(made: Calendar, name: str) -> HttpResponse:
    answer = HttpResponse(made.to_ical(), content_type="text/calendar; charset=utf-8")
    answer["Content-Disposition"] = f'inline; filename="{name}"'
    answer["Content-Language"] = get_language() or "en"
    return answer
