"""Draws a card with Pillow. Noto Sans comes pinned with the site, so that a card looks the same on every machine."""

import io
from functools import cache
from importlib.resources import files

from PIL import Image, ImageDraw, ImageFont

from frontend.cards import HEIGHT, WIDTH, Card, Line

MARGIN = 72
TITLE_SIZES = (64, 56, 48)
TITLE_LINES_MAX = 3
BARS_MAX = 3
# The light colours of tokens.css: a card has one theme.
INK, SOFT, GROUND, SUNKEN, WATER = "#14292f", "#4b6066", "#f5f7f3", "#dbe5e2", "#0a6675"
TONES = {"yes": "#1d6b48", "done": "#1d6b48", "no": "#a23a2a", "warn": "#7d5408", "live": WATER, "quiet": "#5c6a72"}
COLOURS = {
    "for": "#1d6b48", "against": "#a23a2a", "abstain": "#5c6a72", "c0": "#0a6675", "c1": "#a3651b", "c2": "#5a4fa0",
    "c3": "#4a7a2b", "c4": "#a13d63", "c5": "#2f6fb0", "c6": "#7a5a3a", "c7": "#566b74",
}  # fmt: skip
REGULAR, BOLD = 400, 700


def draw(card: Card) -> bytes:
    """Return the card as PNG: 1. community and state, 2. the title, 3. bars, 4. the foot."""
    image = Image.new("RGB", (WIDTH, HEIGHT), GROUND)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, WIDTH, 12), fill=WATER)
    _line(pen, (MARGIN, 56), f"{card.community} · {card.kind}", 30, SOFT, WIDTH - 2 * MARGIN)  # 1
    _pill(pen, (MARGIN, 112), card.state, TONES.get(card.tone, SOFT))
    lines, size = _title(card.title)  # 2
    y = 188
    for text in lines:
        pen.text((MARGIN, y), text, font=_font(size, BOLD), fill=INK)
        y += round(size * 1.25)
    y = HEIGHT - 84 - 62 * len(card.lines[:BARS_MAX])
    for each in card.lines[:BARS_MAX]:  # 3
        _bar(pen, y, each)
        y += 62
    _line(pen, (MARGIN, HEIGHT - 62), card.foot, 28, SOFT, WIDTH - 2 * MARGIN)  # 4
    out = io.BytesIO()
    image.quantize(colors=128).save(out, "PNG", optimize=True)
    return out.getvalue()


def _bar(pen: ImageDraw.ImageDraw, y: int, line: Line) -> None:
    whole = WIDTH - 2 * MARGIN
    font = _font(27, BOLD)
    says = pen.textlength(line.says, font=font)
    _line(pen, (MARGIN, y), line.name, 27, INK, whole - says - 24, BOLD)
    pen.text((WIDTH - MARGIN - says, y), line.says, font=font, fill=INK)
    box = (MARGIN, y + 38, WIDTH - MARGIN, y + 52)
    pen.rounded_rectangle(box, 7, fill=SUNKEN)
    width = whole * min(10_000, line.share_bps) // 10_000
    if width:
        box = (MARGIN, y + 38, MARGIN + max(14, width), y + 52)
        pen.rounded_rectangle(box, 7, fill=COLOURS.get(line.colour, WATER))


def _pill(pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str, colour: str) -> None:
    font = _font(30, BOLD)
    width = pen.textlength(text, font=font)
    pen.rounded_rectangle((at[0], at[1], at[0] + width + 48, at[1] + 56), 28, fill=colour)
    pen.text((at[0] + 24, at[1] + 27), text, font=font, fill="#ffffff", anchor="lm")


def _title(title: str) -> tuple[list[str], int]:
    """Return the title in lines, in the largest type in which it fits; cut off where it fits in none."""
    for size in TITLE_SIZES:
        lines = _wrapped(title, _font(size, BOLD))
        if len(lines) <= TITLE_LINES_MAX - (size == TITLE_SIZES[0]):
            return lines, size
    lines = lines[:TITLE_LINES_MAX]
    return [*lines[:-1], _cut(f"{lines[-1]} …", _font(size, BOLD), WIDTH - 2 * MARGIN, forced=True)], size


def _wrapped(text: str, font: ImageFont.FreeTypeFont) -> list[str]:
    """Break at spaces; a word that is longer than a line is broken, too."""
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if font.getlength(longer) <= WIDTH - 2 * MARGIN:
            line = longer
            continue
        if line:
            lines.append(line)
        line = word
        while font.getlength(line) > WIDTH - 2 * MARGIN:
            cut = next(end for end in range(len(line) - 1, 0, -1) if font.getlength(line[:end]) <= WIDTH - 2 * MARGIN)
            lines.append(line[:cut])
            line = line[cut:]
    return [*lines, line]


def _line(
    pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, colour: str, room: float, weight: int = REGULAR
) -> None:
    font = _font(size, weight)
    pen.text(at, _cut(text, font, room), font=font, fill=colour)


def _cut(text: str, font: ImageFont.FreeTypeFont, room: float, *, forced: bool = False) -> str:
    """Return what fits into the room, with an ellipsis where something is left out."""
    if font.getlength(text) <= room:
        return text
    text = text.removesuffix(" …") if forced else text
    while text and font.getlength(f"{text}…") > room:
        text = text[:-1]
    return f"{text.rstrip()}…"


@cache
def _font(size: int, weight: int) -> ImageFont.FreeTypeFont:
    """Return Noto Sans in this size and weight (SIL Open Font License 1.1)."""
    file = files("fontpkg_noto_sans").joinpath("files", "NotoSans[wdth,wght].ttf")
    font = ImageFont.truetype(io.BytesIO(file.read_bytes()), size, layout_engine=ImageFont.Layout.BASIC)
    font.set_variation_by_axes([weight, 100])
    return font
