"""How much memory a web process holds after real work: sign-in, a submitted proposal, ballots, pages, the API schema.

    python -m benchmarks.web_memory

Starts a local chain and the web server on a fresh database, drives them through the public API as members do, and
reads the worker's resident memory from the kernel. What asks the chain is loaded by then. A process of its own makes
the API's document and ends, so it does not count. Promised: under 150 MB.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from config.demo import chain, plan
from config.demo.client import Client

ROOT = Path(__file__).resolve().parents[1]
MEGABYTES_MAX = 150
START_SECONDS_MAX = 30
PAGES = (
    "/",
    f"/c/{plan.SLUG}/",
    f"/c/{plan.SLUG}/proposals/",
    f"/c/{plan.SLUG}/proposals/1/",
    f"/c/{plan.SLUG}/rules/",
    f"/c/{plan.SLUG}/datasets/",
    "/api/schema/",
    "/api/v1/proposals",
)


def main() -> int:
    """Measure, print a table, and return 1 for more than what is promised."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    with tempfile.TemporaryDirectory() as name, chain.start() as node:
        token = chain.prepare(node.rpc_url)
        site = "http://127.0.0.1:18765"
        environment = {
            **os.environ,
            "COMMONWEIGHTS_DATA": name,
            "COMMONWEIGHTS_ORIGIN": site,
            "COMMONWEIGHTS_CHAIN_RPC": node.rpc_url,
            "COMMONWEIGHTS_VOTING_PERIOD_SECONDS_MIN": "1",
            "COMMONWEIGHTS_COLLECTED_STATIC": "0",
            "COMMONWEIGHTS_LOG_LEVEL": "ERROR",
            "PYTHONPATH": str(ROOT),
        }
        community = {**plan.community(token, "", 60), "models": []}
        file = Path(name) / "community.json"
        file.write_text(json.dumps(community))
        for command in (["migrate", "--verbosity", "0"], ["found_community", str(file)]):
            subprocess.run(
                [sys.executable, "manage.py", *command],
                cwd=ROOT,
                env=environment,
                check=True,
                stdout=subprocess.DEVNULL,
            )
        server = subprocess.Popen(
            [sys.executable, "-m", "config.web", "--bind", "127.0.0.1:18765"],
            cwd=ROOT,
            env=environment,
        )
        try:
            _wait(site)
            fresh = _worker_megabytes(server.pid)
            _work(site, node.rpc_url, token)
            used = _worker_megabytes(server.pid)
        finally:
            server.terminate()
            server.wait(20)
    print("| web process | resident memory | allowed |")
    print("|---|---|---|")
    print(f"| just started | {fresh} MB | {MEGABYTES_MAX} MB |")
    print(f"| after sign-ins, a proposal, ballots, {20 * len(PAGES)} pages | {used} MB | {MEGABYTES_MAX} MB |")
    return 0 if used < MEGABYTES_MAX else 1


def _work(site: str, rpc_url: str, token: chain.DemoToken) -> None:
    """Do what members do, and look at many pages."""
    clients = [Client(site, rpc_url, member) for member in token.members[:4]]
    for client in clients:
        client.sign_in()
    question = {name: value for name, value in plan.open_question().items() if name != "voting_period_seconds"}
    proposal = clients[0].propose(question)
    time.sleep(2)  # the voting delay
    for client in clients:
        client.vote(proposal["id"], 1, "Because.")
    for _ in range(20):
        for path in PAGES:
            urllib.request.urlopen(f"{site}{path}", timeout=30).read()


def _worker_megabytes(master: int) -> int:
    """Return the resident memory of the server's one worker."""
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    pages = max(int(Path(f"/proc/{child}/statm").read_text().split()[1]) for child in children)
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def _wait(site: str) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{site}/api/v1/kinds", timeout=5).read()
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    raise TimeoutError("the web server did not start")


if __name__ == "__main__":
    sys.exit(main())
