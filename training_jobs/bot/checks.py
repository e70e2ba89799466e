"""Spot checks by the bot: a slice of what a site computed is computed again. Only where its owner gives time for that.

`[limits] check_seconds` is that time, for one check; 0, as it comes, means none. Its inputs were voted on, but nobody
voted for the check: what a machine gives is bounded by this and by its other limits, in the box of every training, and
nothing that is made leaves it but a report. 1. What is open. 2. Claim. 3. The specification is one, and asks for no
more than was offered. 4. The supervisor works; every input is hashed against the specification before it starts.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from governance.errors import Conflict, Refusal
from governance.evidence.canonical import canonical_bytes
from training_jobs import spec as specs
from training_jobs.bot.client import Client
from training_jobs.bot.config import Configuration
from training_jobs.bot.remote import CHANGED, RemotePlatform
from training_jobs.runner import Limits
from training_jobs.supervisor import Assignment, Outcome, PlatformUnreachable, StaleLeaseError, supervise

logger = logging.getLogger("commonweights.bot")

CHECKS_MAX = 100
_NUMBERS = ("check", "fence", "device_seconds", "lease_seconds", "heartbeat_seconds")


@dataclass(frozen=True)
class Given:
    """What a claim of a check gave."""

    assignment: Assignment
    request: Mapping[str, Any]


class RemoteCheck(RemotePlatform):
    """One attempt at a check, as the site sees it over HTTPS."""

    def __init__(self, client: Client, given: Given, *, bytes_max: int) -> None:
        """Keep what was given. The checkpoint that the slice begins with is what is checked: it is taken."""
        super().__init__(client, given.assignment, given.assignment.spec, bytes_max=bytes_max, resume=True)
        self._path = f"checks/{given.assignment.run_id}"
        self._request = given.request

    def lay_out(self, folder: Path) -> None:
        """Download what the check needs, and write down which steps."""
        super().lay_out(folder)
        (folder / "slice.json").write_bytes(canonical_bytes(dict(self._request)))

    def checkpoint(self, folder: Path) -> None:
        """Nobody goes on from it."""

    def tried(self, report: dict[str, Any], isolation: str) -> None:
        """Send what was found."""
        body = self._body(report=report, isolation=isolation)
        self._lease(lambda: self._client.post(f"{self._path}/recomputed", body, patient=True))


def make_one(config: Configuration, client: Client, leaving: Callable[[], bool]) -> Outcome | None:
    """Make one check; return how it ended, or None where there is none to make."""
    if not config.limits.check_seconds:
        return None
    for check, seconds in _offers(client.get("checks")):  # 1
        if leaving():
            return Outcome("released")
        if seconds > config.limits.check_seconds:
            logger.info("check %s: its %s s are more than mine", check, seconds)
            continue
        try:
            given = given_in(client.post(f"checks/{check}/claim", {}))  # 2
        except Conflict as error:
            logger.info("check %s: %s", check, error)
            continue
        return _work(config, client, given, leaving)
    return None


def _work(config: Configuration, client: Client, given: Given, leaving: Callable[[], bool]) -> Outcome:
    assignment = given.assignment
    platform = RemoteCheck(client, given, bytes_max=config.limits.scratch_bytes)
    wrong = problem(given, config.limits.check_seconds)  # 3
    if wrong:
        logger.error("check %s is refused: %s", assignment.run_id, wrong)
        try:
            platform.fail(CHANGED, wrong, permanent=True)
        except (PlatformUnreachable, StaleLeaseError, Refusal) as error:
            logger.warning("it could not be given back: %s", error)
        return Outcome("failed", CHANGED, wrong)
    limits = Limits(
        memory_bytes=config.limits.memory_bytes,
        scratch_bytes=config.limits.scratch_bytes,
        no_progress_seconds=config.limits.no_progress_seconds,
    )
    folder = config.folder / "runs" / f"check-{assignment.run_id}" / str(assignment.fence)
    folder.mkdir(parents=True)
    outcome = supervise(platform, assignment, folder, limits, leaving=leaving)  # 4
    logger.info("check %s, attempt %s: %s %s", assignment.run_id, assignment.fence, outcome.how, outcome.code)
    return outcome


def problem(given: Given, seconds_max: int) -> str:
    """Return what is wrong with a check that the site gives out; nothing when it can be made here."""
    try:
        spec = specs.from_payload(given.assignment.spec)
    except specs.SpecError as error:
        return f"its specification is none: {error}"
    if spec.strategy not in {"single", *specs.ON_ONE_SITE}:
        return f"a check is made on one machine, and this one asks for {spec.strategy}"
    if given.assignment.device_seconds > seconds_max:
        return f"it asks for {given.assignment.device_seconds} s, and I give {seconds_max}"
    return ""


def given_in(answer: Mapping[str, Any]) -> Given:
    """Read the answer to a claim; raise PlatformUnreachable for one that is none."""
    try:
        numbers = {name: answer[name] for name in _NUMBERS}
        request = {name: answer["request"][name] for name in ("first", "last", "final", "seed")}
        if any(type(value) is not int or value < 1 for value in numbers.values()):
            raise TypeError("numbers are whole and above zero")
        if type(request["first"]) is not int or type(request["last"]) is not int or type(request["final"]) is not bool:
            raise TypeError("steps are whole numbers")
        if not isinstance(answer["spec"], dict) or not isinstance(request["seed"], str):
            raise TypeError("spec or seed")
        number = numbers.pop("check")
        assignment = Assignment(
            run_id=number,
            spec=answer["spec"],
            phase="check",
            metrics=[],
            suite=str(answer["suite"]),
            further={},
            **numbers,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise PlatformUnreachable(f"the check cannot be read: {error}") from error
    return Given(assignment, request)


def _offers(answer: Mapping[str, Any]) -> list[tuple[int, int]]:
    try:
        return [(int(row["check"]), int(row["device_seconds"])) for row in answer["checks"][:CHECKS_MAX]]
    except (KeyError, TypeError, ValueError) as error:
        raise PlatformUnreachable(f"the list of checks cannot be read: {error}") from error
