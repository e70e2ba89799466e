"""The table of sources of carbon intensity. A new source is one file beside this one and one line here.

Which one is asked, where and with which key, the operator's settings say (CARBON_SOURCE, CARBON_FILE, CARBON_ENDPOINT,
CARBON_TOKEN). `none` is a choice too: then nothing is shifted, and nothing is claimed about grams.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from governance.errors import Invalid
from training_jobs.carbon.sources.base import Reading, Source, SourceRefusal
from training_jobs.carbon.sources.carbon_aware import CarbonAware
from training_jobs.carbon.sources.electricity_maps import ElectricityMaps
from training_jobs.carbon.sources.file import CsvFile, SampleYear
from training_jobs.carbon.sources.uk import CarbonIntensityGB
from training_jobs.carbon.sources.watttime import WattTime

__all__ = ["INTENSITY", "NONE", "Reading", "Source", "SourceRefusal", "open_source"]

NONE = "none"

# name: (file, endpoint, token) to a source
INTENSITY: Mapping[str, Callable[[Path | None, str, str], Source]] = MappingProxyType(
    {
        SampleYear.name: lambda file, endpoint, token: SampleYear(),
        CsvFile.name: lambda file, endpoint, token: CsvFile(_required(file)),
        ElectricityMaps.name: lambda file, endpoint, token: ElectricityMaps(endpoint, token),
        WattTime.name: lambda file, endpoint, token: WattTime(endpoint, token),
        CarbonAware.name: lambda file, endpoint, token: CarbonAware(endpoint, token),
        CarbonIntensityGB.name: lambda file, endpoint, token: CarbonIntensityGB(endpoint, token),
    }
)


def open_source(name: str, file: Path | None = None, endpoint: str = "", token: str = "") -> Source | None:
    """Return the source of a name, None for `none`; raise Invalid for an unknown one, and for what it lacks."""
    if name == NONE:
        return None
    if name not in INTENSITY:
        allowed = ", ".join([NONE, *INTENSITY])
        raise Invalid(
            "source_unknown", "there is no such source", field="CARBON_SOURCE", found=name[:64], allowed=allowed
        )
    if not token.isascii() or not token.isprintable():
        raise Invalid("token_unusable", "a key is visible ASCII", field="CARBON_TOKEN", allowed="visible ASCII")
    return INTENSITY[name](file, endpoint, token)


def _required(file: Path | None) -> Path:
    if file is None:
        raise Invalid("file_missing", "this source needs a file", field="CARBON_FILE", allowed="a path")
    return file
