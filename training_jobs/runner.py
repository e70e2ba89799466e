"""Starts, watches and stops a child process. Callbacks only: it knows no database, no Django and no training.

The child gets its own session, an environment without the parent's secrets, and the tightest box that this machine
offers: bubblewrap (no network, and nothing of the file system but the interpreter, the code and its own folder), else a
network namespace alone, else nothing. Which one it was is returned, and stands in the run's record: what was not closed
is said.

Not protected: memory and processor use are bounded by the wall clock only, and a GPU is not passed into bubblewrap.
"""

import ctypes
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from governance.evidence.canonical import canonical_bytes

REPOSITORY = Path(__file__).resolve().parents[1]
# What of the repository a child may read: not the database, not the keys, not the settings.
CODE_FOLDERS = ("governance", "training_jobs")
SYSTEM_FOLDERS = ("/usr", "/bin", "/lib", "/lib64", "/etc/alternatives", "/etc/ld.so.cache", "/sys/devices/system/cpu")
LOOK_SECONDS = 0.1
OUTPUT_TAIL_BYTES = 8_000
EVENT_BYTES_MAX = 64_000
STOP_SECONDS_MAX = 10
PROBE_SECONDS_MAX = 10
PR_SET_PDEATHSIG = 1
SIGNAL_EXIT = 128

Isolation = Literal["bubblewrap", "network-namespace", "none"]
Tick = Literal["continue", "cancel", "stale"]
Reason = Literal["finished", "failed", "killed", "canceled", "stale", "wall_limit"]


@dataclass(frozen=True)
class ChildResult:
    """How a child ended.

    `reason`: finished (status 0), failed (another status), killed (by a signal that we did not send, as when memory
    runs out), canceled and stale (as `on_tick` said), wall_limit. `returncode` is negative for a signal, as in
    `subprocess`.
    """

    returncode: int
    reason: Reason
    stderr_tail: str
    isolation: Isolation


def run_child(
    argv: Sequence[str],
    run_dir: Path,
    *,
    environment: Mapping[str, str],
    on_event: Callable[[dict[str, Any]], None],
    on_tick: Callable[[], Tick],
    tick_seconds: float,
    wall_seconds: float,
) -> ChildResult:
    """Run `argv` to its end, or to the end that `on_tick` or the wall clock sets.

    1. Start the child in its box. 2. Pass on each new line of RUN_DIR/events.jsonl to `on_event`. 3. Ask `on_tick`
    every `tick_seconds`: "cancel" and "stale" kill the child. 4. Kill it at `wall_seconds`. 5. Kill whatever it left
    behind, and say how it ended.

    Only events written from now on are passed on. The child's own output goes to RUN_DIR/output.log; a callback that
    raises ends the child too. Inputs must be real files: links out of RUN_DIR lead nowhere in the box.
    """
    run_dir = run_dir.resolve()
    isolation = available_isolation()
    events = EventTail(run_dir / "events.jsonl")
    output = run_dir / "output.log"
    with output.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - 1: our own command line, no shell
            [*_box(isolation, run_dir), *argv],
            cwd="/" if isolation == "bubblewrap" else run_dir,
            env=clean_environment(run_dir, environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - one system call between fork and exec
        )
    stopped: Reason | None = None
    try:
        stopped = _watch(process, events, on_event, on_tick, tick_seconds, time.monotonic() + wall_seconds)
    finally:
        _kill_group(process)  # 5
    events.pass_on(on_event)
    returncode = _plain_returncode(process.returncode)
    return ChildResult(returncode, stopped or _reason(returncode), _tail(output), isolation)


class EventTail:
    """Reads what is appended to a file of JSON lines, complete lines only."""

    def __init__(self, path: Path) -> None:
        """Begin after what an earlier attempt left in the file."""
        self._path = path
        self._offset = path.stat().st_size if path.exists() else 0

    def pass_on(self, on_event: Callable[[dict[str, Any]], None]) -> None:
        """Give each new complete line to `on_event`; a line that is not a JSON object comes from a broken child."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._offset += len(line)
                on_event(_event(line))


def _event(line: bytes) -> dict[str, Any]:
    """Return the event, or `unreadable` in its place: a child's nonsense must not stop the one who watches it.

    Fractions come as text; what no database keeps (NUL, lone surrogates, NaN) is nonsense too.
    """
    try:
        event = json.loads(line, parse_float=str) if len(line) <= EVENT_BYTES_MAX else None
        canonical_bytes(event)
    except (ValueError, RecursionError):
        event = None
    return event if isinstance(event, dict) else {"event": "unreadable", "size": len(line)}


def _watch(
    process: "subprocess.Popen[bytes]",
    events: EventTail,
    on_event: Callable[[dict[str, Any]], None],
    on_tick: Callable[[], Tick],
    tick_seconds: float,
    deadline: float,
) -> Reason | None:
    """Look until the child ends (None) or has to be stopped (why)."""
    next_tick = time.monotonic() + tick_seconds
    while not _has_ended(process.pid):
        time.sleep(LOOK_SECONDS)
        events.pass_on(on_event)  # 2
        now = time.monotonic()
        if now >= next_tick:  # 3
            answer = on_tick()
            if answer != "continue":
                return "canceled" if answer == "cancel" else "stale"
            next_tick = now + tick_seconds
        if now >= deadline:  # 4
            return "wall_limit"
    return None


def _has_ended(pid: int) -> bool:
    """Say whether the child has ended, without collecting it: until then nobody else can get its number."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def available_isolation() -> Isolation:
    """Return the tightest box that works here; tried once per process by really starting something in it."""
    return _probe()


@functools.cache
def _probe() -> Isolation:
    for isolation in ("bubblewrap", "network-namespace"):
        command = _box(isolation, None)
        if shutil.which(command[0]) is None:
            continue
        try:
            tried = subprocess.run(  # noqa: S603 - our own command line, no shell
                [*command, sys.executable, "-c", "pass"], capture_output=True, timeout=PROBE_SECONDS_MAX, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if tried.returncode == 0:
            return isolation
    return "none"


def _box(isolation: Isolation, run_dir: Path | None) -> list[str]:
    """Return the command line that goes before the child's own."""
    if isolation == "none":
        return []
    if isolation == "network-namespace":
        identity = [] if os.geteuid() == 0 else ["--user", "--map-current-user"]
        return ["unshare", *identity, "--net", "--"]
    box = ["bwrap", "--unshare-all", "--die-with-parent", "--proc", "/proc", "--dev", "/dev"]
    box += ["--tmpfs", "/tmp"]  # noqa: S108 - a fresh one, in the box only
    for folder in (*SYSTEM_FOLDERS, *sorted({sys.prefix, sys.base_prefix})):
        box += ["--ro-bind-try", folder, folder]
    for name in CODE_FOLDERS:
        box += ["--ro-bind", str(REPOSITORY / name), str(REPOSITORY / name)]
    if run_dir is not None:
        box += ["--bind", str(run_dir), str(run_dir)]
        # The child writes beside its inputs, never over them.
        for path in (run_dir / "inputs", run_dir / "spec.json", run_dir / "evaluation.json"):
            box += ["--ro-bind-try", str(path), str(path)]
        box += ["--chdir", str(run_dir)]
    return [*box, "--"]


def clean_environment(run_dir: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a child: nothing is inherited, so no secret of the parent's can leak in."""
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(run_dir),
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "HF_HUB_OFFLINE": "1",
        **extra,
    }


def die_with_parent() -> Callable[[], None]:
    """Return what the child does before it becomes the command: die when the watching thread does."""
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def arrange() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent died between fork and the line above
            os._exit(SIGNAL_EXIT + signal.SIGKILL)

    return arrange


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill the child's whole group, then collect it; what it started ends with it, even after it ended well."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=STOP_SECONDS_MAX)


def _plain_returncode(returncode: int) -> int:
    """Undo the shell's habit, which bubblewrap shares, of reporting signal 9 as status 137."""
    return SIGNAL_EXIT - returncode if returncode > SIGNAL_EXIT else returncode


def _reason(returncode: int) -> Reason:
    if returncode == 0:
        return "finished"
    return "killed" if returncode < 0 else "failed"


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - OUTPUT_TAIL_BYTES))
        return file.read().decode("utf-8", errors="replace").replace("\x00", "\ufffd")
