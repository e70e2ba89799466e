"""Letters of one alphabet in the words of another: they look alike to readers and are other words to a model.

After the idea of Unicode TR39 (mixed-script and whole-script confusables): a Latin word with a Cyrillic letter in it, a
word of look-alikes only amid Latin text, and Latin letters in mathematical or full-width dress.
"""

import re
from collections.abc import Iterator

from models_registry.datasets.scans.base import ORDINARY, Context, Findings, Rows, Scan, Span
from models_registry.datasets.scans.gathering import Gathering
from models_registry.datasets.scans.lookalikes import LATIN, is_dressed, script

_WORDS = re.compile(r"[^\W\d_]+")
_LETTERS_MIN = 2


def search(rows: Rows, _context: Context) -> Findings:
    """Find words that a reader takes for Latin ones although some of their letters are not."""
    gathered = Gathering()
    for line, row in enumerate(rows, start=1):
        for name, text in row.items():
            for span in spans(text) if not ORDINARY.fullmatch(text) else ():
                gathered.add(line, span.kind, text, span.start, span.end, field=name)
    return gathered.findings("one_alphabet")


def spans(text: str) -> Iterator[Span]:
    """Yield the disguised words of `text`, by their kind."""
    words = [(match.start(), match.end(), match.group()) for match in _WORDS.finditer(text)]
    others = [word for _start, _end, word in words if not word.isascii()]
    # A word of look-alikes only is an ordinary word where its alphabet is used for other letters, too.
    foreign = any(letter not in LATIN and script(letter) in _ALPHABETS for word in others for letter in word)
    latin = any("a" <= letter.lower() <= "z" for _start, _end, word in words for letter in word)
    for start, end, word in words:
        if word.isascii():
            continue
        alike = sum(letter in LATIN for letter in word)
        if any(map(is_dressed, word)):
            yield Span(start, end, "dressed-up letters")
        elif alike and any(script(letter) == "LATIN" for letter in word):
            yield Span(start, end, "mixed alphabets")
        elif alike == len(word) >= _LETTERS_MIN and latin and not foreign:
            yield Span(start, end, "look-alike word")


_ALPHABETS = frozenset({"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "LISU"})

SCAN = Scan(
    name="confusable_letters",
    version=1,
    label="Look-alike letters",
    description="No word mixes alphabets, and none is made of letters that only look Latin.",
    blind_to="Look-alikes within one alphabet (l for I, rn for m), and scripts that its small table does not hold.",
    blocks=True,
    search=search,
)
