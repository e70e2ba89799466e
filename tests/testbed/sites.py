"""Sites of one run on this machine: a real relay on loopback, real couriers, real trainers in processes of their own."""

import hashlib
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.trainer_runs import child, events_of, make_run
from training_jobs.exchange.book import Book
from training_jobs.exchange.courier import Courier
from training_jobs.exchange.relay import Relay
from training_jobs.exchange.rounds import Rules

PATIENCE_SECONDS = 240.0


class Site:
    """One member: a run folder, its courier, and its trainer once it is started."""

    def __init__(self, run_dir: Path, url: str, name: str, ticket: str) -> None:
        self.run_dir = run_dir
        self.name = name
        self._line = (run_dir, url, name, ticket)
        self.courier = Courier(*self._line)
        self.process: subprocess.Popen[bytes] | None = None

    def join(self) -> "Site":
        """Start a courier, or another one."""
        self.courier = Courier(*self._line)
        self.courier.join()
        self.courier.start()
        return self

    def start(self) -> "Site":
        self.process = child(self.run_dir)
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

    def __init__(self, folder: Path, base: Path, relay: Relay, tickets: dict[str, str], spec: dict[str, Any]) -> None:
        self.folder, self.base, self.relay, self.tickets, self.spec = folder, base, relay, tickets, spec
        self.url = f"http://127.0.0.1:{relay.server_address[1]}"
        self.sites: list[Site] = []

    def site(self, name: str) -> Site:
        """Lay out a site that has not joined yet."""
        run_dir = make_run(self.base, self.folder / name, **self.spec)
        self.sites.append(Site(run_dir, self.url, name, self.tickets[name]))
        return self.sites[-1]

    def closed(self, number: int) -> bytes | None:
        return self.relay.RequestHandlerClass.book.closed_round(number)

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
    names = "abcdefgh"
    tickets = {name: secrets.token_urlsafe(16) for name in names}
    hashed = {name: hashlib.sha256(ticket.encode()).hexdigest() for name, ticket in tickets.items()}
    workers = topology["workers"]
    settings = {"quorum": (workers + 1) // 2, "live_seconds": 30, "straggler_seconds": 30, "first_seconds": 120}
    book = Book(folder / "relay", Rules(workers=workers, **{**settings, **rules}))
    with Relay(("127.0.0.1", 0), book, hashed) as relay:
        thread = threading.Thread(target=lambda: relay.serve_forever(poll_interval=0.02))
        thread.start()
        made = Village(folder, base, relay, tickets, {**spec, "topology": topology})
        try:
            yield made
        finally:
            made.end()
            relay.shutdown()
            thread.join()


def wait_until(happens: Callable[[], object], what: str) -> None:
    """Look until something happens; the test fails when it does not."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not happens():
        assert time.monotonic() < until, f"never happened: {what}"
        time.sleep(0.005)
