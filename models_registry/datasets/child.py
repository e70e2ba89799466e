"""The child process that reads strangers' files: `python -m models_registry.datasets.child FOLDER`. No Django here.

FOLDER/order.json says what to do, FOLDER/answer.json says what came of it (see `boxed`, which starts this). Steps:

1. no network, and an end together with the process that started it;
2. the files are read in a fork with narrow limits, so that what a hostile file can make of its reader is rows, no more;
3. the canonical file that it leaves is read again here: digest, tree, shards and every row have to be what was said;
4. the scans run over it, with limits of their own.

Not protected: without a user namespace (some containers) the network stays open, and the child may read whatever the
account that runs it may read. What it could do with that is little: it has no secrets in its environment, and it
imports no code of the files that it reads.
"""

import ctypes
import errno
import json
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from models_registry.datasets.canonical import CanonicalRows, describe, read_rows
from models_registry.datasets.intake import ROWS_FILE, IntakeError, Limits, Reading, take_in
from models_registry.datasets.kinds import kind_of, texts_of
from models_registry.datasets.rows import too_large

ORDER, ANSWER, READ = "order.json", "answer.json", "read.json"
_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
_SCRATCH_FACTOR = 3  # runs, canonical file and index lie side by side for a moment

Order = Mapping[str, Any]
Answer = dict[str, Any]


def main(folder: Path) -> None:
    """Do what the order says and write the answer."""
    # 1.
    _die_with_parent(os.getppid())
    _close_network()
    order = json.loads((folder / ORDER).read_text())
    _limit(order["scan_memory_bytes"], order)
    # 2.
    said = _in_a_fork(lambda: _read(folder, order), folder / READ, order["memory_bytes"], order)
    if "taken" in said:
        said = _answered(lambda: _judge(folder, order, said["taken"]), order["scan_memory_bytes"])
    _write(folder / ANSWER, said)


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


def _judge(folder: Path, order: Order, taken: Answer) -> Answer:
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
    return {"taken": taken, "scans": _scan(path, order["context"], taken)}


def _scan(path: Path, context: Mapping[str, Any], taken: Answer) -> list[dict[str, Any]]:
    from models_registry.datasets.scans import SCANS, Context, OtherDataset, run_all

    questions = tuple(text for suite in context["suites"] for row in read_rows(Path(suite)) for text in _asked_by(row))
    included = tuple(
        OtherDataset(other["title"], CanonicalRows(Path(other["path"]), other["records"]))
        for other in context["included"]
    )
    results = run_all(
        CanonicalRows(path, taken["records"]),
        Context(
            licence=context["licence"],
            model_licences=tuple(context["model_licences"]),
            suite_questions=questions,
            included=included,
            role=context["role"],
            kind=taken["kind"],
        ),
    )
    return [{**result.to_dict(), "blocks": SCANS[result.scan].blocks} for result in results]


def _asked_by(row: Mapping[str, str]) -> tuple[str, ...]:
    """Return the texts of a suite's row that no training data may hold: what is asked, or both of a pair."""
    texts = texts_of(row)
    return texts if kind_of(row) == "pair" else texts[:1]


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


def _in_a_fork(work: Callable[[], Answer], answer: Path, memory_bytes: int, order: Order) -> Answer:
    """Do the work in a fork of this process, within its limits; a fork that dies is a refusal, too."""
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _die_with_parent(parent)
            _limit(memory_bytes, order)
            _write(answer, _answered(work, memory_bytes))
            status = 0
        except Exception:  # noqa: BLE001 - a defect of ours or of a library: said to the operator, a refusal to others
            traceback.print_exc()
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    if ended == 0:
        said: Answer = json.loads(answer.read_text())
        return said
    how = f"signal {os.WTERMSIG(ended)}" if os.WIFSIGNALED(ended) else f"status {os.WEXITSTATUS(ended)}"
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


def _write(path: Path, said: Answer) -> None:
    staged = path.with_suffix(".new")
    staged.write_text(json.dumps(said))
    staged.replace(path)


def _limit(memory_bytes: int, order: Order) -> None:
    """Set the limits of this process (getrlimit(2)). RLIMIT_DATA counts private writable memory: heap and mappings."""
    decoded = order["limits"]["decoded_bytes_max"]
    wanted = {
        resource.RLIMIT_DATA: memory_bytes,
        resource.RLIMIT_CPU: order["seconds"] + 1,
        resource.RLIMIT_FSIZE: decoded * _SCRATCH_FACTOR,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in wanted.items():
        _, most = resource.getrlimit(kind)
        least = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(kind, (least, least))


def _die_with_parent(parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _close_network() -> None:
    """Leave every network, by a network namespace of our own (unshare(2)); where that is not allowed it stays open."""
    libc = ctypes.CDLL(None)
    if libc.unshare(_CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
