"""Questions about spot checks, for pages and the API. Reads only."""

from django.db.models import QuerySet

from training_jobs.models import Doubt, Site, SpotCheck


def checks_of(site: Site) -> QuerySet[SpotCheck]:
    """Return the checks of a site, newest first, with what a row shows."""
    joined = SpotCheck.objects.select_related("slice__attempt__run", "slice__site")
    return joined.filter(slice__site=site).order_by("-ordered_at", "-pk")


def doubts_about(site: Site) -> QuerySet[Doubt]:
    """Return what else speaks against a site, newest first."""
    return Doubt.objects.filter(site=site).select_related("attempt")
