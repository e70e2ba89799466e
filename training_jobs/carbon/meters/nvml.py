"""Counters of NVIDIA's GPUs through NVML, the driver's own library, loaded by ctypes: no package is needed.

nvmlDeviceGetTotalEnergyConsumption counts millijoules since the driver was loaded, from the Volta generation on.
All GPUs of the machine that the process may see are counted, with their memory. A counter that goes backwards (the
driver was loaded again) is a failure, not a number.
"""

import ctypes
from typing import Protocol

from training_jobs.carbon.meters.base import MeterFailed, Part

LIBRARY = "libnvidia-ml.so.1"
MILLI = 1_000
GPUS_MAX = 64


class Counters(Protocol):
    """Reads a counter per GPU, in millijoules; raises MeterFailed."""

    def read(self) -> list[int]:
        """Return each GPU's counter, in the driver's order."""
        ...


class Nvml:
    """Counts the energy of GPUs."""

    name = "nvml"
    covers: tuple[Part, ...] = ("gpu",)
    look_seconds = 600.0

    def __init__(self, counters: Counters | None = None) -> None:
        """Take other counters than the driver's, where there is no driver."""
        self._counters = counters
        self._begin: list[int] = []
        self._last: list[int] = []

    def start(self) -> None:
        """Open the library and read every GPU."""
        if self._counters is None:
            self._counters = DriverCounters()
        self._begin = self._last = self._counters.read()
        if not self._begin:
            raise MeterFailed("the driver shows no GPU")

    def look(self) -> None:
        """Read, so that a driver that went away is noticed before the end."""
        if self._counters is None:
            raise MeterFailed("not started")
        found = self._counters.read()
        if len(found) != len(self._last) or any(new < old for new, old in zip(found, self._last, strict=False)):
            raise MeterFailed("the driver began to count anew")
        self._last = found

    def stop(self) -> int:
        """Return the joules since start, rounded up."""
        self.look()
        return -(-(sum(self._last) - sum(self._begin)) // MILLI)


class DriverCounters:
    """The driver's counters of the GPUs of this machine."""

    def __init__(self) -> None:
        """Load and begin the library; it is ended with the process."""
        try:
            self._library = ctypes.CDLL(LIBRARY)
        except OSError as error:
            raise MeterFailed("the driver of NVIDIA's GPUs is not here") from error
        self._call("nvmlInit_v2")
        count = ctypes.c_uint()
        self._call("nvmlDeviceGetCount_v2", ctypes.byref(count))
        self._gpus = []
        for index in range(min(count.value, GPUS_MAX)):
            gpu = ctypes.c_void_p()
            self._call("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(gpu))
            self._gpus.append(gpu)

    def read(self) -> list[int]:
        """Return each GPU's counter."""
        return [self._energy(gpu) for gpu in self._gpus]

    def _energy(self, gpu: ctypes.c_void_p) -> int:
        found = ctypes.c_ulonglong()
        self._call("nvmlDeviceGetTotalEnergyConsumption", gpu, ctypes.byref(found))
        return found.value

    def _call(self, name: str, *arguments: object) -> None:
        try:
            status = getattr(self._library, name)(*arguments)
        except AttributeError as error:
            raise MeterFailed(f"the driver is too old: it has no {name}") from error
        if status != 0:
            raise MeterFailed(f"the driver answered {status} to {name}")
