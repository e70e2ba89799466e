"""The child process that reads strangers' files: `python -m models_registry.datasets.child FOLDER`. No Django here.

FOLDER/order.json says what to do, FOLDER/answer.json says what came of it (see `boxed`, which starts this). Steps:

1. no network, and an end together with the process that started it;
2. the files are read in a fork with narrow limits, so that what a hostile file can make of its reader is rows, no more;
3. the canonical file that it leaves is read again here: digest, tree, shards and every row have to be what was said;
4. the scans run over it, each in a fork with limits of its own (see `scanning`).

Not protected: without a user namespace (some containers) the network stays open, and the child may read whatever the
account that runs it may read. What it could do with that is little: it has no secrets in its environment, and it
imports no code of the files that it reads.
"""

import ctypes
import errno
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from models_registry.datasets.canonical import CanonicalRows, describe, read_rows
from models_registry.datasets.forks import Allowance, Answer, die_with_parent, in_a_fork, limit, write
from models_registry.datasets.intake import ROWS_FILE, IntakeError, Limits, Reading, take_in
from models_registry.datasets.kinds import kind_of
from models_registry.datasets.rows import too_large

ORDER, ANSWER, READ = "order.json", "answer.json", "read.json"
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
# Of the whole time, what is left for the answer when the scans have used theirs up.
_TIME_SHARE = 0.95

Order = Mapping[str, Any]


def main(folder: Path) -> None:
    """Do what the order says and write the answer."""
    # 1.
    begun = time.monotonic()
    die_with_parent(os.getppid())
    _close_network()
    order = json.loads((folder / ORDER).read_text())
    limit(_allowance(order, "scan_memory_bytes"))
    # 2.
    said = _in_a_fork(lambda: _read(folder, order), folder / READ, _allowance(order, "memory_bytes"))
    if "taken" in said:
        deadline = begun + _TIME_SHARE * order["seconds"]
        said = _answered(lambda: _judge(folder, order, said["taken"], deadline), order["scan_memory_bytes"])
    write(folder / ANSWER, said)


def _allowance(order: Order, memory: str) -> Allowance:
    return Allowance(order[memory], order["seconds"] + 2, order["limits"]["decoded_bytes_max"])


def _read(folder: Path, order: Order) -> Answer:
    """Take the files in; return what the canonical file is said to be."""
    with ExitStack() as stack:
        files = [(entry["name"], stack.enter_context(Path(entry["path"]).open("rb"))) for entry in order["files"]]
        taken = take_in(
            files,
            folder,
            Reading(**order["reading"]),
            Limits(**order["limits"]),
            expected_digest=order["digest"],
        )
    files_read = [{"path": file.path, "size": file.size, "sha256": file.sha256} for file in taken.files]
    said = {
        "digest": taken.digest,
        "size": taken.canonical.size,
        "records": taken.canonical.records,
        "repeated": taken.canonical.repeated,
        "records_root": taken.canonical.records_root,
        "shards": [shard.to_dict() for shard in taken.canonical.shards],
        "kind": taken.kind,
        "languages": list(taken.languages),
        "files": files_read,
    }
    return {"taken": said}


def _judge(folder: Path, order: Order, taken: Answer, deadline: float) -> Answer:
    """Compare the canonical file with what is said of it (3), and scan it (4)."""
    path = folder / ROWS_FILE
    found = describe(path)
    kinds, languages = set(), set()
    for row in read_rows(path):
        kinds.add(kind_of(row))
        languages.add(row["language"])
    seen = {
        "digest": found.digest,
        "size": found.size,
        "records": found.records,
        "records_root": found.records_root,
        "shards": [shard.to_dict() for shard in found.shards],
        "languages": sorted(languages),
    }
    if kinds != {taken["kind"]} or any(taken[name] != value for name, value in seen.items()):
        raise IntakeError(
            "reader_failed", 422, found="rows that are not what their reader said", allowed="a file that can be read"
        )
    from models_registry.datasets.scanning import context_of, scan_all

    context = context_of(order["context"], taken["kind"], taken["digest"])
    rows = CanonicalRows(path, taken["records"])
    return {"taken": taken, "scans": scan_all(rows, context, folder, _allowance(order, "scan_memory_bytes"), deadline)}


def _answered(work: Callable[[], Answer], memory_bytes: int) -> Answer:
    """Return the answer, or the refusal that the work ended with."""
    try:
        return work()
    except IntakeError as error:
        return _refused(error)
    except MemoryError:
        return _refused(too_large(None, f"more than {memory_bytes} bytes of memory", "a file that needs less"))
    except OSError as error:
        if error.errno in _DISK_FULL:
            return {"failed": "storage_failed"}
        if error.errno == errno.EFBIG:
            return _refused(too_large(None, "more than there is room for", "a smaller file"))
        raise


def _in_a_fork(work: Callable[[], Answer], answer: Path, allowance: Allowance) -> Answer:
    """Do the work in a fork; one that dies is a refusal, too."""
    ended = in_a_fork(lambda: _answered(work, allowance.memory_bytes), answer, allowance)
    if ended.answer is not None:
        return ended.answer
    how = f"signal {ended.signal}" if ended.signal else f"status {ended.status}"
    found = f"a file that ended its reader ({how})"
    return _refused(IntakeError("reader_failed", 422, found=found, allowed="a file that can be read"))


def _refused(error: IntakeError) -> Answer:
    return {
        "refused": {
            "code": error.code,
            "status": error.status,
            "line": error.line,
            "place": error.place,
            "found": error.found,
            "allowed": error.allowed,
        }
    }


def _close_network() -> None:
    """Leave every network, by a network namespace of our own (unshare(2)); where that is not allowed it stays open."""
    libc = ctypes.CDLL(None)
    if libc.unshare(_CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
