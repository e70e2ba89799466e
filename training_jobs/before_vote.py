"""What a proposed model update would take, before anybody votes on it: device-seconds, energy, carbon, money.

Device-seconds come with the interval of comparable past runs (`ledger.estimates`). Where the community shares
computing, it may land at any of its sites that works or comes back: by the power that was metered there, or else is
declared, the price that they declare, and what is kept of their regions' forecasts. Otherwise on machines of which this
installation declares power and grid (DEVICE_WATTS, GRID_GRAMS_PER_KWH), or of which the community's runs metered the
power. Nobody is asked over the network. Reads only, in a fixed number of queries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from governance.clock import unix
from governance.models import Community, Proposal
from models_registry.models import Dataset
from training_jobs import metered_watts
from training_jobs import spec as specs
from training_jobs.carbon import configured
from training_jobs.footprint import DECLARED
from training_jobs.ledger import estimates
from training_jobs.ledger.currencies import read_amount
from training_jobs.ledger.estimates import Forecast, forecast
from training_jobs.models import Run
from training_jobs.scheduling.outlay import Outlay, Place, outlay
from training_jobs.sites import declared
from training_jobs.sites.lifecycle import Standing
from training_jobs.sites.selectors import all_sites

TRAINS = "model_update"


@dataclass(frozen=True)
class BeforeVote:
    """What voters are told: device-seconds with their interval, and what follows from them where it may land."""

    seconds: Forecast
    outlay: Outlay


@dataclass(frozen=True)
class Afterwards:
    """What voters would have been told of a run when it was proposed, and the device-seconds that it took."""

    told: Forecast
    took: int

    @property
    def inside(self) -> bool | None:
        """Whether it ended inside the interval; None where there was none."""
        interval = self.told.interval
        return None if interval is None else interval[0] <= self.took <= interval[1]


def told_of(proposal: Proposal, now: datetime) -> BeforeVote | None:
    """Return what a proposal or draft would take; None where it trains nothing."""
    if proposal.kind != TRAINS:
        return None
    spec = specs.from_payload(proposal.payload["spec"])
    seconds = forecast(proposal.community, spec)
    here = places(proposal.community, now)
    return BeforeVote(seconds, outlay(seconds.interval, seconds.most, here, ceilings_of(spec)))


def compared_with(run: Run) -> Afterwards | None:
    """Return what a run took beside what was estimated; None until it has come to its end, and where it was stopped.

    The estimate of that day is not stored: it is made again from the runs that had ended and the sites that were let in
    when the proposal was submitted. Prices and powers of that day are not known, so it is of device-seconds alone.
    """
    if not estimates.is_whole(run):
        return None
    spec = specs.from_payload(run.spec_record.body)
    proposed = run.proposal.submitted_at or run.created_at
    return Afterwards(forecast(run.community, spec, at=proposed), estimates.device_seconds_of(run))


def device_seconds(payload: Mapping[str, Any]) -> tuple[int | None, int]:
    """Return the device-seconds that are planned for an update, None where a dataset is not known, and may be used.

    The plan is that of `spec.estimate`, at most the approved budget.
    """
    spec = specs.from_payload(payload["spec"])
    known = Dataset.objects.filter(digest__in=[use.digest for use in spec.datasets])
    counts = {digest: (records, size) for digest, records, size in known.values_list("digest", "records", "size")}
    if any(use.digest not in counts for use in spec.datasets):
        return None, spec.device_seconds
    needed = specs.estimate(
        spec,
        {digest: records for digest, (records, _size) in counts.items()},
        {digest: size for digest, (_records, size) in counts.items()},
    )
    return min(needed.device_seconds, spec.device_seconds), spec.device_seconds


def places(community: Community, now: datetime) -> list[Place]:
    """Return where work of a community may land: at its sites, or where it shares none, on machines of no site."""
    admitted = [site for site in all_sites(community) if site.standing(now) not in {Standing.LEFT, Standing.SUSPENDED}]
    if not admitted:
        grams = settings.GRID_GRAMS_PER_KWH or None
        grid = None if grams is None else (grams, grams)
        watts = _watts(metered_watts.of_no_site(community), settings.DEVICE_WATTS)
        return [Place("", *watts, grid, DECLARED if grid else "")]
    known = configured.kept({site.region for site in admitted}, unix(now))
    metered = metered_watts.at_sites(admitted)
    return [
        Place(
            site.slug,
            *_watts(metered.get(site.slug), int(site.inputs["watts"]["value"])),
            known.get(site.region),
            settings.CARBON_SOURCE if site.region in known else "",
            declared.price_of(site.inputs),
            site.currency,
            int(site.inputs["pue_permille"]["value"]),
        )
        for site in admitted
    ]


def _watts(metered: metered_watts.Metered | None, declared_watts: int) -> tuple[int | None, int]:
    """Return the power of a device and of how many attempts it was metered: 0 where it is declared."""
    return (declared_watts or None, 0) if metered is None else (metered.watts, metered.attempts)


def ceilings_of(spec: specs.TrainingSpec) -> dict[str, int]:
    """Return the voted ceiling in money, in micro-units by currency; nothing where none was voted."""
    if spec.money is None:
        return {}
    amount = read_amount(specs.decimal_text(spec.money.amount), spec.money.currency)
    return {} if amount is None else {spec.money.currency: amount}
