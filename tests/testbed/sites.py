"""Sites of one run on this machine: a real relay on loopback, real couriers, real trainers in processes of their own."""

import hashlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.integration.site_runs import started
from tests.integration.trainer_runs import REPOSITORY, events_of, make_run
from tests.testbed import warm
from training_jobs.exchange import tickets
from training_jobs.exchange.courier import Courier
from training_jobs.exchange.relay import Relay
from training_jobs.exchange.rounds import Rules
from training_jobs.exchange.shelf import Shelf
from training_jobs.exchange.tickets import Ticket

import torch  # isort: skip - after trainer_runs, which settles how torch waits

PATIENCE_SECONDS = 240.0
SECRET = b"what the site and its relay share"
RUN = "c0ffee-1"
NAMES = "abcdefgh"  # of seats 0, 1, …


SLOW = """
import os, sys, time
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
from training_jobs.trainer import __main__ as trainer
from training_jobs.trainer.strategies.single import Single
usual = Single.step
def slow(*arguments):
    time.sleep(float(sys.argv[1]))
    return usual(*arguments)
Single.step = slow
sys.exit(trainer.main(sys.argv[2:]))
"""


def ticket_of(name: str, workers: int, fence: int = 1, run: str = RUN, seconds: int = 3_600) -> Ticket:
    """Return the ticket of a seat."""
    return Ticket(run, NAMES.index(name), fence, workers, int(time.time()) + seconds)


@contextmanager
def serving(folder: Path, rules: Rules, **options: Any) -> Iterator[Relay]:
    """Serve a relay for runs with these rules, whatever their number of seats."""
    shelf = Shelf(folder, lambda workers: replace(rules, workers=workers))
    with Relay(options.pop("address", ("127.0.0.1", 0)), shelf, SECRET, **options) as relay:
        thread = threading.Thread(target=lambda: relay.serve_forever(poll_interval=0.02))
        thread.start()
        try:
            yield relay
        finally:
            relay.shutdown()
            thread.join()


def url_of(relay: Relay, scheme: str = "http") -> str:
    """Return where it listens."""
    return f"{scheme}://127.0.0.1:{relay.server_address[1]}"


class Site:
    """One member: a run folder, its courier, and its trainer once it is started."""

    def __init__(self, run_dir: Path, url: str, ticket: Ticket) -> None:
        self.run_dir = run_dir
        self.member = ticket.member
        self._line = (run_dir, url, ticket.member, tickets.issue(ticket, SECRET))
        self.courier = Courier(*self._line)
        self.process: subprocess.Popen[bytes] | warm.Started | None = None

    def join(self) -> "Site":
        """Start a courier, or another one."""
        self.courier = Courier(*self._line)
        self.courier.join()
        self.courier.start()
        return self

    def start(self) -> "Site":
        self.process = started("training_jobs.trainer", self.run_dir, OMP_NUM_THREADS=str(torch.get_num_threads()))
        return self

    def start_slow(self, seconds: float) -> "Site":
        """Start the trainer on a machine that takes so much longer for each step."""
        command = [sys.executable, "-c", SLOW, str(seconds), str(self.run_dir)]
        self.process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.DEVNULL)
        return self

    def start_in_stages(self) -> "Site":
        """Start the trainer as several processes, as the topology says."""
        self.process = started("training_jobs.trainer.site", self.run_dir)
        return self

    def start_whole(self) -> "Site":
        """Start it as one process with as many threads as each of several would have."""
        self.process = started("training_jobs.trainer", self.run_dir)
        return self

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def ended(self) -> int:
        assert self.process is not None
        return self.process.wait(timeout=PATIENCE_SECONDS)

    def sent(self, number: int) -> bool:
        return (self.run_dir / "exchange" / "out" / f"{number:06d}.bin").exists()

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in events_of(self.run_dir) if event["event"] == kind]

    def refusals(self) -> list[str]:
        path = self.run_dir / "exchange" / "refusals.jsonl"
        return path.read_text().splitlines() if path.exists() else []

    def weights(self) -> str:
        return hashlib.sha256((self.run_dir / "artifact" / "model.safetensors").read_bytes()).hexdigest()


class Village:
    """All sites of one run and the relay between them."""

    def __init__(self, folder: Path, base: Path, relay: Relay, spec: dict[str, Any]) -> None:
        self.folder, self.base, self.relay, self.spec = folder, base, relay, spec
        self.url = url_of(relay)
        self.workers: int = spec["topology"]["workers"]
        self.sites: list[Site] = []

    def site(self, name: str, fence: int = 1) -> Site:
        """Lay out a site that has not joined yet; its name says which seat it takes."""
        run_dir = make_run(self.base, self.folder / f"{name}{fence}", **self.spec)
        self.sites.append(Site(run_dir, self.url, ticket_of(name, self.workers, fence)))
        return self.sites[-1]

    def closed(self, number: int) -> list[str] | None:
        """Return who is in a round, once it is closed."""
        path = self.folder / "relay" / RUN / "rounds" / f"{number:06d}" / "round.json"
        return [entry["member"] for entry in json.loads(path.read_bytes())["members"]] if path.exists() else None

    def end(self) -> None:
        for site in self.sites:
            if site.process is not None and site.process.poll() is None:
                site.kill()
            site.courier.stop()


@contextmanager
def village(
    folder: Path, base: Path, topology: dict[str, Any], rules: dict[str, Any], **spec: Any
) -> Iterator[Village]:
    """Serve a relay for a run of this topology; everything that was started is ended at the end."""
    workers = topology["workers"]
    settings = {"quorum": (workers + 1) // 2, "live_seconds": 30, "straggler_seconds": 30, "first_seconds": 120}
    with serving(folder / "relay", Rules(workers=workers, **{**settings, **rules})) as relay:
        made = Village(folder, base, relay, {**spec, "topology": topology})
        try:
            yield made
        finally:
            made.end()


def wait_until(happens: Callable[[], object], what: str) -> None:
    """Look until something happens; the test fails when it does not."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not happens():
        assert time.monotonic() < until, f"never happened: {what}"
        time.sleep(0.005)
