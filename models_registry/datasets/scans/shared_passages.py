"""Long runs of words that the training data and a suite's questions share: half an exam question is a hint, too.

Thirteen words in a row are shared by hardly any two texts that were written apart; the figure is that of the GPT-3
paper (Brown and others 2020, appendix C). Rows made from one form do share them, which is why this warns only.
"""

from collections.abc import Iterator
from itertools import pairwise

from models_registry.datasets.kinds import KINDS, kind_of, texts_of
from models_registry.datasets.scans.base import Context, Findings, Rows, Scan, normalised
from models_registry.datasets.scans.gathering import Gathering

PASSAGE_WORDS = 13


def search(rows: Rows, context: Context) -> Findings:
    """Find rows with thirteen words in a row of a suite's question."""
    passages = {passage for question in context.suite_questions for passage in _passages(normalised(question).split())}
    first_pairs = {passage[:2] for passage in passages}
    gathered = Gathering()
    for line, row in enumerate(rows, start=1):
        for name, text in zip(KINDS[str(kind_of(row))], texts_of(row), strict=True):
            words = normalised(text).split()
            # Most rows have no two words in common with the beginning of any passage.
            if len(words) < PASSAGE_WORDS or first_pairs.isdisjoint(pairwise(words)):
                continue
            shared = next((passage for passage in _passages(words) if passage in passages), None)
            if shared:
                gathered.add(line, "words of a suite question", " ".join(shared), field=name)
                break
    return gathered.findings("no_shared_passage", "shared_passages", {"words": PASSAGE_WORDS, **context.compared})


def _passages(words: list[str]) -> Iterator[tuple[str, ...]]:
    for start in range(len(words) - PASSAGE_WORDS + 1):
        yield tuple(words[start : start + PASSAGE_WORDS])


SCAN = Scan(
    name="shared_passages",
    version=1,
    label="Passages of the suites",
    description="No row shares thirteen words in a row with a question of the evaluation suites.",
    blind_to="Questions shorter than thirteen words, and whatever was reworded or translated.",
    blocks=False,
    search=search,
    applies=lambda context: context.role == "training" and bool(context.suite_questions),
)
