"""Shared computing in the demo: the machine that Alice lends stands at a site, let in by a vote, with money for it.

The demo's own workers are machines of that site too (`COMMONWEIGHTS_HOME_SITE`), so runs go through requests,
allotments and the books. The lent machine measures the site while people vote; later it works when a visitor starts it.
"""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from config.demo import machine, plan
from config.demo.client import Client
from training_jobs.runner import die_with_parent

SITE = "old-mill"
BUDGET = {"currency": "EUR", "amount": "250.00"}
CEILING = {"currency": "EUR", "amount": "5.00"}
HEARTBEAT_SECONDS = 300
BLOCK_SECONDS = 3
MEASURING_SECONDS_MAX = 120
NOTHING_TO_DO = 75
_CENT = 1_000_000  # micro-units


@dataclass(frozen=True)
class Lent:
    """The machine that a member lends: what starts its bot, and the pass that measures it."""

    command: list[str]
    measuring: "subprocess.Popen[bytes]"

    def is_measured(self) -> bool:
        """Wait for the pass; say whether the machine greeted the site, measured itself, and found nothing to do yet."""
        return self.measuring.wait(MEASURING_SECONDS_MAX) == NOTHING_TO_DO


def offer(client: Client, folder: Path) -> Lent:
    """Register a site and a machine that stands there; begin to measure it."""
    client.post("/api/v1/sites", _site(datetime.now(UTC)))
    number, command = machine.lend(client, plan.SLUG, folder)
    client.post(f"/api/v1/sites/{SITE}/runners", {"runner": number})
    client.put(f"/api/v1/sites/{SITE}/calendar.ics", _own_use(datetime.now(UTC)), "text/calendar")
    with (folder / "bot.log").open("wb") as log:
        measuring = subprocess.Popen(
            [*command, "--once"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - one system call between fork and exec
        )
    return Lent(command, measuring)


def admission() -> dict[str, Any]:
    """Return the proposal that lets the site in."""
    return {
        "community": plan.SLUG,
        "kind": "site_admission",
        "title": "Let the old mill compute for us",
        "text": "Its wheel turns anyway. Alice says what a device-hour costs, from inputs that everybody can check.",
        "payload": {"site": SITE, "reason": "It is ours, it is near, and it runs on the river."},
    }


def budget() -> dict[str, Any]:
    """Return the proposal that enters the season's money into the books."""
    return {
        "community": plan.SLUG,
        "kind": "budget_opening",
        "title": "The season's money for training",
        "text": "Each update says what it may cost at most; that much is set aside when it is voted.",
        "payload": {"budget": "general", **BUDGET, "source": "Membership fees of the season"},
    }


def paid(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a specification with a ceiling in money."""
    return {**spec, "budget": {**spec["budget"], "money": dict(CEILING)}}


def keep_in_sight(client: Client, goes_on: Callable[[], bool]) -> None:
    """Say every few minutes that the site is there, as its operator would; return when nothing goes on.

    The chain gets its blocks here, so that what visitors send becomes final and votes by contract begin and end.
    """
    next_time = time.monotonic() + HEARTBEAT_SECONDS
    while goes_on():
        client.settle()
        time.sleep(BLOCK_SECONDS)
        if time.monotonic() >= next_time:
            client.post(f"/api/v1/sites/{SITE}/heartbeat", {})
            next_time += HEARTBEAT_SECONDS


def _site(now: datetime) -> dict[str, Any]:
    """Return what the site says of itself; its machine's two devices are parts of one processor."""
    values = {
        "watts": (45, "plug meter at the mill"),
        "pue_permille": (1_000, "no cooling: the river does it"),
        "tariff": (12 * _CENT, "contract of the valley's cooperative"),
        "purchase": (30_000 * _CENT, "receipt, second hand"),
        "lifetime_hours": (20_000, "estimate"),
        "utilisation_bps": (5_000, "estimate"),
        "operations_bps": (2_000, "hours that Alice spends there"),
    }
    dated = now.date().isoformat()
    inputs = {name: {"value": value, "dated": dated, "source": source} for name, (value, source) in values.items()}
    return {
        "slug": SITE,
        "name": "The old mill",
        "region": "FR",
        "country": "FR",
        "currency": BUDGET["currency"],
        "device_kind": "cpu",
        "devices": 2,
        "memory_bytes": machine.MEMORY_BYTES,
        "hours_max": 12,
        "data_in": None,
        "data_out": None,
        "commons_share_bps": 10_000,
        "inputs": inputs,
    }


def _own_use(now: datetime) -> bytes:
    """Return a calendar: the mill grinds tomorrow, and needs one of the two devices for it."""
    begins = (now + timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0)
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//commonweights//demo//EN",
        "BEGIN:VEVENT",
        "UID:grinding@old-mill",
        f"DTSTAMP:{now:%Y%m%dT%H%M%SZ}",
        f"DTSTART:{begins:%Y%m%dT%H%M%SZ}",
        f"DTEND:{begins + timedelta(hours=4):%Y%m%dT%H%M%SZ}",
        "SUMMARY:The mill grinds",
        "X-COMMONWEIGHTS-DEVICES:1",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode()
