"""The figures that this site publishes, from the logs that it serves; each computed once for each state of the logs.

A state is the root of a log's tree, which commits to every entry: figures that were kept can be those of no other log.
Each process keeps a few. A log that has grown is counted again from its beginning, in one pass, once for all who ask at
the same time; those who ask for the figures of the whole site do not hold up those who ask for a community's.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from threading import Lock

from django.db.models import Max

from governance import log
from governance.clock import unix
from governance.evidence import log_tree
from governance.models import Community, Event
from training_jobs.scheduling.events import KINDS
from training_jobs.transparency import feed
from training_jobs.transparency.figures import (
    Entry,
    Figure,
    Figures,
    Log,
    Uses,
    fairness,
    figures,
    figures_of_many,
    uses_of,
)

KEPT, USES_KEPT = 64, 4_096

_COMMUNITY, _SITE = Lock(), Lock()

_State = tuple[int, str, int, str]  # community, slug, size of its log, root


def of_community(community: Community) -> Figures:
    """Return the figures of a community, as of the last entry of its log."""
    state = _state(community)
    with _COMMUNITY:
        return _figures((state,), whole_site=False)


def fairness_of_site() -> list[Figure]:
    """Return how fairly the communities share: rows of the feed of the site, from the figures of each community."""
    states = _states_of_site()
    with _COMMUNITY:
        return list(fairness([_uses(state) for state in states]))


def feed_of_community(community: Community, form: str) -> tuple[bytes, str]:
    """Return the feed of a community in a format, and a name of exactly these bytes. Raises Invalid for no format."""
    state = _state(community)
    with _COMMUNITY:
        return _named(_feed((state,), whole_site=False, form=form))


def feed_of_site(form: str) -> tuple[bytes, str]:
    """Return the feed of all communities in whose logs anything is computed, and its name. Raises Invalid likewise."""
    states = _states_of_site()
    with _SITE:
        return _named(_feed(states, whole_site=True, form=form))


def _named(data: bytes) -> tuple[bytes, str]:
    return data, sha256(data).hexdigest()


def _states_of_site() -> tuple[_State, ...]:
    computing = Event.objects.filter(kind__in=KINDS, position__isnull=False).values("community")
    return tuple(_state(each) for each in Community.objects.filter(pk__in=computing).order_by("slug"))


def _state(community: Community) -> _State:
    size = community.log_size
    root = log_tree.root(size, log.reader(community.pk)) if size else ""
    return community.pk, community.slug, size, root


@lru_cache(maxsize=KEPT)
def _feed(states: tuple[_State, ...], *, whole_site: bool, form: str) -> bytes:
    return feed.written(_figures(states, whole_site=whole_site), form)


@lru_cache(maxsize=USES_KEPT)
def _uses(state: _State) -> Uses:
    return uses_of(_figures((state,), whole_site=False).rows)


@lru_cache(maxsize=KEPT)
def _figures(states: tuple[_State, ...], *, whole_site: bool) -> Figures:
    logs = {slug: _log(community, size) for community, slug, size, _ in states}
    return figures_of_many(logs) if whole_site else figures(next(iter(logs.values())))


def _log(community: int, size: int) -> Log:
    entries = Event.objects.filter(community=community, position__lt=size)
    latest = entries.aggregate(latest=Max("at"))["latest"]
    asked = entries.filter(kind__in=KINDS).order_by("position").values_list("at", "kind", "data", "actor")
    return Log(tuple(_entries(asked.iterator(chunk_size=5_000))), size, unix(latest) if latest else 0)


def _entries(rows: Iterable[tuple[datetime, str, object, str]]) -> Iterable[Entry]:
    return (Entry(unix(at), kind, data, actor) for at, kind, data, actor in rows)
