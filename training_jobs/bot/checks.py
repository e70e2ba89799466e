"""Spot checks by the bot: a slice of what a site computed is computed again, as `offered` has it.

`[limits] check_seconds` is the time that its owner gives for one check; 0, as it comes, means none. Its inputs were
voted on, but nobody voted for the check. The specification is one that a machine can work on alone.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from governance.evidence.canonical import canonical_bytes
from training_jobs import spec as specs
from training_jobs.bot import offered
from training_jobs.bot.client import Client
from training_jobs.bot.config import Configuration
from training_jobs.bot.offered import Given, Kind
from training_jobs.bot.remote import RemotePlatform
from training_jobs.supervisor import Assignment, Outcome, PlatformUnreachable

_NUMBERS = ("check", "fence", "device_seconds", "lease_seconds", "heartbeat_seconds")


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
    kind = Kind("check", given_in, problem, RemoteCheck)
    return offered.make_one(kind, config.limits.check_seconds, config, client, leaving)


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
