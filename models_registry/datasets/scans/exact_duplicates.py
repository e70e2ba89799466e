"""The same texts under different ids count more than once in training."""

from collections.abc import Sequence

from models_registry.datasets.kinds import texts_of
from models_registry.datasets.scans.base import Context, Row, Scan, on_lines


def search(rows: Sequence[Row], _context: Context) -> tuple[int, str]:
    """Find rows whose language and texts repeat an earlier row, character by character."""
    seen: set[tuple[str, ...]] = set()
    repeated = []
    for line, row in enumerate(rows, start=1):
        key = (row["language"], *texts_of(row))
        if key in seen:
            repeated.append(line)
        seen.add(key)
    detail = f"Repeated rows: {on_lines(repeated)}." if repeated else "No row repeats another."
    return len(repeated), detail


SCAN = Scan(
    name="exact_duplicates",
    version=1,
    label="Exact duplicates",
    description="No row appears twice under different ids.",
    blocks=False,
    search=search,
)
