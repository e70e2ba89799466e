"""Proposal texts: Markdown to HTML, sanitised. Nothing that an author writes can run, load or restyle the page."""

import markdown
import nh3
from django.utils.safestring import SafeString, mark_safe

_TAGS = {
    "p", "br", "hr", "h3", "h4", "h5", "h6", "strong", "em", "code", "pre", "blockquote", "ul", "ol", "li", "a",
    "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "th": {"scope"}}
_HEADINGS = {f"h{level}": f"h{min(level + 2, 6)}" for level in range(1, 7)}


def render(text: str) -> SafeString:
    """Return safe HTML. Headings start at level 3, below those of the page; images and raw HTML are dropped."""
    html = markdown.markdown(text, extensions=["extra", "sane_lists"], output_format="html")
    for level in range(6, 0, -1):
        html = html.replace(f"<h{level}>", f"<{_HEADINGS[f'h{level}']}>")
        html = html.replace(f"</h{level}>", f"</{_HEADINGS[f'h{level}']}>")
    clean = nh3.clean(
        html, tags=_TAGS, attributes=_ATTRIBUTES, url_schemes={"http", "https", "mailto"}, link_rel="nofollow noopener"
    )
    return mark_safe(clean)  # noqa: S308 - nh3 has just sanitised it
