"""Counts the energy of one piece of work with every meter that works, and says how it was got.

1. The meters of the table are started until what the machine has is covered; those that cannot be are remembered with
   their reason.
2. While the work lasts, `look` reads them, from a thread of its own or from whoever supervises the work.
3. In the end each part of the machine is covered by the first meter in the table's order that worked until then:
   counters before samples before a package's estimate.
4. Counters that cover the processors and all GPUs: `metered`. Else the whole is `estimated`: the declared power times
   the time, a package's estimate, or what the counters saw, whichever is most, so that a missing part is not zero.

A meter that fails half-way is let go, with what it had counted, and the note says so. Without a declared power and
without a meter there is no answer (None): not known is not zero.
"""

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from training_jobs.carbon.meters.base import JOULES_MAX, Energy, Meter, MeterFailed, Part

COUNTERS = ("rapl", "nvml")
DECLARED = "power_x_time"
NOTE_CHARACTERS_MAX = 500
EVERY_SECONDS = 10.0


class Metering:
    """Meters one piece of work, from `start` to `stop`; both are called once, by one thread."""

    def __init__(
        self,
        meters: Iterable[Meter],
        watts: int = 0,
        *,
        gpus: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take meters in order of trust, the declared power of all devices (0: none), and how many GPUs there are."""
        self._offered = list(meters)
        self._meters: list[Meter] = []
        self._watts = watts
        self._needed: set[Part] = {"processor", "gpu"} if gpus else {"processor"}
        self._clock = clock
        self._failed: dict[str, str] = {}
        self._began = 0.0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, *, thread: bool = True) -> None:
        """Begin to count; with a thread that looks at the meters, unless the caller does."""
        for meter in self._offered:
            if not self._needed <= _parts(self._working()):
                self._meters.append(meter)
                self._try(meter, meter.start)
        self._began = self._clock()  # some packages take seconds to start
        if thread and self._working():
            every = min([EVERY_SECONDS, *(meter.look_seconds for meter in self._working())])
            self._thread = threading.Thread(target=self._look_on, args=(every,), name="meters", daemon=True)
            self._thread.start()

    def look(self) -> None:
        """Read the meters; one that fails is let go."""
        with self._lock:
            for meter in self._working():
                self._try(meter, meter.look)

    def stop(self) -> Energy | None:
        """Return what was used; None where nothing is known."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        joules: dict[str, int] = {}

        def end(meter: Meter) -> None:
            found = meter.stop()
            if not 0 <= found <= JOULES_MAX:
                raise MeterFailed("it says more than can be")
            joules[meter.name] = found

        for meter in self._working():
            self._try(meter, partial(end, meter))
        return self._answer(joules, max(0, int(self._clock() - self._began)))

    def _answer(self, joules: dict[str, int], seconds: int) -> Energy | None:
        """Return what steps 3 and 4 make of what the meters counted."""
        worked = [meter for meter in self._meters if meter.name in joules]
        counters = [meter for meter in worked if meter.name in COUNTERS]
        if self._needed <= _parts(counters):
            return Energy(sum(joules[meter.name] for meter in counters), "metered", *_named(counters), seconds)
        chosen: list[Meter] = []
        for meter in worked:
            if not _parts([meter]) & _parts(chosen):
                chosen.append(meter)
        ways = [(sum(joules[meter.name] for meter in chosen), *_named(chosen))] if chosen else []
        # a package that covers everything may stand behind counters that cover less
        ways += [(joules[meter.name], *_named([meter])) for meter in worked if meter not in chosen]
        if self._watts:
            ways.append((self._watts * seconds, (DECLARED,), tuple(sorted(self._needed))))
        if not ways:
            return None
        most, by, covers = max(ways, key=lambda way: way[0])
        return Energy(most, "estimated", by, covers, seconds, self._note())

    def _note(self) -> str:
        reasons = "; ".join(f"{name}: {why}" for name, why in self._failed.items())
        return (reasons or "no counter covers the whole machine")[:NOTE_CHARACTERS_MAX]

    def _try(self, meter: Meter, what: Callable[[], None]) -> None:
        try:
            what()
        except MeterFailed as error:
            self._failed[meter.name] = str(error)

    def _working(self) -> list[Meter]:
        return [meter for meter in self._meters if meter.name not in self._failed]

    def _look_on(self, every: float) -> None:
        while not self._over.wait(every):
            self.look()


def gpus_here(folder: Path = Path("/dev")) -> int:
    """Return how many NVIDIA GPUs this machine shows."""
    with suppress(OSError):
        return len(list(folder.glob("nvidia[0-9]*")))
    return 0


def _parts(meters: Iterable[Meter]) -> set[Part]:
    return {part for meter in meters for part in meter.covers}


def _named(meters: list[Meter]) -> tuple[tuple[str, ...], tuple[Part, ...]]:
    return tuple(meter.name for meter in meters), tuple(sorted(_parts(meters)))
