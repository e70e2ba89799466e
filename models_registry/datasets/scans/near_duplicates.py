"""Rows that differ only in case, accents, punctuation, spaces or invisible characters.

This compares normalised text; it does not see a rewording. Similarity by MinHash would, at the price of a dependency
and of many false alarms on the short, regular questions that a community writes.
"""

from collections.abc import Sequence

from models_registry.datasets.kinds import texts_of
from models_registry.datasets.scans.base import Context, Row, Scan, normalised, on_lines


def search(rows: Sequence[Row], _context: Context) -> tuple[int, str]:
    """Find rows that become equal to an earlier, different row once their text is normalised."""
    first_spelling: dict[tuple[str, ...], tuple[str, ...]] = {}
    near = []
    for line, row in enumerate(rows, start=1):
        spelling = texts_of(row)
        key = (row["language"], *map(normalised, spelling))
        if first_spelling.setdefault(key, spelling) != spelling:
            near.append(line)
    detail = (
        f"Rows that nearly repeat another: {on_lines(near)}."
        if near
        else "No two rows are equal after normalising case, accents and punctuation."
    )
    return len(near), detail


SCAN = Scan(
    name="near_duplicates",
    version=1,
    label="Near duplicates",
    description="No two rows differ only in case, accents, punctuation or spacing.",
    blocks=False,
    search=search,
)
