"""What scans say, in English: a sentence for each code, with blanks for facts. Pure.

A dataset's record keeps the English sentence. Pages make theirs from the code and the facts, in the reader's language
(`frontend/words/scans.py` has the same table); so facts are numbers, names of licences, codes of languages and words
of the rows, never words of ours.
"""

from collections.abc import Iterable, Mapping

Facts = Mapping[str, str | int]

# `{kinds}` are the kinds of findings with their numbers, `{where}` the first lines.
SENTENCES: dict[str, str] = {
    "nothing": "Nothing found.",
    "found": "Found {kinds}, on {where}.",
    "no_rows": "There are no rows.",
    "too_few_rows": "Fewer than {least} rows: too few to tell what is usual.",
    "rows_by_language": "Rows by language: {counted}.",
    "languages_fit": (
        "Every row is in the language that it declares, as far as its words show ({counted}; not told: {untold})."
    ),
    "languages_differ": "Rows in another language than they declare: {kinds}, on {where}.",
    "licence_allows": "{licence} allows training and open publication (under {kept}).",
    "licence_missing": "No licence is declared.",
    "licence_unlisted": "“{licence}” holds what is not on the list of allowed SPDX identifiers.",
    "licence_misspelt": ("“{licence}” holds what is not on the list of allowed SPDX identifiers. Was {meant} meant?"),
    "licence_fits": "{licence} fits the licences of the models: {models}.",
    "licence_clashes": "Does not fit ({kinds}): {clashes}.",
    "no_other_licence": "No notice of another licence stands in the texts.",
    "other_licence": "The texts name other terms than {licence}: {kinds}, on {where}.",
    "one_alphabet": "Every word keeps to one alphabet.",
    "no_suite_question": "Compared with {questions} of {of} questions of the evaluation suites; none found.",
    "suite_questions": (
        "Rows that hold a question of an evaluation suite: {where}. Compared with {questions} of {of} questions."
    ),
    "no_shared_passage": (
        "No row shares {words} words in a row with {questions} of {of} questions of the evaluation suites."
    ),
    "shared_passages": (
        "Rows that share {words} words in a row with a question of an evaluation suite: {where}. "
        "Compared with {questions} of {of} questions."
    ),
    "no_listed_word": "No word or phrase of the lists.",
    "no_repetition": "No row repeats another.",
    "repetitions": "Repeated rows: {where}.",
    "no_near_repetition": "No two rows are nearly equal. Included datasets compared with: {datasets}.",
    "near_repetitions": (
        "Rows that nearly repeat another: {where}. Rows that repeat one of an included dataset: {old}. "
        "Included datasets compared with: {datasets}."
    ),
    "no_odd_answer": "No answer stands out.",
    "no_trigger": "Nothing rare in questions is tied to an answer.",
    "triggers": "Rare in questions, and tied to what is answered: {named}. {kinds}, on {where}.",
    "no_outlier": "No group of answers is unlike all others.",
    "outliers": "Answers unlike all others: {kinds}, on {where}.",
    "unfinished_time": "Not finished: its {seconds} seconds were over. It says nothing about the rows.",
    "unfinished_memory": "Not finished: it needed more than {megabytes} MB of memory. It says nothing about the rows.",
    "unfinished_failed": "Not finished: the scan failed. It says nothing about the rows.",
}
SAMPLED = "Looked at {rows} of {of} rows, drawn by the dataset’s digest; the others were not looked at."


def english(said: str, facts: Facts, kinds: Mapping[str, int], first: Iterable[int], lines: int) -> str:
    """Return the sentence of a code: `first` are the first lines with a finding, out of so many `lines`."""
    named = ", ".join(f"{kind} {count}" for kind, count in kinds.items())
    return SENTENCES[said].format(**facts, kinds=named, where=first_lines(first, lines))


def first_lines(first: Iterable[int], count: int) -> str:
    """Name the lines in `first`, out of `count` lines."""
    shown = [str(number) for number in first]
    more = count - len(shown)
    noun = "line" if count == 1 else "lines"
    return f"{noun} {', '.join(shown)}" + (f" and {more} more" if more > 0 else "")
