"""Counters of the processor packages (RAPL), as Linux shows them below /sys/class/powercap.

See power/powercap in the kernel's documentation. Reading them takes root, or a permission that the operator gives: they
were closed to others because of CVE-2020-8694.

Domains `intel-rapl:N` are packages, also of AMD; of those below them only `dram` is not in its package's count. `psys`
counts the whole platform, packages included, so it is left out. A counter runs round at `max_energy_range_uj`, under
full load within minutes: it is looked at often enough to notice, and refused where it was not.
"""

import time
from collections.abc import Callable
from pathlib import Path

from training_jobs.carbon.meters.base import MeterFailed, Part

FOLDER = Path("/sys/class/powercap")
MICRO = 1_000_000
# No package draws more; a counter cannot run round twice within its range divided by this.
WATTS_MAX = 2_000
DIGITS_MAX = 20
DOMAINS_MAX = 256


class Rapl:
    """Counts the energy of processors, and of memory where it has a counter."""

    name = "rapl"
    covers: tuple[Part, ...] = ("processor",)
    look_seconds = 30.0

    def __init__(self, folder: Path = FOLDER, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the folder that holds the domains, and a clock in seconds."""
        self._folder = folder
        self._clock = clock
        self._ranges: dict[Path, int] = {}
        self._last: dict[Path, int] = {}
        self._looked_at = 0.0
        self._micro_joules = 0

    def start(self) -> None:
        """Find the domains and read them for the first time."""
        domains = [path for path in sorted(self._folder.glob("intel-rapl:*"))[:DOMAINS_MAX] if _counts(path)]
        if not any(path.name.count(":") == 1 for path in domains):
            raise MeterFailed("this machine shows no counters of its processors")
        self._ranges = {path: _number(path / "max_energy_range_uj") for path in domains}
        if 0 in self._ranges.values():
            raise MeterFailed("a counter does not say how far it counts")
        if any(_name(path) == "dram" for path in domains):
            self.covers = ("processor", "memory")
        self._looked_at = self._clock()
        self._last = self._read()

    def look(self) -> None:
        """Add what was used since the last look."""
        now = self._clock()
        found = self._read()
        for path, counted in self._ranges.items():
            if (now - self._looked_at) * WATTS_MAX * MICRO >= counted:
                raise MeterFailed("a counter may have run round more than once since it was looked at")
            used = found[path] - self._last[path]
            self._micro_joules += used if used >= 0 else used + counted
        self._looked_at, self._last = now, found

    def stop(self) -> int:
        """Return the joules since start, rounded up."""
        self.look()
        return -(-self._micro_joules // MICRO)

    def _read(self) -> dict[Path, int]:
        found = {path: _number(path / "energy_uj") for path in self._ranges}
        if any(value > self._ranges[path] for path, value in found.items()):
            raise MeterFailed("a counter is beyond its own range")
        return found


def _counts(path: Path) -> bool:
    """Say whether a domain is counted: packages, and memory that no package counts."""
    name = _name(path)
    return name.startswith("package") if path.name.count(":") == 1 else name == "dram"


def _name(path: Path) -> str:
    return _text(path / "name")


def _number(path: Path) -> int:
    text = _text(path)
    if not text.isascii() or not text.isdigit() or len(text) > DIGITS_MAX:
        raise MeterFailed(f"{path.name} holds no number")
    return int(text)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(100).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not ASCII"
        raise MeterFailed(f"{path.name} cannot be read ({reason})") from error
