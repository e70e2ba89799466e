"""Every row has its own id and a known language; the languages are counted. Intake already refused malformed rows."""

from collections import Counter
from collections.abc import Sequence

from models_registry.datasets.intake import LANGUAGES, ROW_KEYS
from models_registry.datasets.scans.base import Context, Row, Scan, on_lines


def search(rows: Sequence[Row], _context: Context) -> tuple[int, str]:
    """Find rows that share an id, lack a key or use a language unknown to the community."""
    wrong = [
        line for line, row in enumerate(rows, start=1) if set(row) != set(ROW_KEYS) or row["language"] not in LANGUAGES
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
    description="Every row has the five fields, an id of its own and a language of the community.",
    blocks=True,
    search=search,
)
