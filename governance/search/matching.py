"""How each database is asked: the words of a query as SQLite's FTS5 and as PostgreSQL's tsquery.

Both are given only folded words of letters and digits, in quotes, so nothing that somebody types is ever read as
syntax. Both answer with the newest entries that match, as many as one look ranks; ranking is `ranking`'s and the same
for both.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection

from governance.search.words import Query, Term

# SQLite's bm25 and PostgreSQL's ts_rank are different scales; `ranking` compares entries of one answer only.
_SQLITE = (
    "SELECT entry.id, entry.kind, entry.weight, entry.at, {relevance} "
    "FROM governance_searchtext JOIN governance_searchentry entry ON entry.id = governance_searchtext.rowid "
    "WHERE governance_searchtext MATCH %s{filters} ORDER BY governance_searchtext.rowid DESC LIMIT %s"
)
_POSTGRESQL = (
    "SELECT entry.id, entry.kind, entry.weight, entry.at, {relevance} "
    "FROM governance_searchentry entry, "
    "(SELECT to_tsquery('simple', %s) || to_tsquery('english', %s) || to_tsquery('french', %s) AS words) asked "
    "WHERE entry.vector @@ asked.words{filters} ORDER BY entry.id DESC LIMIT %s"
)
_EQUAL = "CAST(1 AS double precision)"


class Match(NamedTuple):
    """An entry that matches. `relevance` is larger for a better match."""

    id: int
    kind: str
    weight: int
    at: Any
    relevance: float


def matches(query: Query, filters: Sequence[tuple[str, Sequence[Any]]], most: int, *, titles: bool) -> list[Match]:
    """Return the newest entries that match; `filters` are SQL conditions on `entry` with their values.

    `titles`: only what the title says counts, and every match as much as any other: to weigh a word, a database reads
    all that has it, which is too long while somebody types.
    """
    said = "".join(f" AND {condition}" for condition, _values in filters)
    values = [value for _condition, some in filters for value in some]
    if connection.vendor == "postgresql":
        words = " & ".join(_tsquery(term, titles=titles) for term in query.terms)
        statement, parameters = _POSTGRESQL, [words, words, words, *values, most]
        relevance = "ts_rank(entry.vector, asked.words)"
    else:
        words = " AND ".join(_fts5(term) for term in query.terms)
        words = f"title_words : ({words})" if titles else words
        statement, parameters = _SQLITE, [words, *values, most]
        relevance = "-bm25(governance_searchtext, 8.0, 1.0)"
    with connection.cursor() as cursor:
        cursor.execute(statement.format(filters=said, relevance=_EQUAL if titles else relevance), parameters)
        return [Match(*row) for row in cursor.fetchall()]


def _fts5(term: Term) -> str:
    if len(term.words) > 1:
        return '"' + " ".join(term.words) + '"'
    forms = [f'"{form}"' for form in term.forms]
    if term.prefix:
        forms[0] += "*"
    return f"({' OR '.join(forms)})"


def _tsquery(term: Term, *, titles: bool) -> str:
    mark = "A" if titles else ""
    if len(term.words) > 1:
        return "(" + " <-> ".join(_lexeme(word, mark) for word in term.words) + ")"
    forms = [_lexeme(form, mark) for form in term.forms]
    if term.prefix:
        forms.append(_lexeme(term.words[0], f"{mark}*"))
    return f"({' | '.join(forms)})"


def _lexeme(word: str, mark: str) -> str:
    return f"'{word}':{mark}" if mark else f"'{word}'"
