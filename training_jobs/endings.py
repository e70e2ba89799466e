"""What it means that a child ended: one code, and whether trying again can help. Pure: facts in, an `Ending` out.

The codes of a trainer's own `failed` event come first; where the child could not speak, its exit status, the signal,
the kernel's counter of processes killed for memory, the room left on the disk, and its last words tell the causes
apart. `training_jobs.failures` has the sentence for each code.
"""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from training_jobs.runner import ChildResult

EXIT_PERMANENT = 3
EXIT_STOPPED = 4
DETAIL_CHARACTERS = 4_000
_OUT_OF_MEMORY = (
    "MemoryError",
    "Cannot allocate memory",
    "can't allocate memory",
    "CUDA out of memory",
    "std::bad_alloc",
)
_DISK_FULL = ("No space left on device", "Disk quota exceeded")
_FILE_TOO_LARGE = ("File too large",)
# Where we ended the child: what that is called, and whether another attempt could go better.
_OURS: dict[str, tuple[str, bool]] = {
    "wall_limit": ("budget_used_up", True),
    "no_progress": ("no_progress", False),
    "scratch_full": ("scratch_full", True),
    "lost_contact": ("lost_contact", False),
}


@dataclass(frozen=True)
class Ending:
    """Why an attempt ended: a stable code, words for people, and whether trying again could help."""

    code: str
    detail: str
    permanent: bool


def ending_of(result: ChildResult, said: Mapping[str, Any] | None, *, training: bool) -> Ending | None:
    """Return what a child's end means; None when it stopped with a checkpoint without being asked by us."""
    words = result.stderr_tail
    if result.reason in _OURS:
        code, permanent = _OURS[result.reason]
        if result.reason == "wall_limit" and not training:
            code = "evaluation_too_long"
        return Ending(code, words or result.reason, permanent)
    if result.returncode == EXIT_STOPPED and training:
        return None
    if said is not None and said.get("code"):
        detail = str(said.get("detail") or words)
        return Ending(str(said["code"]), detail, result.returncode == EXIT_PERMANENT)
    permanent = result.returncode == EXIT_PERMANENT
    code = result.reason
    if result.oom_killed or any(word in words for word in _OUT_OF_MEMORY):
        code = "out_of_memory"
    elif result.disk_full or any(word in words for word in _DISK_FULL):
        code = "disk_full"
    elif result.returncode == -signal.SIGXFSZ or any(word in words for word in _FILE_TOO_LARGE):
        code, permanent = "scratch_full", True
    elif result.returncode == -signal.SIGXCPU:
        code, permanent = "budget_used_up", True
    return Ending(code, words[-DETAIL_CHARACTERS:] or result.reason, permanent)
