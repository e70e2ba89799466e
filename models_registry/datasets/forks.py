"""Forks with limits: what intake's child does its parts in, so that a part that dies takes nothing else with it.

No Django here. Limits are the kernel's (getrlimit(2), setitimer(2)): memory counts private writable pages, time is that
of the clock and ends the fork wherever it is.
"""

import ctypes
import json
import os
import resource
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_SCRATCH_FACTOR = 3  # runs, canonical file and index lie side by side for a moment

Answer = dict[str, Any]


@dataclass(frozen=True)
class Allowance:
    """What a process may take: private memory, processor time, files so long; time of the clock (0: without end)."""

    memory_bytes: int
    processor_seconds: int
    decoded_bytes: int
    clock_seconds: float = 0.0


@dataclass(frozen=True)
class Ended:
    """How a fork ended: with an answer, or by a signal (0: none), or with a status."""

    answer: Answer | None
    signal: int = 0
    status: int = 0


def in_a_fork(work: Callable[[], Answer], answer: Path, allowance: Allowance) -> Ended:
    """Do the work in a fork of this process, within its limits, and return what it answered, or how it died.

    What is raised in it is printed, as a defect of ours or of a library.
    """
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            die_with_parent(parent)
            limit(allowance)
            write(answer, work())
            status = 0
        except Exception:  # noqa: BLE001 - said to the operator; whoever started the fork sees the status
            traceback.print_exc()
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    if ended == 0:
        return Ended(json.loads(answer.read_text()))
    if os.WIFSIGNALED(ended):
        return Ended(None, signal=os.WTERMSIG(ended))
    return Ended(None, status=os.WEXITSTATUS(ended))


def write(path: Path, said: Answer) -> None:
    """Write an answer: there whole, or not at all."""
    staged = path.with_suffix(".new")
    staged.write_text(json.dumps(said))
    staged.replace(path)


def limit(allowance: Allowance) -> None:
    """Set the limits of this process."""
    wanted = {
        resource.RLIMIT_DATA: allowance.memory_bytes,
        resource.RLIMIT_CPU: allowance.processor_seconds,
        resource.RLIMIT_FSIZE: allowance.decoded_bytes * _SCRATCH_FACTOR,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in wanted.items():
        _, most = resource.getrlimit(kind)
        least = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(kind, (least, least))
    # The hard limit of processor time kills without saying why, a second earlier the soft one does say it.
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (max(1, most - 1), most))
    if allowance.clock_seconds:
        signal.setitimer(signal.ITIMER_REAL, allowance.clock_seconds)


def die_with_parent(parent: int) -> None:
    """End together with the process that started this one (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
