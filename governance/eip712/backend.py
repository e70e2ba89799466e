"""The check at start-up that compiled libraries do the work, right and fast."""

import time
from typing import Final

import coincurve
from sha3 import keccak_256

from governance.eip712.errors import BackendError
from governance.eip712.keccak import keccak
from governance.eip712.signatures import recover

# Slower than this for one recovery is not libsecp256k1 (0.03 ms); the pure-Python fallbacks of the ecosystem
# need 5 ms.
_RECOVERY_SECONDS_MAX: Final = 0.002
_RECOVERY_ATTEMPTS: Final = 50

# Keccak-256 of b"hello", and the address of private key 1: both can be looked up with any Ethereum tool.
_KNOWN_DIGEST: Final = bytes.fromhex("1c8aff950685c2ed4bc3174f3472287b56d9517b9c948127319a09a7a36deac8")
_KNOWN_KEY: Final = (1).to_bytes(32, "big")
_KNOWN_ADDRESS: Final = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"


def assert_fast_backend() -> None:
    """Raise BackendError unless compiled keccak and libsecp256k1 run, right and fast.

    A silent fallback to pure Python would make a count of ballots a hundred times slower, so start-up stops
    instead.
    """
    if keccak(b"hello") != _KNOWN_DIGEST:
        raise BackendError("keccak gives a wrong digest: install safe-pysha3 (requirements.txt)")
    if getattr(keccak_256, "__module__", "") != "_pysha3":
        raise BackendError("keccak does not come from safe-pysha3: install it as pinned in requirements.txt")
    signed = coincurve.PrivateKey(_KNOWN_KEY).sign_recoverable(_KNOWN_DIGEST, hasher=None)
    signature = signed[:64] + bytes([signed[64] + 27])
    best = min(_timed_recovery(signature) for _ in range(_RECOVERY_ATTEMPTS))
    if best > _RECOVERY_SECONDS_MAX:
        raise BackendError(
            f"one signature takes {best * 1000:.1f} ms, at most {_RECOVERY_SECONDS_MAX * 1000:.0f} expected: "
            "libsecp256k1 is not what runs; install coincurve as pinned in requirements.txt"
        )


def _timed_recovery(signature: bytes) -> float:
    """Return the seconds of one recovery, after checking its answer. Only this function reads a clock."""
    start = time.perf_counter()
    found = recover(_KNOWN_DIGEST, signature)
    elapsed = time.perf_counter() - start
    if found != _KNOWN_ADDRESS:
        raise BackendError(f"secp256k1 gives a wrong answer: {_KNOWN_ADDRESS} expected, {found} found")
    return elapsed
