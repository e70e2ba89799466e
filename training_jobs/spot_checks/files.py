"""The files of slices and checks: hard links to what was handed over, so that it stays until the draw; and their ends.

RUNS_DIR/slices/<slice>/first and /last hold the two checkpoints, with their manifests; there is no `first` where the
slice begins with the base model, and no `last` where it ends with the model. RUNS_DIR/checks/<check>/<fence> is the
folder of an attempt at a check. Nobody writes into what is linked.
"""

import os
import shutil
from pathlib import Path

from django.conf import settings

FIRST, LAST = "first", "last"


def of_slice(number: int) -> Path:
    """Return the folder of a slice."""
    return settings.RUNS_DIR / "slices" / str(number)


def of_check(number: int) -> Path:
    """Return the folder of a check's attempts."""
    return settings.RUNS_DIR / "checks" / str(number)


def link(source: Path, target: Path) -> None:
    """Make a folder with links to the files of another one; copies where the file system cannot link."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in sorted(source.iterdir()):
        if not path.is_file() or path.is_symlink():
            continue
        try:
            os.link(path, target / path.name)
        except OSError:
            shutil.copyfile(path, target / path.name)


def remove(folder: Path) -> bool:
    """Remove a folder; say whether it is gone."""
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def copy(source: Path, target: Path) -> None:
    """Copy the files of a folder: a process that writes must not write into what others read."""
    target.mkdir(parents=True)
    for path in sorted(source.iterdir()):
        shutil.copyfile(path, target / path.name)
