"""Kinds of proposals about sites of the compute commons: letting one in, taking one out, naming stewards of sites."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from governance.errors import Conflict, Invalid
from governance.kinds import Fact, Field, ForOrAgainst, clean_text, require_keys
from governance.models import Community, Proposal, Record
from models_registry.incidents.proposal_kinds import IncidentStewardsChange
from training_jobs.ledger.currencies import for_people
from training_jobs.models import Admission, Site, SiteStewards
from training_jobs.sites import admitting, declared, selectors

_KNOWN = frozenset({"name", "operator", "country", "devices", "price", "currency"})


class SiteAdmission(ForOrAgainst):
    """Let a site compute for the community."""

    name = "site_admission"
    label = gettext_lazy("Admission of a site")
    description = gettext_lazy("Let a place with compute do the community’s work, at the price that its inputs give.")
    scope = "governance"

    def fields(self, community: Community) -> list[Field]:
        """Ask which site, and why."""
        sites = Site.objects.present().exclude(pk__in=Site.objects.serving(community))
        return [
            _site_field(sites, _("Sites that are registered here and do not serve this community yet.")),
            Field("reason", _("Reason"), "long_text", _("Everybody reads it beside the site.")),
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        return {"site": values.get("site", ""), "reason": values.get("reason", "")}

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze which site it is, and what it says of itself today."""
        require_keys(payload, {"site", "reason"}, _KNOWN)
        site = _site(payload)
        if Admission.objects.in_force().filter(site=site, community=community).exists():
            detail = "this community has let the site in already"
            raise Conflict("already_admitted", detail, field="payload.site", found=site.slug)
        return _frozen(payload, site)

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        return _("the site %(name)s (%(country)s) computes for the community.") % payload

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the payload in words."""
        return _facts(payload)

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Let it in."""
        admitting.admit_by_vote(proposal, now)


class SiteRemoval(ForOrAgainst):
    """Take a site out of the community's compute."""

    name = "site_removal"
    label = gettext_lazy("Removal of a site")
    description = gettext_lazy("No longer let a site do the community’s work, with a reason that everybody can read.")
    scope = "governance"

    def fields(self, community: Community) -> list[Field]:
        """Ask which site, and why."""
        sites = Site.objects.serving(community)
        return [
            _site_field(sites, _("What runs there may end; it gets nothing new.")),
            Field("reason", _("Reason"), "long_text", _("Everybody reads it beside the site.")),
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        return {"site": values.get("site", ""), "reason": values.get("reason", "")}

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze which site it is."""
        require_keys(payload, {"site", "reason"}, _KNOWN)
        site = _site(payload)
        if not Admission.objects.in_force().filter(site=site, community=community).exists():
            detail = "this community has not let the site in"
            raise Conflict("not_admitted", detail, field="payload.site", found=site.slug)
        return _frozen(payload, site)

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        return _("the site %(name)s (%(country)s) no longer computes for the community.") % payload

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the payload in words."""
        return _facts(payload)

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Take it out."""
        admitting.remove_by_vote(proposal, now)


class SiteStewardsChange(IncidentStewardsChange):
    """Name the people who decide about sites between votes; nobody named means the council in office."""

    name = "site_stewards"
    label = gettext_lazy("Stewards of sites")
    description = gettext_lazy("Name who admits, removes and suspends sites between votes; else the council does.")

    def fields(self, community: Community) -> list[Field]:
        """Ask for the people; the editor starts with those in office by vote."""
        named = SiteStewards.objects.filter(community=community).first()
        lines = [f"{each['address']} {each['name']}" for each in (named.members if named else [])]
        return [
            Field(
                "members",
                _("Stewards"),
                "long_text",
                _("One on each line: the address, then the name. At most 16; with nobody it is the council in office."),
                required=False,
                initial="\n".join(lines),
            )
        ]

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        people = len(payload["members"])
        if not people:
            return _("the council in office decides about sites.")
        said = ngettext("%(n)d person decides about sites.", "%(n)d people decide about sites.", people)
        return said % {"n": people}

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Put them in office."""
        admitting.name_stewards(proposal, now)


def _site_field(sites: Any, help_text: str) -> Field:  # noqa: ANN401 - a query set
    options = tuple((site.slug, f"{site.name} ({site.country})") for site in sites)
    return Field("site", _("Site"), "choice", help_text, options=options)


def _site(payload: dict[str, Any]) -> Site:
    slug = payload["site"]
    site = Site.objects.present().filter(slug=slug).first() if isinstance(slug, str) and "\x00" not in slug else None
    if site is None:
        found = slug[:60] if isinstance(slug, str) else type(slug).__name__
        raise Invalid("unknown_site", "there is no such site", field="payload.site", found=found)
    return site


def _frozen(payload: dict[str, Any], site: Site) -> dict[str, Any]:
    """Return the site with what voters have to know of it; what the payload says of that does not count."""
    reason = clean_text(payload, "reason", length_max=declared.REASON_MAX)
    return {
        "site": site.slug,
        "reason": reason,
        "name": site.name,
        "operator": site.operator,
        "country": site.country,
        "devices": selectors.given(site),
        "price": declared.price_of(site.inputs),
        "currency": selectors.currency_of(site),
    }


def _facts(payload: dict[str, Any]) -> list[Fact]:
    return [
        Fact(_("Site"), f"{payload['name']} ({payload['site']})"),
        Fact(_("Operator"), payload["operator"]),
        Fact(_("Country"), payload["country"]),
        Fact(_("Measured devices that it gives"), str(payload["devices"])),
        Fact(_("Price of a device-hour"), f"{for_people(payload['price'], payload['currency'])} {payload['currency']}"),
        Fact(_("Reason"), payload["reason"]),
    ]
