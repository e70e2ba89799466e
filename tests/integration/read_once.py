"""Reads and scans equal files once in a test run: hundreds of tests begin with the same two datasets."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest.mock import patch

from models_registry.datasets import boxed, registering
from tests.testbed import shared

_READ = "taken.json"


@contextmanager
def read_once() -> Iterator[None]:
    """Let what was read before, by the same order on the same bytes, be the copy of what came of it then."""
    with patch.object(registering, "read_and_scan", _read_and_scan):
        yield


def _read_and_scan(wanted: boxed.Wanted, folder: Path, box: boxed.Box) -> boxed.Taken:
    order = json.dumps(_by_content(boxed.order_of(wanted, box)), sort_keys=True)

    def read(kept: Path) -> None:
        taken = boxed.read_and_scan(wanted, folder, box)
        shutil.copytree(folder, kept)
        (kept / _READ).write_text(json.dumps({**asdict(taken), "path": str(taken.path.relative_to(folder))}))

    kept = shared.once(f"read-{hashlib.sha256(order.encode()).hexdigest()}", read)
    shutil.copytree(kept, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(_READ))
    taken = json.loads((kept / _READ).read_text())
    return boxed.Taken(**{**taken, "path": folder / taken["path"]})


def _by_content(order: Any) -> Any:
    """Return an order with the digest of each file in the place of its path."""
    if isinstance(order, dict):
        return {name: _content(value) if name == "path" else _by_content(value) for name, value in order.items()}
    if isinstance(order, list):
        return [
            _content(each) if isinstance(each, str) and each.startswith("/") else _by_content(each) for each in order
        ]
    return order


def _content(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
