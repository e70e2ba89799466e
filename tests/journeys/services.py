"""PostgreSQL and Redis of the tests' own: private instances on free loopback ports, in temporary folders, stopped by id."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS_MAX = 30


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def redis() -> Iterator[str]:
    """Run a Redis that keeps nothing on disk; yield its address."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _wait_for_port(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def postgresql(like: Path | None = None, leave: Path | None = None) -> Iterator[str]:
    """Run a PostgreSQL in a temporary folder; yield the address of its database, which is empty.

    Or begin with the files of another that was stopped, and leave its own in a folder at the end.
    """
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
    account = _account()
    folder = Path(tempfile.mkdtemp(prefix="commonweights-pg-", dir="/tmp"))
    port = free_port()
    server = ("-h", "127.0.0.1", "-p", str(port), "-U", "commonweights")
    try:
        if account:
            os.chown(folder, account.pw_uid, account.pw_gid)
        data = folder / "data"
        if like:
            subprocess.run(["cp", "-a", like, data], check=True)
        else:
            user = ("-U", "commonweights", "--auth=trust")
            _run(account, programs / "initdb", "-D", data, *user, "--no-sync", "-E", "UTF8")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        log = folder / "log"
        _run(account, programs / "pg_ctl", "-D", data, "-o", options, "-l", log, "-w", "start")
        try:
            if not like:
                _run(account, programs / "createdb", *server, "commons")
            yield f"postgresql://commonweights@127.0.0.1:{port}/commons"
        finally:
            _run(account, programs / "pg_ctl", "-D", data, "-m", "fast" if leave else "immediate", "-w", "stop")
        if leave:
            data.rename(leave)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _account() -> pwd.struct_passwd | None:
    """Return the account to run PostgreSQL as: it refuses to run as root."""
    return pwd.getpwnam("postgres") if os.geteuid() == 0 else None


def _run(account: pwd.struct_passwd | None, *command: object) -> None:
    finished = subprocess.run(
        [str(part) for part in command],
        check=False,
        stdout=subprocess.PIPE if "start" not in command else subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/tmp",
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
    )
    assert finished.returncode == 0, f"{command}: {finished.stdout}"


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"nothing answers on port {port}")
