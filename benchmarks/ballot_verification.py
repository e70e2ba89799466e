"""How many ballots one core verifies in a second: field checks, digest, recovery, the right voter.

    python -m benchmarks.ballot_verification [--ballots 20000] [--check]

Every ballot has its own voter and reason and is seen once a round, so no cache can help beyond what a
community shares (instance, community, proposal). Beside it, the same ballots the usual way, through
eth_account. Prints a Markdown table; `--check` exits with 1 below the promised 20,000 a second.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import coincurve
from sha3 import keccak_256

from governance import eip712
from governance.eip712 import addresses, encoding

ROOT = Path(__file__).resolve().parents[1]
PROMISED_PER_SECOND = 20_000
ROUNDS = 5
CACHES = (addresses._read_address, encoding._short_text_hash, encoding.domain_separator)  # noqa: SLF001 - to empty them
NATIVE = "eth_keys.backends.NativeECCBackend"

Ballot = tuple[dict[str, Any], str]


def ballots(count: int) -> list[Ballot]:
    """Return signed ballots of one proposal, each by another voter with another reason."""
    made = []
    for number in range(1, count + 1):
        key = coincurve.PrivateKey(number.to_bytes(32, "big"))
        voter = eip712.checksum_address("0x" + keccak_256(key.public_key.format(compressed=False)[1:]).hexdigest()[24:])
        fields = {
            "chain_id": 31337,
            "token": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
            "instance": "https://commons.example",
            "community": "water",
            "proposal": "0x" + "ab" * 32,
            "voter": voter,
            "choice": number % 3,
            "reason": f"My own reason, number {number}." if number % 2 else "",
            "nonce": number,
        }
        raw = key.sign_recoverable(eip712.ballot_digest(**fields), hasher=None)
        made.append((fields, f"0x{raw[:64].hex()}{raw[64] + 27:02x}"))
    return made


def verify_all(signed: list[Ballot]) -> None:
    """Verify as the service and the offline verifier do."""
    for fields, signature in signed:
        eip712.verify(eip712.ballot_digest(**fields), signature, fields["voter"])


def digest_all(signed: list[Ballot]) -> None:
    """Only check the fields and make the digests."""
    for fields, _ in signed:
        eip712.ballot_digest(**fields)


def with_eth_account(signed: list[Ballot]) -> Callable[[], None]:
    """Return the same work by the general library; its typed data are made beforehand, unmeasured."""
    from eth_account import Account
    from eth_account.messages import encode_typed_data

    given = [(eip712.ballot_message(**fields), signature, fields["voter"]) for fields, signature in signed]

    def verify() -> None:
        for message, signature, voter in given:
            if Account.recover_message(encode_typed_data(full_message=message), signature=signature) != voter:
                raise ValueError("the peer disagrees")

    return verify


def per_second(work: Callable[[], None], count: int, rounds: int = ROUNDS) -> list[float]:
    """Return the rate of each round, caches emptied before it."""
    rates = []
    for _ in range(rounds):
        for cache in CACHES:
            cache.cache_clear()
        start = time.perf_counter()
        work()
        rates.append(count / (time.perf_counter() - start))
    return rates


def rows(count: int) -> Iterator[tuple[str, list[float]]]:
    """Measure row by row, so that the table grows while the slow rows still run."""
    signed = ballots(count)
    some = signed[: count // 10]
    name = "**Commonweights: field checks + digest + recovery + voter**"
    yield name, per_second(lambda: verify_all(signed), count)
    yield "of which field checks + digest", per_second(lambda: digest_all(signed), count)
    yield "eth_account, libsecp256k1 back end", per_second(with_eth_account(some), len(some))
    yield "eth_account, pure Python back end", native(count)


def native(count: int) -> list[float]:
    """Measure the silent fallback in a process of its own; the back end is chosen at import."""
    environment = os.environ | {"ECC_BACKEND_CLASS": NATIVE}
    command = [
        sys.executable,
        "-m",
        "benchmarks.ballot_verification",
        "--native",
        "--ballots",
        str(max(count // 100, 50)),
    ]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return [float(result.stdout)]


def main() -> int:
    """Print the table; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ballots", type=int, default=20_000)
    parser.add_argument("--check", action="store_true", help="exit with 1 when slower than promised")
    parser.add_argument("--native", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.native:
        print(per_second(with_eth_account(ballots(options.ballots)), options.ballots, 1)[0])
        return 0
    eip712.assert_fast_backend()
    machine = f"One core of {os.cpu_count()}, Python {platform.python_version()}"
    print(f"{machine}, {options.ballots:,} ballots a round.\n")
    print("| Ballots verified one after another | best, per second | median, per second |")
    print("|---|---:|---:|")
    best_of_ours = 0.0
    for number, (name, rates) in enumerate(rows(options.ballots)):
        if number == 0:
            best_of_ours = max(rates)
        print(f"| {name} | {max(rates):,.0f} | {statistics.median(rates):,.0f} |", flush=True)
    print(f"| *promised* | {PROMISED_PER_SECOND:,} | |")
    return 1 if options.check and best_of_ours < PROMISED_PER_SECOND else 0


if __name__ == "__main__":
    sys.exit(main())
