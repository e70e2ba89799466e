"""Questions of an evaluation suite inside the training data: the exam would then measure memory, not skill."""

from collections.abc import Iterable
from itertools import pairwise

from models_registry.datasets.kinds import KINDS, kind_of, texts_of
from models_registry.datasets.scans.base import Context, Findings, Rows, Scan, normalised
from models_registry.datasets.scans.gathering import Gathering

# A suite question inside a longer training text counts when it is at least this long; shorter ones occur by chance.
WORDS_CONTAINED_MIN = 8


def search(rows: Rows, context: Context) -> Findings:
    """Find rows that begin with a question of the suites in force, or hold a long one in any of their texts."""
    questions = {normalised(question) for question in context.suite_questions} - {""}
    by_first_words = _by_first_words(questions)
    # Two words rule out most places in a text, so that the longer look-up is rare.
    first_pairs = {words[:2] for words in by_first_words}

    def held(text: str) -> str:
        words = text.split()
        for start, pair in enumerate(pairwise(words)):
            if pair in first_pairs:
                for question in by_first_words.get(tuple(words[start : start + WORDS_CONTAINED_MIN]), ()):
                    if words[start : start + len(question)] == question:
                        return " ".join(question)
        return ""

    gathered = Gathering()
    for line, row in enumerate(rows, start=1):
        names = KINDS[str(kind_of(row))]
        for number, (name, text) in enumerate(zip(names, map(normalised, texts_of(row)), strict=True)):
            question = text if number == 0 and text in questions else held(text)
            if question:
                gathered.add(line, "suite question", question, field=name)
                break
    return gathered.findings("no_suite_question", "suite_questions", context.compared)


def _by_first_words(questions: Iterable[str]) -> dict[tuple[str, ...], list[list[str]]]:
    """Index the long questions by their first words, so that a place in a text needs one look-up."""
    index: dict[tuple[str, ...], list[list[str]]] = {}
    for words in (question.split() for question in sorted(questions)):
        if len(words) >= WORDS_CONTAINED_MIN:
            index.setdefault(tuple(words[:WORDS_CONTAINED_MIN]), []).append(words)
    return index


SCAN = Scan(
    name="contamination",
    version=2,
    label="Held-out questions",
    description="No question of the evaluation suites is among the training data.",
    blind_to="Questions that were reworded or translated, and answers of a suite without their question.",
    blocks=True,
    search=search,
    applies=lambda context: context.role == "training" and bool(context.suite_questions),
)
