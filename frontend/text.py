"""Proposal texts: Markdown to HTML, sanitised. Nothing that an author writes can run, load or restyle the page.

The Markdown is that of CommonMark, with tables. Its reader needs work in proportion to the length of a text, whatever
is written: a page shows texts of strangers, and many at once. Short rows of wide tables alone would grow beyond that,
since a row is filled up to the width of its head: a text that could ask for too many cells is shown without tables.
"""

import re
from functools import cache, lru_cache

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

_TAGS = {
    "p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "code", "pre", "blockquote", "ul", "ol", "li",
    "a", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "th": {"scope"}}
_HEADING = re.compile(r"<(/?)h([1-6])>")  # no heading keeps an attribute
_HIGHEST, _LOWEST = 3, 6
_CELLS_MAX = 10_000
_UNDER_A_HEAD = frozenset("|-: \t")  # all that the line below the head of a table is made of


def render(text: str, highest: int = _HIGHEST) -> SafeString:
    """Return safe HTML. Headings start at level 3, below those of the page; images and raw HTML are dropped.

    The text's own highest level becomes the third (or `highest`), wherever its author began; what is too deep stays at
    the sixth.
    """
    return _rendered(text, highest)


@lru_cache(maxsize=64)
def _rendered(text: str, highest: int) -> SafeString:
    """Return it, kept for the pages that are looked at again and again."""
    clean = nh3.clean(
        _reader(_cells_at_most(text) <= _CELLS_MAX).render(text),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener",
    )
    used = [int(level) for _slash, level in _HEADING.findall(clean)]
    down = highest - min(used, default=highest)
    moved = _HEADING.sub(lambda found: f"<{found[1]}h{min(int(found[2]) + down, _LOWEST)}>", clean)
    return mark_safe(moved.strip())  # noqa: S308 - nh3 has just sanitised it, and only levels of headings changed since


def _cells_at_most(text: str) -> int:
    """Return how many cells tables in a text could have: as wide as the widest, on every line."""
    lines = [line.lstrip("> \t") for line in text.splitlines()]
    widths = [line.count("|") + 1 for line in lines if line and _UNDER_A_HEAD.issuperset(line)]
    return max(widths, default=0) * len(lines)


@cache
def _reader(tables: bool) -> MarkdownIt:  # noqa: FBT001
    """Return the reader. Raw HTML is markup within a paragraph to it, so that what stands beside it is still read."""
    reader = MarkdownIt("commonmark").disable("html_block")
    return reader.enable("table") if tables else reader
