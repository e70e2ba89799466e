"""How long the server works for the page of a proposal with 100,000 ballots, and how many queries it asks.

    python -m benchmarks.proposal_page [--ballots 100000] [--check]

Makes a private site with a census of as many members, each with a power of their own, and lets all of them vote through
the service that accepts ballots: records, log and all. Only the signatures are made up, because no page looks at them.
Each page is requested 20 times after 3 to warm up, with the whole of Django around it and no network; the count of an
open vote with many ballots was kept by the sweeper before. Prints a Markdown table; `--check` exits with 1 when a page
takes more than is promised, or asks more queries with many ballots than with ten.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sha3 import keccak_256

from benchmarks import _site as site
from governance.eip712 import checksum_address
from governance.power import SOURCES, Candidates, Snapshot

ORIGIN = "http://127.0.0.1:8000"
FEW = 10
AT_ONCE = 256
WARM_UP = 3
ROUNDS = 20
PROMISED_SECONDS = 0.100
CHOICES = {
    "governor": lambda number: (1, 1, 0, 1, 2)[number % 5],
    "ranked-choice": lambda number: [(number + step * (1 + number % 4)) % 5 + 1 for step in range(5)],
}


def address(number: int) -> str:
    """Return the address of a member; nobody has its key."""
    return checksum_address(f"0x{keccak_256(str(number).encode()).hexdigest()[:40]}")


class Crowd:
    """A source of power like any other: as many members as the parameter says, the first with the least power."""

    name = "crowd"
    version = "1"
    label = "Crowd"
    description = "Members for measuring."

    def __init__(self, _chain: object = None) -> None:
        """Need no chain."""
        self._powers: dict[str, int] = {}

    def snapshot(self, parameters: Mapping[str, Any]) -> Snapshot:
        """Pin the number of members."""
        return Snapshot(0, "0x" + "00" * 32, sum(self._listed(parameters).values()), dict(parameters))

    def candidates(self, snapshot: Snapshot, start: int = 0) -> Candidates:
        """Return everybody, some thousands at a time."""
        found = sorted(self._listed(snapshot.parameters))[start : start + 5_000]
        return Candidates(tuple(found), start + 5_000 if len(found) == 5_000 else None)  # noqa: PLR2004 - as above

    def power_of(self, voter: str, snapshot: Snapshot) -> int:
        """Return one power."""
        return self._listed(snapshot.parameters).get(voter, 0)

    def powers_of(self, voters: Iterable[str], snapshot: Snapshot) -> dict[str, int]:
        """Return several."""
        return {voter: self.power_of(voter, snapshot) for voter in voters}

    def confirm(self, snapshot: Snapshot) -> None:
        """Say that nothing has changed."""

    def _listed(self, parameters: Mapping[str, Any]) -> dict[str, int]:
        if not self._powers:
            self._powers = {address(number): number + 1 for number in range(parameters["members"])}
        return self._powers


@dataclass(frozen=True)
class Page:
    """What one page cost: seconds of each request, and how many queries it asked."""

    seconds: list[float]
    queries: int


def look(path: str) -> Page:
    """Request a page again and again."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(headers={"host": "127.0.0.1:8000"})
    seconds = []
    for _ in range(WARM_UP + ROUNDS):
        start = time.perf_counter()
        status = client.get(path).status_code
        seconds.append(time.perf_counter() - start)
        if status != 200:  # noqa: PLR2004 - a page
            raise ValueError(f"{path}: {status}")
    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    return Page(seconds[WARM_UP:], len(queries))


def vote(proposal: Any, numbers: range, method: str) -> float:  # noqa: ANN401 - a model
    """Accept the ballots of these members; return the seconds per ballot."""
    from governance import clock
    from governance.services.ballots import BallotRequest, _commit, _Signed

    now = clock.now()
    start = time.perf_counter()
    for first in range(numbers.start, numbers.stop, AT_ONCE):
        group = [
            _Signed(
                BallotRequest(
                    proposal.public_id, address(number), CHOICES[method](number), "Because.", 1, f"0x{number:0130x}"
                ),
                now,
            )
            for number in range(first, min(first + AT_ONCE, numbers.stop))
        ]
        refused = [answer for answer in _commit(group) if isinstance(answer, Exception)]
        if refused:
            raise refused[0]
    return (time.perf_counter() - start) / len(numbers)


def measure(community: Any, method: str, ballots: int) -> Iterator[tuple[str, Page, str]]:  # noqa: ANN401 - a model
    """Yield what was looked at, what it cost, and a remark."""
    from governance import clock, selectors, services
    from governance.log import publish_checkpoint
    from governance.models import Ballot, Proposal

    proposal = site.open_proposal(community, address(ballots - 1), method)
    page = f"/c/{site.SLUG}/proposals/{proposal.number}/"
    vote(proposal, range(FEW), method)
    yield f"{method}, open, {FEW} ballots", look(page), ""
    early = vote(proposal, range(FEW, 1_000), method)
    middle = vote(proposal, range(1_000, ballots - 1_000), method)
    late = vote(proposal, range(ballots - 1_000, ballots), method)
    start = time.perf_counter()
    services.refresh_standing(Proposal.objects.get(pk=proposal.pk), clock.now())
    counted = time.perf_counter() - start
    cost = f"accepted in groups of {AT_ONCE}: {early * 1e6:.0f} µs each up to 1,000, {middle * 1e6:.0f} on average, "
    cost += f"{late * 1e6:.0f} the last 1,000; counted by the sweeper in {counted:.1f} s"
    yield f"{method}, open, {ballots:,} ballots", look(page), cost
    start = time.perf_counter()
    services.close_voting(proposal.pk, proposal.closes_at)
    closed = time.perf_counter() - start
    publish_checkpoint(community.pk, clock.now())
    yield f"{method}, closed, {ballots:,} ballots", look(page), f"closed in {closed:.1f} s"
    ballot = Ballot.objects.filter(proposal=proposal).order_by("pk")[ballots // 2]
    yield "receipt with its proofs", look(f"/receipts/{ballot.record_id}/"), ""
    kept = Proposal.objects.select_related("census_record").get(pk=proposal.pk)
    selectors.census_proof(kept, ballot.voter)
    yield "census entry with its proof", look(f"/api/v1/proposals/{proposal.public_id}/census/{ballot.voter}"), ""


def main() -> int:
    """Measure and print; with --check, return 1 for less than is promised."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ballots", type=int, default=100_000)
    parser.add_argument("--methods", nargs="+", default=list(CHOICES))
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, SQLite\n")
    print("| page | median | slowest | queries | |\n|---|---|---|---|---|")
    slow = False
    with tempfile.TemporaryDirectory(prefix="commonweights-bench-") as folder:
        site.set_up(folder, ORIGIN)
        crowd = Crowd()
        SOURCES[Crowd.name] = lambda _chain: crowd
        power = {"source": Crowd.name, "parameters": {"members": options.ballots}}
        community = site.found_community(power)
        for method in options.methods:
            few: Page | None = None
            for name, page, remark in measure(community, method, options.ballots):
                median = statistics.median(page.seconds)
                print(f"| {name} | {median * 1e3:.0f} ms | {max(page.seconds) * 1e3:.0f} ms ", end="")
                print(f"| {page.queries} | {remark} |", flush=True)
                few = few or page
                about = name.startswith(method)
                slow = slow or (about and (median > PROMISED_SECONDS or page.queries > few.queries))
    return 1 if options.check and slow else 0


if __name__ == "__main__":
    sys.exit(main())
