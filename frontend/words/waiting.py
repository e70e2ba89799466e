"""Why a request of computing begins, waits or is refused, in sentences; and the words of what became of it at a site.

`WAITS` has a sentence for every code of the scheduler, `UNTIL` one for where it is known how long the reason holds.
`TOLD` has what the log says of one that waits, which knows no site and no price; `REFUSED` why one was refused.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from django.template.defaultfilters import capfirst
from django.template.defaultfilters import date as format_date
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from frontend import numbers
from frontend.words.base import Text, Word
from frontend.words.books import amount
from governance.clock import unix
from governance.errors import Invalid
from training_jobs.commons.door import AT_THE_DOOR
from training_jobs.commons.selectors import Row
from training_jobs.scheduling.events import ComputeRefused, ComputeWaits, read
from training_jobs.scheduling.values import Wait, Why

MINUTE = 60
_MICRO = 1_000_000  # of a minor unit of money

WAITS: dict[Why, Text] = {
    Why.STARTS: _("Begins now at %(site)s."),
    Why.STARTS_IN_RESERVE: _("Begins now at %(site)s, on devices that are reserved for newcomers."),
    Why.STARTS_ON_LENT: _(
        "Begins now at %(site)s, on reserved devices that no newcomer needs at the moment; one who comes calls them "
        "back at a checkpoint."
    ),
    Why.STARTS_BACKFILLED: _("Begins now at %(site)s, in a gap: it is in the way of nobody who goes first."),
    Why.STARTS_OVERDUE: _("Begins now at %(site)s, before all others: it has waited as long as anybody may."),
    Why.NO_SITE_FITS: _(
        "Waits for: a site that could do it. None of those that are here has the devices, the memory, the hours and "
        "the rules on data that it needs."
    ),
    Why.TOO_DEAR: _(
        "Waits for: a lower price. The cheapest site that could do it would cost up to %(price)s, and its ceiling is "
        "%(ceiling)s (in minor units of money, such as cents)."
    ),
    Why.TRIED_AGAIN: _(
        "Waits until a machine of its site can take it: nobody took it there, or all machines there have another place "
        "of the run. It is tried again within an hour."
    ),
    Why.RESERVED: _("Waits for: the reserved share of newcomers. What is free is kept for them."),
    Why.BEHIND_OTHERS: _("Waits for: others who go first. What is free at %(site)s is held for %(before)s."),
    Why.ALL_BUSY: _("Waits for: devices. All that could do it are at work."),
    Why.BOOKED: _("Waits for: time without a break. %(site)s is free now, but booked before the work would be done."),
    Why.GREENER_LATER: _("Waits for: a greener hour at %(site)s. The grid there will emit less."),
    Why.RESERVE_RECALLED: _(
        "Waits for: reserved devices that were lent. They are called back at %(site)s, at the next checkpoint."
    ),
}
UNTIL: dict[Why, Text] = {
    Why.RESERVED: _("Waits for: the reserved share of newcomers until %(until)s. What is free is kept for them."),
    Why.BEHIND_OTHERS: _(
        "Waits for: others who go first, until %(until)s. What is free at %(site)s is held for %(before)s."
    ),
    Why.ALL_BUSY: _("Waits for: devices, until %(until)s. All that could do it are at work."),
    Why.BOOKED: _(
        "Waits for: time without a break, until %(until)s. %(site)s is free now, but booked before the work would be "
        "done."
    ),
    Why.GREENER_LATER: _("Waits for: a greener hour at %(site)s, at %(until)s. The grid there will emit less then."),
    Why.RESERVE_RECALLED: _(
        "Waits for: reserved devices that were lent. They are called back at %(site)s, by %(until)s at the latest."
    ),
}

# The same of Why.TOO_DEAR where the currency is known.
TOO_DEAR_IN_CURRENCY: Text = _(
    "Waits for: a lower price. The cheapest site that could do it would cost up to %(price)s, and its ceiling is "
    "%(ceiling)s."
)

TOLD: dict[Why, Text] = {
    Why.NO_SITE_FITS: _("Waits for: a site that could do it."),
    Why.TOO_DEAR: _("Waits for: a lower price."),
    Why.TRIED_AGAIN: _("Waits until a machine of its site can take it; it is tried again within an hour."),
    Why.RESERVED: _("Waits for: the reserved share of newcomers."),
    Why.BEHIND_OTHERS: _("Waits for: others who go first."),
    Why.ALL_BUSY: _("Waits for: devices."),
    Why.BOOKED: _("Waits for: time without a break."),
    Why.GREENER_LATER: _("Waits for: a greener hour."),
    Why.RESERVE_RECALLED: _("Waits for: reserved devices that were lent."),
}
REFUSED: dict[str, Text] = {
    "no_sites": _("The community had no site any more"),
    "no_site_fits": _("No site could do it, for as long as anybody may wait"),
    "too_dear": _("Every site that could do it cost more than the ceiling, for as long as anybody may wait"),
    "reserved": _("It only fitted devices that are kept for newcomers, for as long as anybody may wait"),
    "quota": _("The member’s own quota for a week was used"),
    "daily_limit": _("The member had asked often enough for one day"),
    "no_money": _("The budget had not got its ceiling"),
}

SITE_STANDINGS: dict[str, Word] = {
    "open": Word(_("open"), "check", "yes", _("It takes work.")),
    "draining": Word(_("draining"), "hourglass", "warn", _("It ends what it has, and takes nothing new.")),
    "silent": Word(_("silent"), "clock", "warn", _("Nothing was heard of it lately; what it had goes on elsewhere.")),
    "suspended": Word(_("suspended"), "warning", "no", _("It computes for nobody until stewards restore it.")),
    "left": Word(_("has left"), "minus", "quiet", _("It is gone for good.")),
}
ALLOTMENT_ENDS: dict[str, Word] = {
    "": Word(_("at work"), "wave", "live"),
    "held": Word(_("held, no machine has come yet"), "hourglass", "live"),
    "busy": Word(_("not to be had"), "minus", "quiet"),
    "ended": Word(_("ended"), "check", "done"),
    "recalled": Word(_("given back to a newcomer"), "arrow", "quiet"),
    "site_silent": Word(_("the site fell silent"), "warning", "no"),
    "ceiling": Word(_("stopped at its ceiling"), "pause", "warn"),
    "checkpoint": Word(_("interrupted at a checkpoint"), "pause", "quiet"),
    "attempt_failed": Word(_("did not work there"), "warning", "no"),
    "untaken": Word(_("no machine came for it"), "clock", "warn"),
}
SPOT_CHECKS: dict[str, Word] = {
    "equal": Word(_("the same"), "check", "yes"),
    "within": Word(_("within what machines differ"), "check", "yes"),
    "differs": Word(_("different"), "cross", "no"),
    "not_possible": Word(_("could not be compared"), "minus", "quiet"),
}

DOUBTS: dict[str, Word] = {
    "wrong_digest": Word(_("wrong digest"), "warning", "no"),
    "too_fast": Word(_("faster than its machines can be"), "warning", "no"),
    "stood_alone": Word(_("nobody else found the same"), "warning", "no"),
}


def waiting_words(wait: Wait, now: datetime, names: Mapping[str, str] | None = None, currency: str = "") -> str:
    """Return why it waits and about when it begins, as sentences. `names` are those of sites by their short names."""
    known = names or {}
    data = wait.data

    def said(name: str) -> str:
        units = int(data.get(name, 0))
        return amount(units, currency) if currency else money(units)

    site = str(data.get("site", ""))
    values = {
        "site": known.get(site, site) or gettext("a site"),
        "before": _before(data),
        "until": clock_time(int(data["until"]), now) if "until" in data else "",
        "price": said("price"),
        "ceiling": said("ceiling"),
    }
    template = UNTIL.get(wait.why, WAITS[wait.why]) if "until" in data else WAITS[wait.why]
    if wait.why is Why.TOO_DEAR and currency:
        template = TOO_DEAR_IN_CURRENCY
    return f"{str(template) % values} {_expected(wait, now)}".strip()


def row_words(row: Row, now: datetime, names: Mapping[str, str] | None = None, currency: str = "") -> str:
    """Return the same of a request as it is shown, and when it is refused if no site could begin it until then.

    Of one that no machine could take now, what holds it up stands on its own page.
    """
    if row.wait is None:
        return gettext("Held up for now: it is paused, or rests after a failure. It goes on by itself.")
    says = waiting_words(row.wait, now, names, currency)
    if row.outlook is None:
        return says
    since = clock_time(unix(row.outlook.since), now)
    if row.outlook.until is None:
        ends = gettext("No site could begin it since %(since)s. While a vote on more money is open, it is not refused.")
        return f"{says} {ends % {'since': since}}"
    ends = gettext("No site could begin it since %(since)s. Unless that changes, it is refused: %(until)s.")
    return f"{says} {ends % {'since': since, 'until': clock_time(unix(row.outlook.until), now)}}"


def told_words(kind: str, data: object, at: datetime) -> str:
    """Return what an entry of the log of `at` says of why a request waits or was refused; nothing for other entries."""
    if kind not in {ComputeWaits.kind, ComputeRefused.kind}:
        return ""
    try:
        said = read(kind, data)
    except Invalid:  # a log cannot be mended
        return ""
    if isinstance(said, ComputeWaits):
        expected = _expected(Wait(said.request, said.why, said.expected, said.plus_minus), at)
        says = f"{TOLD[said.why]} {expected}"
    else:
        assert isinstance(said, ComputeRefused)
        says = f"{refused_words(said.reason)}."
    return gettext("%(request)s: %(says)s") % {"request": capfirst(request_name(said.request)), "says": says}


def refused_words(reason: str) -> str:
    """Return why a request was refused; a code that has no words as it is."""
    return str(REFUSED.get(reason, reason))


def _before(data: Mapping[str, Any]) -> str:
    """Return who goes first; a request of another community with whose it is."""
    if "before" not in data:
        return gettext("them")
    name = request_name(str(data["before"]))
    if "before_of" not in data:
        return name
    return gettext("%(request)s of %(community)s") % {"request": name, "community": data["before_of"]}


def request_name(name: str) -> str:
    """Return a request as people call it: “run 12”, “run 12, machine 2”, “preview 7”."""
    kind, _colon, rest = name.partition(":")
    if name.startswith(AT_THE_DOOR):
        return gettext("a request that was not taken in")
    number, _slash, slot = rest.partition("/")
    if kind == "preview":
        return gettext("preview %(number)s") % {"number": number}
    if kind != "run":
        return name
    if slot:
        return gettext("run %(number)s, machine %(place)s") % {"number": number, "place": int(slot) + 1}
    return gettext("run %(number)s") % {"number": number}


def clock_time(seconds: int, now: datetime) -> str:
    """Return a moment as it is said: the time alone on the day of `now`, else the day with it (UTC)."""
    moment = datetime.fromtimestamp(seconds, UTC)
    if moment.date() == now.astimezone(UTC).date():
        # Translators: a time format of Django's, with hours and minutes
        return f"{format_date(moment, gettext('H:i'))}\u00a0UTC"
    # Translators: a date format of Django's, with day, month, year, hours and minutes
    return f"{format_date(moment, gettext('j M Y, H:i'))}\u00a0UTC"


def money(micro_units: int) -> str:
    """Return an amount in minor units of money, such as cents."""
    return numbers.ratio(Fraction(micro_units) / _MICRO, "number")


def _expected(wait: Wait, now: datetime) -> str:
    """Say when it begins; nothing of what begins now."""
    if str(wait.why).startswith("starts"):
        return ""
    if wait.expected is None:
        return gettext("Nobody can say yet when it begins.")
    at = clock_time(wait.expected, now)
    if wait.plus_minus < MINUTE:
        return gettext("Expected start: %(at)s.") % {"at": at}
    span = numbers.duration(wait.plus_minus // MINUTE * MINUTE)
    return gettext("Expected start: %(at)s, give or take %(span)s.") % {"at": at, "span": span}
