"""`python -m training_jobs.serving SOCKET --below FOLDER`: answer visitors who try a released model.

The site and this process talk over a Unix socket; the process needs no network, no database and no key. Run it under
an account that may read the released models and nothing else (docs/how-to/try-and-serve.md has the systemd unit).
"""

import argparse
import os
import resource
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

from training_jobs.trainer.child import prepare_process


def main(arguments: list[str]) -> int:
    """Listen, close the network, and only then import what loads models; end at SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m training_jobs.serving", description=__doc__.splitlines()[0])
    parser.add_argument("socket", type=Path, help="where to listen; an old socket there is replaced")
    parser.add_argument("--below", type=Path, required=True, help="the folder in which released models lie")
    parser.add_argument("--threads", type=int, default=0, help="of the processor; default: all")
    parser.add_argument("--memory-bytes", type=int, default=0, help="most private memory; default: no limit")
    parser.add_argument("--models", type=int, default=2, help="kept at once")
    parser.add_argument("--model-bytes", type=int, default=8_000_000_000, help="of weights, of the largest model")
    parser.add_argument("--seconds", type=float, default=60.0, help="for one answer, at most")
    options = parser.parse_args(arguments)
    if not options.below.is_dir():
        sys.stderr.write(f"{options.below} is no folder\n")
        return 2
    try:
        listening = _listen(options.socket)
    except OSError as error:
        sys.stderr.write(f"cannot listen at {options.socket}: {error.strerror or error}\n")
        return 2
    if options.memory_bytes:
        resource.setrlimit(resource.RLIMIT_DATA, (options.memory_bytes, options.memory_bytes))
    signal.signal(signal.SIGTERM, _end)
    prepare_process()

    import torch

    from training_jobs.serving.engine import Bounds, Engine
    from training_jobs.serving.server import Server

    if options.threads:
        torch.set_num_threads(options.threads)
    engine = Engine(Bounds(options.models, options.model_bytes, options.seconds))
    try:
        with Server(listening, engine, options.below) as server:
            sys.stdout.write(f"answering at {options.socket}\n")
            sys.stdout.flush()
            server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        return 0
    finally:
        options.socket.unlink(missing_ok=True)
    return 0


def _listen(path: Path) -> socket.socket:
    """Return a socket that only this account and its group may reach."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)
    try:
        listening.bind(str(path))
    finally:
        os.umask(before)
    listening.listen(64)
    return listening


def _end(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
