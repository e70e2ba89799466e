"""What a dataset scan is: a name, a version, whether it blocks inclusion, what it cannot see, and one function.

A scan says how much it found, in one sentence, and shows a few samples. What is private in a sample is masked (see
`excerpts`), because results are published. Nothing here knows Django, so that child processes can scan.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

Row = Mapping[str, str]

LINES_SHOWN_MAX = 5

# Visible letters, signs and spaces of English and French, without one invisible character: nearly every text is made of
# these alone, and is then spared the look at each character. A test compares this list with the Unicode tables.
ORDINARY = re.compile(r"[\n\t -~\u00a0-\u00ac\u00ae-\u02ff\u2010-\u2027\u202f-\u205e\u20ac]*")
# The blocks of combining marks: what is left of an accent once a letter has been decomposed.
_MARKS = re.compile(r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")
_WORDS = re.compile(r"\w+")


class Rows(Protocol):
    """The rows of a dataset in canonical order: a list, or a view of a file that reads anew on every pass.

    A scan goes over them from first to last, as few times as it can, and never picks rows by number.
    """

    def __len__(self) -> int:
        """Return how many rows there are."""
        ...

    def __iter__(self) -> Iterator[Row]:
        """Read them from the first to the last."""
        ...


@dataclass(frozen=True)
class OtherDataset:
    """A dataset that the community has included: what new rows are compared with."""

    title: str
    rows: Rows


@dataclass(frozen=True)
class Context:
    """What a scan may need beside the rows.

    `licence` is the declared SPDX expression; `model_licences` are those of the community's models. `suite_questions`
    are the texts that evaluation suites ask with, `included` the datasets that models learn from already. An empty part
    means that there is nothing to compare with.
    """

    licence: str = ""
    model_licences: tuple[str, ...] = ()
    suite_questions: tuple[str, ...] = ()
    included: tuple[OtherDataset, ...] = ()
    role: str = "training"
    kind: str = ""


class Span(NamedTuple):
    """A finding of kind `kind` in `text[start:end]`."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Sample:
    """One finding that a voter can read: where it is, what it is, and the masked words around it.

    `line` counts from 1 in the canonical file (0: the dataset as a whole), `field` names the text of the row, `what`
    is a stable English key that pages put into words, `found` stands between `before` and `after`. `like` is the line
    of the row that this one repeats (0: none in this dataset).
    """

    line: int
    what: str
    field: str = ""
    before: str = ""
    found: str = ""
    after: str = ""
    like: int = 0

    def to_dict(self) -> dict[str, str | int]:
        """Return it as it is stored and served."""
        return {name: getattr(self, name) for name in ("line", "what", "field", "before", "found", "after", "like")}


@dataclass(frozen=True)
class Findings:
    """What a search found: how many (none means passed), a sentence, a few samples, and how many of each kind.

    `lines` are all lines with a finding, from 1 and in order; they are for whoever measures a scan and are not stored.
    """

    count: int
    sentence: str
    samples: tuple[Sample, ...] = ()
    kinds: Mapping[str, int] = field(default_factory=dict)
    lines: Sequence[int] = ()


@dataclass(frozen=True)
class ScanResult:
    """What one scan found. `found` counts the findings, `detail` says it in one readable sentence."""

    scan: str
    version: int
    passed: bool
    found: int
    detail: str
    samples: tuple[Sample, ...] = ()
    kinds: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, object]:
        """Return it as it is stored and served. A dataset's record holds the first five only, never the samples."""
        return {
            "scan": self.scan,
            "version": self.version,
            "passed": self.passed,
            "found": self.found,
            "detail": self.detail,
            "kinds": dict(self.kinds),
            "samples": [sample.to_dict() for sample in self.samples],
        }


def _always(_context: Context) -> bool:
    return True


@dataclass(frozen=True)
class Scan:
    """One scan. None found means passed; `blocks` says whether findings forbid inclusion or only warn the voters.

    `blind_to` says in one sentence what this scan cannot see. `applies` is false when there is nothing to compare with;
    such a scan is not reported, least of all as passed. Raise `version` whenever the same rows could be judged
    differently.
    """

    name: str
    version: int
    label: str
    description: str
    blind_to: str
    blocks: bool
    search: Callable[[Rows, Context], Findings]
    applies: Callable[[Context], bool] = _always

    def run(self, rows: Rows, context: Context) -> ScanResult:
        """Look at every row and say what was found."""
        found = self.search(rows, context)
        return ScanResult(
            self.name,
            self.version,
            passed=found.count == 0,
            found=found.count,
            detail=found.sentence,
            samples=found.samples,
            kinds=found.kinds,
        )


def on_lines(lines: Iterable[int]) -> str:
    """Name the first few lines (counted from 1 in the canonical file) and how many more there are."""
    numbers = sorted(set(lines))
    return first_lines(numbers[:LINES_SHOWN_MAX], len(numbers))


def first_lines(first: Iterable[int], count: int) -> str:
    """Name the lines in `first`, out of `count` lines."""
    shown = [str(number) for number in first]
    more = count - len(shown)
    noun = "line" if count == 1 else "lines"
    return f"{noun} {', '.join(shown)}" + (f" and {more} more" if more > 0 else "")


def normalised(text: str) -> str:
    """Return `text` without case, accents, punctuation and repeated spaces, so that small disguises compare as equal.

    Digits stay: "10 litres" and "20 litres" are different questions.
    """
    if text.isascii():
        return " ".join(_WORDS.findall(text.lower()))
    decomposed = unicodedata.normalize("NFKD", without_invisible(text).casefold())
    return " ".join(_WORDS.findall(_MARKS.sub("", decomposed)))


def without_invisible(text: str) -> str:
    """Return `text` without format characters (zero-width and direction marks), which hide words from a search."""
    if ORDINARY.fullmatch(text):
        return text
    return "".join(character for character in text if unicodedata.category(character) != "Cf")


def undisguised(text: str) -> str:
    """Return `text` as patterns search it: full-width letters and digits made plain, nothing invisible in between."""
    return text if text.isascii() else unicodedata.normalize("NFKC", without_invisible(text))
