"""What every dataset scan is: a name, a version, whether its failure blocks inclusion, and one function over the rows.

A scan never quotes what it found when that could be private: it says how often, and on which lines of the canonical file.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

Row = Mapping[str, str]

LINES_SHOWN_MAX = 5


@dataclass(frozen=True)
class Context:
    """What a scan may need beside the rows: the declared licence, and the questions of the evaluation suites in force."""

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


def normalised(text: str) -> str:
    """Return `text` without case, accents, punctuation and repeated spaces, so that small disguises compare as equal.

    Digits stay: "10 litres" and "20 litres" are different questions.
    """
    decomposed = unicodedata.normalize("NFKD", without_invisible(text).casefold())
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    return " ".join(re.findall(r"\w+", letters))


def without_invisible(text: str) -> str:
    """Return `text` without format characters (zero-width and direction marks), which hide words from pattern searches."""
    return "".join(character for character in text if unicodedata.category(character) != "Cf")
