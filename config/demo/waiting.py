"""Waiting until a proposal has come as far as the demo needs."""

import time
from typing import Any

from config.demo.client import Client

POLL_SECONDS = 0.5
WAIT_SECONDS_MAX = 120


class JourneyError(RuntimeError):
    """Something did not go the way the demo promises."""


def until(
    client: Client, proposal: str, states: set[str], seconds: int = WAIT_SECONDS_MAX, *, by_contract: bool = False
) -> dict[str, Any]:
    """Return the proposal once it is in one of these states; `by_contract`: make the blocks that it waits for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if by_contract:
            client.settle()
        found: dict[str, Any] = client.get(f"/api/v1/proposals/{proposal}")
        if found["state"] in states:
            return found
        time.sleep(POLL_SECONDS)
    raise JourneyError(f"proposal {found['number']} is {found['state']} after {seconds} s, expected {sorted(states)}")


def listed(client: Client, community: str, count: int) -> dict[str, Any]:
    """Return the newest proposal of a community that governs by contract, once it has this many."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < deadline:
        client.settle()
        found = client.get(f"/api/v1/proposals?community={community}")
        if found["count"] == count:
            newest: dict[str, Any] = max(found["results"], key=lambda each: int(each["number"]))
            return newest
        time.sleep(POLL_SECONDS)
    raise JourneyError(f"{community} has {found['count']} proposals after {WAIT_SECONDS_MAX} s, expected {count}")
