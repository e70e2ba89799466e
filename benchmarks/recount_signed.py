"""How long one core takes to recount a vote of a million signed ballots, and what a ballot costs at each size.

    python -m benchmarks.recount_signed [--ballots 1000000] [--method governor] [--keep FILE] [--check]

Every ballot has its own voter with a key of their own and a real signature; nothing is repeated. They are signed
beforehand, on all cores, and written as an audit bundle with its census, tally and decision; what is measured is
`governance.recount` of that file: parsing, canonical form, digest, recovery, census, Merkle trees, count, comparison.
Smaller bundles are the first ballots of the large one with a census of just these voters. Prints a Markdown table;
`--check` exits with 1 unless a million ballots take at most 60 s of one core's time.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from multiprocessing import Pool
from pathlib import Path
from typing import Any

from governance import eip712
from governance.counting import Cast, Roll, count_votes, tally_body
from governance.evidence import merkle
from governance.evidence.canonical import canonical_bytes
from governance.evidence.record import Record
from governance.recount import recount
from tests.simulators.audit_bundle import CHOICES, SUBMITTED, Poll, wallet

PROMISED_SECONDS_PER_MILLION = 60
PER_TASK = 2_000
ROOT = Path(__file__).resolve().parents[1]
POWER = 10**18
REASONS = ("", "", "Because of the drought.", "Je m’en remets aux riverains.")

# One signed ballot: the voter, the choice, and the two lines of the bundle that are theirs.
Signed = tuple[str, Any, bytes, bytes]


def make_poll(method: str, most: int) -> Poll:
    """Return a proposal on which `most` voters with one vote each can vote."""

    def edit(kind: str, body: dict[str, Any]) -> None:
        if kind == "proposal":
            body["snapshot"]["total_supply"] = str(most * POWER)

    return Poll(method=method, powers={}, votes=[], fixed_list=False, edit=edit)


def sign_some(task: tuple[str, int, int]) -> list[Signed]:
    """Sign the ballots of some wallets; runs in a process of its own."""
    method, most, start = task
    poll = make_poll(method, most)
    proposal, opens_at = poll.proposal.digest, poll.proposal.body["opens_at"]
    domain = {name: poll.community.body[name] for name in ("chain_id", "token", "instance")}
    signed = []
    for number in range(start, min(start + PER_TASK, most + 1)):
        voter = wallet(number)
        said = {
            "voter": voter.address,
            "choice": CHOICES[method](number),
            "reason": REASONS[number % len(REASONS)],
            "nonce": 1,
        }
        digest = eip712.ballot_digest(**domain, community="water", proposal=f"0x{proposal}", **said)
        power = {"power": str(POWER), "house_power": "0"}
        body = {**said, **power, "signature": voter.sign(digest), "cast_at": opens_at + number % 600}
        ballot = Record.make("ballot", f"ballot:{proposal}/{voter.address}", body, [proposal])
        entry = canonical_bytes({**power, "voter": voter.address})
        signed.append((voter.address, said["choice"], entry, ballot.canonical()))
    return signed


def bundle(poll: Poll, signed: Sequence[Signed]) -> Iterator[bytes]:
    """Yield the lines of a whole, closed vote with these ballots."""
    proposal = poll.proposal.digest
    by_voter = sorted(signed, key=lambda ballot: ballot[0].lower())
    total = len(signed) * POWER
    census = Record.make(
        "census",
        f"census:{proposal}",
        {
            "root": merkle.root(entry for _, _, entry, _ in by_voter),
            "count": len(signed),
            "total": str(total),
            "house_total": "0",
            "delegations_root": merkle.EMPTY_ROOT,
            "delegation_count": 0,
            "opens_at": poll.proposal.body["opens_at"],
            "closes_at": poll.proposal.body["closes_at"],
            "computed_at": SUBMITTED,
        },
        [proposal],
    )
    casts = [Cast(voter, choice, POWER) for voter, choice, _, _ in by_voter]
    result = count_votes(poll.terms, Roll(total, 0), casts)
    closed_at = census.body["closes_at"] + 1
    tally = Record.make(
        "tally",
        f"tally:{proposal}",
        {
            **tally_body(poll.terms, result),
            "ballot_count": len(signed),
            "ballots_root": merkle.root(ballot for _, _, _, ballot in by_voter),
            "closes_at": census.body["closes_at"],
            "extended_by": None,
            "closed_early": False,
            "closed_at": closed_at,
        },
        [proposal, census.digest],
    )
    header = {"bundle": "commonweights-audit", "version": 1, "proposal": proposal}
    yield canonical_bytes(header)
    yield from (record.canonical() for record in (poll.charter, poll.community, poll.proposal))
    yield from (entry for _, _, entry, _ in by_voter)
    yield census.canonical()
    yield from (ballot for _, _, _, ballot in signed)
    yield tally.canonical()
    yield canonical_bytes({"checkpoint": None})


def measure(path: Path) -> tuple[float, float, int]:
    """Recount a bundle in a process of its own; return seconds, seconds of processor time, and bytes of memory."""
    command = [sys.executable, "-m", "benchmarks.recount_signed", "--measure", str(path)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return float(answer[0]), float(answer[1]), int(answer[2])


def measured(path: Path) -> str:
    """Recount in this process, and return what `measure` reads."""
    start, busy = time.perf_counter(), time.process_time()
    with path.open("rb") as stream:
        report = recount(stream)
    if report.bad:
        raise report.bad
    elapsed, busy = time.perf_counter() - start, time.process_time() - busy
    # Not getrusage: its maximum survives the start of a program, so it would be the memory of who signed.
    high_water = Path("/proc/self/status").read_text(encoding="ascii").split("VmHWM:")[1].split("kB")[0]
    return f"{elapsed} {busy} {int(high_water) * 1024}"


def sizes(most: int) -> list[int]:
    """Return 1,000, 10,000 … and the largest."""
    found = [10**power for power in range(3, 10) if 10**power < most]
    return [*found, most]


def main() -> int:
    """Print the table; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ballots", type=int, default=1_000_000)
    parser.add_argument("--method", choices=sorted(CHOICES), default="governor")
    parser.add_argument("--keep", type=Path, help="write the largest bundle here and keep it")
    parser.add_argument("--check", action="store_true", help="exit with 1 when slower than promised")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(measured(options.measure))
        return 0
    eip712.assert_fast_backend()
    poll, most = make_poll(options.method, options.ballots), options.ballots
    start = time.perf_counter()
    tasks = [(options.method, most, number) for number in range(1, most + 1, PER_TASK)]
    with tempfile.TemporaryDirectory() as folder:
        paths = write_bundles(poll, tasks, sizes(most), Path(folder), options.keep)
        print(f"One core of {os.cpu_count()}, Python {platform.python_version()}, {options.method}; ", end="")
        print(f"signed and written in {time.perf_counter() - start:.0f} s on all cores (not measured below).\n")
        print("| Ballots | seconds | of the core's time | ballots per second of it | µs per ballot | memory, MB |")
        print("|---:|---:|---:|---:|---:|---:|")
        busy = 0.0
        for count, path in paths.items():
            elapsed, busy, memory = measure(path)
            row = f"| {count:,} | {elapsed:.2f} | {busy:.2f} | {count / busy:,.0f} | {busy / count * 1e6:.1f} |"
            print(f"{row} {memory / 1e6:,.0f} |", flush=True)
    return 1 if options.check and busy / most * 1e6 > PROMISED_SECONDS_PER_MILLION else 0


def write_bundles(
    poll: Poll, tasks: Sequence[tuple[str, int, int]], counts: Sequence[int], folder: Path, keep: Path | None
) -> dict[int, Path]:
    """Sign everything and write one bundle of each size; return the files. The memory of it ends with this call."""
    with Pool() as pool:
        signed = [ballot for part in pool.imap(sign_some, tasks) for ballot in part]
    paths = {}
    for count in counts:
        paths[count] = keep if keep and count == counts[-1] else folder / f"{count}.jsonl"
        with paths[count].open("wb") as stream:
            stream.writelines(line + b"\n" for line in bundle(poll, signed[:count]))
    return paths


if __name__ == "__main__":
    sys.exit(main())
