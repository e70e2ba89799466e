"""What scans keep on disk, so that their memory does not grow with the rows: files without a name, and arrays in them.

They lie in the folder for temporary files (of intake's child: its own folder) and are gone when they are closed, or
when the process ends in whatever way. The pages of an array are the kernel's, which takes them back when it needs
them; `let_go` gives them back at once. numpy is imported when it is needed, never when a web process starts.
"""

import mmap
import tempfile
from typing import IO, Any, TypeAlias

# An array of numpy; named so because numpy is not imported here.
Numbers: TypeAlias = Any


def nameless() -> IO[bytes]:
    """Return an empty file that nobody else sees."""
    return tempfile.TemporaryFile()


def array(shape: int | tuple[int, ...], dtype: str) -> Numbers:
    """Return an array of zeros that lies in a file of its own."""
    import numpy as np

    with nameless() as file:
        return np.memmap(file, dtype=dtype, mode="w+", shape=shape) if np.prod(shape) else np.zeros(shape, dtype=dtype)


def let_go(values: Numbers) -> None:
    """Give the pages of such an array back to the kernel; what they hold stays in the file (madvise(2))."""
    memory = getattr(values, "_mmap", None)
    if memory is not None:
        memory.madvise(mmap.MADV_DONTNEED)
