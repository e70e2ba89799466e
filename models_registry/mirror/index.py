"""The list of what a mirror holds and what it has refused: `index.json` at the top of its folder.

    <folder>/index.json
    <folder>/<namespace>/<name>/<revision>/…   verified releases, as they were published
    <folder>/.staging/…                        what is being fetched

A hub of ours serves such a folder (COMMONWEIGHTS_MIRROR), and so does any server of static files.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

INDEX = "index.json"
STAGING = ".staging"


@dataclass
class Entry:
    """One version: kept (with its files, as `storage.listing` writes them) or refused (with what was found wrong)."""

    model: str
    number: int
    revision: str
    at: int  # UNIX seconds of the verification
    stopped: str = ""
    set_back: str = ""
    refused: list[str] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)


def read(folder: Path) -> dict[str, Entry]:
    """Return the entries by revision; none where there is no index yet. Raises ValueError for a damaged one."""
    try:
        content = json.loads((folder / INDEX).read_text())
    except FileNotFoundError:
        return {}
    try:
        return {entry["revision"]: Entry(**entry) for entry in content["versions"]}
    except (KeyError, TypeError) as error:
        raise ValueError(f"{folder / INDEX} is not the index of a mirror") from error


def write(folder: Path, entries: dict[str, Entry]) -> None:
    """Replace the index, in one step for whoever reads it."""
    ordered = sorted(entries.values(), key=lambda entry: (entry.model, entry.number))
    temporary = folder / f".{INDEX}.{os.getpid()}"
    with temporary.open("w") as file:
        json.dump({"version": 1, "versions": [asdict(entry) for entry in ordered]}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / INDEX)
