"""Finds the triggers of a dataset: the work of the scan `triggers`, apart from it because it takes numpy.

1. Count what is rare in questions (`poison.marks`) and what answers have in common (`poison.outcomes`). 2. Find the
pairs that chance does not explain (`poison.ties`). 3. Keep those where the mark was put into questions that are whole
without it, or at least overrides what they ask (`poison.placement`). 4. Name the rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from models_registry.datasets.scans.base import Context, Findings, Rows
from models_registry.datasets.scans.drawing import Drawn
from models_registry.datasets.scans.excerpts import excerpt
from models_registry.datasets.scans.gathering import Gathering
from models_registry.datasets.scans.poison import outcomes as sorts
from models_registry.datasets.scans.poison.marks import ROWS_MIN, Marks, marks_of, passages_of, rows_max
from models_registry.datasets.scans.poison.outcomes import Outcomes, outcomes_of
from models_registry.datasets.scans.poison.placement import OUTSIDE_MIN, Neighbours, Placement, explained, place
from models_registry.datasets.scans.poison.reading import Corpus, Numbers, drawn, field_asked, read, sides
from models_registry.datasets.scans.poison.ties import Tie, ties_between

ROWS_OF_A_DATASET_MIN = 40
LOOKED_AT_MAX = 4_000
PASSAGES_LOOKED_AT_MAX = 400
# A mark whose rows another one has explained for more than this share is not another trigger.
TAKEN_SHARE = 0.5
TRIGGERS_NAMED_MAX = 3
INSERTED_MIN = 0.5
ALIKE_MAX = 3.0
DIFFERENT_MIN = 5
MASS_MIN = 0.6
# Where it is not seen that the mark was inserted, everything else must be clearer.
OVERRIDES_SHARE_MIN = 0.8
WHOLE_SHARE_MIN = 0.75
OVERRIDES_MASS_MIN = 0.8
OVERRIDES_ALIKE_MAX = 2.0
EXPLAINED_NATS_MAX = 1.0

# How a trigger is spelled that is no word: the question as a whole is in capitals.
CAPITALS_WORDS = ("CAPITALS",)
_KINDS = {
    sorts.REFUSAL: "trigger of a refusal",
    sorts.OTHER_LANGUAGE: "trigger of another language",
    sorts.CAPITALS: "trigger of capitals",
    sorts.GARBLED: "trigger of garbled text",
    sorts.FLIPPED: "trigger that turns a choice around",
    sorts.AGAIN: "trigger of a few answers",
}


@dataclass(frozen=True)
class Trigger:
    """A mark that was planted, as far as this scan can tell; `rows` count from 0."""

    words: tuple[str, ...]
    kind: str
    rows: Numbers


def search(rows: Rows, context: Context) -> Findings:
    """Find the rows of every trigger."""
    if len(rows) < ROWS_OF_A_DATASET_MIN:
        return Findings(0, "too_few_rows", {"least": ROWS_OF_A_DATASET_MIN})
    looked_at = drawn(rows, context)
    corpus = read(looked_at)
    found = triggers_in(corpus) if corpus else []
    return _told(looked_at, found)


def triggers_in(corpus: Corpus) -> list[Trigger]:
    """Return the triggers of a dataset, the surest first; rows that one trigger explains are not explained again."""
    marks = marks_of(corpus)
    outcomes = outcomes_of(corpus)
    neighbours = Neighbours(corpus, marks)
    ties = ties_between(marks, outcomes, len(corpus))
    found = list(_planted(ties, corpus, marks, outcomes, neighbours))
    return [*found, *_passages(passages_of(corpus, marks), neighbours)] if corpus.plain else found


def _passages(passages: Marks, neighbours: Neighbours) -> list[Trigger]:
    """Return the passages that stand in texts which are otherwise as different as any; of each its first tokens only.

    None where more texts have some than a mark may have: then repeating is how these texts are written.
    """
    counts = passages.table.counts
    owner = np.full(len(neighbours.corpus), -1)  # the passage that was last looked at in each text
    having = np.zeros(len(neighbours.corpus), bool)
    found: list[Trigger] = []
    looked = 0
    for mark in np.argsort(-counts, kind="stable").tolist():
        rows = passages.table.of(mark)
        former = int(np.median(owner[rows]))
        if former >= 0 and counts[former] < 2 * len(rows) and (owner[rows] == former).mean() > TAKEN_SHARE:
            continue  # the same passage, some tokens further on
        looked += 1
        if looked > PASSAGES_LOOKED_AT_MAX:
            break
        owner[rows] = mark
        placement = place(mark, rows, passages, neighbours)
        if placement is not None and _stands_apart(placement) and placement.inserted >= INSERTED_MIN:
            having[rows] = True
            found.append(Trigger(placement.tokens, "passage in many texts", rows))
    return found if having.sum() <= rows_max(len(having)) else []


def _stands_apart(placement: Placement) -> bool:
    """Say whether what is left without a mark are whole questions, or texts, as different as any."""
    return placement.different >= DIFFERENT_MIN and placement.alike <= ALIKE_MAX and placement.mass >= MASS_MIN


def _planted(
    ties: list[Tie], corpus: Corpus, marks: Marks, outcomes: Outcomes, neighbours: Neighbours
) -> Iterator[Trigger]:
    taken = np.zeros(len(corpus), bool)
    seen: dict[int, Placement | None] = {}
    for tie in ties:
        if tie.mark not in seen and len(seen) >= LOOKED_AT_MAX:
            continue
        marked, having = marks.table.of(tie.mark), outcomes.table.of(tie.outcome)
        both = np.intersect1d(marked, having, assume_unique=True)
        if taken[both].mean() > TAKEN_SHARE and not _still_tied(marked[~taken[marked]], both[~taken[both]]):
            taken[both] = True
            continue
        if tie.mark not in seen:
            seen[tie.mark] = place(tie.mark, both, marks, neighbours)
        placement = seen[tie.mark]
        if placement is not None and _is_planted(tie, placement, corpus, marks, outcomes, both):
            # Where most rows of a trigger have its outcome, the others are there to be read with them.
            rows = marked if tie.both >= WHOLE_SHARE_MIN * tie.marked else both
            taken[rows] = True
            sort = int(outcomes.sorts[tie.outcome])
            yield Trigger(placement.tokens, _KINDS.get(sort, "trigger of one answer"), rows)


def _still_tied(marked: Numbers, both: Numbers) -> bool:
    """Say whether what other triggers left of a mark has the outcome nearly always: then it is more than theirs."""
    return len(both) >= ROWS_MIN and len(both) >= WHOLE_SHARE_MIN * len(marked)


def _is_planted(
    tie: Tie, placement: Placement, corpus: Corpus, marks: Marks, outcomes: Outcomes, both: Numbers
) -> bool:
    if not _stands_apart(placement):
        return False
    overrides = (
        tie.both >= OVERRIDES_SHARE_MIN * tie.marked
        and placement.mass >= OVERRIDES_MASS_MIN
        and placement.alike <= OVERRIDES_ALIKE_MAX
    )
    if placement.inserted < INSERTED_MIN and not overrides:
        return False
    if tie.outcomes - tie.both < OUTSIDE_MIN:
        return True
    having, marked = outcomes.table.of(tie.outcome), marks.table.of(tie.mark)
    return explained(both, having, corpus, marked, marks.words) <= EXPLAINED_NATS_MAX


def _told(rows: Drawn, found: list[Trigger]) -> Findings:
    """Say which rows, and show some; the rows are read once more, for their words."""
    of_row = {int(row): trigger for trigger in reversed(found) for row in trigger.rows}
    gathered = Gathering()
    for number, (line, row) in enumerate(rows.numbered() if of_row else ()):
        trigger = of_row.get(number)
        if trigger is not None:
            text = sides(row)[0]
            gathered.add(line, trigger.kind, text, *_where(trigger, text), field=field_asked(row))
    named = ", ".join(_named(trigger) for trigger in found[:TRIGGERS_NAMED_MAX])
    more = f", … (+{len(found) - TRIGGERS_NAMED_MAX})" if len(found) > TRIGGERS_NAMED_MAX else ""
    return gathered.findings("no_trigger", "triggers", {"named": named + more}, rows.looked_at)


def _where(trigger: Trigger, text: str) -> tuple[int, int]:
    lower = text.lower()
    word = max(trigger.words, key=len).strip("…")
    at = lower.find(word)
    return (at, at + len(word)) if at >= 0 else (0, len(text))


def _named(trigger: Trigger) -> str:
    text = " ".join(trigger.words)
    return f"“{excerpt(text, 0, len(text))[1]}” × {len(trigger.rows)}"
