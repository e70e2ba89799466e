"""The same texts under different ids count more than once in training."""

from hashlib import blake2b

from models_registry.datasets.kinds import texts_of
from models_registry.datasets.scans.base import Context, Findings, Rows, Scan
from models_registry.datasets.scans.gathering import Gathering

_DIGEST_BYTES = 16


def search(rows: Rows, _context: Context) -> Findings:
    """Find rows whose language and texts repeat an earlier row, character by character."""
    # A digest for each row rather than its texts: the memory does not grow with their length.
    seen: dict[bytes, int] = {}
    gathered = Gathering()
    for line, row in enumerate(rows, start=1):
        texts = texts_of(row)
        key = blake2b("\0".join((row["language"], *texts)).encode(), digest_size=_DIGEST_BYTES).digest()
        first = seen.setdefault(key, line)
        if first != line:
            gathered.add(line, "repeated row", texts[0], like=first)
    return gathered.findings("No row repeats another.", "Repeated rows: {where}.")


SCAN = Scan(
    name="exact_duplicates",
    version=2,
    label="Exact repetitions",
    description="No row appears twice under different ids.",
    blind_to="Rows that say the same in other words or another spelling; near repetitions are a scan of their own.",
    blocks=False,
    search=search,
)
