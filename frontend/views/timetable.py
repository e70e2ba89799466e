"""Answers: who uses which devices when, what is kept for newcomers, what waits and why, and when is there room."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.template.defaultfilters import date as format_date
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from frontend import site_forms, week_picture, words
from frontend.news import one_line
from frontend.tables import csv_file, json_file
from frontend.templatetags.commonweights import localised
from frontend.views.asked import page_number, plain
from frontend.views.feeds import in_asked_language
from frontend.words import waiting
from frontend.words.books import amount
from governance import clock
from governance import selectors as governance
from governance.errors import Invalid, Refusal
from governance.models import Community
from training_jobs.commons import selectors as commons
from training_jobs.commons import timetable
from training_jobs.scheduling.values import Need
from training_jobs.sites import calendar_out

TABLE_ROWS_MAX = 200
WAITING_PER_PAGE = 20
FEED_BACK, FEED_AHEAD = timedelta(days=30), timedelta(days=180)
HOURS_MAX, DEVICES_MAX, GB_MAX = 8_760, 100_000, 100_000
SUMMARY_MAX = 150
COLUMNS = ("site", "since", "until", "use", "name", "community", "proposal", "devices", "newcomer", "lent", "ended")


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a week of a community's sites."""
    community = governance.community_named(slug)
    now = clock.now()
    week = timetable.week_named(plain(request, "week"), now)
    found = timetable.timetable(community, week.since, week.until, now)
    bars = [bar for line in found.lines for bar in line.bars]
    bars.sort(key=lambda bar: (bar.since, bar.site, bar.name))
    context = {
        "community": community,
        "tab": "runs",
        "week": week,
        # Translators: date formats of Django's, with day and month, and with the year
        "first_day": format_date(week.days[0], _("j N")),
        "last_day": format_date(week.days[-1], _("j N Y")),
        "this_week": timetable.week_named("", now).name,
        "found": found,
        "strips": week_picture.strips(found.lines, week, community.pk),
        "day_lines": week_picture.day_lines(),
        "now_at": week_picture.place_of(now, week) if week.since <= now < week.until else "",
        "bars": bars[:TABLE_ROWS_MAX],
        "bars_all": len(bars),
        "reserves": timetable.reserves(community, now),
        **_waiting(community, now, page_number(request)),
        "slot": _slot(request, community, now),
        "looks": _looks(),
    }
    return render(request, "pages/calendar.html", context)


def as_csv(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Hand a week out as CSV."""
    week, rows = _rows(request, slug)
    return csv_file(f"{slug}-{week.name}", COLUMNS, rows)


def as_json(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Hand a week out as JSON."""
    week, rows = _rows(request, slug)
    return json_file(f"{slug}-{week.name}", {"community": slug, "week": week.name}, rows)


@in_asked_language
def feed(_request: HttpRequest, slug: str) -> HttpResponse:
    """Answer with what is reserved on the community's sites, a while back and ahead, for calendar programs."""
    community = governance.community_named(slug)
    now = clock.now()
    found = timetable.timetable(community, now - FEED_BACK, now + FEED_AHEAD, now)
    times = [_time(line, bar) for line in found.lines for bar in line.bars]
    name = _("Computing of %(community)s") % {"community": localised(community, "name")}
    made = calendar_out.write(one_line(name, SUMMARY_MAX), urlsplit(settings.ORIGIN).hostname or "localhost", times)
    answer = HttpResponse(made, content_type="text/calendar; charset=utf-8")
    answer["Content-Disposition"] = f'inline; filename="{slug}-computing.ics"'
    answer["Content-Language"] = get_language() or "en"
    return answer


def _looks() -> list[tuple[str, str]]:
    """Return what each kind of bar says, for the key."""
    return [
        ("own", _("this community")),
        ("other", _("other communities that share the site")),
        ("lent", _("on reserved devices that are lent")),
        ("busy", _("the site’s own use")),
    ]


def _waiting(community: Community, now: datetime, page: int) -> dict[str, Any]:
    """Return the requests that wait, a page of them, each with its reason in words."""
    waits = timetable.waiting_requests(community)
    total = waits.count()
    pages = max(1, -(-total // WAITING_PER_PAGE))
    number = min(max(page, 1), pages)
    shown = waits[(number - 1) * WAITING_PER_PAGE : number * WAITING_PER_PAGE]
    names = timetable.site_names(community)
    rows = [(row.request, waiting.row_words(row, now, names)) for row in commons.rows(shown, now)]
    return {"waits": rows, "waits_all": total, "number": number, "pages": pages}


def _slot(request: HttpRequest, community: Community, now: datetime) -> dict[str, Any]:
    """Return the form that asks for the next free slot, and its answer in words where it was asked."""
    said = {name: plain(request, name) for name in ("devices", "memory", "hours")}
    said["newcomer"] = "1" if plain(request, "newcomer") else ""
    if not any(said.values()):
        return {"said": {"devices": "1", "memory": "8", "hours": "1"}}
    try:
        need = _need(said)
    except Refusal as refusal:
        sentence = words.refusal(refusal.code, refusal.detail, refusal.found, refusal.allowed)
        return {"said": said, "refusal": sentence, "wrong": refusal.field}
    slot = commons.next_slot(community, need, now, newcomer=bool(said["newcomer"]))
    if slot is None:
        return {"said": said, "answer": _("No site that computes here could ever do this, as they are today.")}
    name, currency = timetable.sites_named(community)[slot.site]
    values = {
        "site": name,
        "since": waiting.clock_time(slot.since, now),
        "until": waiting.clock_time(slot.until, now),
        "price": amount(slot.price, currency),
    }
    if slot.since <= int(now.timestamp()) + waiting.MINUTE:
        said_so = _("There is room now: at %(site)s, until %(until)s at the latest. It costs at most %(price)s.")
    else:
        said_so = _(
            "The next room is at %(site)s, from %(since)s until %(until)s at the latest. It costs at most %(price)s."
        )
    return {"said": said, "answer": said_so % values, "site": slot.site}


def _need(said: dict[str, str]) -> Need:
    """Return what is asked for; raise Malformed or Invalid for what nobody can need."""
    devices = site_forms.scaled("devices", said["devices"], 0)
    memory = site_forms.scaled("memory", said["memory"], site_forms.GB)
    seconds = site_forms.scaled("hours", said["hours"], 3) * 3_600 // 1_000
    bounds = (
        ("devices", devices, 1, DEVICES_MAX),
        ("memory", memory, 1, GB_MAX * 10**9),
        ("hours", seconds, 1, HOURS_MAX * 3_600),
    )
    for name, value, least, most in bounds:
        if not least <= value <= most:
            allowed = {"devices": DEVICES_MAX, "memory": GB_MAX, "hours": HOURS_MAX}[name]
            raise Invalid("need_out_of_range", "more than nothing", field=name, found=said[name][:20], allowed=allowed)
    return Need(devices, memory, seconds)


def _rows(request: HttpRequest, slug: str) -> tuple[timetable.Week, Iterator[dict[str, Any]]]:
    community = governance.community_named(slug)
    now = clock.now()
    week = timetable.week_named(plain(request, "week"), now)
    found = timetable.timetable(community, week.since, week.until, now)
    return week, (_row(bar) for line in found.lines for bar in line.bars)


def _row(bar: timetable.Bar) -> dict[str, Any]:
    return {
        "site": bar.site,
        "since": bar.since.isoformat(),
        "until": bar.until.isoformat(),
        "use": str(bar.use),
        "name": bar.name,
        "community": bar.community.slug if bar.community is not None else None,
        "proposal": bar.proposal,
        "devices": bar.devices,
        "newcomer": bar.newcomer,
        "lent": bar.lent,
        "ended": bar.ended or None,
    }


def _time(line: timetable.Line, bar: timetable.Bar) -> calendar_out.Time:
    """Return a bar as an event: its name says which one it is, whatever it is called in a language."""
    if bar.use is timetable.Use.BUSY:
        what, category = bar.title or _("the site’s own use"), "BUSY"
    else:
        what, category = waiting.request_name(bar.name), "RESERVED"
    summary = one_line(f"{line.row.site.name}: {what}", SUMMARY_MAX)
    whose = f"{bar.community.slug}:" if bar.community is not None else ""  # names are those of a community's log
    return calendar_out.Time(
        f"{bar.site}:{whose}{bar.name}", bar.since, bar.until, bar.devices, summary, bar.noted_at, category
    )
