"""What a proposed model update would take, before anybody votes on it: device-seconds, energy, carbon, money.

Where the community shares computing, it may land at any of its sites that works or comes back, by the power and price
that they declare and by what is kept of their regions' forecasts; otherwise on machines of which this installation
declares power and grid (DEVICE_WATTS, GRID_GRAMS_PER_KWH). Nobody is asked over the network. Reads only.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings

from governance.clock import unix
from governance.models import Community, Proposal
from models_registry.models import Dataset
from training_jobs import spec as specs
from training_jobs.carbon import configured
from training_jobs.footprint import DECLARED
from training_jobs.scheduling.outlay import Outlay, Place, outlay
from training_jobs.sites import declared
from training_jobs.sites.lifecycle import Standing
from training_jobs.sites.selectors import all_sites

TRAINS = "model_update"


def outlay_of(proposal: Proposal, now: datetime) -> Outlay | None:
    """Return what a proposal or draft would take; None where it trains nothing."""
    if proposal.kind != TRAINS:
        return None
    about, most = device_seconds(proposal.payload)
    return outlay(about, most, places(proposal.community, now))


def device_seconds(payload: Mapping[str, Any]) -> tuple[int | None, int]:
    """Return the device-seconds that an update is estimated to take, None where a dataset is not known, and may take.

    The estimate is the plan of `spec.estimate`, at most the approved budget.
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
        return [Place("", settings.DEVICE_WATTS or None, grid, DECLARED if grid else "")]
    known = configured.kept({site.region for site in admitted}, unix(now))
    return [
        Place(
            site.slug,
            int(site.inputs["watts"]["value"]),
            known.get(site.region),
            settings.CARBON_SOURCE if site.region in known else "",
            declared.price_of(site.inputs),
            site.currency,
            int(site.inputs["pue_permille"]["value"]),
        )
        for site in admitted
    ]
