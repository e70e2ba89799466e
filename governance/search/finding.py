"""Questions to the index: what matches, how many of each kind, and what may be meant by a beginning. Reads only."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from governance import lifecycle
from governance.models import Community, Proposal, SearchEntry
from governance.search import extracts, matching, ranking
from governance.search.extracts import Piece
from governance.search.subjects import subjects
from governance.search.words import Query, read

PER_PAGE = 20
# As many as one look ranks: more than anybody reads, and few enough for a word that stands everywhere.
RANKED_MAX = 2_000
SUGGESTED = 8
SUGGESTED_FROM = 300
_SUGGEST_CHARACTERS_MIN = 2


@dataclass(frozen=True)
class Hit:
    """One thing that was found: its title in pieces for each language, and the part of its text that matched."""

    kind: str
    key: str
    community: Community
    title: str
    title_fr: str
    title_pieces: tuple[Piece, ...]
    title_fr_pieces: tuple[Piece, ...]
    extract: tuple[Piece, ...]
    at: datetime
    state: str


@dataclass(frozen=True)
class Results:
    """One page of what was found. `counts` are of each kind before that filter; `more`: there were too many to rank."""

    query: Query
    hits: tuple[Hit, ...]
    counts: Mapping[str, int]
    total: int
    number: int
    pages: int
    more: bool


def search(
    typed: str, now: datetime, *, kind: str = "", community: str = "", state: str = "", page: int = 1
) -> Results:
    """Return one page of what matches. An unknown kind, community or state matches nothing; nothing typed, neither.

    A state is one of a decision's: only decisions have one here.
    """
    query = read(typed)
    if not query or not _known(kind, state):
        return Results(query, (), {}, 0, 1, 1, more=False)
    filters = _filters(community, state, now)
    found = matching.matches(query, filters, RANKED_MAX, titles=False)
    counts = Counter(match.kind for match in found)
    more = len(found) == RANKED_MAX
    if kind:
        if more:  # those of this kind alone may all be ranked
            found = matching.matches(query, [*filters, ("entry.kind = %s", [kind])], RANKED_MAX, titles=False)
            counts[kind], more = len(found), len(found) == RANKED_MAX
        found = [match for match in found if match.kind == kind]
    best = ranking.ranked(found, now)
    pages = max(1, -(-len(best) // PER_PAGE))
    number = min(max(page, 1), pages)
    shown = best[(number - 1) * PER_PAGE : number * PER_PAGE]
    ordered = {each: counts[each] for each in subjects() if counts[each]}
    return Results(
        query, _hits(query, [match.id for match in shown], now), ordered, len(best), number, pages, more=more
    )


def suggest(typed: str, now: datetime, *, community: str = "") -> tuple[Hit, ...]:
    """Return a few things whose titles match what is being typed. Bounded, whatever is typed."""
    query = read(typed)
    if sum(len(word) for term in query.terms for word in term.words) < _SUGGEST_CHARACTERS_MIN:
        return ()
    found = matching.matches(query, _filters(community, "", now), SUGGESTED_FROM, titles=True)
    best = ranking.ranked(found, now)[:SUGGESTED]
    return _hits(query, [match.id for match in best], now)


def _known(kind: str, state: str) -> bool:
    return (not kind or kind in subjects()) and (not state or state in set(lifecycle.State))


def _filters(community: str, state: str, now: datetime) -> list[tuple[str, Sequence[Any]]]:
    """Return conditions in SQL with their values."""
    filters: list[tuple[str, Sequence[Any]]] = []
    if community:
        filters.append(("entry.community_id = (SELECT id FROM governance_community WHERE slug = %s)", [community]))
    if state:
        wanted = Proposal.objects.in_state(lifecycle.State(state), now).order_by().values("pk")
        statement, values = wanted.query.get_compiler(connection=connection).as_sql()
        filters.append((f"entry.proposal_id IN ({statement})", list(values)))
    return filters


def _hits(query: Query, ids: Sequence[int], now: datetime) -> tuple[Hit, ...]:
    entries = SearchEntry.objects.select_related("community", "proposal").in_bulk(ids)
    return tuple(_hit(query, entries[pk], now) for pk in ids if pk in entries)


def _hit(query: Query, entry: SearchEntry, now: datetime) -> Hit:
    return Hit(
        kind=entry.kind,
        key=entry.key,
        community=entry.community,
        title=entry.title,
        title_fr=entry.title_fr,
        title_pieces=extracts.marked(entry.title, query),
        title_fr_pieces=extracts.marked(entry.title_fr, query),
        extract=extracts.extract(entry.text, query),
        at=entry.at,
        state=entry.proposal.state(now) if entry.proposal is not None else "",
    )
