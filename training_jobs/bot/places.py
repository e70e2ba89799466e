"""Which runs this code can take, and whether the seat and the meeting that a claim gives are those of the approved run.

Whom the other members are, the votes do not say: the site gives the seats out, and the relay it names can leave members
out or stop the run. What it cannot do is change what a member sends unseen (docs/how-to/train-over-slow-links.md).
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from training_jobs.bot.config import LOOPBACK
from training_jobs.exchange.payload import is_member
from training_jobs.exchange.tickets import TICKET_CHARACTERS_MAX
from training_jobs.spec.shape import EXCHANGING, ON_ONE_SITE
from training_jobs.supervisor import Assignment, Meeting

# What this code can do; what the members of a run exchange, the specification knows.
ON_ONE_MACHINE = ("single", *ON_ONE_SITE)


def unable(spec: Mapping[str, Any], capabilities: Mapping[str, Any]) -> str:
    """Return why this machine leaves an approved run to others; nothing when it can take it."""
    strategy = spec["strategy"]
    if strategy not in (*ON_ONE_MACHINE, *EXCHANGING):
        return f"its strategy {strategy} is not known here"
    graphics = sum(device["kind"] == "cuda" for device in capabilities["devices"])
    devices = graphics or capabilities["cpus"]
    if strategy in ON_ONE_SITE and devices < workers_of(spec):
        return f"it needs {workers_of(spec)} devices in one machine, and there are {devices}"
    return ""


def problem(assignment: Assignment, spec: Mapping[str, Any], site: str) -> str:
    """Return what is wrong with the seat that the site gives us; nothing when it fits the approved specification."""
    strategy, meeting = spec["strategy"], assignment.exchange
    seats = workers_of(spec) if strategy in EXCHANGING else 1
    if assignment.slot >= seats:
        return f"seat {assignment.slot} of a run that has {seats}"
    if assignment.slot and assignment.phase != "train":
        return "only the lead evaluates"
    if (meeting is not None) != (strategy in EXCHANGING and assignment.phase == "train"):
        return f"the strategy {strategy} {'needs no' if meeting else 'needs a'} relay"
    return "" if meeting is None else _meeting_problem(meeting, urlsplit(site).scheme)


def workers_of(spec: Mapping[str, Any]) -> int:
    """Return how many work on the run together; one where there is no topology."""
    topology = spec.get("topology")
    return int(topology["workers"]) if topology else 1


def _meeting_problem(meeting: Meeting, scheme_of_site: str) -> str:
    """Return what is wrong with name, ticket or address: a ticket must not cross a network in the clear."""
    url, ticket = meeting.url, meeting.ticket
    if not is_member(meeting.member):
        return "a member's name that is none"
    if not 0 < len(ticket) <= TICKET_CHARACTERS_MAX or not ticket.isascii() or not ticket.isprintable():
        return "a ticket that is none"
    try:
        parts = urlsplit(url)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError as error:
        return f"the relay's address {url[:100]}: {error}"
    plain = parts.scheme == "http" and (parts.hostname in LOOPBACK or scheme_of_site == "http")
    if not (parts.scheme == "https" or plain) or not parts.hostname or not port_is_one:
        return f"the relay's address {url[:100]} is not https://host"
    if parts.username or parts.query or parts.fragment or not parts.path.isascii() or not url.isprintable():
        return f"the relay's address {url[:100]} is not scheme://host[:port][/path]"
    return ""
