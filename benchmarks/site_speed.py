"""How fast the pages of a large community come: the server's time, and what a telephone on a slow line sees.

    python -m benchmarks.site_speed [--ballots 1000000] [--proposals 1000] [--folder FOLDER] [--check]

Makes a private site with so many proposals (twenty of them open) and so many ballots on the newest, all through the
services that members use; only the signatures are made up. That takes twenty minutes for a million: with a folder, the
site stays there, and is found there the next time. Then:

1. each page is requested 20 times after 3 to warm up with the whole of Django around it and no network: median,
   slowest, queries;
2. the web server is started with its static files collected, and Debian's Chromium opens the page of the large vote
   with an empty cache, three times on a line of 1.6 Mbit/s with 150 ms there and back, its processor four times slower:
   bytes and requests, script requests, LCP, CLS and TBT as Lighthouse defines them (its settings for telephones).

Promised: 50 ms of the server's time in the median, at most 100 kB transferred, one script request that blocks nothing.
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import _site as site
from benchmarks.proposal_page import Crowd, address, look, vote
from governance.power import SOURCES

ROOT = Path(__file__).resolve().parents[1]
MILLISECONDS_MAX, BYTES_MAX, SCRIPTS_MAX = 50, 100_000, 1
VILLAGE, OPEN = 40, 20
START_SECONDS_MAX = 30
LINE = {"offline": False, "latency": 150, "downloadThroughput": 1_638_400 / 8, "uploadThroughput": 750_000 / 8}
SLOWER = 4
VISITS = 3
OBSERVE = """
window.seen = {lcp: 0, cls: 0, long: [], fcp: 0};
new PerformanceObserver(list => { for (const one of list.getEntries()) seen.lcp = one.startTime; })
  .observe({type: 'largest-contentful-paint', buffered: true});
const moved = list => list.getEntries().filter(one => !one.hadRecentInput);
new PerformanceObserver(list => { for (const one of moved(list)) seen.cls += one.value; })
  .observe({type: 'layout-shift', buffered: true});
new PerformanceObserver(list => { for (const one of list.getEntries()) seen.long.push([one.startTime, one.duration]); })
  .observe({type: 'longtask', buffered: true});
const painted = list => list.getEntriesByName('first-contentful-paint');
new PerformanceObserver(list => { for (const one of painted(list)) seen.fcp = one.startTime; })
  .observe({type: 'paint', buffered: true});
"""


class Village(Crowd):
    """A crowd of which only forty are there at first: nobody holds a thousand votes with a census of a million."""

    size = VILLAGE

    def _listed(self, parameters: Mapping[str, Any]) -> dict[str, int]:
        if len(self._powers) != self.size:
            self._powers = {address(number): number + 1 for number in range(self.size)}
        return self._powers


@dataclass(frozen=True)
class Visit:
    """One cold visit: bytes on the line, requests, script requests, scripts that block, and milliseconds."""

    transferred: int
    requests: int
    scripts: int
    blocking: int
    lcp: float
    cls: float
    tbt: float


def populate(community: Any, village: Village, proposals: int, ballots: int) -> Any:  # noqa: ANN401 - models
    """Make the decisions; return the newest, on which everybody has voted."""
    from governance import clock, services
    from governance.models import Proposal

    for number in range(proposals - 1):
        made = site.open_proposal(community, address(number % VILLAGE), about=f"in the year {number}")
        vote(made, range(3), "governor")
        if number < proposals - OPEN:
            services.close_voting(made.pk, made.closes_at)
    village.size = ballots
    large = site.open_proposal(community, address(ballots - 1))
    seconds = vote(large, range(ballots), "governor")
    print(f"{ballots:,} ballots were accepted at {seconds * 1e6:.0f} µs each\n", flush=True)
    services.refresh_standing(Proposal.objects.get(pk=large.pk), clock.now())
    return large


def pages(large: Any, voter: str) -> dict[str, str]:  # noqa: ANN401 - a model
    """Return what is looked at, by name."""
    slug = f"/c/{site.SLUG}"
    one = f"{slug}/proposals/{large.number}"
    return {
        "home": "/",
        "community": f"{slug}/",
        "list of decisions": f"{slug}/proposals/",
        "list, filtered and searched": f"{slug}/proposals/?state=active&search=measured",
        "the proposal": f"{one}/",
        "its results alone": f"{one}/results/",
        "its evidence": f"{one}/evidence/",
        "its voters": f"{one}/voters/",
        "its voters, searched": f"{one}/voters/?search={voter}",
        "who has not voted": f"{one}/voters/?who=missing",
        "its census": f"{one}/census/",
        "may this address vote": f"{one}/?voter={voter}",
        "delegates": f"{slug}/delegates/",
        "search": "/search/?q=measured",
        "the log": f"{slug}/log/",
    }


@contextmanager
def served(environment: Mapping[str, str], port: int) -> Iterator[str]:
    """Start the web server as an installation has it, with its static files collected."""
    told = {**environment, "COMMONWEIGHTS_COLLECTED_STATIC": "1", "COMMONWEIGHTS_ORIGIN": f"http://127.0.0.1:{port}"}
    manage = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
    subprocess.run(manage, cwd=ROOT, env=told, check=True)
    command = [sys.executable, "-m", "config.web", "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, cwd=ROOT, env=told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(address: str) -> None:
    for _ in range(START_SECONDS_MAX * 5):
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    raise TimeoutError(f"{address} does not answer")


def visit(browser: Any, page_address: str) -> Visit:  # noqa: ANN401 - Playwright is there for measuring only
    """Open a page with an empty cache on a slow line, on a slow machine."""
    context = browser.new_context(viewport={"width": 360, "height": 780}, service_workers="block")
    page = context.new_page()
    session = context.new_cdp_session(page)
    sizes: list[int] = []
    scripts: list[str] = []
    session.on("Network.loadingFinished", lambda told: sizes.append(int(told["encodedDataLength"])))
    session.on(
        "Network.requestWillBeSent", lambda told: told["type"] == "Script" and scripts.append(told["request"]["url"])
    )
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", LINE)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.add_init_script(OBSERVE)
    page.goto(page_address, wait_until="load")
    page.wait_for_timeout(3_000)
    seen = page.evaluate("seen")
    blocking = page.evaluate(
        "performance.getEntriesByType('resource')"
        ".filter(one => one.initiatorType === 'script' && one.renderBlockingStatus === 'blocking').length"
    )
    context.close()
    tbt = sum(max(0.0, length - 50) for start, length in seen["long"] if start >= seen["fcp"])
    return Visit(sum(sizes), len(sizes), len(scripts), blocking, seen["lcp"], seen["cls"], tbt)


def main() -> int:
    """Measure and print; with --check, return 1 for less than is promised."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ballots", type=int, default=1_000_000)
    parser.add_argument("--proposals", type=int, default=1_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    kept = True
    lasts = options.folder is not None
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, SQLite, ", end="")
    print(f"{options.proposals:,} proposals, ", end="", flush=True)
    with nullcontext(options.folder) if lasts else tempfile.TemporaryDirectory(prefix="commonweights-bench-") as folder:
        port = site.free_port()
        environment = site.set_up(str(folder), f"http://127.0.0.1:{port}")
        village = Village()
        SOURCES[Crowd.name] = lambda _chain: village
        large = _found(village, options.ballots) or _made(village, options.proposals, options.ballots)
        print("| page | median | slowest | queries |\n|---|---:|---:|---:|")
        shown = pages(large, address(options.ballots // 2))
        for name, path in shown.items():
            page = look(path)
            median = statistics.median(page.seconds) * 1e3
            kept = kept and median <= MILLISECONDS_MAX
            print(f"| {name} | {median:.0f} ms | {max(page.seconds) * 1e3:.0f} ms | {page.queries} |", flush=True)
        kept = _in_the_browser(environment, port, shown["the proposal"]) and kept
    return 1 if options.check and not kept else 0


def _made(village: Village, proposals: int, ballots: int) -> Any:  # noqa: ANN401 - a model
    from governance import clock, search

    community = site.found_community({"source": Crowd.name, "parameters": {"members": ballots}})
    large = populate(community, village, proposals, ballots)
    while search.refresh(clock.now()):
        pass
    return large


def _found(village: Village, ballots: int) -> Any:  # noqa: ANN401 - a model
    """Return the large vote of a site that was made before, or None for an empty one. Raises ValueError for another."""
    from governance.models import Proposal

    large = Proposal.objects.order_by("pk").last()
    if large is None:
        return None
    if (found := large.ballots.count()) != ballots:
        raise ValueError(f"the site in this folder has {found:,} ballots, not {ballots:,}")
    village.size = ballots
    return large


def _in_the_browser(environment: Mapping[str, str], port: int, path: str) -> bool:
    from playwright.sync_api import sync_playwright

    with served(environment, port) as origin, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu", "--no-first-run"]
        )
        visits = [visit(browser, origin + path) for _ in range(VISITS)]
        browser.close()
    middle = sorted(visits, key=lambda one: one.lcp)[VISITS // 2]
    print(f"\nCold visit to the proposal, median of {VISITS} by LCP:\n")
    print("| transferred | requests | scripts | LCP | CLS | TBT |")
    print("|---:|---:|---:|---:|---:|---:|")
    print(
        f"| {middle.transferred / 1e3:.1f} kB | {middle.requests} | {middle.scripts} ({middle.blocking} blocking) ",
        end="",
    )
    print(f"| {middle.lcp:.0f} ms | {middle.cls:.3f} | {middle.tbt:.0f} ms |")
    return middle.transferred <= BYTES_MAX and middle.scripts <= SCRIPTS_MAX and not middle.blocking


if __name__ == "__main__":
    sys.exit(main())
