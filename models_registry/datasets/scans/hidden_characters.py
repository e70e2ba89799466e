"""Characters and strings that a reader does not see or a tokenizer reads as commands.

Zero-width and direction characters, tags and variation selectors can carry a backdoor trigger, or a whole hidden text,
through human review; a special-token string inside a row (`<|user|>`, `</s>`) can forge a turn of the conversation.
"""

import re
import unicodedata
from collections.abc import Iterator

from models_registry.datasets.scans.base import ORDINARY, Context, Findings, Rows, Scan, Span, undisguised
from models_registry.datasets.scans.gathering import Gathering

_SPECIAL_TOKEN = re.compile(
    r"<\|[^|<>\s]{1,40}\|>"
    r"|</?(?:s|bos|eos|pad|unk|mask|start_of_turn|end_of_turn)>"
    r"|\[/?INST\]|<</?SYS>>|\[(?:CLS|SEP|MASK|PAD|UNK)\]",
    re.IGNORECASE,
)
_TOKEN_MARKS = re.compile(r"[<\[]")
_INVISIBLE_CATEGORIES = {
    "Cf": "invisible character",
    "Co": "private-use character",
    "Cn": "unassigned character",
    "Cs": "unassigned character",
}
_BIDIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Hangul fillers, the Braille blank and the Khmer inherent vowels are letters or symbols to Unicode, blank to a reader.
_BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_LINE_BREAKING_CATEGORIES = {"Cc", "Zl", "Zp"}
# U+FE0E and U+FE0F choose between the text and the picture of a sign that has both; anywhere else, and all of the
# others, they carry nothing that a reader sees, but any byte that a writer wants.
_CHOOSES_FORM = frozenset("\ufe0e\ufe0f")
_JOINER = "\u200d"
_FORMED_CATEGORIES = {"So", "Sk", "Sm"}
_FORMED = frozenset("#*0123456789©®‼⁉™")


def search(rows: Rows, _context: Context) -> Findings:
    """Find invisible, direction-changing and control characters, and special-token strings."""
    gathered = Gathering()
    for line, row in enumerate(rows, start=1):
        for name, text in row.items():
            for span in _invisible(text) if not ORDINARY.fullmatch(text) else ():
                gathered.add(line, span.kind, text, span.start, span.end, field=name)
            # A token may be disguised by full-width bars or by a zero-width character in its middle.
            plain = undisguised(text)
            for match in _SPECIAL_TOKEN.finditer(plain) if _TOKEN_MARKS.search(plain) else ():
                gathered.add(line, "special token", plain, match.start(), match.end(), field=name)
    return gathered.findings("nothing")


def _invisible(text: str) -> Iterator[Span]:
    for place, character in enumerate(text):
        kind = _kind(text, place, character)
        if kind:
            yield Span(place, place + 1, kind)


def _kind(text: str, place: int, character: str) -> str:  # noqa: PLR0911 - one line for each kind reads best
    if character in "\n\t" or " " <= character <= "~":
        return ""
    code = ord(character)
    if 0xE0000 <= code <= 0xE007F:  # noqa: PLR2004 - the block of tags
        return "tag character"
    if 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF or 0x180B <= code <= 0x180D:  # noqa: PLR2004 - selectors
        formed = character in _CHOOSES_FORM and place and _has_two_forms(text[place - 1])
        return "" if formed else "variation selector"
    if character in _BIDIRECTIONAL:
        return "direction character"
    if character == _JOINER and _joins_pictures(text, place):
        return ""
    category = unicodedata.category(character)
    if category in _LINE_BREAKING_CATEGORIES:
        return "control character"
    if character in _BLANK_LETTERS:
        return "invisible character"
    return _INVISIBLE_CATEGORIES.get(category, "")


def _has_two_forms(character: str) -> bool:
    return character in _FORMED or unicodedata.category(character) in _FORMED_CATEGORIES


def _joins_pictures(text: str, place: int) -> bool:
    """Say whether the zero-width joiner at `place` makes one picture of two, as in a family or a flag."""
    before = text[place - 1] if place and text[place - 1] not in _CHOOSES_FORM else text[place - 2 : place - 1]
    around = (before, text[place + 1 : place + 2])
    return all(part and unicodedata.category(part) in _FORMED_CATEGORIES for part in around)


SCAN = Scan(
    name="hidden_characters",
    version=2,
    label="Hidden characters",
    description="No invisible or direction-changing characters, and no strings that a tokenizer reads as commands.",
    blind_to="Messages hidden in visible text: first letters, unusual spacing, spelling or synonyms.",
    blocks=True,
    search=search,
)
