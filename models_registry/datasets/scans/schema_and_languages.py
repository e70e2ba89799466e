"""Every row has its own id, a known language and the kind of the others; the languages are counted.

Intake already refused malformed rows.
"""

from collections import Counter
from collections.abc import Sequence

from models_registry.datasets.intake import LANGUAGES
from models_registry.datasets.kinds import kind_of
from models_registry.datasets.scans.base import Context, Row, Scan, on_lines


def search(rows: Sequence[Row], _context: Context) -> tuple[int, str]:
    """Find rows that share an id, are of another kind than most, or use a language unknown to the community."""
    kinds = [kind_of(row) for row in rows]
    usual = max({*kinds} - {None}, key=lambda kind: (kinds.count(kind), kind), default=None)
    wrong = [
        line
        for line, (kind, row) in enumerate(zip(kinds, rows, strict=True), start=1)
        if kind is None or kind != usual or row["language"] not in LANGUAGES
    ]
    seen: set[str] = set()
    shared = []
    for line, row in enumerate(rows, start=1):
        if row.get("id", "") in seen:
            shared.append(line)
        seen.add(row.get("id", ""))
    found = len(set(wrong) | set(shared))
    if not rows:
        return 1, "There are no rows."
    if wrong:
        detail = f"Rows without the expected fields or language: {on_lines(wrong)}."
    elif shared:
        detail = f"Rows that share an id with an earlier row: {on_lines(shared)}."
    else:
        counts = Counter(row["language"] for row in rows)
        detail = "Rows by language: " + ", ".join(f"{name} {counts[name]}" for name in sorted(counts)) + "."
    return found, detail


SCAN = Scan(
    name="schema_and_languages",
    version=1,
    label="Schema and languages",
    description="Every row has the fields of one kind, an id of its own and a language of the community.",
    blocks=True,
    search=search,
)
