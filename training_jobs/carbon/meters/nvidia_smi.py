"""Power of NVIDIA's GPUs asked of `nvidia-smi` every few seconds, for GPUs and drivers without an energy counter.

Each answer is taken to hold since the last one: what happens in between is not seen, so this is an estimate. A `[N/A]`
is no power.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Callable

from training_jobs.carbon.meters.base import MeterFailed, Part

COMMAND = ("--query-gpu=power.draw", "--format=csv,noheader,nounits")
SECONDS_MAX = 10
OUTPUT_CHARACTERS_MAX = 10_000
MILLI = 1_000
MILLIWATTS_MAX = 5_000_000
_WATTS = re.compile(r"([0-9]{1,5})(?:\.([0-9]{1,6}))?", re.ASCII)


class NvidiaSmi:
    """Samples the power of GPUs."""

    name = "nvidia_smi"
    covers: tuple[Part, ...] = ("gpu",)
    look_seconds = 10.0

    def __init__(self, ask: Callable[[], str] | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Take another way to ask than the program, and a clock in seconds."""
        self._ask = ask or _run
        self._clock = clock
        self._looked_at = 0.0
        self._millijoules = 0

    def start(self) -> None:
        """Ask once, to know that there is an answer."""
        milliwatts(self._ask())
        self._looked_at = self._clock()

    def look(self) -> None:
        """Add the power of now for the time since the last look."""
        found = milliwatts(self._ask())
        now = self._clock()
        self._millijoules += sum(found) * int((now - self._looked_at) * MILLI) // MILLI
        self._looked_at = now

    def stop(self) -> int:
        """Return the joules since start, rounded up."""
        self.look()
        return -(-self._millijoules // MILLI)


def milliwatts(text: str) -> list[int]:
    """Return the power of each GPU in milliwatts; raise MeterFailed for what is not one number a line."""
    found = [_WATTS.fullmatch(line.strip()) for line in text[:OUTPUT_CHARACTERS_MAX].splitlines() if line.strip()]
    powers = [int(each[1]) * MILLI + int((each[2] or "0").ljust(3, "0")[:3]) for each in found if each is not None]
    if not powers or len(powers) < len(found) or max(powers) > MILLIWATTS_MAX:
        raise MeterFailed("nvidia-smi says no power of every GPU")
    return powers


def _run() -> str:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        raise MeterFailed("nvidia-smi is not here")
    try:
        done = subprocess.run(  # noqa: S603 - a program of the system and our own words
            [tool, *COMMAND], capture_output=True, check=True, timeout=SECONDS_MAX
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise MeterFailed(f"nvidia-smi does not answer ({type(error).__name__})") from error
    return done.stdout.decode("ascii", errors="replace")
