"""The part of a text that was found, with the words that were meant marked. Pure; escaping is the template's."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from governance.search.words import Query, fold

EXTRACT_CHARACTERS = 220
_BEFORE = 60
_TOKEN = re.compile(r"[^\W_]+")
# What Markdown and tables are written with, and says nothing in an extract.
_EMPHASIS = re.compile(r"[*`]+")
_MARKUP = re.compile(r"[#>|\[\]]+|\(https?://[^)\s]*\)|-{2,}")


@dataclass(frozen=True)
class Piece:
    """A piece of text; `marked` where it is what was looked for."""

    text: str
    marked: bool


def marked(text: str, query: Query) -> tuple[Piece, ...]:
    """Return a text in pieces, the words that were looked for apart."""
    pieces, end = [], 0
    for found in _matches(text, query):
        if found.start() > end:
            pieces.append(Piece(text[end : found.start()], marked=False))
        pieces.append(Piece(found.group(), marked=True))
        end = found.end()
    if end < len(text):
        pieces.append(Piece(text[end:], marked=False))
    return tuple(pieces)


def extract(text: str, query: Query) -> tuple[Piece, ...]:
    """Return some words of a text around the first that was looked for, or its beginning."""
    text = " ".join(_MARKUP.sub(" ", _EMPHASIS.sub("", text)).split())
    first = next(iter(_matches(text, query)), None)
    start = 0 if first is None or first.start() <= _BEFORE else text.find(" ", first.start() - _BEFORE) + 1
    end = start + EXTRACT_CHARACTERS
    if end < len(text):
        space = text.rfind(" ", start, end)
        end = space if space > start else end
    shown = text[start:end]
    pieces = marked(shown, query)
    if start:
        pieces = (Piece("… ", marked=False), *pieces)
    return (*pieces, Piece(" …", marked=False)) if end < len(text) else pieces


def _matches(text: str, query: Query) -> Iterable[re.Match[str]]:
    whole = {form for term in query.terms for form in (term.words if len(term.words) > 1 else term.forms)}
    begun = tuple(term.words[-1] for term in query.terms if term.prefix)
    for found in _TOKEN.finditer(text):
        word = fold(found.group())
        if word in whole or (begun and word.startswith(begun)):
            yield found
