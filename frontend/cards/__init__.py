"""Share cards: what a link looks like where people pass it on. 1200 × 630, drawn on the server.

What stands on a card names it: the same facts are the same picture, which is kept. Drawing needs Pillow and a font;
both are loaded when the first card is drawn, so that a web process without cards does not carry them.
"""

from dataclasses import asdict, dataclass
from hashlib import sha256
from json import dumps

from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import get_language

WIDTH, HEIGHT = 1200, 630
KEPT_SECONDS = 7 * 24 * 3600
# Goes up when cards are drawn in another way.
VERSION = 1


@dataclass(frozen=True)
class Line:
    """One bar: its name, what it says, its share in basis points, its colour (for, against, abstain, c0 to c7)."""

    name: str
    says: str
    share_bps: int
    colour: str


@dataclass(frozen=True)
class Card:
    """All that stands on a card, in the reader's language. `tone` is that of the state: yes, no, live, done, quiet."""

    community: str
    kind: str
    title: str
    state: str
    tone: str
    lines: tuple[Line, ...]
    foot: str

    @property
    def etag(self) -> str:
        """The name of the picture: the digest of what stands on it."""
        return sha256(dumps([VERSION, asdict(self)], ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:32]


def png(card: Card) -> bytes:
    """Return the picture, drawn at most once while it is kept."""
    key = f"card:{card.etag}"
    kept = cache.get(key)
    if kept is None:
        from frontend.cards.drawing import draw  # Pillow is loaded by the first card alone

        kept = draw(card)
        cache.set(key, kept, KEPT_SECONDS)
    return bytes(kept)


def address(request: HttpRequest, view: str, *parts: object) -> str:
    """Return the absolute address of a card in the reader's language."""
    language = "fr" if (get_language() or "").startswith("fr") else "en"
    return f"{request.build_absolute_uri(reverse(view, args=parts))}?lang={language}"
