"""What the grids of a simulated federation do: the sample year of `training_jobs/carbon`, as series that repeat."""

from collections.abc import Mapping

from training_jobs.carbon.sample_year import BEGIN, GRIDS, year
from training_jobs.scheduling.values import Series


def sample_intensity(years: int = 2) -> Mapping[str, Series]:
    """Return each sample grid's carbon intensity (g CO2e per kWh) by the hour from `BEGIN`, the year repeated."""
    return {region: Series(BEGIN, 3_600, year(region) * years) for region in sorted(GRIDS)}
