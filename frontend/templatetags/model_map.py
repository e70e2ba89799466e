"""Template tags of the map of a model: what stands in a box, where it leads, and the paint of the picture alone."""

from dataclasses import dataclass

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from frontend import words
from frontend.model_map import GATE, MORE, Box
from models_registry.model_graph import DATASET, RULE, RUN, VERSION, Node

register = template.Library()

# Marks of 16 by 16, drawn with a line: the shape says what the colour says.
MARKS = {
    "check": "M2 8.5 L6 12.5 L14 3.5",
    "cross": "M3 3 L13 13 M13 3 L3 13",
    "pause": "M5 3 V13 M11 3 V13",
    "undo": "M6 2 L2 6 L6 10 M2 6 H10 A4 4 0 0 1 10 14 H6",
    "drop": "M8 1.5 C5 6 3.5 8 3.5 10 A4.5 4.5 0 0 0 12.5 10 C12.5 8 11 6 8 1.5 Z",
    "wave": "M1 6 C3.5 3 5.5 3 8 6 S12.5 9 15 6 M1 12 C3.5 9 5.5 9 8 12 S12.5 15 15 12",
    "layers": "M8 2 L14.5 5.5 L8 9 L1.5 5.5 Z M1.5 10 L8 13.5 L14.5 10",
    "pencil": "M2 14 L3 10 L11 2 L14 5 L6 13 Z",
    "shield": "M8 1.5 L13.5 3.5 V8 C13.5 11 11 13.5 8 14.5 C5 13.5 2.5 11 2.5 8 V3.5 Z",
    "scale": "M8 2 V14 M4 14 H12 M2.5 9 L4.5 4 L6.5 9 Z M9.5 9 L11.5 4 L13.5 9 Z",
    "plus": "M8 2 V14 M2 8 H14",
    "clock": "M8 1.5 A6.5 6.5 0 1 0 8 14.5 A6.5 6.5 0 1 0 8 1.5 M8 4 V8 L11 10",
    "hourglass": "M3 2 H13 L3 14 H13 Z",
    "minus": "M2 8 H14",
    "warning": "M8 2 L14.5 14 H1.5 Z M8 6 V10",
    "check-circle": "M2 8.5 L6 12.5 L14 3.5",
    "people": "M8 2 A3 3 0 1 0 8 8 A3 3 0 1 0 8 2 M2 15 C2 8 14 8 14 15",
}

# The paint of a picture that stands alone, without the style sheet of the site: for print and for other pages.
PAINT = {
    "ground": 'fill="#ffffff"',
    "river": 'fill="none" stroke="#9fd0d4" stroke-width="20" stroke-linecap="round"',
    "line": 'fill="none" stroke="#0a6675" stroke-width="2"',
    "turned": 'fill="none" stroke="#7d5408" stroke-width="2" stroke-dasharray="5 4"',
    "dam": 'fill="none" stroke="#a23a2a" stroke-width="3"',
    "box": 'fill="#ffffff" stroke="#7b9196" stroke-width="1.5"',
    "mark": 'fill="none" stroke="#14292f" stroke-width="1.8"',
    "first": 'fill="#14292f" font-family="sans-serif" font-size="13" font-weight="600"',
    "second": 'fill="#4b6066" font-family="sans-serif" font-size="12"',
}


@dataclass(frozen=True)
class Said:
    """What stands in a box: two short lines, mark and tone; all of it in words; and where it leads, if anywhere."""

    first: str
    second: str
    mark: str
    tone: str
    whole: str
    href: str


@register.simple_tag
def box_says(box: Box, community: str) -> Said:
    """Return what stands in a box of the picture."""
    if box.kind == MORE:
        said = ngettext("%(n)d more dataset", "%(n)d more datasets", box.count) % {"n": box.count}
        return _said(said, "", "plus", "quiet", _run_address(box.node))
    if box.kind == GATE:
        return _gate(box)
    return node_says(box.node, community)


@register.simple_tag
def node_says(node: Node, community: str) -> Said:
    """Return how a node of the graph is said and where its page is."""
    if node.kind == VERSION:
        number = _("Version %(number)s") % {"number": node.title}
        word = words.word("version_status", node.status)
        base = _("the base") if node.title == "0" else ""
        second = " · ".join(part for part in (str(word.label), base) if part)
        place = "" if node.title == "0" else reverse("site:release", args=[node.reference])
        return _said(number, second, word.icon, word.tone, place)
    if node.kind == RUN:
        word = words.word("run_state", node.status)
        first = _("Training run %(number)s") % {"number": node.title}
        return _said(first, str(word.label), word.icon, word.tone, _run_address(node))
    if node.kind == DATASET:
        place = reverse("site:dataset", args=[node.reference]) if node.status == "known" else ""
        return _said(_("Dataset"), node.title or node.reference[:12], "layers", "live", place)
    if node.kind == RULE:
        return _rule(node, community)
    return _decision(node, community)


@register.simple_tag
def mark_path(name: str) -> str:
    """Return the drawing of a mark; a drop for one that the map does not know."""
    return MARKS.get(name, MARKS["drop"])


@register.simple_tag
def paint(alone: bool, part: str) -> SafeString:  # noqa: FBT001 - a template passes its own value
    """Return the attributes of a part where the picture stands alone; on a page the style sheet paints."""
    return SafeString(PAINT[part] if alone else "")  # only values of the table above


def _gate(box: Box) -> Said:
    if box.status == "broken":
        first = ngettext("%(n)d rule broken", "%(n)d rules broken", box.count) % {"n": box.count}
        run = box.id.rpartition(":")[2]
        return _said(first, box.node.title, "cross", "no", reverse("site:run", args=[run]))
    first = ngettext("%(n)d rule", "%(n)d rules", box.count) % {"n": box.count}
    return _said(first, pgettext("of rules", "kept"), "shield", "yes", _run_address(box.node))


def _rule(node: Node, community: str) -> Said:
    said = {
        "holds": (pgettext("of one rule", "kept"), "check", "yes"),
        "broken": (_("broken"), "cross", "no"),
        "waived": (_("not kept, does not bind"), "minus", "quiet"),
    }
    second, mark, tone = said[node.status]
    return _said(node.title, second, mark, tone, reverse("site:rules", args=[community]))


def _decision(node: Node, community: str) -> Said:
    word = words.word("map_decision", node.status)
    if not node.reference:  # a guardian's pause has no vote behind it
        return _said(str(word.label), _("by a guardian"), word.icon, word.tone, "")
    first = _("%(what)s no. %(number)s") % {"what": word.label, "number": node.reference}
    return _said(first, node.title, word.icon, word.tone, reverse("site:proposal", args=[community, node.reference]))


def _run_address(node: Node) -> str:
    return reverse("site:run", args=[node.reference])


def _said(first: str, second: str, mark: str, tone: str, href: str) -> Said:
    whole = _("%(first)s: %(second)s") % {"first": first, "second": second} if second else first
    return Said(first, second, mark, tone, whole, href)


@register.filter
def whole_words(text: str, characters: int) -> str:
    """Return as many whole words as have room, with the sign of what is left out; one long word is cut as it is."""
    if len(text) <= characters:
        return text
    kept = text[: characters - 1]
    return f"{kept.rpartition(' ')[0].rstrip(' ,;:') or kept}…"
