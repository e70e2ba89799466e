"""How many events of a Governor are read, decoded and kept in a second from a node on this machine; and after kill -9.

    python -m benchmarks.indexer [--events 20000] [--rounds 3] [--check]

A contract on a local chain says as many `VoteCast` as are asked for, with a reason each, some hundred in a block. They
are read by `governance.onchain.indexer` into a fresh SQLite database, each range of blocks in its own transaction. Then
a child process reads the same chain from the beginning and is killed (SIGKILL) on the way, again and again; at the end
the database must hold every event of the chain once. Prints a Markdown table; `--check` fails below 2,000 events
a second.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks import _site as site
from config.demo import chain as demo

PROMISED_PER_SECOND = 2_000
PER_BLOCK = 400
BLOCKS_OF_A_CHILD = 5
KILLS = 4
NOBODY = "0x" + "00" * 19 + "01"


def main() -> int:
    """Measure; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--child", nargs=2, metavar=("CONTRACT", "RPC"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return _child(*options.child)
    with tempfile.TemporaryDirectory() as folder, demo.start() as node:
        environment = site.set_up(folder, "http://127.0.0.1:8000")
        address, events = _storm(node.rpc_url, options.events)
        community = site.found_community(site.listed([site.address(1)]))
        rates = [_round(community, address, node.rpc_url, events) for _ in range(options.rounds)]
        resumed = _killed(community, address, node.rpc_url, environment)
    median = statistics.median(rates)
    print("| events | a second (median) | lowest | highest | kept after kill -9, four times |")
    print("|---:|---:|---:|---:|---|")
    print(
        f"| {events:,} | {median:,.0f} | {min(rates):,.0f} | {max(rates):,.0f} | {resumed:,} of {events:,}, each once |"
    )
    return 1 if options.check and (median < PROMISED_PER_SECOND or resumed != events) else 0


def _storm(rpc_url: str, wanted: int) -> tuple[str, int]:
    """Put the events on the chain; return the contract's address and how many there are."""
    from tests.vectors.governor_chain import accounts_of, compile_contracts, deploy_contract

    compile_contracts()
    by = accounts_of(rpc_url)[0]
    storm = deploy_contract(rpc_url, "VoteStorm", by)
    said = 0
    while said < wanted:
        storm.send(by, "storm", 7, said, PER_BLOCK)
        said += PER_BLOCK
    demo.finalize(rpc_url)
    return storm.address, said


def _contract(community: Any, address: str) -> Any:  # noqa: ANN401 - models exist only after `set_up`
    """Return the contract at its first block, with nothing read yet."""
    from governance.models import Contract, ContractMark

    Contract.objects.all().delete()
    first = {"block_number": 0, "block_hash": "", "block_time": 0}
    made = Contract.objects.create(
        community=community, governor=address, anchor=NOBODY, timelock=NOBODY, first_block=0, **first
    )
    ContractMark.objects.create(contract=made, number=0, hash="", time=0)
    return made


def _first_hash(contract: Any, client: Any) -> None:  # noqa: ANN401 - as above
    (block,) = client.blocks([0])
    contract.block_hash, contract.block_time = block.hash, block.timestamp
    contract.save()
    contract.marks.update(hash=block.hash, time=block.timestamp)


def _round(community: Any, address: str, rpc_url: str, events: int) -> float:  # noqa: ANN401 - as above
    """Read the whole chain once; return the events of a second."""
    from governance.chain.client import ChainClient
    from governance.clock import now
    from governance.onchain import indexer

    contract, client = _contract(community, address), ChainClient(rpc_url, 30)
    _first_hash(contract, client)
    began = time.monotonic()
    found = indexer.read_on(contract.pk, client, now())
    taken = time.monotonic() - began
    if not found == contract.events.count() == events:
        raise SystemExit(f"{found} events were read, {events} are on the chain")
    return events / taken


def _killed(community: Any, address: str, rpc_url: str, environment: dict[str, str]) -> int:  # noqa: ANN401
    """Let children read in short ranges, kill each on its way, and then read to the end; return how many are kept."""
    from governance.chain.client import ChainClient
    from governance.clock import now
    from governance.onchain import indexer

    contract, client = _contract(community, address), ChainClient(rpc_url, 30)
    _first_hash(contract, client)
    command = [sys.executable, "-m", "benchmarks.indexer", "--child", str(contract.pk), rpc_url]
    for _ in range(KILLS):
        before = contract.events.count()
        child = subprocess.Popen(command, env=environment)  # our own program, no shell
        while contract.events.count() == before and child.poll() is None:
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    indexer.read_on(contract.pk, client, now())
    places = set(contract.events.values_list("block_number", "position"))
    return len(places) if len(places) == contract.events.count() else -1


def _child(contract: str, rpc_url: str) -> int:
    """Read in ranges of a few blocks, so that there is something to interrupt."""
    import django

    django.setup()
    from governance.chain.client import ChainClient
    from governance.clock import now
    from governance.onchain import indexer

    indexer.BLOCKS_AT_ONCE_MAX = BLOCKS_OF_A_CHILD  # type: ignore[misc]  # the one place where it is not final
    indexer.read_on(int(contract), ChainClient(rpc_url, 30), now())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
