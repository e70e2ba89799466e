"""The table of meters, in order of trust. A new meter is one file beside this one and one line here.

Counters come first (`rapl`, `nvml`), then samples (`nvidia_smi`), then a package's estimate (`codecarbon`); power times
time is what is left when none of them covers the machine, and it is not a meter. No Django, so that a bot can use it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from training_jobs.carbon.meters.base import Energy, Meter, MeterFailed
from training_jobs.carbon.meters.codecarbon_meter import CodeCarbon
from training_jobs.carbon.meters.metering import Metering, gpus_here
from training_jobs.carbon.meters.nvidia_smi import NvidiaSmi
from training_jobs.carbon.meters.nvml import Nvml
from training_jobs.carbon.meters.rapl import FOLDER, Rapl
from training_jobs.carbon.meters.said import EVENT, line_of, total

__all__ = ["EVENT", "METERS", "Energy", "Meter", "MeterFailed", "Metering", "line_of", "metering", "total"]

# name: a meter; the folder is where counters of processors lie
METERS: Mapping[str, Callable[[Path], Meter]] = MappingProxyType(
    {
        Rapl.name: Rapl,
        Nvml.name: lambda folder: Nvml(),
        NvidiaSmi.name: lambda folder: NvidiaSmi(),
        CodeCarbon.name: lambda folder: CodeCarbon(),
    }
)


def metering(watts: int = 0, folder: Path = FOLDER) -> Metering:
    """Return what meters the work on this machine; `watts` is the declared power of the devices it uses, 0 for none."""
    return Metering([make(folder) for make in METERS.values()], watts, gpus=gpus_here())
