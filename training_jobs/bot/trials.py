"""Trials of datasets by the bot: nobody voted for one, so it makes one only if its owner gives it time for that.

`[limits] trial_seconds` is that time, for one trial; 0, as it comes, means none. What a machine gives is bounded by it
and by its other limits, in the box of every training, and nothing that is made leaves it but a report. 1. What is open.
2. Claim. 3. The specification is one, of one machine, has the dataset in it, and asks for no more than was offered. 4.
The supervisor works; every input is hashed against the specification before anything is started.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from governance.errors import Conflict, Refusal
from governance.evidence.canonical import canonical_bytes
from models_registry.scorers import naming
from training_jobs import spec as specs
from training_jobs.bot.client import Client
from training_jobs.bot.config import Configuration
from training_jobs.bot.remote import CHANGED, RemotePlatform
from training_jobs.runner import Limits
from training_jobs.supervisor import Assignment, Outcome, PlatformUnreachable, StaleLeaseError, supervise

logger = logging.getLogger("commonweights.bot")

TRIALS_MAX = 100
STEPS_MAX, SAMPLES_MAX = 100_000, 10_000
_REQUEST = ("dataset", "steps", "samples")
_NUMBERS = ("trial", "fence", "device_seconds", "lease_seconds", "heartbeat_seconds")


@dataclass(frozen=True)
class Given:
    """What a claim of a trial gave."""

    assignment: Assignment
    request: Mapping[str, Any]


class RemoteTrial(RemotePlatform):
    """One attempt at a trial, as the site sees it over HTTPS."""

    def __init__(self, client: Client, given: Given, *, bytes_max: int) -> None:
        """Keep what was given: no vote says more."""
        assignment = given.assignment
        named = [*assignment.metrics, *(name for names in assignment.further.values() for name in names)]
        super().__init__(
            client,
            assignment,
            assignment.spec,
            assignment.further.keys(),
            naming.classifiers_in(named),
            bytes_max=bytes_max,
            resume=False,
        )
        self._path = f"trials/{assignment.run_id}"
        self._request = given.request

    def lay_out(self, folder: Path) -> None:
        """Download what the trial needs, and write down what to try."""
        super().lay_out(folder)
        (folder / "trial-of.json").write_bytes(canonical_bytes(dict(self._request)))

    def tried(self, report: dict[str, Any], isolation: str) -> None:
        """Send what was found."""
        body = self._body(report=report, isolation=isolation)
        self._lease(lambda: self._client.post(f"{self._path}/tried", body, patient=True))


def make_one(config: Configuration, client: Client, leaving: Callable[[], bool]) -> Outcome | None:
    """Make one trial; return how it ended, or None where there is none to make."""
    if not config.limits.trial_seconds:
        return None
    for trial, seconds in _offers(client.get("trials")):  # 1
        if leaving():
            return Outcome("released")
        if seconds > config.limits.trial_seconds:
            logger.info("trial %s: its %s s are more than mine", trial, seconds)
            continue
        try:
            given = given_in(client.post(f"trials/{trial}/claim", {}))  # 2
        except Conflict as error:
            logger.info("trial %s: %s", trial, error)
            continue
        return _work(config, client, given, leaving)
    return None


def _work(config: Configuration, client: Client, given: Given, leaving: Callable[[], bool]) -> Outcome:
    assignment = given.assignment
    platform = RemoteTrial(client, given, bytes_max=config.limits.scratch_bytes)
    wrong = problem(given, config.limits.trial_seconds)  # 3
    if wrong:
        logger.error("trial %s is refused: %s", assignment.run_id, wrong)
        _give_back(platform, wrong)
        return Outcome("failed", CHANGED, wrong)
    limits = Limits(
        memory_bytes=config.limits.memory_bytes,
        scratch_bytes=config.limits.scratch_bytes,
        no_progress_seconds=config.limits.no_progress_seconds,
    )
    folder = config.folder / "runs" / f"trial-{assignment.run_id}" / str(assignment.fence)
    folder.mkdir(parents=True)
    outcome = supervise(platform, assignment, folder, limits, leaving=leaving)  # 4
    logger.info("trial %s, attempt %s: %s %s", assignment.run_id, assignment.fence, outcome.how, outcome.code)
    return outcome


def problem(given: Given, seconds_max: int) -> str:
    """Return what is wrong with a trial that the site gives out; nothing when it can be made here."""
    assignment, request = given.assignment, given.request
    try:
        spec = specs.from_payload(assignment.spec)
    except specs.SpecError as error:
        return f"its specification is none: {error}"
    if spec.strategy != "single":
        return f"a trial is made on one machine, and this one asks for {spec.strategy}"
    if request["dataset"] not in {use.digest for use in spec.datasets} or assignment.suite != spec.suite:
        return "it tries another dataset, or asks on another suite, than its specification names"
    if not (1 <= request["steps"] <= STEPS_MAX and 1 <= request["samples"] <= SAMPLES_MAX):
        return "it asks for no steps and questions, or for too many"
    if max(assignment.device_seconds, spec.device_seconds) > seconds_max:
        return f"it asks for {assignment.device_seconds} s, and I give {seconds_max}"
    return ""


def given_in(answer: Mapping[str, Any]) -> Given:
    """Read the answer to a claim; raise PlatformUnreachable for one that is none."""
    try:
        numbers = {name: answer[name] for name in _NUMBERS}
        request = {name: answer["request"][name] for name in _REQUEST}
        whole = (*numbers.values(), request["steps"], request["samples"])
        if any(type(value) is not int or value < 1 for value in whole) or not isinstance(request["dataset"], str):
            raise TypeError("numbers are whole and above zero, and the dataset is named by its digest")
        if not isinstance(answer["spec"], dict):
            raise TypeError("spec")
        number = numbers.pop("trial")
        assignment = Assignment(
            run_id=number,
            spec=answer["spec"],
            phase="trial",
            metrics=[str(metric) for metric in answer["metrics"]],
            suite=str(answer["suite"]),
            further={str(suite): [str(name) for name in names] for suite, names in dict(answer["further"]).items()},
            **numbers,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise PlatformUnreachable(f"the trial cannot be read: {error}") from error
    return Given(assignment, request)


def _offers(answer: Mapping[str, Any]) -> list[tuple[int, int]]:
    try:
        return [(int(row["trial"]), int(row["device_seconds"])) for row in answer["trials"][:TRIALS_MAX]]
    except (KeyError, TypeError, ValueError) as error:
        raise PlatformUnreachable(f"the list of trials cannot be read: {error}") from error


def _give_back(platform: RemoteTrial, why: str) -> None:
    try:
        platform.fail(CHANGED, why, permanent=True)
    except (PlatformUnreachable, StaleLeaseError, Refusal) as error:
        logger.warning("it could not be given back: %s", error)
