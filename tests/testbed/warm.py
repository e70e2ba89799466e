"""Trainers that start at once: copies of one process that has imported what every trainer imports.

A trainer of a tiny model spends ten times as long on importing torch and transformers as on its work. From there on it
is here what it is elsewhere: a process with an environment, signals and an end of its own, and the workers of a site are
the children of the one that started them. That the command line itself does as much is for test_lowcomm_ddp.py and the
tests of `supervise`; what a site's launcher takes for `subprocess` is all that differs.
"""

import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import forkserver
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

from training_jobs.trainer import site
from training_jobs.trainer.child import SETTINGS, THREADS, leave_after

REPOSITORY = Path(__file__).resolve().parents[2]
IMPORTED = [
    "tests.testbed.warm",
    "training_jobs.trainer.job",
    "transformers.models.llama.modeling_llama",
    "torch._dynamo",
    "torch.distributed.fsdp",
    "torch.distributed.pipelining",
    "peft",
]
# Read by libraries while they are imported; `leave_after` and the trainer set them again in each copy.
SURROUNDINGS = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", **SETTINGS, **THREADS}


class Started:
    """A started copy, with what the tests need of `subprocess.Popen`."""

    def __init__(self, process: Any) -> None:
        self._process = process
        self.pid: int = process.pid
        self.kill: Callable[[], None] = process.kill
        self.terminate: Callable[[], None] = process.terminate

    def poll(self) -> int | None:
        return self._process.exitcode  # type: ignore[no-any-return]

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return status


def start(module: str, *arguments: object, **environment: str) -> Started:
    """Start `python -m MODULE ARGUMENTS` in an environment that has nothing but these variables and `SURROUNDINGS`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    before = dict(os.environ)
    _set_environment({**SURROUNDINGS, "PYTHONPATH": str(REPOSITORY)})
    try:
        forkserver.ensure_running()
    finally:
        _set_environment(before)
    words = [str(argument) for argument in arguments]
    process = context.Process(target=_be, args=(module, words, {**SURROUNDINGS, **environment}), name=module)
    process.start()
    return Started(process)


def _set_environment(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)


def _be(module: str, arguments: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Be that program, to the end of this process."""
    import torch

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    _set_environment(environment)
    torch.set_num_threads(int(environment["OMP_NUM_THREADS"]))
    site.subprocess = SimpleNamespace(Popen=Worker, DEVNULL=subprocess.DEVNULL)
    program = importlib.import_module("training_jobs.trainer.__main__" if module == "training_jobs.trainer" else module)
    leave_after(lambda: program.main(list(arguments)))


class Worker:
    """A worker of a site: a copy of its launcher in place of a new Python; has of `Popen` what the launcher uses."""

    def __init__(
        self, command: Sequence[str], *, env: Mapping[str, str], stdin: int, preexec_fn: Callable[[], None]
    ) -> None:
        assert list(command[:2]) == [sys.executable, "-m"]
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            preexec_fn()
            _be(command[2], command[3:], env)

    def poll(self, options: int = os.WNOHANG) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self) -> int | None:
        return self.poll(0)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def _send(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)
