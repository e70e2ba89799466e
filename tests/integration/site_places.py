"""A community with sites of the compute commons: what the tests of sites share."""

from datetime import datetime
from typing import Any

from django.test import Client

from governance.models import Account
from tests.integration import commons
from training_jobs.models import Runner, Site
from training_jobs.runners import services as runners
from training_jobs.runners import tokens
from training_jobs.sites import measuring, services

GIB = 2**30


def price_input(value: int, **other: str) -> dict[str, Any]:
    """Return an input of the price as JSON has it."""
    return {"value": value, "dated": "2026-11-01", "source": "the bill of October", **other}


INPUTS = {
    "watts": price_input(400),
    "pue_permille": price_input(1_250),
    "tariff": price_input(20_000_000),
    "purchase": price_input(0),
    "lifetime_hours": price_input(40_000),
    "utilisation_bps": price_input(5_000),
    "operations_bps": price_input(0),
}
PRICE = 10_000_000  # 0.4 kW x 1.25 x 20 minor units per kWh: 10 minor units, in micro-units
LAKE: dict[str, Any] = {
    "slug": "lake",
    "name": "Lake cluster",
    "region": "FR",
    "country": "FR",
    "device_kind": "cpu",
    "devices": 4,
    "memory_bytes": 16 * GIB,
    "currency": "EUR",
    "inputs": INPUTS,
}
MEASURED: dict[str, Any] = {
    "device_kind": "cpu",
    "devices": 2,
    "memory_bytes": 8 * GIB,
    "repeats": [1_900, 2_000, 2_100],
    "software": "c" * 64,
    "benchmark": 1,
}


def signed_in(site: commons.Commons, name: str) -> Client:
    """Return the browser of a member, or of a stranger with a wallet."""
    client = Client()
    client.force_login(Account.objects.get_or_create(address=site.address(name))[0])
    return client


def register(site: commons.Commons, operator: str, now: datetime, **changes: Any) -> Site:
    """Register a site."""
    return services.register(site.address(operator), {**LAKE, **changes}, now)


def machine(
    site: commons.Commons, owner: str, at: Site | None, now: datetime, name: str = "node"
) -> tuple[Runner, str]:
    """Register a machine and attach it; return it, as it is stored, with its token."""
    made = runners.register(site.community, site.address(owner), name, list(tokens.SCOPES), 90, now)
    if at is not None:
        services.attach(at.slug, site.address(owner), made.runner.pk, now)
    return Runner.objects.select_related("community").get(pk=made.runner.pk), made.text


def measured_site(site: commons.Commons, operator: str, now: datetime, **changes: Any) -> Site:
    """Register a site with one machine that has measured itself."""
    made = register(site, operator, now, **changes)
    runner, _ = machine(site, operator, made, now, name=made.slug)
    measuring.take_in(runner, {**MEASURED, "device_kind": made.device_kind}, now)
    return Site.objects.get(pk=made.pk)
