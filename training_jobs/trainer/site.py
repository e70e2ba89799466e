"""`python -m training_jobs.trainer.site RUN_DIR`: the workers of one site: of ddp, fsdp, pipeline, diloco.

Starts as many trainers as the topology says, on this machine. The first one is the run: its folder is RUN_DIR. Each
other one has RUN_DIR/workers/<rank>, with links to the same inputs and to the first one's checkpoints, so that all
resume at the same step; what it writes is thrown away. They meet over the loopback device and nothing else.

    SIGTERM         goes to the first worker; all end after the same step, and it leaves a checkpoint
    one fails       all end; what it said last becomes the last event of the run
    we are killed   the workers die too (PDEATHSIG)

Exit status: that of the first worker, or of the one that failed before it; signal n is 128 + n, as a shell says it.
A limit of memory is the kernel's, for each process, and they inherit it: W workers may take W times as much.
"""

import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads
from training_jobs.runner import SIGNAL_EXIT, die_with_parent
from training_jobs.spec import ON_ONE_SITE, SpecError, TrainingSpec, from_payload
from training_jobs.trainer.child import leave_after

SHARED = ("spec.json", "slice.json", "inputs", "checkpoints", "exchange")
SPEC_BYTES_MAX = 200_000
LOOK_SECONDS = 0.05
EVENT_BYTES_MAX = 64_000
# Who fails takes the others' connections with it: so long we wait for a better reason than a broken connection.
REASON_SECONDS = 5.0
TEMPORARY_EXIT, PERMANENT_EXIT, STOPPED_EXIT = 1, 3, 4
AS_ASKED = frozenset({None, 0, STOPPED_EXIT})  # not ended, ended well, or ended after a stop
# Requests of the manual page netdevice, numbers from linux/sockios.h, and one flag of an interface.
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
_REQUEST = "16sH14s"


def main(arguments: list[str]) -> int:
    """Be the launcher, or with a rank in the environment one of the workers."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m training_jobs.trainer.site RUN_DIR\n")
        return 2
    run_dir = Path(arguments[0]).resolve()
    if "LOCAL_RANK" in os.environ:
        _work(run_dir, int(os.environ["LOCAL_RANK"]))
    return Launcher(run_dir).run()


def _work(run_dir: Path, rank: int) -> NoReturn:
    from training_jobs.trainer import __main__ as trainer

    folder = run_dir if rank == 0 else run_dir / "workers" / str(rank)
    leave_after(lambda: trainer.main([str(folder)]))


class Launcher:
    """Starts the workers, passes SIGTERM on, and ends all when the first has ended or another one has failed."""

    def __init__(self, run_dir: Path) -> None:
        """Start nothing yet."""
        self.run_dir = run_dir
        self.workers: list[subprocess.Popen[bytes]] = []
        self.told_to_stop = False

    def run(self) -> int:
        """Run the site to its end; return the exit status."""
        signal.signal(signal.SIGTERM, self._on_sigterm)
        try:
            text = (self.run_dir / "spec.json").read_bytes()
            count = _processes(from_payload(strict_loads(text, max_bytes=SPEC_BYTES_MAX)))
        except (OSError, SpecError, CanonicalError) as error:
            self._say_failed(getattr(error, "code", "input_missing"), f"spec.json: {error}", permanent=True)
            return PERMANENT_EXIT
        problem = loopback_problem()
        if problem:
            self._say_failed("no_loopback", problem, permanent=False)
            return TEMPORARY_EXIT
        try:
            for rank in range(1, count):
                _lay_out(self.run_dir, self._folder(rank))
            self._start(count)
            return self._until_end()
        finally:
            for worker in self.workers:
                worker.kill()
                worker.wait()
            shutil.rmtree(self.run_dir / "workers", ignore_errors=True)

    def _start(self, count: int) -> None:
        environment = {
            **os.environ,
            "WORLD_SIZE": str(count),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(_free_port()),
            "GLOO_SOCKET_IFNAME": "lo",
            "NCCL_SOCKET_IFNAME": "lo",
        }
        # Workers that each take all cores for themselves are slower than one alone.
        environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count)))
        for rank in range(count):
            self.workers.append(
                subprocess.Popen(  # noqa: S603 - our own command line, no shell
                    [sys.executable, "-m", "training_jobs.trainer.site", str(self.run_dir)],
                    env={**environment, "RANK": str(rank), "LOCAL_RANK": str(rank)},
                    stdin=subprocess.DEVNULL,
                    preexec_fn=die_with_parent(),  # noqa: PLW1509 - system calls between fork and exec
                )
            )
        if self.told_to_stop:
            self.workers[0].terminate()

    def _until_end(self) -> int:
        """Wait until the first worker has ended, or another one has failed; return the status that counts."""
        while self.workers[0].poll() is None and all(worker.poll() in AS_ASKED for worker in self.workers):
            time.sleep(LOOK_SECONDS)
        if self.workers[0].poll() == 0:
            return 0
        until = time.monotonic() + REASON_SECONDS
        while time.monotonic() < until and any(worker.poll() is None for worker in self.workers):
            time.sleep(LOOK_SECONDS)
        rank, status = self._reason()
        if rank != 0:
            self._pass_on_last_words(rank)
        return status if status >= 0 else SIGNAL_EXIT - status

    def _reason(self) -> tuple[int, int]:
        """Return rank and status of the worker that all ended for.

        The first worker where it ended as it should; else one that was killed; else one that named its failure; else
        the first that ended with an error.
        """
        ended = [(rank, status) for rank, worker in enumerate(self.workers) if (status := worker.poll())]
        if ended[0] in {(0, PERMANENT_EXIT), (0, STOPPED_EXIT)}:
            return ended[0]
        killed = [(rank, status) for rank, status in ended if status < 0]
        named = [(rank, status) for rank, status in ended if self._last_failure(rank) is not None]
        return (killed + named + ended)[0]

    def _folder(self, rank: int) -> Path:
        return self.run_dir if rank == 0 else self.run_dir / "workers" / str(rank)

    def _last_failure(self, rank: int) -> dict[str, Any] | None:
        """Return the last event of a worker if it names a failure."""
        try:
            with (self._folder(rank) / "events.jsonl").open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - EVENT_BYTES_MAX))
                found = json.loads(file.read().splitlines()[-1])
        except (OSError, ValueError, IndexError):
            return None
        return found if isinstance(found, dict) and found.get("event") == "failed" else None

    def _pass_on_last_words(self, rank: int) -> None:
        """Make another worker's failure the run's last event; the first worker is ended before, and writes no more."""
        self.workers[0].kill()
        self.workers[0].wait()
        said = self._last_failure(rank)
        if said is not None:
            detail = f"worker {rank}: {said.get('detail')}"
            self._say_failed(str(said.get("code")), detail, permanent=said.get("permanent") is True)

    def _say_failed(self, code: str, detail: str, *, permanent: bool) -> None:
        sys.stderr.write(f"{code}: {detail}\n")
        event = {"event": "failed", "at": int(time.time()), "code": code, "detail": detail, "permanent": permanent}
        with (self.run_dir / "events.jsonl").open("ab") as file:
            file.write(canonical_bytes(event) + b"\n")

    def _on_sigterm(self, _number: int, _frame: FrameType | None) -> None:
        self.told_to_stop = True
        if self.workers:
            self.workers[0].terminate()


def loopback_problem() -> str:
    """Bring the loopback device up where it is down, as in a network namespace of its own; say what is in the way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            answer = fcntl.ioctl(asked, SIOCGIFFLAGS, struct.pack(_REQUEST, b"lo", 0, b""))
            _, flags, rest = struct.unpack(_REQUEST, answer)
            if flags & IFF_UP == 0:
                fcntl.ioctl(asked, SIOCSIFFLAGS, struct.pack(_REQUEST, b"lo", flags | IFF_UP, rest))
        except OSError as error:
            return f"the loopback device of this box is down and stays so ({error.strerror}); bubblewrap has it up"
    return ""


def _processes(spec: TrainingSpec) -> int:
    """Return how many workers this machine starts.

    Among sites, a machine with fewer graphics devices than stages makes as many stages as it has devices: the others
    see no difference, and a model that does not fit ends the attempt. Where there are none, the stages share the cores.
    """
    if spec.strategy in ON_ONE_SITE:
        return spec.workers
    devices = len(list(Path("/dev").glob("nvidia[0-9]*")))
    return min(spec.stages, devices or spec.stages)


def _free_port() -> int:
    """Return a port that nobody listens on now; one taken in between ends the attempt, and the next finds another."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _lay_out(run_dir: Path, folder: Path) -> None:
    """Prepare the folder of another worker; a link leads to what is there, or will be."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in SHARED:
        (folder / name).symlink_to(run_dir / name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
