"""Votes that a community held on Snapshot: read, checked and counted again. Pure.

`read` takes Snapshot's own exports apart, `recount` verifies signatures, keeps the newest vote of each voter, counts
them with our methods and compares. What becomes of them in the database is `governance.services.history`; what files
are accepted is written down in `docs/how-to/import-snapshot.md`.
"""

from governance.snapshot_import.read import Apart, Entry, ExportError, Poll, read_csv, read_json
from governance.snapshot_import.recount import Counted, Recounted, plain, power_choice, recount

__all__ = [
    "Apart",
    "Counted",
    "Entry",
    "ExportError",
    "Poll",
    "Recounted",
    "plain",
    "power_choice",
    "read_csv",
    "read_json",
    "recount",
]
