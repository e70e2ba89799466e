"""The design tokens as they stand in the style sheet, and how well each pair of colours can be told apart.

The style sheet is the one place where values stand; the page of the design and the tests of contrast read it.
Contrast is that of WCAG 2.2, "relative luminance" and "contrast ratio": from 1 (the same) to 21 (black on white).
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SHEET = Path(__file__).resolve().parent / "static" / "css" / "tokens.css"
THEMES = ("light", "dark", "contrast", "contrast-dark")
_BLOCK = re.compile(r"(:root[^{]*)\{([^}]*)\}")
_TOKEN = re.compile(r"--([\w-]+):\s*([^;]+);")
_LINEAR_UP_TO = 0.04045
_HEX = re.compile(r"#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})")

TEXT, SHAPE = 4.5, 3.0  # WCAG 2.2: 1.4.3 and 1.4.11
MORE_TEXT, MORE_SHAPE = 7.0, 4.5  # high contrast: 1.4.6
# Text on its ground: what people read. And shapes beside their ground: controls, rings, bars.
READ = (
    *((ink, back) for ink in ("ink", "ink-soft", "water", "water-deep") for back in ("ground", "surface", "sunken")),
    ("water-deep", "water-wash"),
    ("on-water", "water"),
    ("for", "for-wash"),
    ("against", "against-wash"),
    ("abstain", "abstain-wash"),
    ("warn", "warn-wash"),
    *((tone, "surface") for tone in ("for", "against", "abstain", "warn")),
)
SEEN = (
    *((shape, ground) for shape in ("line-strong", "focus") for ground in ("ground", "surface")),
    *((f"choice-{number}", "surface") for number in range(8)),
)


@dataclass(frozen=True)
class Pair:
    """Two colours that meet, the least contrast that they need, and the one that they have."""

    front: str
    back: str
    needed: float
    found: float

    @property
    def holds(self) -> bool:
        """Say whether they can be told apart well enough."""
        return self.found >= self.needed


@cache
def tokens(theme: str) -> dict[str, str]:
    """Return every token with its value in a theme, later blocks over earlier ones as the browser has it."""
    text = SHEET.read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for selector, body in _BLOCK.findall(_without_comments(text)):
        if _applies(selector.strip(), theme):
            found |= dict(_TOKEN.findall(body))
    if theme == "contrast-dark":
        dark = re.search(r"prefers-color-scheme: dark\)\s*\{\s*:root\[data-theme=\"contrast\"\]\s*\{([^}]*)\}", text)
        found |= dict(_TOKEN.findall(dark[1])) if dark else {}
    return found


def pairs(theme: str) -> list[Pair]:
    """Return all pairs of colours that meet on a page, with their contrast in a theme."""
    is_more = theme.startswith("contrast")
    wanted = [(pair, MORE_TEXT if is_more else TEXT) for pair in READ]
    wanted += [(pair, MORE_SHAPE if is_more else SHAPE) for pair in SEEN]
    values = tokens(theme)
    return [Pair(one, other, needed, contrast(values[one], values[other])) for (one, other), needed in wanted]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours in the form #rrggbb; raise ValueError for another form."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    found = _HEX.fullmatch(colour)
    if found is None:
        raise ValueError(f"no colour of the form #rrggbb: {colour}")
    parts = [int(part, 16) / 255 for part in found.groups()]
    red, green, blue = (part / 12.92 if part <= _LINEAR_UP_TO else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _applies(selector: str, theme: str) -> bool:
    if selector == ":root":
        return True
    return selector == f':root[data-theme="{theme.removesuffix("-dark")}"]'


def _without_comments(text: str) -> str:
    """Leave out comments and what stands in media queries: the themes that are chosen by name say the same."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return re.sub(r"@media[^{]*\{(?:[^{}]*\{[^}]*\})*\s*\}", "", text)


def icons() -> list[str]:
    """Return the names of all icons."""
    drawn = SHEET.parent.parent / "img" / "icons.svg"
    return re.findall(r'<symbol id="([\w-]+)"', drawn.read_text(encoding="utf-8"))
