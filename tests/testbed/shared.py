"""What the processes of one test run make once and all use: files and folders beside those of each process."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path


def folder() -> Path:
    """Return where it lies; it goes with the process that began the test run."""
    return Path(os.environ["COMMONWEIGHTS_TEST_SHARED"])


def once(name: str, make: Callable[[Path], None]) -> Path:
    """Return the file or folder of this name; who asks first lets `make` write it, and everybody else waits for that."""
    place, partial = folder() / name, folder() / f"{name}.partial"
    folder().mkdir(parents=True, exist_ok=True)
    with (folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            make(partial)
            partial.rename(place)
    return place
