"""What rules of sites and countries say of the data that a request brings: which kinds it is of, and where it may go.

`data_bounds` has the rules; here are the datasets and sites that they are held against. Reads only, in a fixed number
of queries. What may enter a site the scheduler itself looks at (`scheduling.fitting`); machines that get rows without
its choice are held to both rules.

The rows of every dataset lie with the platform already, which took them in. So its own workers may train on all of
them, unless they stand at a registered site (HOME_SITE): then they are held to the rules as every machine there.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from governance.errors import Forbidden
from governance.models import Community, Proposal
from models_registry.models import Dataset
from training_jobs.commons import allotments, data_bounds
from training_jobs.commons.data_bounds import LEAVES, NOWHERE, Barred, Place, Rows
from training_jobs.models import Admission, ComputeRequest, Run, Site

_TRAINS = "model_update"


@dataclass(frozen=True)
class SiteBarred:
    """A site that may not have the data of a proposal, and why: `by` is the site whose rule it is."""

    site: Site
    why: Barred
    by: Site


@dataclass(frozen=True)
class Told:
    """Which sites of a community may not have the data of a proposal; `none_may`: it has no other."""

    barred: tuple[SiteBarred, ...]
    none_may: bool


def kinds_of(community: Community, digests: Iterable[str]) -> list[str]:
    """Return the kinds of data that the datasets of a community are of, in order."""
    found = _rows_of([community.pk], digests)
    return sorted({kind for rows in found.values() for kind in rows.kinds})


def closed_to(asked: Iterable[ComputeRequest], sites: Iterable[Site]) -> dict[int, set[str]]:
    """Return by request (its primary key) the sites that may not have its data: rows that may not leave their country.

    What may not enter a site is no part of it: the scheduler compares the kinds of a request with the site's list.
    """
    wanted = {request: _datasets_of(request) for request in asked}
    communities = {request.community_id for request in wanted}
    known = _rows_of(communities, {digest for digests in wanted.values() for digest in digests})
    admitted = _admitted(communities)
    places = [_place(site) for site in sites]
    closed: dict[int, set[str]] = {}
    for request, digests in wanted.items():
        community = request.community_id
        data = [known[community, digest] for digest in digests if (community, digest) in known]
        closed[request.pk] = {
            place.slug for place in places if data_bounds.kept_in(place, data, admitted[community]) is not None
        }
    return closed


def why_not(site: Site | None, community: Community, digests: Iterable[str]) -> Barred | None:
    """Return why machines of a site, or of none, may not have datasets of a community; None: they may."""
    place = NOWHERE if site is None else _place(site)
    data = _rows_of([community.pk], digests).values()
    return data_bounds.barred(place, data, _admitted([community.pk])[community.pk])


def barred_here(asked: Mapping[int, tuple[int, Collection[str]]]) -> set[int]:
    """Return which pieces of work the platform's own workers may not do, because of what they learn from.

    `asked`: by number of the run or preview, the number of its community and the digests of its datasets.
    """
    home = allotments.home()
    if home is None or not asked:
        return set()
    place, communities = _place(home), {community for community, _ in asked.values()}
    known = _rows_of(communities, {digest for _, digests in asked.values() for digest in digests})
    admitted = _admitted(communities)
    return {
        number
        for number, (community, digests) in asked.items()
        if data_bounds.barred(
            place, [known[community, each] for each in digests if (community, each) in known], admitted[community]
        )
    }


def may_have(owner: str, community: Community, digests: Collection[str]) -> bool:
    """Say whether whoever holds leases under this name may have datasets of a community."""
    if allotments.is_runner(owner):
        return why_not(allotments.site_of(owner), community, digests) is None
    return not barred_here({0: (community.pk, digests)})


def require_may_be_here(community: Community, digests: Iterable[str]) -> None:
    """Raise Forbidden where the platform's own workers may not train on datasets of a community."""
    home = allotments.home()
    if home is not None:
        require_may_have(home, community, digests)


def require_may_have(site: Site | None, community: Community, digests: Iterable[str]) -> None:
    """Raise Forbidden where machines of a site, or of none, may not have datasets of a community."""
    why = why_not(site, community, digests)
    if why is None:
        return
    if why.rule == LEAVES:
        detail = f"rows of these kinds are kept in {why.country}; the site {why.by} there lets none leave the country"
        raise Forbidden("data_may_not_leave", detail, found=list(why.kinds), allowed=why.country)
    allowed = None if site is None else site.data_in
    detail = "the site of this machine lets no data of these kinds in"
    raise Forbidden("data_may_not_enter", detail, found=list(why.kinds), allowed=allowed)


def named(spec: Mapping[str, Any]) -> list[str]:
    """Return the digests of the datasets that the body of a specification names."""
    return [use["digest"] for use in spec.get("datasets", ())]


def told_of(proposal: Proposal) -> Told | None:
    """Return which sites may not have the data of a model update; None where none is barred, or nothing is shared."""
    if proposal.kind != _TRAINS:
        return None
    sites = list(Site.objects.serving(proposal.community).present().order_by("slug"))
    if not sites:
        return None
    data = list(_rows_of([proposal.community_id], named(proposal.payload["spec"])).values())
    places = {_place(site): site for site in sites}
    named_by = {site.slug: site for site in sites}
    found = [(site, data_bounds.barred(place, data, places)) for place, site in places.items()]
    barred = tuple(SiteBarred(site, why, named_by[why.by]) for site, why in found if why is not None)
    return Told(barred, len(barred) == len(sites)) if barred else None


def _datasets_of(request: ComputeRequest) -> list[str]:
    if request.run is not None:
        return of_run(request.run)
    return named(request.preview.spec) if request.preview is not None else []


def of_run(run: Run) -> list[str]:
    """Return the digests of the datasets that a run learns from."""
    return named(run.spec_record.body)


def _rows_of(communities: Collection[int], digests: Iterable[str]) -> dict[tuple[int, str], Rows]:
    """Return the rows of datasets by community and digest, in order of digest: one query."""
    found = Dataset.objects.filter(community__in=communities, digest__in=set(digests)).order_by("digest")
    columns = found.values_list("community_id", "digest", "data_kinds", "country")
    return {(number, digest): data_bounds.rows(kinds, country) for number, digest, kinds, country in columns}


def _admitted(communities: Collection[int]) -> Mapping[int, list[Place]]:
    """Return the sites that communities have let in and that have not left, by community: one query."""
    by_community: dict[int, list[Place]] = defaultdict(list)
    rows = Admission.objects.in_force().filter(community__in=communities, site__left_at__isnull=True)
    for admission in rows.select_related("site"):
        by_community[admission.community_id].append(_place(admission.site))
    return by_community


def _place(site: Site) -> Place:
    return Place(site.slug, site.country, _kinds(site.data_in), _kinds(site.data_out))


def _kinds(listed: list[str] | None) -> frozenset[str] | None:
    return None if listed is None else frozenset(listed)
