"""The same texts under different ids count more than once in training."""

from models_registry.datasets.kinds import texts_of
from models_registry.datasets.scans.base import Context, Findings, Rows, Scan
from models_registry.datasets.scans.gathering import Marked
from models_registry.datasets.scans.groups import Groups
from models_registry.datasets.scans.minhash import number_of


def search(rows: Rows, _context: Context) -> Findings:
    """Find rows whose language and texts repeat an earlier row, character by character."""
    groups, marked = Groups(len(rows)), Marked()
    for line, row in enumerate(rows, start=1):
        groups.add(number_of("\0".join((row["language"], *texts_of(row)))), line)
    for lines, first, _values, _of_first in groups.repeats():
        marked.add("repeated row", lines.tolist(), first.tolist())
    return marked.gather(rows, lambda row: texts_of(row)[0]).findings("no_repetition", "repetitions")


SCAN = Scan(
    name="exact_duplicates",
    version=3,
    label="Exact repetitions",
    description="No row appears twice under different ids.",
    blind_to="Rows that say the same in other words or another spelling; near repetitions are a scan of their own.",
    blocks=False,
    search=search,
)
