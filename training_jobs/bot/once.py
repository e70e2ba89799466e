"""One pass of the bot: say hello, look for work, check its votes, claim it, run it. Returns how that ended.

1. hello, a new token in good time, and a measurement where one is asked for. 2. What is open. 3. The proof of each,
checked by our own code, before anything is taken. 4. Claim; who is second goes on to the next. 5. What the claim gives
is what was checked. 6. The supervisor works. Which seat of a run it gets, the site says; a strategy that this code does
not know is left to others. 7. Where there is nothing that was voted for, and its owner gives it time for that, it makes
a spot check of a site or a trial of a dataset.
"""

import logging
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import Any

from governance.errors import Conflict, Refusal
from governance.evidence.canonical import canonical_bytes
from models_registry.provenance.bundle import LINE_BYTES_MAX
from models_registry.provenance.case import TrustRoots
from training_jobs import spec as specs
from training_jobs.bot import checks, machine, places, proof, reference, trials
from training_jobs.bot.client import Client
from training_jobs.bot.config import Configuration
from training_jobs.bot.proof import Approved, ProofBroken, ProofRefused
from training_jobs.bot.remote import CHANGED, RemotePlatform, assignment_of
from training_jobs.runner import Limits
from training_jobs.supervisor import Outcome, PlatformUnreachable, StaleLeaseError, supervise

logger = logging.getLogger("commonweights.bot")

ROTATE_SHARE = 4  # a new token is asked for in the last quarter of a token's life
PROOF_BYTES_MAX = 2_000_000_000
RUNS_MAX = 1_000


class Exit(IntEnum):
    """How a pass ended, as exit status. 75 and 69 are those of sysexits.h."""

    DONE = 0  # a run was done; its verdict stands on the site
    FAILED = 1  # an attempt did not work, or somebody else took it over
    CONFIGURATION = 2  # the file, the token or the folder cannot be used
    REFUSED = 3  # what the site asked for was not voted for, as far as this machine can see
    STOPPED = 4  # given back with its checkpoint, because somebody asked
    UNREACHABLE = 69  # the site does not answer
    NOTHING = 75  # there is nothing to do


@dataclass(frozen=True)
class Offer:
    """A run that the site says may be run."""

    run: int
    community: str
    spec: str
    proposal: str
    decision: str
    device_seconds: int


def pass_once(config: Configuration, client: Client, leaving: Callable[[], bool]) -> Exit:
    """Do one pass; return how it ended. Raises PlatformUnreachable and Refusal where the site does not play along."""
    capabilities = machine.capabilities(config)
    told = client.post("hello", capabilities)  # 1
    renew_token(config, client, told)
    reference.measure(config, client, told, capabilities)
    for offer in _offers(client.get("work")):  # 2
        if leaving():
            return Exit.STOPPED
        if offer.device_seconds > config.limits.device_seconds:
            logger.info("run %s: its budget of %s s is more than mine", offer.run, offer.device_seconds)
            continue
        if offer.community != told.get("community") and offer.community not in config.others:
            logger.info("run %s: I was not told to trust its community %s", offer.run, offer.community)
            continue
        try:
            approved = _checked(config, client, offer)  # 3
            unable = places.unable(approved.spec, capabilities)
            if unable:
                logger.info("run %s: %s", offer.run, unable)
                continue
            answer = client.post(f"runs/{offer.run}/claim", {})  # 4
        except ProofRefused as refused:
            logger.error("run %s is refused: %s", offer.run, refused)  # noqa: TRY400 - a finding, not a defect
            return Exit.REFUSED
        except Conflict as error:
            logger.info("run %s: %s", offer.run, error)
            continue
        return _work(config, client, approved, answer, leaving)
    tried = checks.make_one(config, client, leaving) or trials.make_one(config, client, leaving)  # 7
    return Exit.NOTHING if tried is None else _exit_of(tried)


def renew_token(config: Configuration, client: Client, told: Mapping[str, Any]) -> None:
    """Ask for a new token in the last quarter of this one's life, and keep it before the old one ends."""
    try:
        issued = datetime.fromisoformat(str(told["issued_at"])).timestamp()
        expires = datetime.fromisoformat(str(told["expires_at"])).timestamp()
    except (KeyError, ValueError) as error:
        raise PlatformUnreachable(f"the greeting cannot be read: {error}") from error
    left = expires - time.time()
    if left > (expires - issued) / ROTATE_SHARE:
        return
    if config.token_file is None:
        logger.warning("the token expires in %d h; put a new one into %s", left // 3600, config.token_env)
        return
    try:
        # The place for the new token is made first: a token that cannot be kept must not be asked for.
        descriptor, name = tempfile.mkstemp(prefix=".token-", dir=config.token_file.parent)
    except OSError as error:
        logger.warning("the token expires in %d h, and no new one can be kept: %s", left // 3600, error)
        return
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{client.post('token', {})['token']}\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(config.token_file)
    finally:
        fresh.unlink(missing_ok=True)
    logger.info("the token was renewed")


def _offers(answer: Mapping[str, Any]) -> list[Offer]:
    try:
        listed = answer["runs"][:RUNS_MAX]
        return [
            Offer(
                int(row["run"]),
                str(row["community"]),
                str(row["spec"]),
                str(row["proposal"]),
                str(row["decision"]),
                int(row["device_seconds"]),
            )
            for row in listed
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise PlatformUnreachable(f"the list of work cannot be read: {error}") from error


def _roots(config: Configuration, offer: Offer) -> TrustRoots:
    """Return what is trusted: for another community its record alone, which the owner of the machine has named."""
    if offer.community in config.others:
        return TrustRoots(release_key=None, community=offer.community)
    return TrustRoots(release_key=config.release_key, community=config.community)


def _checked(config: Configuration, client: Client, offer: Offer) -> Approved:
    """Download the proof of an offer and check it."""
    folder = config.folder / "proof"
    limit = min(PROOF_BYTES_MAX, config.limits.scratch_bytes)
    try:
        proof.write(client.lines(f"runs/{offer.run}/proof", LINE_BYTES_MAX), folder, limit)
    except ProofBroken as error:
        raise PlatformUnreachable(f"the proof of run {offer.run}: {error}") from error
    demand = proof.Demand(
        trust=_roots(config, offer),
        spec_record=offer.spec,
        proposal=offer.proposal,
        decision=offer.decision,
        now=int(time.time()),
    )
    approved = proof.check(folder, demand)
    try:
        spec = specs.from_payload(approved.spec)
    except specs.SpecError as error:
        raise ProofRefused(error.code, "reading the specification", str(error)) from error
    if spec.device_seconds > config.limits.device_seconds:
        raise ProofRefused("another_run", "reading the specification", "its budget is not the one that was offered")
    number = approved.proposal.body["number"]
    logger.info("run %s: proposal %s was approved, every ballot checked", offer.run, number)
    return approved


def _work(
    config: Configuration,
    client: Client,
    approved: Approved,
    answer: Mapping[str, Any],
    leaving: Callable[[], bool],
) -> Exit:
    assignment = assignment_of(answer)
    platform = RemotePlatform(
        client,
        assignment,
        approved.spec,
        # While a model is trained no hidden suite may be there: what is sent then is refused.
        approved.suites | (approved.opened(assignment.openings) if assignment.phase == "evaluate" else frozenset()),
        approved.classifiers,
        bytes_max=config.limits.scratch_bytes,
        resume=config.limits.earlier_checkpoints,
    )
    problem = places.problem(assignment, approved.spec, config.url)  # 5
    if canonical_bytes(dict(assignment.spec)) != canonical_bytes(approved.spec):
        problem = "what it gives out is not what was voted on"
    if problem:
        logger.error("run %s is refused: %s", assignment.run_id, problem)
        _give_back(platform)
        return Exit.REFUSED
    limits = Limits(
        memory_bytes=config.limits.memory_bytes,
        scratch_bytes=config.limits.scratch_bytes,
        no_progress_seconds=config.limits.no_progress_seconds,
        watts=config.limits.watts,
    )
    folder = config.folder / "runs" / str(assignment.run_id) / str(assignment.fence)
    folder.mkdir(parents=True)
    outcome = supervise(platform, assignment, folder, limits, leaving=leaving)  # 6
    machine.keep_speed(config.folder, platform.speed_tokens_per_second)
    logger.info("run %s, attempt %s: %s %s", assignment.run_id, assignment.fence, outcome.how, outcome.code)
    return _exit_of(outcome)


def _give_back(platform: RemotePlatform) -> None:
    try:
        platform.fail(CHANGED, "the assignment is not what the proof says", permanent=True)
    except (PlatformUnreachable, StaleLeaseError, Refusal) as error:
        logger.warning("it could not be given back: %s", error)


def _exit_of(outcome: Outcome) -> Exit:
    if outcome.how == "failed" and outcome.code == CHANGED:
        return Exit.REFUSED
    if outcome.how in {"canceled", "paused", "released"}:
        return Exit.STOPPED
    return {"done": Exit.DONE, "unreachable": Exit.UNREACHABLE}.get(outcome.how, Exit.FAILED)
