"""How a child process says that it ended early: exit statuses and codes. What to do about a code, the site says.

Permanent: the same files would fail in the same way. Temporary: another machine, or this one at another time, may do
better. Anything not named here is an accident of the code: it ends the process with a traceback, and may be tried
again.
"""

import errno
import re

TEMPORARY_EXIT = 1
PERMANENT_EXIT = 3
STOPPED_EXIT = 4

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
# Libraries written in Rust and C++ put the same facts into words.
_NO_SPACE_TEXT = re.compile(r"os error (28|122)\b|no space left on device|disk quota exceeded", re.IGNORECASE)
_NO_MEMORY_TEXT = re.compile(
    r"can't allocate memory|cannot allocate memory|not enough memory|out of memory|os error 12\b", re.IGNORECASE
)


class Failure(Exception):
    """The run failed for a reason that has a name. `code` is stable, `detail` is for people."""

    permanent = True
    exit_status = PERMANENT_EXIT

    def __init__(self, code: str, detail: str) -> None:
        """Keep the stable code beside the readable sentence."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class PermanentFailure(Failure):
    """Trying again with the same files would fail the same way."""


class TemporaryFailure(Failure):
    """Trying again may help."""

    permanent = False
    exit_status = TEMPORARY_EXIT


class Stopped(Exception):
    """The run was asked to stop and can go on later from `step`."""

    def __init__(self, step: int) -> None:
        """Keep the last step that counts."""
        super().__init__(f"stopped after step {step}")
        self.step = step


def recognise(error: BaseException) -> TemporaryFailure | None:
    """Return what an exception of a library means, or None for one that means nothing in particular.

    Memory and disk are a machine's, and shared with others, so both are worth another try.
    """
    text = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no text'}"
    number = error.errno if isinstance(error, OSError) else None
    if number in _NO_SPACE or _NO_SPACE_TEXT.search(str(error)):
        return TemporaryFailure("disk_full", text)
    if number == errno.ENOMEM or isinstance(error, MemoryError) or _NO_MEMORY_TEXT.search(str(error)):
        return TemporaryFailure("out_of_memory", text)
    return None
