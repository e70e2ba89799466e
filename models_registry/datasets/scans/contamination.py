"""Questions of an evaluation suite inside the training data: the exam would then measure memory, not skill."""

from collections.abc import Sequence
from itertools import pairwise

from models_registry.datasets.kinds import texts_of
from models_registry.datasets.scans.base import Context, Row, Scan, normalised, on_lines

# A suite question inside a longer training text counts when it is at least this long; shorter ones occur by chance.
WORDS_CONTAINED_MIN = 8


def search(rows: Sequence[Row], context: Context) -> tuple[int, str]:
    """Find rows that begin with a question of the suites in force, or hold a long one in any of their texts."""
    questions = {normalised(question) for question in context.suite_questions} - {""}
    by_first_words = _by_first_words(questions)
    # Two words rule out most places in a text, so that the longer look-up is rare.
    first_pairs = {words[:2] for words in by_first_words}

    def holds_one(words: list[str]) -> bool:
        return any(
            words[start : start + len(question)] == question
            for start, pair in enumerate(pairwise(words))
            if pair in first_pairs
            for question in by_first_words.get(tuple(words[start : start + WORDS_CONTAINED_MIN]), ())
        )

    lines = []
    for line, row in enumerate(rows, start=1):
        texts = [normalised(text) for text in texts_of(row)]
        if texts[0] in questions or any(holds_one(text.split()) for text in texts):
            lines.append(line)
    detail = (
        f"Rows that hold a question of an evaluation suite: {on_lines(lines)}."
        if lines
        else f"Compared with {len(questions)} questions of the evaluation suites; none found."
    )
    return len(lines), detail


def _by_first_words(questions: set[str]) -> dict[tuple[str, ...], list[list[str]]]:
    """Index the long questions by their first words, so that a place in a text needs one look-up."""
    index: dict[tuple[str, ...], list[list[str]]] = {}
    for words in (question.split() for question in sorted(questions)):
        if len(words) >= WORDS_CONTAINED_MIN:
            index.setdefault(tuple(words[:WORDS_CONTAINED_MIN]), []).append(words)
    return index


SCAN = Scan(
    name="contamination",
    version=1,
    label="Contamination",
    description="No question of the evaluation suites is among the training data.",
    blocks=True,
    search=search,
    applies=lambda context: bool(context.suite_questions),
)
