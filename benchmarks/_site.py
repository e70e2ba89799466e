"""A private site for measuring: a database of its own, a community of listed members, proposals that are open.

Everything is made by the services that the site itself uses. No chain is needed: power is read from a list.
"""

import os
import socket
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import coincurve
import django
from django.core.management import call_command
from sha3 import keccak_256

from governance.eip712 import checksum_address

SLUG = "measured"
TOKEN = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
CHAIN_ID = 31337
RULES = {
    "quorum_bps": 2_000,
    "threshold_bps": 5_000,
    "proposal_threshold": "1",
    "voting_delay_seconds": 1,
    "voting_period_seconds": 5 * 24 * 3600,
    "timelock_seconds": 3600,
    "execution_window_seconds": 14 * 24 * 3600,
    "late_quorum_seconds": 24 * 3600,
}
PAYLOADS = {
    "governor": ("text_signal", {"statement": "We drink the water of the northern spring."}),
    "ranked-choice": ("poll", {"question": "Which spring?", "choices": ["North", "East", "South", "West", "None"]}),
}


def key(number: int) -> coincurve.PrivateKey:
    """Return the key of a member by number, from 1 on."""
    return coincurve.PrivateKey(number.to_bytes(32, "big"))


def address(number: int) -> str:
    """Return the address of a member."""
    public = key(number).public_key.format(compressed=False)[1:]
    return checksum_address("0x" + keccak_256(public).hexdigest()[24:])


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def set_up(folder: str, origin: str, database: str = "") -> dict[str, str]:
    """Make an empty database with the settings that a site would have; return the environment of its processes."""
    chosen = {
        "COMMONWEIGHTS_DATA": folder,
        "COMMONWEIGHTS_ORIGIN": origin,
        "COMMONWEIGHTS_COLLECTED_STATIC": "0",
        "COMMONWEIGHTS_LOG_LEVEL": "ERROR",
        "COMMONWEIGHTS_OPEN_PROPOSALS_PER_AUTHOR": "1000",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
        **({"COMMONWEIGHTS_DATABASE": database} if database else {}),
    }
    os.environ.update(chosen)
    django.setup()
    call_command("migrate", verbosity=0)
    return {**os.environ, **chosen}


def listed(voters: Iterable[str]) -> dict[str, Any]:
    """Return the source of power in which each of these has one vote."""
    return {"source": "fixed_list", "parameters": {"members": dict.fromkeys(voters, "1")}}


def found_community(power: Mapping[str, Any]) -> Any:  # noqa: ANN401 - models exist only after `set_up`
    """Found a community with this source of power."""
    from governance import clock, services
    from governance.evidence.signing import generate_key
    from governance.keys import release_key_path

    charter = {
        "tiers": {"standard": RULES},
        "kinds": {"default": "standard"},
        "power": power,
        "house": None,
        "council": {"pause_seconds_max": 3600},
    }
    new = services.NewCommunity(
        slug=SLUG,
        name_en="Measured",
        name_fr="Mesurée",
        chain_id=CHAIN_ID,
        token=TOKEN,
        release_key=generate_key(release_key_path(SLUG)),
        charter=charter,
    )
    return services.found_community(new, clock.now() - timedelta(minutes=2))


def open_proposal(community: Any, author: str, method: str = "governor", about: str = "") -> Any:  # noqa: ANN401 - as above
    """Submit a proposal with its census whose voting has begun a minute ago; `about` tells it from others."""
    from governance import clock, services

    kind, payload = PAYLOADS[method]
    if about:
        payload = payload | {"statement": f"{payload['statement']} {about}"}
    then = clock.now() - timedelta(minutes=1)
    wanted = "" if method == "governor" else method
    draft = services.create_draft(
        community, author, services.Draft(kind, f"Measured {about}".strip(), "A text.", payload, {}, wanted, 1), then
    )
    return services.take_census(services.submit(draft.pk, author, then).pk, then)
