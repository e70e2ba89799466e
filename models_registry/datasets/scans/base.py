"""What every dataset scan is: a name, a version, whether its failure blocks inclusion, and one function over the rows.

A scan never quotes what it found when that could be private: it says how often, and on which lines of the canonical
file.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

Row = Mapping[str, str]

LINES_SHOWN_MAX = 5

# Visible letters, signs and spaces of English and French, without one invisible character: nearly every text is made of
# these alone, and is then spared the look at each character. A test compares this list with the Unicode tables.
ORDINARY = re.compile(r"[\n\t -~\u00a0-\u00ac\u00ae-\u02ff\u2010-\u2027\u202f-\u205e\u20ac]*")
# The blocks of combining marks: what is left of an accent once a letter has been decomposed.
_MARKS = re.compile(r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True)
class Context:
    """What a scan may need beside the rows: the declared licence, the questions of the evaluation suites in force."""

    licence: str = ""
    suite_questions: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScanResult:
    """What one scan found. `found` counts the findings, `detail` says it in one readable sentence."""

    scan: str
    version: int
    passed: bool
    found: int
    detail: str

    def to_dict(self) -> dict[str, str | int | bool]:
        """Return the part that goes into the dataset's record."""
        return {
            "scan": self.scan,
            "version": self.version,
            "passed": self.passed,
            "found": self.found,
            "detail": self.detail,
        }


def _always(_context: Context) -> bool:
    return True


@dataclass(frozen=True)
class Scan:
    """One scan. `search` returns how many findings there are and a sentence about them; none found means passed.

    `applies` is false when there is nothing to compare with; such a scan is not reported, least of all as passed.
    Raise `version` whenever the same rows could be judged differently.
    """

    name: str
    version: int
    label: str
    description: str
    blocks: bool
    search: Callable[[Sequence[Row], Context], tuple[int, str]]
    applies: Callable[[Context], bool] = _always

    def run(self, rows: Sequence[Row], context: Context) -> ScanResult:
        """Look at every row and say what was found."""
        found, detail = self.search(rows, context)
        return ScanResult(self.name, self.version, passed=found == 0, found=found, detail=detail)


def on_lines(lines: Iterable[int]) -> str:
    """Name the first few lines (counted from 1 in the canonical file) and how many more there are."""
    numbers = sorted(set(lines))
    shown = ", ".join(str(number) for number in numbers[:LINES_SHOWN_MAX])
    more = len(numbers) - LINES_SHOWN_MAX
    noun = "line" if len(numbers) == 1 else "lines"
    return f"{noun} {shown}" + (f" and {more} more" if more > 0 else "")


def tally(rows: Iterable[Row], findings: Callable[[str], Iterable[str]]) -> tuple[int, str]:
    """Search the text of every row and say how many findings of each kind there are, and on which lines."""
    kinds: Counter[str] = Counter()
    lines = []
    for line, row in enumerate(rows, start=1):
        # One search over the whole row: no pattern reaches over a line break.
        for kind in findings("\n".join(row.values())):
            kinds[kind] += 1
            lines.append(line)
    if not lines:
        return 0, "Nothing found."
    counted = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    return len(lines), f"Found {counted}, on {on_lines(lines)}."


def normalised(text: str) -> str:
    """Return `text` without case, accents, punctuation and repeated spaces, so that small disguises compare as equal.

    Digits stay: "10 litres" and "20 litres" are different questions.
    """
    decomposed = unicodedata.normalize("NFKD", without_invisible(text).casefold())
    return " ".join(_WORDS.findall(_MARKS.sub("", decomposed)))


def without_invisible(text: str) -> str:
    """Return `text` without format characters (zero-width and direction marks), which hide words from a search."""
    if ORDINARY.fullmatch(text):
        return text
    return "".join(character for character in text if unicodedata.category(character) != "Cf")
