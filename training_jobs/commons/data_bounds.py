"""Whether rows may go to a place, by what sites say of the kinds of data that enter and leave. Pure.

1. Rows enter a site that has no list of kinds (`data_in`), or whose list has every one of theirs.
2. Rows that are kept in a country leave it only where no site there that the community has let in has a list
   (`data_out`) without one of their kinds: the strictest site of a country decides for the country.

Rows are meant, not what was learnt from them: checkpoints and weights hold none. A machine of no site stands in no
country that is known, so that rows which may not leave theirs do not go there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from models_registry.datasets.data_kinds import UNCLASSIFIED

ENTERS, LEAVES = "enters", "leaves"


@dataclass(frozen=True)
class Rows:
    """The rows of a dataset: their kinds, and the country in which they are kept; empty: none was said."""

    kinds: frozenset[str]
    country: str = ""


@dataclass(frozen=True)
class Place:
    """A site: where it stands, and the kinds that may enter it and leave its country; None: any."""

    slug: str
    country: str
    data_in: frozenset[str] | None = None
    data_out: frozenset[str] | None = None


@dataclass(frozen=True)
class Barred:
    """Why rows do not go to a place: whose rule it is, and which kinds it does not name.

    `rule` is ENTERS (the place's own) or LEAVES (of a site of the country in which the rows are kept).
    """

    rule: str
    by: str
    kinds: tuple[str, ...]
    country: str = ""


NOWHERE: Final = Place("", "")  # where a machine stands that belongs to no site


def rows(kinds: Iterable[str], country: str) -> Rows:
    """Return the rows of a dataset of which this was said; where no kind was, they are unclassified."""
    return Rows(frozenset(kinds) or frozenset({UNCLASSIFIED}), country)


def barred(place: Place, data: Iterable[Rows], admitted: Iterable[Place]) -> Barred | None:
    """Return why a place may not have data; None: it may. `admitted` are the sites that the community has let in."""
    data = list(data)
    if place.data_in is not None:
        foreign = frozenset[str]().union(*(each.kinds for each in data)) - place.data_in
        if foreign:
            return Barred(ENTERS, place.slug, tuple(sorted(foreign)))
    return kept_in(place, data, admitted)


def kept_in(place: Place, data: Iterable[Rows], admitted: Iterable[Place]) -> Barred | None:
    """Return which rule keeps data in a country where the place is not; None: none does. The second rule alone."""
    bound = sorted((site for site in admitted if site.data_out is not None), key=lambda site: site.slug)
    for each in data:
        if not each.country or each.country == place.country:
            continue
        for site in bound:
            held = each.kinds - (site.data_out or frozenset())
            if site.country == each.country and held:
                return Barred(LEAVES, site.slug, tuple(sorted(held)), each.country)
    return None
