"""Characters and strings that a reader does not see or a tokenizer reads as commands.

Zero-width and direction characters can carry a backdoor trigger through human review; a special-token string inside a
row (`<|user|>`, `</s>`) can forge a turn of the conversation. Letters of other scripts that merely look alike are not
found.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from models_registry.datasets.scans.base import ORDINARY, Context, Row, Scan, tally, without_invisible

_SPECIAL_TOKEN = re.compile(
    r"<\|[^|<>\s]{1,40}\|>"
    r"|</?(?:s|bos|eos|pad|unk|mask|start_of_turn|end_of_turn)>"
    r"|\[/?INST\]|<</?SYS>>|\[(?:CLS|SEP|MASK|PAD|UNK)\]",
    re.IGNORECASE,
)
_INVISIBLE_CATEGORIES = {
    "Cf": "invisible character",
    "Co": "private-use character",
    "Cn": "unassigned character",
}
# Hangul fillers and the Braille blank are letters or symbols to Unicode, and blank to the reader.
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_LINE_BREAKING_CATEGORIES = {"Cc", "Zl", "Zp"}


def search(rows: Sequence[Row], _context: Context) -> tuple[int, str]:
    """Find invisible, direction-changing and control characters, and special-token strings."""
    return tally(rows, findings)


def findings(text: str) -> Iterator[str]:
    """Yield the kind of each finding in `text`."""
    if not ORDINARY.fullmatch(text):
        yield from _invisible(text)
    # A token may be disguised by full-width bars or by a zero-width character in its middle.
    plain = text if text.isascii() else unicodedata.normalize("NFKC", without_invisible(text))
    yield from ("special token" for _ in _SPECIAL_TOKEN.finditer(plain))


def _invisible(text: str) -> Iterator[str]:
    for character in text:
        category = unicodedata.category(character)
        if category in _INVISIBLE_CATEGORIES:
            yield _INVISIBLE_CATEGORIES[category]
        elif category in _LINE_BREAKING_CATEGORIES and character not in "\n\t":
            yield "control character"
        elif character in _BLANK_LETTERS:
            yield "invisible character"


SCAN = Scan(
    name="hidden_characters",
    version=1,
    label="Hidden characters",
    description="No invisible or direction-changing characters, and no strings that a tokenizer reads as commands.",
    blocks=True,
    search=search,
)
