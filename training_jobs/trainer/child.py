"""What every child process does first, before torch is imported, and last: settle its surroundings, and end at once."""

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

# They keep libraries quiet, offline and deterministic. They are read at import, so they must be set before.
SETTINGS = {
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
}
# How often a thread of libgomp looks for more work before it goes to sleep. Sleeping at once (the policy, which other
# OpenMP libraries go by) makes a small model's step 1.6 times as long on an idle machine, looking for milliseconds (the
# default) twelve times as long on a busy one. This takes the gain and costs a busy machine half a step; where nothing
# else runs at the start, a longer look takes the rest, at up to three steps (`python -m benchmarks.waiting_threads`).
THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "4000"}
SPINS_WHEN_IDLE = "20000"
NETWORK_EVENTS = frozenset({"socket.connect", "socket.getaddrinfo", "socket.bind", "socket.sendto"})


class NetworkRefusedError(RuntimeError):
    """Something in a child process tried to use the network."""


def prepare_process() -> None:
    """Set the environment and refuse the network from Python code.

    The refusal stops accidents, not attacks: native code does not pass by it. What keeps an attacker in is the network
    namespace that `training_jobs.runner` puts around the process, and records.
    """
    os.environ.update(SETTINGS)
    for name, value in THREADS.items():  # what is set already is somebody's choice for this machine
        os.environ.setdefault(name, SPINS_WHEN_IDLE if name == "GOMP_SPINCOUNT" and _is_idle() else value)
    sys.addaudithook(_refuse_network)


def _is_idle() -> bool:
    """Say whether less than half of the processors have something to do beside this process."""
    try:
        at_work = int(Path("/proc/loadavg").read_text().split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        return False
    return at_work - 1 < (os.cpu_count() or 1) / 2


def leave_after(work: Callable[[], int]) -> NoReturn:
    """Do the work of this process, and end with the status that it returns, or with 1 and a traceback.

    The interpreter is not taken apart: threads of gloo may still let go of tensors, and where they do it meanwhile, the
    process is aborted (SIGABRT), and a job that is done looks like one that was killed.
    """
    try:
        status = work()
    except BaseException:  # noqa: BLE001 - the interpreter would do the same, and then come apart
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _refuse_network(event: str, _arguments: tuple[object, ...]) -> None:
    if event in NETWORK_EVENTS:
        raise NetworkRefusedError(event)
