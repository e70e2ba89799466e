"""Starts, watches and stops a child process. Callbacks only: it knows no database, no Django and no training.

The child gets its own session, an environment without the parent's secrets, and the tightest box that this machine
offers: bubblewrap (no network, and nothing of the file system but the interpreter, the code and its own folder), else a
network namespace alone, else nothing. Which one it was is returned, and stands in the run's record: what was not closed
is said. Limits of memory, file size, processor time and processes are set by the kernel (getrlimit(2)); the size of its
folder is watched. It dies with the thread that watches it (PDEATHSIG), and when the watcher itself hangs, a guard
process kills it at `alive_until`.

Not protected:

- Memory is bounded for each process, by RLIMIT_DATA: private writable memory. (RLIMIT_AS would also count addresses
  that a GPU's driver reserves and never uses.) Several processes may together take more. A control group would bound
  them together: put the worker into one (systemd's MemoryMax); its kills are noticed here and called out of memory.
- The kernel does not apply the limit of processes to root. Run workers as an account of their own.
- The folder's size is looked at every few seconds: a child may write more than its quota in between, not more than the
  limit of one file at once.
- There is no filter of system calls (seccomp): no well-kept library makes one, and a list of our own would be wrong at
  the next version of torch. A hole in the kernel is not closed by this box.
- A GPU's device files are passed into the box, and with them its driver, which is shared with every process there.
- Without bubblewrap the child reads whatever the worker's account can read.
"""

import ctypes
import functools
import json
import os
import resource
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
from training_jobs import oom
from training_jobs.guard import Guard
from training_jobs.trainer.child import THREADS

REPOSITORY = Path(__file__).resolve().parents[1]
# What of the repository a child may read: not the database, not the keys, not the settings.
CODE_FOLDERS = ("governance", "training_jobs", "models_registry/datasets", "models_registry/scorers")
SYSTEM_FOLDERS = ("/usr", "/bin", "/lib", "/lib64", "/etc/alternatives", "/etc/ld.so.cache", "/sys/devices/system/cpu")
LOOK_SECONDS = 0.1
SCRATCH_LOOK_SECONDS = 2.0
OUTPUT_TAIL_BYTES = 8_000
EVENT_BYTES_MAX = 64_000
KILL_SECONDS_MAX = 10
PROBE_SECONDS_MAX = 10
PR_SET_PDEATHSIG = 1
SIGNAL_EXIT = 128
DISK_FULL_BYTES = 100_000
GIGABYTE = 1_000_000_000

Isolation = Literal["bubblewrap", "network-namespace", "none"]
# What ends a child by our hand: first what leaves it time for a checkpoint, then what does not.
GENTLE = frozenset({"cancel", "pause", "leave", "wall_limit", "shut_out"})
AT_ONCE = frozenset({"stale", "lost_contact", "no_progress", "scratch_full"})


@dataclass(frozen=True)
class Limits:
    """What a child may take. None: not limited. `stop_seconds` is what it has to leave a checkpoint when asked to end.

    `no_progress_seconds` is for the supervisor, which knows what progress is.
    """

    memory_bytes: int | None = None
    scratch_bytes: int | None = 200 * GIGABYTE
    processes: int | None = 4_096
    no_progress_seconds: int = 1_800
    stop_seconds: float = 10
    niceness: int = 5
    watts: int = 0  # declared power of this machine's devices at work, for what no meter covers; 0: none


@dataclass(frozen=True)
class ChildResult:
    """How a child ended.

    `reason`: finished (status 0), failed (another status), killed (by a signal that we did not send), or the one of
    GENTLE and AT_ONCE that we ended it for. `returncode` is negative for a signal, as in `subprocess`. `oom_killed`:
    the child was killed, and the kernel has meanwhile killed a process of this control group for want of memory.
    `disk_full`: nothing more could be written where the folder is when the child had ended.
    """

    returncode: int
    reason: str
    stderr_tail: str
    isolation: Isolation
    oom_killed: bool = False
    disk_full: bool = False


def run_child(
    argv: Sequence[str],
    run_dir: Path,
    *,
    environment: Mapping[str, str],
    on_event: Callable[[dict[str, Any]], None],
    on_tick: Callable[[], str],
    tick_seconds: float,
    wall_seconds: float,
    limits: Limits | None = None,
    alive_until: Callable[[], float] | None = None,
) -> ChildResult:
    """Run `argv` to its end, or to the end that `on_tick`, a limit or a clock sets.

    1. Start the child in its box. 2. Pass on each new line of RUN_DIR/events.jsonl to `on_event`. 3. Ask `on_tick`
    every `tick_seconds`: all answers but "continue" end the child. 4. So does the wall clock, 5. a folder that grows
    too big, and 6. `alive_until`, a moment of `clock()` that moves on as long as the child may live; the guard knows
    it too. 7. Who may leave a checkpoint gets SIGTERM and time. 8. Kill whatever it left behind; say how it ended.

    Only events written from now on are passed on. The child's own output goes to RUN_DIR/output.log; a callback that
    raises ends the child too. Inputs must be real files: links out of RUN_DIR lead nowhere in the box.
    """
    run_dir = run_dir.resolve()
    limits = limits or Limits()
    isolation = available_isolation()
    events = EventTail(run_dir / "events.jsonl")
    output = run_dir / "output.log"
    kills = oom.kills()
    with output.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - 1: our own command line, no shell
            [*_box(isolation, run_dir), *argv],
            cwd="/" if isolation == "bubblewrap" else run_dir,
            env=clean_environment(run_dir, environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_arrangements(limits, wall_seconds),  # noqa: PLW1509 - system calls between fork and exec
        )
    watch = _Watch(process, isolation, run_dir, events, on_event, on_tick, tick_seconds, limits)
    stopped: str | None = None
    try:
        with Guard(process.pid, alive_until) as guard:
            watch.guard = guard
            stopped = watch.until_end(clock() + wall_seconds)
        if stopped is None and guard.has_killed:
            stopped = "lost_contact"
    finally:
        _kill_group(process)  # 8
    events.pass_on(on_event)
    returncode = _plain_returncode(process.returncode)
    oom_killed = returncode == -signal.SIGKILL and stopped is None and oom.kills() > kills
    disk = os.statvfs(run_dir)
    disk_full = disk.f_bavail * disk.f_frsize < DISK_FULL_BYTES
    return ChildResult(returncode, stopped or _reason(returncode), _tail(output), isolation, oom_killed, disk_full)


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


class _Watch:
    """Looks at one child until it ends."""

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        isolation: Isolation,
        run_dir: Path,
        events: EventTail,
        on_event: Callable[[dict[str, Any]], None],
        on_tick: Callable[[], str],
        tick_seconds: float,
        limits: Limits,
    ) -> None:
        self.process = process
        self.isolation = isolation
        self.run_dir = run_dir
        self.events = events
        self.on_event = on_event
        self.on_tick = on_tick
        self.tick_seconds = tick_seconds
        self.limits = limits
        self.guard: Guard | None = None
        self.next_tick = clock() + tick_seconds
        self.next_scratch = clock()

    def until_end(self, deadline: float) -> str | None:
        """Look until the child ends by itself (None), or is ended and why: it is gone, or has to be killed."""
        while not _has_ended(self.process.pid):
            time.sleep(LOOK_SECONDS)
            why = self._look(deadline)
            if why in GENTLE:
                return self._ask_to_end(why)  # 7
            if why != "continue":
                return why
        return None

    def _look(self, deadline: float) -> str:
        """Do what is due; return "continue" or why the child has to end."""
        self.events.pass_on(self.on_event)  # 2
        now = clock()
        if self.guard is not None and self.guard.is_over(now):  # 6
            return "lost_contact"
        if now >= self.next_tick:  # 3
            self.next_tick = now + self.tick_seconds
            answer = self.on_tick()
            if answer != "continue":
                return answer
        if now >= deadline:  # 4
            return "wall_limit"
        if self.limits.scratch_bytes is not None and now >= self.next_scratch:  # 5
            self.next_scratch = now + SCRATCH_LOOK_SECONDS
            if folder_bytes(self.run_dir) > self.limits.scratch_bytes:
                return "scratch_full"
        return "continue"

    def _ask_to_end(self, why: str) -> str:
        """Send SIGTERM, and look on as before until the child ends or its time for that is over."""
        _terminate(self.process.pid, self.isolation)
        until = clock() + self.limits.stop_seconds
        while not _has_ended(self.process.pid) and clock() < until:
            time.sleep(LOOK_SECONDS)
            # A wish repeated is no news; the loss of the lease is, and a cancel counts for more than a pause.
            news = self._look(float("inf"))
            if news in AT_ONCE:
                return news
            if news == "cancel":
                why = news
        return why


def clock() -> float:
    """Return seconds of a clock that nobody sets and that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def folder_bytes(folder: Path) -> int:
    """Return what the files of a folder take on disk; what disappears meanwhile counts as nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_blocks * 512  # noqa: PTH118 - thousands of files
            except OSError:
                continue
    return total


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
        for device in sorted(Path("/dev").glob("nvidia*")):
            box += ["--dev-bind-try", str(device), str(device)]
        # The child writes beside its inputs, never over them.
        for name in ("inputs", "spec.json", "evaluation.json", "preview.json", "trial-of.json", "incident.json"):
            box += ["--ro-bind-try", str(run_dir / name), str(run_dir / name)]
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
        "HF_HUB_OFFLINE": "1",
        **{name: os.environ[name] for name in THREADS if name in os.environ},
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


def _arrangements(limits: Limits, wall_seconds: float) -> Callable[[], None]:
    """Return what the child does before it becomes the command: die with its parent, and stay within its limits."""
    dying = die_with_parent()
    # All cores for the whole time is the most it can use; the wall clock comes first unless that is got round.
    wanted = {
        resource.RLIMIT_CPU: int(wall_seconds) * (os.cpu_count() or 1) + 60,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_DATA: limits.memory_bytes,
        resource.RLIMIT_FSIZE: limits.scratch_bytes,
        resource.RLIMIT_NPROC: limits.processes,
    }
    settable = []
    for kind, value in wanted.items():
        _, most = resource.getrlimit(kind)
        if value is not None:
            value = value if most == resource.RLIM_INFINITY else min(value, most)  # noqa: PLW2901
            settable.append((kind, (value, value)))

    def arrange() -> None:
        dying()
        for kind, value in settable:
            resource.setrlimit(kind, value)
        os.nice(limits.niceness)

    return arrange


def _terminate(pid: int, isolation: Isolation) -> None:
    """Send SIGTERM to the child itself: bubblewrap would die of it, and take the child with it unasked.

    In bubblewrap the child is the first process below the box's own init; elsewhere it is the process we started.
    """
    if isolation == "bubblewrap":
        for inner in _children(pid):
            for innermost in _children(inner):
                _signal(innermost)
    else:
        _signal(pid)


def _children(pid: int) -> list[int]:
    """Return the children of a process, oldest first (proc(5)); none when it is gone."""
    try:
        return [int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _signal(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill the child's whole group, then collect it; what it started ends with it, even after it ended well."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=KILL_SECONDS_MAX)


def _plain_returncode(returncode: int) -> int:
    """Undo the shell's habit, which bubblewrap shares, of reporting signal 9 as status 137."""
    return SIGNAL_EXIT - returncode if returncode > SIGNAL_EXIT else returncode


def _reason(returncode: int) -> str:
    if returncode == 0:
        return "finished"
    return "killed" if returncode < 0 else "failed"


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - OUTPUT_TAIL_BYTES))
        return file.read().decode("utf-8", errors="replace").replace("\x00", "\ufffd")
