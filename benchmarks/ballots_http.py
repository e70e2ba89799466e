"""How many signed ballots a site accepts over HTTP, each on disk before it is answered, and how long a voter waits.

    python -m benchmarks.ballots_http [--ballots 10000] [--rounds 3] [--database URL] [--check]

Starts a private site on a fresh database, one process of 32 threads, and for each round one open
proposal. The census has as many members as the list of a community may hold (10,000); every ballot is signed beforehand
by its voter's own key, and whoever votes again signs the next nonce. The client, a process of its own, keeps
connections open and shares the cores with the site. A round posts the ballots as fast as they are answered, then some
at 200 a second, where waiting is counted from the moment at which a ballot was due. Then the whole server is killed
(SIGKILL) at full speed, and every ballot that was answered with 201 must be in the database; that shows that nothing is
answered before its transaction has ended, while `synchronous=FULL` is what makes the end of a transaction reach the
disk. Prints a Markdown table; `--check` exits with 1 below what is promised.
"""

import argparse
import asyncio
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path
from typing import Any

from benchmarks import _site as site
from governance import eip712

ROOT = Path(__file__).resolve().parents[1]
MEMBERS_MAX = 10_000
PACE_PER_SECOND = 200
PACED_SECONDS = 10
PROMISED_PER_SECOND = 500
PROMISED_P99_SECONDS = 0.150
START_SECONDS_MAX = 60
CREATED = 201
REASONS = ("", "", "Because of the drought.", "Je m’en remets aux riverains.")


@dataclass(frozen=True)
class Answer:
    """What became of one ballot: when it was due, when it was answered (seconds), and how (0: not at all)."""

    due: float
    answered: float
    status: int


# --- the client ---------------------------------------------------------------------------------------------------


class Connection(asyncio.Protocol):
    """One connection that is kept open, with one request at a time."""

    def __init__(self) -> None:
        """Begin without a request."""
        self._transport: Any = None
        self._received = b""
        self._answer: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer when the whole response is there."""
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or self._answer is None:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            self._received = b""
            self._answer.set_result(int(head[9:12]))

    def connection_lost(self, _error: Exception | None) -> None:
        """Say that there will be no answer."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(0)

    async def post(self, request: bytes) -> int:
        """Send a request and return the status of its answer; 0 when the server is gone."""
        if self._transport.is_closing():
            return 0
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer


async def fire(port: int, requests: Sequence[bytes], connections: int, per_second: float | None) -> list[Answer]:
    """Post every request, at full speed or each at its time, over so many connections; stop when the server is gone."""
    loop = asyncio.get_running_loop()
    opened = [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(connections)]
    answers: list[Answer] = []
    waiting = iter(enumerate(requests))
    start = time.perf_counter()

    async def send(connection: Connection) -> None:
        for number, request in waiting:
            due = time.perf_counter()
            if per_second:
                due = start + number / per_second
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
            status = await connection.post(request)
            answers.append(Answer(due, time.perf_counter(), status))
            if status == 0:
                return

    await asyncio.gather(*(send(connection) for connection in opened))
    return answers


def client(port: int, file: str, connections: int, per_second: float) -> None:
    """Post the requests of a file, one on each line, and print what became of them."""
    requests = [_request(port, line) for line in Path(file).read_bytes().splitlines()]
    answers = asyncio.run(fire(port, requests, connections, per_second or None))
    json.dump([[answer.due, answer.answered, answer.status] for answer in answers], sys.stdout)


def _request(port: int, body: bytes) -> bytes:
    head = (
        f"POST /api/v1/ballots HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Accept: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


# --- the site -----------------------------------------------------------------------------------------------------


@contextmanager
def server(environment: dict[str, str], port: int, options: argparse.Namespace, log: Path) -> Iterator[int]:
    """Run the web server as an operator would; yield its process group, which ends with it."""
    command = [sys.executable, "-m", "config.web", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", str(options.workers), "--threads", str(options.threads)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            _wait_for(port, log)
            yield process.pid
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(30)


def _wait_for(port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/kinds", timeout=5).read()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"the site does not answer: {log.read_text(errors='replace')[-2000:]}")


def post(folder: str, port: int, bodies: Sequence[bytes], connections: int, per_second: float = 0) -> list[Answer]:
    """Post ballots from a process of its own; return what became of each, in the order of the answers."""
    with start_posting(folder, port, bodies, connections, per_second) as process:
        printed, _ = process.communicate()
    return [Answer(*found) for found in json.loads(printed)]


def start_posting(
    folder: str, port: int, bodies: Sequence[bytes], connections: int, per_second: float = 0
) -> "subprocess.Popen[bytes]":
    """Start the client on these ballots."""
    file = Path(folder) / "requests.jsonl"
    file.write_bytes(b"\n".join(bodies))
    command = [sys.executable, "-m", "benchmarks.ballots_http", "--client", str(port), str(file)]
    command += [str(connections), str(per_second)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)


# --- ballots ------------------------------------------------------------------------------------------------------


def sign_some(task: tuple[str, str, int, int, int]) -> list[bytes]:
    """Return the signed ballots of some members as request bodies; runs in a process of its own."""
    origin, proposal, nonce, start, end = task
    bodies = []
    for number in range(start, end):
        said = {
            "proposal": proposal,
            "voter": site.address(number),
            "choice": (1, 1, 0, 1, 2)[(number + nonce) % 5],
            "reason": REASONS[number % len(REASONS)],
            "nonce": nonce,
        }
        digest = eip712.ballot_digest(
            chain_id=site.CHAIN_ID, token=site.TOKEN, instance=origin, community=site.SLUG, **said
        )
        raw = site.key(number).sign_recoverable(digest, hasher=None)
        bodies.append(json.dumps({**said, "signature": f"0x{raw[:64].hex()}{raw[64] + 27:02x}"}).encode())
    return bodies


def sign(pool: Any, origin: str, proposal: str, members: int, nonce: int, count: int) -> list[bytes]:  # noqa: ANN401
    """Return `count` ballots with rising nonces, on all cores."""
    bodies: list[bytes] = []
    while len(bodies) < count:
        most = min(members, count - len(bodies))
        tasks = [(origin, proposal, nonce, at, min(at + 500, most + 1)) for at in range(1, most + 1, 500)]
        bodies += [body for some in pool.map(sign_some, tasks) for body in some]
        nonce += 1
    return bodies


# --- measuring ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Round:
    """One round: ballots per second, seconds that voters waited, and the rate at the beginning and at the end."""

    per_second: float
    full_p50: float
    full_p99: float
    first_per_second: float
    last_per_second: float
    paced_p50: float
    paced_p99: float
    processor_seconds: float


def processor_seconds(master: int) -> float:
    """Return the processor time that the server's workers have taken, in user and system mode together."""
    workers = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in workers]
    return sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")


def measure(folder: str, port: int, group: int, bodies: list[bytes], paced: list[bytes], connections: int) -> Round:
    """Post ballots at full speed, then at the pace."""
    before = processor_seconds(group)
    full = post(folder, port, bodies, connections)
    worked = processor_seconds(group) - before
    _require_accepted(full)
    slow = post(folder, port, paced, connections, PACE_PER_SECOND)
    _require_accepted(slow)
    full.sort(key=lambda answer: answer.answered)
    part = min(1_000, len(full) // 3)
    waited = sorted(answer.answered - answer.due for answer in full)
    waited_slow = sorted(answer.answered - answer.due for answer in slow)
    return Round(
        len(full) / (full[-1].answered - min(answer.due for answer in full)),
        waited[len(waited) // 2],
        waited[len(waited) * 99 // 100],
        part / (full[part - 1].answered - full[0].due),
        part / (full[-1].answered - full[-part - 1].answered),
        waited_slow[len(waited_slow) // 2],
        waited_slow[len(waited_slow) * 99 // 100],
        worked / len(full),
    )


def _require_accepted(answers: Sequence[Answer]) -> None:
    statuses = Counter(answer.status for answer in answers)
    if set(statuses) != {CREATED}:
        raise ValueError(f"not every ballot was accepted: {dict(statuses)}")


def kill_in_flight(folder: str, port: int, group: int, bodies: list[bytes], connections: int) -> tuple[int, int]:
    """Kill the server at full speed; return how many ballots it had answered, and how many of them are lost."""
    from django.db import connection

    from governance.models import Ballot

    before = Ballot.objects.count()
    connection.close()
    with start_posting(folder, port, bodies, connections) as process:
        while Ballot.objects.count() < before + len(bodies) // 4:
            connection.close()
            time.sleep(0.02)
        os.killpg(group, signal.SIGKILL)
        printed, _ = process.communicate()
    answered = sum(status == CREATED for _, _, status in json.loads(printed))
    stored = Ballot.objects.count() - before
    return answered, max(0, answered - stored)


def group_sizes(log: Path) -> Counter[int]:
    """Return how many groups of each size were committed, from the log of the server."""
    lines = log.read_text(errors="replace").splitlines()
    return Counter(int(line.rpartition(" ")[2]) for line in lines if "committed together:" in line)


def run(options: argparse.Namespace) -> tuple[list[Round], tuple[int, int], Counter[int]]:
    """Measure on one database; it is the only one that this process can have."""
    with tempfile.TemporaryDirectory(prefix="commonweights-bench-") as folder, Pool() as pool:
        port = site.free_port()
        origin = f"http://127.0.0.1:{port}"
        environment = site.set_up(folder, origin, options.database)
        members = min(options.ballots, MEMBERS_MAX)
        community = site.found_community(site.listed(pool.map(site.address, range(1, members + 1), 500)))
        log = Path(folder) / "web.log"
        rounds = []
        with server(environment, port, options, log) as group:
            for _ in range(options.rounds):
                proposal = site.open_proposal(community, site.address(1)).public_id
                bodies = sign(pool, origin, proposal, members, 1, options.ballots)
                nonce = -(-options.ballots // members) + 1
                paced = sign(pool, origin, proposal, members, nonce, PACE_PER_SECOND * PACED_SECONDS)
                post(folder, port, sign(pool, origin, proposal, 1, 10**6, 20), 1)  # the first requests load modules
                rounds.append(measure(folder, port, group, bodies[1:], paced[1:], options.connections))
        proposal = site.open_proposal(community, site.address(1)).public_id
        bodies = sign(pool, origin, proposal, members, 1, options.ballots)
        with server({**environment, "COMMONWEIGHTS_LOG_LEVEL": "DEBUG"}, port, options, log) as group:
            killed = kill_in_flight(folder, port, group, bodies, options.connections)
        return rounds, killed, group_sizes(log)


def main() -> int:
    """Measure and print; with --check, return 1 below what is promised."""
    if sys.argv[1:2] == ["--client"]:
        port, file, connections, per_second = sys.argv[2:]
        client(int(port), file, int(connections), float(per_second))
        return 0
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ballots", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=32)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--database", default="", help="an empty PostgreSQL database instead of SQLite: postgresql://…")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    rounds, (answered, lost), groups = run(options)
    name = "PostgreSQL" if options.database else "SQLite, WAL, synchronous=FULL"
    print(f"{name}; {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; ", end="")
    print(f"{options.workers} worker(s), {options.threads} threads, {options.connections} connections\n")
    print("| round | ballots/s | p50 | p99 | first 1,000 | last 1,000 | p50 at 200/s | p99 at 200/s | server CPU |")
    print("|---|---|---|---|---|---|---|---|---|")
    for number, found in enumerate(rounds, start=1):
        print(
            f"| {number} | {found.per_second:,.0f} | {found.full_p50 * 1e3:.0f} ms | {found.full_p99 * 1e3:.0f} ms "
            f"| {found.first_per_second:,.0f}/s | {found.last_per_second:,.0f}/s "
            f"| {found.paced_p50 * 1e3:.1f} ms | {found.paced_p99 * 1e3:.1f} ms "
            f"| {found.processor_seconds * 1e3:.2f} ms |"
        )
    best, median = max(r.per_second for r in rounds), statistics.median(r.per_second for r in rounds)
    print(f"\nbest {best:,.0f}/s, median {median:,.0f}/s; killed at full speed: {answered} answered, {lost} lost")
    ballots = sum(size * count for size, count in groups.items())
    if groups:
        print(f"groups: {groups.total()} for {ballots} ballots, {ballots / groups.total():.1f} on average, ", end="")
        print(f"the largest {max(groups)}")
    slow = median < PROMISED_PER_SECOND or min(r.paced_p99 for r in rounds) > PROMISED_P99_SECONDS
    return 1 if lost or (options.check and slow) else 0


if __name__ == "__main__":
    sys.exit(main())
