"""One attempt at a run, from its folder to its report: the children, the lease, the checkpoints, the end.

It talks to a `Platform`, which is the database for a worker of the site and HTTPS for the bot, and to nothing else: no
Django, no torch. Training and evaluation are child processes (`training_jobs.runner`) with files on both sides.

Promises, with a lease of L seconds and a heartbeat every H (60 and 15 by default):

    contact     the platform is asked every H/3 seconds, so that a cancel, a pause or the end of the budget is with the
                child after H/3 seconds; it has STOP_SECONDS more to leave a checkpoint, then it is killed: 15 s in all
    no contact  the child ends when L x PATIENCE seconds have passed since the last answered heartbeat was *sent*, by
                our hand, or by the runner's guard when we ourselves hang: before anybody can take the lease over
    stale       the child is killed at once, and nothing more is said under this lease
    checkpoints each new one is handed to the platform beside the training; the last one before the end is said
    others      where members of a run meet (`training_jobs.meeting`), we join before the child starts, and leave after
                it ended, whatever ended it

A platform that does not answer is asked again for INSIST_LEASES leases before a finished work is given up: a write
under an old fencing number is refused there, so insisting can do no harm.
"""

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from governance.errors import Refusal, Unavailable
from governance.evidence.canonical import strict_loads
from training_jobs import checkpoints
from training_jobs.beside import Work, beside
from training_jobs.carbon import meters
from training_jobs.endings import Ending, ending_of
from training_jobs.meeting import Attendance, Meeting, NotMet, Superseded
from training_jobs.runner import ChildResult, Limits, clock, run_child
from training_jobs.spec import ON_ONE_SITE

__all__ = [
    "Assignment",
    "Limits",
    "Meeting",
    "Outcome",
    "Platform",
    "PlatformUnreachable",
    "StaleLeaseError",
    "supervise",
]

logger = logging.getLogger(__name__)

TRAINER = "training_jobs.trainer"
SITE_TRAINER = "training_jobs.trainer.site"  # the trainers of one machine's devices
EVALUATOR = "training_jobs.evaluation"
TRIAL = "training_jobs.trial"
SLICE = "training_jobs.trainer.slice"
PATIENCE = 0.75  # share of the lease
CONTACTS_PER_HEARTBEAT = 3
INSIST_LEASES = 10
LAST_WORD_SECONDS = 30.0  # how long an answer may be under way that ended the lease
STREAM_SECONDS = 2.0  # events wait this long at most, so that a page can follow a run
TICK_SECONDS_MAX = 1.0
RESULT_BYTES_MAX = 1_000_000
EVENTS_AT_ONCE = 500
KEEP_AGAIN_SECONDS = 10.0

How = Literal["done", "canceled", "paused", "released", "failed", "stale", "unreachable"]
T = TypeVar("T")


class PlatformUnreachable(Exception):
    """The platform does not answer now; asking again can help."""


class StaleLeaseError(Exception):
    """Another attempt has a higher fencing number: nothing may be written any more."""


class Platform(Protocol):
    """What gives out runs, previews and trials, and takes results.

    All methods are called from the thread of `supervise`, one at a time, but for two: `lay_out` and `checkpoint` only
    move files, may take long, and are called in a thread of their own while `heartbeat` and `stream` go on in the
    first. Any of them may raise PlatformUnreachable or StaleLeaseError; `lay_out`, `trained`, `took_part`, `evaluated`
    and `tried` may raise a Refusal, which ends the attempt with its code.
    """

    def heartbeat(self) -> str:
        """Prolong the lease; answer "continue", "cancel", "pause" or "stale"."""

    def stream(self, events: list[dict[str, Any]]) -> None:
        """Keep what the child said, in order. Said again after PlatformUnreachable, so some may come twice."""

    def lay_out(self, folder: Path) -> None:
        """Fill the empty folder: spec.json, inputs, checkpoints of an earlier attempt, to evaluate also artifact."""

    def checkpoint(self, folder: Path) -> None:
        """Keep this checkpoint for whoever takes over; the folder is there until the call returns."""

    def trained(self, description: dict[str, Any], folder: Path, isolation: str) -> None:
        """Take the finished artifact in `folder`. What takes long goes through `keeping_the_lease`."""

    def took_part(self, description: dict[str, Any]) -> None:
        """Hear that a member's share ended well; its model is the lead's, bit for bit, so no file is handed over."""

    def evaluated(self, report: dict[str, Any], folder: Path) -> None:
        """Take what was measured."""

    def tried(self, report: dict[str, Any], isolation: str) -> None:
        """Take what a trial or a check found: of them there is nothing else to hand over."""

    def fail(self, code: str, detail: str, permanent: bool) -> None:  # noqa: FBT001 - the words of the protocol
        """Hear that the attempt did not work, and whether trying again could."""

    def stopped(self) -> None:
        """Hear that the child is gone and its checkpoint kept, as the platform or the machine's owner had asked."""


@dataclass(frozen=True)
class Assignment:
    """What a claim gives: the right and the means to work on a run.

    `device_seconds` is what is left of the approved budget over all attempts; `spec` is the canonical specification.
    `metrics` are measured on its `suite`; `further` names, by digest, the suites of rules and what is measured on them.
    `slot` is the seat in a run of several members: 0 leads, hands over the model and evaluates; the others train only,
    and the phase is always "train". `exchange`: where the members meet, when the strategy has them meet. A trial trains
    and measures in one child (`training_jobs.trial`); a check does a slice of a run again (`trainer.slice`).
    """

    run_id: int
    fence: int
    spec: Mapping[str, Any]
    phase: Literal["train", "evaluate", "trial", "check"]
    metrics: list[str]
    suite: str
    further: Mapping[str, list[str]]
    device_seconds: int
    lease_seconds: int
    heartbeat_seconds: int
    slot: int = 0
    exchange: Meeting | None = None
    # by the names of hidden suites their openings for this model; null: it is not opened (yet)
    openings: Mapping[str, Mapping[str, str] | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended, as far as this side knows; `code` and `detail` for failures."""

    how: How
    code: str = ""
    detail: str = ""


def supervise(
    platform: Platform,
    assignment: Assignment,
    folder: Path,
    settings: Limits,
    *,
    leaving: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Work on the attempt until it is done, stopped, failed or somebody else's; never raises for what may happen.

    1. Say hello. 2. Lay out the folder. 3. Train, among others where there are others, and hand over. 4. Evaluate and
    hand over. `leaving` says that this machine wants to end: the child leaves a checkpoint and the run goes back to
    the line. On any seat but the first, handing over is saying that the share is done, and 4 is the lead's.
    """
    attempt = _Attempt(platform, assignment, folder, settings, leaving)
    try:
        attempt.work()
    except (_Stopped, _Failed, Superseded, NotMet) as error:
        return attempt.ended_by(error)
    except (StaleLeaseError, PlatformUnreachable, Refusal, OSError, ValueError) as error:
        return attempt.ended_by(error)
    return Outcome("done")


def keeping_the_lease(platform: Platform, heartbeat_seconds: float, work: Callable[[], T]) -> T:
    """Do long work on files in a thread of its own, and keep the lease from this one meanwhile.

    For platforms, inside `trained` and `evaluated`. The work may end the lease itself: a report that is judged does,
    and a heartbeat may learn of it before the answer has come. So once the lease is gone, the work has
    LAST_WORD_SECONDS more to say how it ended; then StaleLeaseError is raised. A silent platform and a wish to stop
    wait until the work is done.
    """
    gone_at: float | None = None

    def beat() -> None:
        nonlocal gone_at
        try:
            if gone_at is None and platform.heartbeat() == "stale":
                gone_at = clock()
        except PlatformUnreachable as error:
            logger.warning("no heartbeat beside the work: %s", error)
        if gone_at is not None and clock() - gone_at >= LAST_WORD_SECONDS:
            raise StaleLeaseError

    return beside(work, beat, heartbeat_seconds / CONTACTS_PER_HEARTBEAT)


class _Stopped(Exception):
    """The attempt ends because somebody asked: "cancel", "pause" or "leave"."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class _Failed(Exception):
    """The attempt did not work."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.code)
        self.ending = ending


_STOPS: dict[str, How] = {"cancel": "canceled", "pause": "paused", "leave": "released"}


@dataclass
class _Attempt:
    """The state of one attempt while it lasts."""

    platform: Platform
    assignment: Assignment
    folder: Path
    limits: Limits
    leaving: Callable[[], bool]
    pending: list[dict[str, Any]] = field(default_factory=list)
    contact_at: float = field(default_factory=clock)
    streamed_at: float = 0.0
    progress_at: float = 0.0
    kept_step: int = -1
    keep_after: float = 0.0
    keeper: Work | None = None
    attendance: Attendance | None = None
    children: int = 0

    @property
    def contact_seconds(self) -> float:
        """How long to stay silent at most."""
        return self.assignment.heartbeat_seconds / CONTACTS_PER_HEARTBEAT

    def work(self) -> None:
        """Do the steps of `supervise`."""
        self._insist(self._hello)  # 1
        self._in_lease(lambda: self.platform.lay_out(self.folder))  # 2
        self.kept_step = max(checkpoints.steps_in(self.folder), default=-1)
        if self.assignment.phase == "trial":
            self._ask()
            self._report(TRIAL, "trial.json")
            return
        if self.assignment.phase == "check":
            self._report(SLICE, "check.json")
            return
        if self.assignment.phase == "train":  # 3
            with self._met():
                result = self._child(self._trainer(), self.assignment.device_seconds, training=True)
            description = _read_json(self.folder / "artifact.json")
            if self.assignment.slot:
                self._insist(lambda: self.platform.took_part(description))
                return
            self._insist(lambda: self.platform.trained(description, self.folder, result.isolation))
            if None in self.assignment.openings.values():
                # Hidden suites are opened now that the model is fixed: whoever takes the run up again measures on them.
                raise _Stopped("leave")
        self._ask()
        self._child(EVALUATOR, int(self.assignment.spec["budget"]["device_seconds"]), training=False)  # 4
        report = _read_json(self.folder / "report.json")
        self._insist(lambda: self.platform.evaluated(report, self.folder))

    def _report(self, module: str, name: str) -> None:
        """Do all in one child, train what a trial or a slice has, and hand over what it found."""
        result = self._child(module, self.assignment.device_seconds, training=True)
        report = _read_json(self.folder / name)
        self._insist(lambda: self.platform.tried(report, result.isolation))

    def ended_by(self, error: Exception) -> Outcome:
        """Tell the platform how the attempt ended, if there is still something to tell."""
        run, fence = self.assignment.run_id, self.assignment.fence
        if isinstance(error, StaleLeaseError | Superseded):
            logger.warning("run %s: the lease %s was taken over", run, fence)
            return Outcome("stale")
        if isinstance(error, PlatformUnreachable):
            logger.warning("run %s: the platform does not answer: %s", run, error)
            return Outcome("unreachable", detail=str(error))
        if isinstance(error, _Stopped):
            return self._last_word(self.platform.stopped, Outcome(_STOPS[error.why]))
        ending = _ending(error)
        return self._last_word(
            lambda: self.platform.fail(ending.code, ending.detail, ending.permanent),
            Outcome("failed", ending.code, ending.detail),
        )

    def _last_word(self, say: Callable[[], None], outcome: Outcome) -> Outcome:
        try:
            self._insist(say)
        except (StaleLeaseError, PlatformUnreachable) as error:
            return self.ended_by(error)
        return outcome

    def _ask(self) -> None:
        """Write down what to measure: of the suites that rules name, those that the platform laid in."""
        given = self.assignment
        there = self.folder / "inputs" / "suite"
        further = {suite: names for suite, names in given.further.items() if (there / f"{suite}.jsonl").is_file()}
        request = {"suite": given.suite, "metrics": sorted(given.metrics), "further": further}
        (self.folder / "evaluation.json").write_text(json.dumps(request))

    def _trainer(self) -> str:
        spec = self.assignment.spec
        is_in_stages = (spec.get("topology") or {}).get("stages") not in {None, 1}
        return SITE_TRAINER if spec["strategy"] in ON_ONE_SITE or is_in_stages else TRAINER

    # --- the other members ----------------------------------------------------------------------------------------

    @contextmanager
    def _met(self) -> Iterator[None]:
        """Be among the other members, from join to leave, in every way out; nothing where there are none."""
        if self.assignment.exchange is None:
            yield
            return
        self.attendance = attendance = Attendance(self.assignment.exchange, self.folder)
        hurry = True
        try:
            attendance.join(self._beat_or_stop, min(TICK_SECONDS_MAX, self.contact_seconds))
            yield
            hurry = False
        except _Stopped as stopped:
            hurry = stopped.why == "cancel"
            raise
        finally:
            self.attendance = None
            beside(lambda: attendance.end(at_once=hurry), self._beat_or_log, self.contact_seconds)

    def _beat_or_stop(self) -> None:
        answer = "leave" if self.leaving() else self._beat_or_log()
        if answer in _STOPS:
            raise _Stopped(answer)

    # --- one child ------------------------------------------------------------------------------------------------

    def _child(self, module: str, seconds: int, *, training: bool) -> ChildResult:
        """Run a child to its end; return its result, or raise what the attempt ends with."""
        said: list[dict[str, Any]] = []

        def on_event(event: dict[str, Any]) -> None:
            if event.get("event") == meters.EVENT:  # a child does not meter itself
                return
            self.pending.append(event)
            self.progress_at = clock()
            if event.get("event") == "failed":
                said.append(event)

        self.progress_at = clock()
        with self._metered():
            result = run_child(
                [sys.executable, "-m", module, str(self.folder)],
                self.folder,
                environment={},
                on_event=on_event,
                on_tick=self._tick,
                tick_seconds=min(TICK_SECONDS_MAX, self.contact_seconds / 2),
                wall_seconds=seconds,
                limits=self.limits,
                alive_until=lambda: self.contact_at + self.assignment.lease_seconds * PATIENCE,
            )
        if result.reason == "stale":
            raise StaleLeaseError
        answer = self._insist(self._flush)
        if result.reason != "cancel" and answer != "cancel":
            self._keep_last_checkpoint()
        asked = result.reason if result.reason in _STOPS else answer
        if asked in _STOPS and (result.returncode != 0 or asked == "cancel"):
            raise _Stopped(asked)
        if result.returncode == 0:  # also when it was faster than a pause: what is finished is handed over
            return result
        if result.reason == "shut_out" and self.attendance is not None:
            self.attendance.require()
        ending = ending_of(result, said[-1] if said else None, training=training)
        if ending is None:  # it was asked to stop, but not by us: the machine is going down
            raise _Stopped("leave")
        raise _Failed(ending)

    @contextmanager
    def _metered(self) -> Iterator[None]:
        """Meter what happens meanwhile, and put what was used among the events; nothing where nothing is known."""
        self.children += 1
        metering = meters.metering(self.limits.watts)
        metering.start()
        try:
            yield
        finally:
            used = metering.stop()
            if used is not None:
                self.pending.append(meters.line_of(used, self.children))

    def _tick(self) -> str:
        """Say how the child is to go on; talk to the platform if it is time."""
        now = clock()
        wish = self._wish(now)
        if wish != "continue":
            return wish
        self._keep_new_checkpoint()
        if now - self.contact_at < self.contact_seconds and not (
            self.pending and now - self.streamed_at >= min(STREAM_SECONDS, self.contact_seconds)
        ):
            return "continue"
        try:
            return self._flush()
        except StaleLeaseError:
            return "stale"
        except PlatformUnreachable as error:
            logger.warning("run %s: no answer for %d s: %s", self.assignment.run_id, now - self.contact_at, error)
            return "continue"  # `alive_until` ends the child when this lasts

    def _wish(self, now: float) -> str:
        """Say how the child is to go on as far as this machine and the other members are concerned."""
        if self.leaving():
            return "leave"
        if self.attendance is not None:
            if self.attendance.is_waiting():
                self.progress_at = now
            answer = self.attendance.look()
            if answer != "continue":
                return answer
        return "no_progress" if now - self.progress_at > self.limits.no_progress_seconds else "continue"

    def _flush(self) -> str:
        """Send a heartbeat and what the child said; return the answer."""
        answer = self._beat()
        while self.pending:
            batch = self.pending[:EVENTS_AT_ONCE]
            self.platform.stream(batch)
            del self.pending[: len(batch)]
        self.streamed_at = clock()
        return answer

    def _beat(self) -> str:
        """Send a heartbeat; the lease counts from before it was sent."""
        sent = clock()
        answer = self.platform.heartbeat()
        if answer == "stale":
            raise StaleLeaseError
        self.contact_at = sent
        return answer

    def _beat_or_log(self) -> str:
        """Send a heartbeat; one that is not answered is no reason to end what goes on beside it."""
        try:
            return self._beat()
        except PlatformUnreachable as error:
            logger.warning("run %s: no answer: %s", self.assignment.run_id, error)
            return "continue"

    def _hello(self) -> None:
        answer = "leave" if self.leaving() else self._beat()
        if answer in _STOPS:
            raise _Stopped(answer)

    # --- checkpoints ----------------------------------------------------------------------------------------------

    def _keep_new_checkpoint(self) -> None:
        """Hand the newest checkpoint to the platform, in a thread of its own; one that fails is tried again later.

        Only the lead does: from its checkpoint any seat can go on.
        """
        if self.assignment.slot:
            return
        if self.keeper is not None:
            if self.keeper.is_alive():
                return
            keeper, self.keeper = self.keeper, None
            try:
                self.kept_step = keeper.result()
            except (PlatformUnreachable, Refusal, OSError) as error:
                logger.warning("run %s: a checkpoint was not kept: %s", self.assignment.run_id, error)
                self.keep_after = clock() + KEEP_AGAIN_SECONDS
        newest = max(checkpoints.steps_in(self.folder), default=-1)
        if newest > self.kept_step and clock() >= self.keep_after:
            self.keeper = Work(lambda: self._keep(newest))
            self.keeper.start()

    def _keep(self, step: int) -> int:
        """Hand over one checkpoint from links of our own: the trainer removes old ones when it likes."""
        with checkpoints.held(self.folder, step) as held:
            self.platform.checkpoint(held)
        return step

    def _keep_last_checkpoint(self) -> None:
        """Hand over what the child left last, before the end is said; what cannot be kept is lost, not fatal."""
        if self.keeper is not None:
            keeper = self.keeper
            self._in_lease(keeper.join)
        self.keep_after = 0.0
        self._keep_new_checkpoint()
        if self.keeper is not None:
            keeper = self.keeper
            self._in_lease(keeper.join)
            self._keep_new_checkpoint()

    # --- asking again ---------------------------------------------------------------------------------------------

    def _in_lease(self, work: Callable[[], None]) -> None:
        """Do long work on files beside the heartbeats; only the loss of the lease interrupts it."""
        self._insist(lambda: beside(work, self._beat_or_log, self.contact_seconds))

    def _insist(self, call: Callable[[], T]) -> T:
        """Call until the platform answers, for INSIST_LEASES leases at most."""
        until = clock() + self.assignment.lease_seconds * INSIST_LEASES
        while True:
            try:
                return call()
            except PlatformUnreachable:
                if clock() >= until:
                    raise
                time.sleep(min(TICK_SECONDS_MAX, self.contact_seconds))


def _ending(error: Exception) -> Ending:
    """Return what an error of this side means."""
    if isinstance(error, _Failed | NotMet):
        return error.ending
    if isinstance(error, Refusal):
        return Ending(error.code, str(error), permanent=not isinstance(error, Unavailable))
    if isinstance(error, OSError):
        return Ending("storage_failed", str(error), permanent=False)
    # what a child wrote cannot be read
    return Ending(getattr(error, "code", "malformed_result"), str(error), permanent=True)


def _read_json(path: Path) -> dict[str, Any]:
    """Read what a child wrote, strictly and up to a limit: it is not believed to be JSON, or small."""
    with path.open("rb") as file:
        value = strict_loads(file.read(RESULT_BYTES_MAX + 1), max_bytes=RESULT_BYTES_MAX)
    if not isinstance(value, dict):
        raise ValueError(f"{path.name} is not a JSON object")  # noqa: TRY004 - the value is wrong, not our code
    return value
