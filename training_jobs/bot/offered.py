"""Work that the site offers and nobody voted for: trials and spot checks. Only where its owner gives time for that.

What a machine gives is bounded by that time and by its other limits, in the box of every training, and nothing that is
made leaves it but a report. 1. What is open. 2. Claim. 3. What was given is as its kind has it, and asks for no more
than was offered. 4. The supervisor works; every input is hashed against the specification before it starts.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from governance.errors import Conflict, Refusal
from training_jobs.bot.client import Client
from training_jobs.bot.config import Configuration
from training_jobs.bot.remote import CHANGED, RemotePlatform
from training_jobs.runner import Limits
from training_jobs.supervisor import Assignment, Outcome, PlatformUnreachable, StaleLeaseError, supervise

logger = logging.getLogger("commonweights.bot")

OFFERS_MAX = 100


@dataclass(frozen=True)
class Given:
    """What a claim gave: the assignment, and what is asked beside the specification."""

    assignment: Assignment
    request: Mapping[str, Any]


class MakePlatform(Protocol):
    """What makes the platform of one attempt."""

    def __call__(self, client: Client, given: Given, *, bytes_max: int) -> RemotePlatform:
        """Return it."""
        ...


@dataclass(frozen=True)
class Kind:
    """One kind of such work. `name` is what it is called in addresses (with an s) and in answers.

    `given_in` reads the answer to a claim, or raises PlatformUnreachable; `problem` says what is wrong with what was
    given for so many seconds at most.
    """

    name: str
    given_in: Callable[[Mapping[str, Any]], Given]
    problem: Callable[[Given, int], str]
    platform: MakePlatform


def make_one(
    kind: Kind, seconds_max: int, config: Configuration, client: Client, leaving: Callable[[], bool]
) -> Outcome | None:
    """Make one of a kind; return how it ended, or None where there is none to make."""
    if not seconds_max:
        return None
    for number, seconds in _offers(kind, client.get(f"{kind.name}s")):  # 1
        if leaving():
            return Outcome("released")
        if seconds > seconds_max:
            logger.info("%s %s: its %s s are more than mine", kind.name, number, seconds)
            continue
        try:
            given = kind.given_in(client.post(f"{kind.name}s/{number}/claim", {}))  # 2
        except Conflict as error:
            logger.info("%s %s: %s", kind.name, number, error)
            continue
        return _work(kind, seconds_max, config, client, given, leaving)
    return None


def _work(
    kind: Kind,
    seconds_max: int,
    config: Configuration,
    client: Client,
    given: Given,
    leaving: Callable[[], bool],
) -> Outcome:
    assignment = given.assignment
    platform = kind.platform(client, given, bytes_max=config.limits.scratch_bytes)
    wrong = kind.problem(given, seconds_max)  # 3
    if wrong:
        logger.error("%s %s is refused: %s", kind.name, assignment.run_id, wrong)
        _give_back(platform, wrong)
        return Outcome("failed", CHANGED, wrong)
    limits = Limits(
        memory_bytes=config.limits.memory_bytes,
        scratch_bytes=config.limits.scratch_bytes,
        no_progress_seconds=config.limits.no_progress_seconds,
    )
    folder = config.folder / "runs" / f"{kind.name}-{assignment.run_id}" / str(assignment.fence)
    folder.mkdir(parents=True)
    outcome = supervise(platform, assignment, folder, limits, leaving=leaving)  # 4
    logger.info("%s %s, attempt %s: %s %s", kind.name, assignment.run_id, assignment.fence, outcome.how, outcome.code)
    return outcome


def _offers(kind: Kind, answer: Mapping[str, Any]) -> list[tuple[int, int]]:
    try:
        return [(int(row[kind.name]), int(row["device_seconds"])) for row in answer[f"{kind.name}s"][:OFFERS_MAX]]
    except (KeyError, TypeError, ValueError) as error:
        raise PlatformUnreachable(f"the list of {kind.name}s cannot be read: {error}") from error


def _give_back(platform: RemotePlatform, why: str) -> None:
    try:
        platform.fail(CHANGED, why, permanent=True)
    except (PlatformUnreachable, StaleLeaseError, Refusal) as error:
        logger.warning("it could not be given back: %s", error)
