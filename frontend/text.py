"""Proposal texts: Markdown to HTML, sanitised. Nothing that an author writes can run, load or restyle the page."""

import re
from functools import lru_cache

import markdown
import nh3
from django.utils.safestring import SafeString, mark_safe

_TAGS = {
    "p", "br", "hr", "h3", "h4", "h5", "h6", "strong", "em", "code", "pre", "blockquote", "ul", "ol", "li", "a",
    "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "th": {"scope"}}
_HEADING = re.compile(r"<(/?)h([1-6])>")
_HIGHEST, _LOWEST = 3, 6


def render(text: str, highest: int = _HIGHEST) -> SafeString:
    """Return safe HTML. Headings start at level 3, below those of the page; images and raw HTML are dropped.

    The text's own highest level becomes the third (or `highest`), wherever its author began; what is too deep stays at
    the sixth.
    """
    return _rendered(text, highest)


@lru_cache(maxsize=64)
def _rendered(text: str, highest: int) -> SafeString:
    """Return it, kept for the pages that are looked at again and again."""
    html = markdown.markdown(text, extensions=["extra", "sane_lists"], output_format="html")
    used = [int(level) for _slash, level in _HEADING.findall(html)]
    down = highest - min(used, default=highest)
    html = _HEADING.sub(lambda found: f"<{found[1]}h{min(int(found[2]) + down, _LOWEST)}>", html)
    clean = nh3.clean(
        html, tags=_TAGS, attributes=_ATTRIBUTES, url_schemes={"http", "https", "mailto"}, link_rel="nofollow noopener"
    )
    return mark_safe(clean)  # noqa: S308 - nh3 has just sanitised it
