"""What a dataset scan is: a name, a version, whether it blocks inclusion, what it cannot see, and one function.

A scan says how much it found, in one sentence, and shows a few samples. What is private in a sample is masked (see
`excerpts`), because results are published. Nothing here knows Django, so that child processes can scan.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from models_registry.datasets.scans.lines import Lines
from models_registry.datasets.scans.sentences import SAMPLED, Facts, english

Row = Mapping[str, str]
Unfinished = Literal["time", "memory", "failed"]

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
    are the texts that evaluation suites ask with (all of them, or some of `suite_questions_of`), `included` the
    datasets that models learn from already. An empty part means that there is nothing to compare with. `seed` is the
    dataset's digest: it draws the rows where a scan looks at some only, so nobody can choose which.
    """

    licence: str = ""
    model_licences: tuple[str, ...] = ()
    suite_questions: tuple[str, ...] = ()
    suite_questions_of: int = 0
    included: tuple[OtherDataset, ...] = ()
    role: str = "training"
    kind: str = ""
    seed: str = ""

    @property
    def compared(self) -> Facts:
        """Return how many questions of suites rows are compared with, out of how many."""
        count = len(self.suite_questions)
        return {"questions": count, "of": max(count, self.suite_questions_of)}


class Looked(NamedTuple):
    """A scan looked at `rows` rows out of `of`, drawn evenly."""

    rows: int
    of: int


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

    `said` is the code of the sentence and `facts` fill its blanks (see `sentences`). `lines` are all lines with a
    finding, from 1 and in order; but for the first few they are for whoever measures a scan, and are not stored.
    `looked_at` is None where every row was looked at.
    """

    count: int
    said: str
    facts: Facts = field(default_factory=dict)
    samples: tuple[Sample, ...] = ()
    kinds: Mapping[str, int] = field(default_factory=dict)
    lines: Lines = field(default_factory=Lines)
    looked_at: Looked | None = None

    @property
    def sentence(self) -> str:
        """Return what was found in one English sentence, and on how many rows if not on all."""
        said = english(self.said, self.facts, self.kinds, self.lines.first(LINES_SHOWN_MAX), len(self.lines))
        return f"{said} {SAMPLED.format(**self.looked_at._asdict())}" if self.looked_at else said


@dataclass(frozen=True)
class ScanResult:
    """What one scan found. `found` counts the findings, `detail` says it in one readable sentence.

    A scan that was not finished has not passed, whatever it had found until then: `unfinished` says what it lacked.
    """

    scan: str
    version: int
    passed: bool
    findings: Findings
    unfinished: Unfinished | None = None

    @property
    def found(self) -> int:
        """Return how many findings there are."""
        return self.findings.count

    @property
    def detail(self) -> str:
        """Return the sentence that a dataset's record keeps."""
        return self.findings.sentence

    @property
    def kinds(self) -> Mapping[str, int]:
        """Return how many findings there are of each kind."""
        return self.findings.kinds

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Return a few findings."""
        return self.findings.samples

    def to_dict(self) -> dict[str, object]:
        """Return it as it is stored and served. A dataset's record holds scan, passed, found and detail only."""
        found = self.findings
        return {
            "scan": self.scan,
            "version": self.version,
            "passed": self.passed,
            "found": self.found,
            "detail": self.detail,
            "said": found.said,
            "facts": dict(found.facts),
            "lines": {"first": list(found.lines.first(LINES_SHOWN_MAX)), "count": len(found.lines)},
            "kinds": dict(self.kinds),
            "samples": [sample.to_dict() for sample in self.samples],
            "looked_at": found.looked_at._asdict() if found.looked_at else None,
            "unfinished": self.unfinished,
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
        return ScanResult(self.name, self.version, found.count == 0, found)

    def not_finished(self, why: Unfinished, facts: Facts) -> ScanResult:
        """Return the result of a scan that ended before it could say anything: it has not passed."""
        return ScanResult(self.name, self.version, False, Findings(0, f"unfinished_{why}", facts), why)


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
