"""The kinds of rows: which texts a row of a dataset holds beside its id, language and topic. Pure.

A dataset has rows of one kind. This is the one table of them: intake, scans, specifications, trainer and evaluation all
read it, inside the trainer's box too, so it imports nothing.
"""

from collections.abc import Collection, Iterable, Mapping

COMMON = ("id", "language", "topic")
# First the text that a row begins with: for people and models alike, what comes after it is an answer to it.
KINDS: Mapping[str, tuple[str, ...]] = {
    "dialogue": ("question", "answer"),
    "text": ("text",),
    "preference": ("question", "chosen", "rejected"),
    # What a model is to do: "expected" is one of BEHAVIOURS.
    "behaviour": ("question", "expected"),
    # Two texts that differ in the group they speak of: which one a model finds likelier is compared.
    "pair": ("stereotype", "counter"),
    # A task of lm-evaluation-harness: one row is the task itself, each other a document of it (`harness_task`).
    "harness": ("document",),
}
BEHAVIOURS = ("answer", "refuse")
# Of which kinds the rows of each role may be: what a model learns from, and what it is measured on.
OF_ROLE: Mapping[str, tuple[str, ...]] = {
    "training": ("dialogue", "text", "preference"),
    "evaluation": ("dialogue", "behaviour", "pair", "text", "harness"),
}


def keys_of(kind: str) -> tuple[str, ...]:
    """Return exactly the keys that a row of this kind has."""
    return (*COMMON, *KINDS[kind])


_BY_KEYS = {frozenset(keys_of(kind)): kind for kind in KINDS}


def problem_of(row: Mapping[str, str], kind: str) -> tuple[str, str] | None:
    """Say what a row of texts has that its kind does not allow, and what is allowed; nothing when all is well."""
    if kind == "preference" and row["chosen"] == row["rejected"]:
        return "one answer both chosen and rejected", "two different answers"
    if kind == "behaviour" and row["expected"] not in BEHAVIOURS:
        return f"expected {row['expected'][:40]!r}", f"one of {list(BEHAVIOURS)}"
    if kind == "pair" and row["stereotype"] == row["counter"]:
        return "one text twice", "two texts that differ in the group they speak of"
    return None


def kind_of(keys: Iterable[str]) -> str | None:
    """Return the kind that has exactly these keys, or None."""
    return _BY_KEYS.get(frozenset(keys))


def nearest_kind(keys: Collection[str]) -> str:
    """Return the kind that was most likely meant by these keys: most in common, then least missing."""
    return max(KINDS, key=lambda kind: (len(set(keys) & set(KINDS[kind])), -len(set(KINDS[kind]) - set(keys))))


def texts_of(row: Mapping[str, str]) -> tuple[str, ...]:
    """Return the texts of a row, in the order of the table; one that is of no kind raises KeyError."""
    return tuple(row[name] for name in KINDS[_BY_KEYS[frozenset(row)]])
