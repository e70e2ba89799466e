"""What work would take, in words: device-seconds, energy, carbon and money, as a table, and what these rest on."""

from collections.abc import Callable, Iterator
from fractions import Fraction

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from frontend import numbers
from frontend.compute_tables import FiguresTable
from frontend.templatetags.charts import energy, mass
from frontend.words.books import amount
from training_jobs.before_vote import Afterwards, BeforeVote
from training_jobs.commons.books import Plans
from training_jobs.ledger.estimates import Forecast
from training_jobs.scheduling.outlay import Outlay, Place, Span

_SECONDS_PER_HOUR = 3_600
_MILLIGRAMS_PER_GRAM = 1_000
_MICRO_UNITS = 1_000_000


def table(of: BeforeVote) -> FiguresTable:
    """Return what is known of each, and why not where nothing is; money only where computing is shared.

    What is likely has a column only where past runs say it.
    """
    likely = of.seconds.interval
    seconds = Span(*(likely or (None, None)), of.seconds.most, len(of.outlay.places))
    rows = [
        (_("Device-seconds"), _cells(of, seconds, numbers.grouped)),
        (_("Energy"), _energy(of)),
        (_("Carbon"), _carbon(of)),
        *((_("Money"), _cells(of, span, _price(currency))) for currency, span in of.outlay.money),
    ]
    columns = [_("At most")] if likely is None else [_("Likely"), _("At most")]
    return FiguresTable("outlay", _("What it takes"), columns, rows)


def notes(of: BeforeVote) -> list[str]:
    """Return what power, grid and prices the table rests on, and of how many sites they are known."""
    return [*_partly(of.outlay), *_power(of.outlay)]


def past(seconds: Forecast) -> Iterator[str]:
    """Yield where an interval is from and how often such ones held; or how many runs lack."""
    if seconds.planned is None:
        yield _("One of its datasets is not known here, so nothing is planned: it takes what is approved at most.")
        return
    if seconds.interval is None:
        text = ngettext(
            "There is %(n)s comparable past run, and what is likely is known from %(needed)s on: until then only the "
            "most is said. Planned are %(planned)s device-seconds.",
            "There are %(n)s comparable past runs, and what is likely is known from %(needed)s on: until then only the "
            "most is said. Planned are %(planned)s device-seconds.",
            seconds.runs,
        )
        values = {"n": seconds.runs, "needed": seconds.runs_needed, "planned": numbers.grouped(seconds.planned)}
        yield text % values
        return
    level = numbers.percent(seconds.coverage.level_bps)
    if seconds.alike:
        text = _("Likely: by %(n)s past runs of the same model, objective and way to train, %(level)s end within.")
    else:
        text = _("Likely: by %(n)s past runs of this community on the same machines, %(level)s end within.")
    yield text % {"n": numbers.grouped(seconds.runs), "level": level}
    yield held(seconds.coverage.held, seconds.coverage.tried)


def held(inside: int, tried: int) -> str:
    """Return how many of the runs that could be tried ended inside the interval of their day."""
    if not tried:
        return _("Whether that holds could not be tried yet: each run is held against those before it.")
    text = ngettext(
        "Of %(tried)s comparable past run, %(held)s lay within such an interval of those before it.",
        "Of %(tried)s comparable past runs, %(held)s lay within such an interval of those before them.",
        tried,
    )
    return text % {"tried": numbers.grouped(tried), "held": numbers.grouped(inside)}


def held_of(plans: Plans) -> str:
    """Return how often intervals held for all runs of a community, or how many lack; nothing before its first run."""
    found = plans.coverage
    if found.tried:
        text = _("%(held)s of %(tried)s runs ended inside the interval of their day, which promises %(level)s.")
        values = {"held": numbers.grouped(found.held), "tried": numbers.grouped(found.tried)}
        return text % (values | {"level": numbers.percent(found.level_bps)})
    if not plans.interval.runs:
        return ""
    text = _("Not known yet: %(n)s runs have ended, and more than %(needed)s are needed.")
    return text % {"n": plans.interval.runs, "needed": plans.interval.runs_needed}


def afterwards(of: Afterwards) -> FiguresTable:
    """Return what was estimated of a run beside what it took, in device-seconds."""
    told = of.told
    planned = "—" if told.planned is None else numbers.grouped(told.planned)
    cells = [planned, _likely(told), numbers.grouped(told.most), numbers.grouped(of.took)]
    columns = [_("By its plan"), _("Likely"), _("At most"), _("Used")]
    return FiguresTable("estimated", _("Estimated and used"), columns, [(_("Device-seconds"), cells)])


def _likely(told: Forecast) -> str:
    if told.interval is None:
        values = {"n": told.runs, "needed": told.runs_needed}
        return _("not known: %(n)s of %(needed)s runs") % values
    return _range(*map(numbers.grouped, told.interval))


def _range(low: str, high: str) -> str:
    return low if low == high else _("%(low)s to %(high)s") % {"low": low, "high": high}


def _power(of: Outlay) -> Iterator[str]:
    """Yield where power and grid are from; nothing where no power is known."""
    if of.joules is None:
        return
    named = [place for place in of.places if place.site]
    if not named:
        yield _own_machines(of.places[0])
        return
    declared = [place.site for place in named if not place.metered]
    metered = [
        _("%(site)s (%(watts)s W, of %(n)s attempts)")
        % {"site": place.site, "watts": numbers.grouped(place.watts or 0), "n": place.metered}
        for place in named
        if place.metered
    ]
    if metered:
        yield _("Power of a device as machines metered it at: %(names)s.") % {"names": ", ".join(metered)}
    if declared:
        yield _("Power as it is declared by: %(names)s.") % {"names": ", ".join(declared)}
    if of.money:
        yield _("Prices are those that the sites declare; the least and the most of them count.")


def _own_machines(place: Place) -> str:
    watts = numbers.grouped(place.watts or 0)
    if place.metered:
        text = _("Power of a device as machines metered it in %(n)s attempts: %(watts)s W.")
        power = text % {"n": place.metered, "watts": watts}
    else:
        power = _("Power of a device as this site declares it: %(watts)s W.") % {"watts": watts}
    if place.grams_per_kwh is None:
        return power
    grid = _("Carbon of the grid as this site declares it: %(grid)s g for each kWh.")
    return f"{power} {grid % {'grid': numbers.grouped(place.grams_per_kwh[0])}}"


def _partly(of: Outlay) -> Iterator[str]:
    """Yield of how many places an amount is known, where not of all."""
    spans = [(_("Energy"), of.joules), (_("Carbon"), of.milligrams), *((_("Money"), span) for _code, span in of.money)]
    for label, span in spans:
        if span is not None and span.places < len(of.places):
            values = {"label": label, "known": span.places, "all": len(of.places)}
            yield _("%(label)s: known for %(known)d of %(all)d sites.") % values


def _energy(of: BeforeVote) -> list[str]:
    if of.outlay.joules is None:
        return _unknown(of, _("not known: no power declared"))
    return _cells(of, of.outlay.joules, lambda joules: energy(Fraction(joules, _SECONDS_PER_HOUR)))


def _carbon(of: BeforeVote) -> list[str]:
    if of.outlay.milligrams is None:
        if of.outlay.carbon_unknown == "no_power":
            return _unknown(of, _("not known: no power declared"))
        return _unknown(of, _("not known: no carbon intensity of the grid is known"))
    return _cells(of, of.outlay.milligrams, _carbon_of)


def _carbon_of(milligrams: int) -> str:
    return _("%(mass)s of CO₂e") % {"mass": mass(Fraction(milligrams, _MILLIGRAMS_PER_GRAM))}


def _price(currency: str) -> Callable[[int], str]:
    # rounded up to minor units: nobody pays a part of a cent
    return lambda units: amount(-(-units // _MICRO_UNITS) * _MICRO_UNITS, currency)


def _unknown(of: BeforeVote, why: str) -> list[str]:
    return [why] if of.seconds.interval is None else [why, "—"]


def _cells(of: BeforeVote, span: Span, say: Callable[[int], str]) -> list[str]:
    """Return the cells of a row: what is likely, where that is known, and the most."""
    most = say(span.most)
    if of.seconds.interval is None or span.low is None or span.high is None:
        return [most]
    return [_range(say(span.low), say(span.high)), most]
