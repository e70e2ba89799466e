"""Trials of datasets by the bot, as `offered` has it: what training on a dataset that is proposed would do.

`[limits] trial_seconds` is the time that its owner gives for one trial; 0, as it comes, means none. The specification
is one, of one machine, has the dataset in it, and asks for no more than was offered.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from governance.evidence.canonical import canonical_bytes
from models_registry.scorers import naming
from training_jobs import spec as specs
from training_jobs.bot import offered
from training_jobs.bot.client import Client
from training_jobs.bot.config import Configuration
from training_jobs.bot.offered import Given, Kind
from training_jobs.bot.remote import RemotePlatform
from training_jobs.supervisor import Assignment, Outcome, PlatformUnreachable

STEPS_MAX, SAMPLES_MAX = 100_000, 10_000
_REQUEST = ("dataset", "steps", "samples")
_NUMBERS = ("trial", "fence", "device_seconds", "lease_seconds", "heartbeat_seconds")


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
    kind = Kind("trial", given_in, problem, RemoteTrial)
    return offered.make_one(kind, config.limits.trial_seconds, config, client, leaving)


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
