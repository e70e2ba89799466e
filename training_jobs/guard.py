"""A small process that kills a group when its time is over and the one who watches it does not say otherwise.

The watcher itself may hang (a stopped process, a disk that does not answer), and then it cannot keep its promise to end
its child before the lease can be taken over. The guard can: it knows one moment, which the watcher moves on.
"""

import subprocess
import sys
from collections.abc import Callable
from typing import Self

WORD_BYTES = 32
END_SECONDS_MAX = 10
# It imports nothing of ours: it must start in milliseconds and work when the disk does not.
_PROGRAM = """
import os, select, signal, sys, time
group, until = int(sys.argv[1]), float(sys.argv[2])
while True:
    left = until - time.clock_gettime(time.CLOCK_BOOTTIME)
    if left <= 0:
        os.killpg(group, signal.SIGKILL)
        sys.exit(%d)
    if select.select([0], [], [], left)[0]:
        said = os.read(0, 65536)
        if not said:
            break
        until = float(said[-%d:])
"""
HAS_KILLED = 9


class Guard:
    """Guards a process group while it is in use as a context; without `alive_until` it does nothing.

    `alive_until` returns a moment of `runner.clock`. The group must not be collected before the guard has ended: its
    number could be somebody else's by then.
    """

    def __init__(self, group: int, alive_until: Callable[[], float] | None) -> None:
        """Keep what to guard."""
        self._group = group
        self._alive_until = alive_until
        self._said = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start the process."""
        if self._alive_until is not None:
            self._said = self._alive_until()
            program = _PROGRAM % (HAS_KILLED, WORD_BYTES)
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and program
                [sys.executable, "-I", "-S", "-c", program, str(self._group), str(self._said)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,
                bufsize=0,
            )
        return self

    def __exit__(self, *_error: object) -> None:
        """Let the process end, and wait for that."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait(timeout=END_SECONDS_MAX)

    @property
    def has_killed(self) -> bool:
        """Say, after its end, whether it was the one who killed the group."""
        return self._process is not None and self._process.returncode == HAS_KILLED

    def is_over(self, now: float) -> bool:
        """Say whether the time is over; tell the process when it has moved."""
        if self._alive_until is None:
            return False
        until = self._alive_until()
        if now >= until:
            return True
        if until != self._said and self._process is not None and self._process.stdin is not None:
            self._said = until
            try:
                self._process.stdin.write(f"{until:<{WORD_BYTES}.6f}".encode())
            except BrokenPipeError:  # it has done its work, or somebody ended it: then we are alone, as before
                return False
        return False
