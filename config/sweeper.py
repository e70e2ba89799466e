"""What time brings: takes censuses, closes votes, carries decisions out, signs logs, and nudges workers about runs.

It reads the database and repeats itself, so nothing depends on a message that was lost; it does not depend on Celery.
"""

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError
from kombu.exceptions import OperationalError as BrokerError

import config.celery  # noqa: F401 - creating the application makes it the one that nudges are sent with
from frontend.tasks import letter_job, names_job
from governance import names, search
from governance import services as governance
from governance.anchoring import planning as anchors
from governance.anchoring import posting
from governance.chain import ChainError, SnapshotReorged
from governance.clock import now as clock
from governance.delegation import DelegationError
from governance.errors import Refusal
from governance.evidence.canonical import CanonicalError
from governance.evidence.signing import SigningError
from governance.lifecycle import NotAllowed, State
from governance.log import publish_checkpoint
from governance.models import Community, Proposal
from governance.notifications import inbox, letters, planning
from governance.onchain import following as contracts
from governance.outcome import InvalidRules
from governance.power import PowerError
from governance.readers import sweeping as forgetting
from governance.statements import counting as consultations
from governance.tally import UnknownMethod
from governance.wallets import pending as waiting_wallets
from models_registry import contacts, deliveries, networks, notices
from models_registry.anchors import plan_releases
from models_registry.calls import services as calls
from models_registry.datasets import intakes, uploads
from models_registry.incidents import waiting
from models_registry.tasks import deliver_job, intake_job, notice_job
from training_jobs import discussions, folders, news
from training_jobs import services as runs
from training_jobs.commons import allotting, door, emitted, replaying
from training_jobs.commons.requests import TurnedAway
from training_jobs.inquiries import revotes, schedule
from training_jobs.inquiries import services as inquiries
from training_jobs.inquiries import work as inquiry_work
from training_jobs.previews import services as previews
from training_jobs.previews import work as preview_work
from training_jobs.reviews import services as reviews
from training_jobs.runners import work as lent
from training_jobs.settlement import reading as settlements
from training_jobs.sites import services as sites
from training_jobs.spot_checks import services as spot_checks
from training_jobs.spot_checks import sweeping
from training_jobs.tasks import check_job, inquiry_job, preview_job, replay_job, run_job

logger = logging.getLogger(__name__)

REST_SECONDS_MIN = 0.5

# What a step can refuse: the named refusals, and rules, methods, powers, delegations or records that cannot be used.
_REFUSALS = (Refusal, PowerError, InvalidRules, UnknownMethod, CanonicalError, DelegationError)
_STEPS = (
    (State.PENDING, governance.take_census),
    (State.ACTIVE, governance.close_early),
    (State.CLOSING, governance.close_voting),
    (State.SUCCEEDED, governance.queue),
    (State.READY, governance.execute),
)


def sweep() -> int:
    """Take every step that is due; return how many were taken. One that fails does not hold up the others."""
    taken = 0
    for state, step in _STEPS:
        for proposal_id in _due(state):
            try:
                step(proposal_id, clock())
                taken += 1
            except NotAllowed:
                continue  # somebody else was faster
            except _REFUSALS as error:
                logger.warning("proposal %s: %s is refused: %s", proposal_id, step.__name__, error)
                code = getattr(error, "code", "unusable_proposal")
                detail = getattr(error, "detail", str(error))
                governance.note_once(proposal_id, "step_refused", clock(), code=code, detail=detail)
                if isinstance(error, TurnedAway):
                    door.tell(error, clock())
            except SnapshotReorged as error:
                logger.exception("proposal %s cannot be counted", proposal_id)
                governance.note_once(proposal_id, "snapshot_reorged", clock(), detail=error.detail)
            except ChainError as error:
                logger.warning("proposal %s waits for the chain: %s", proposal_id, error)
                governance.note_once(proposal_id, "chain_silent", clock(), code=error.code)
            except OSError:
                logger.exception("proposal %s waits for a file", proposal_id)
            except OperationalError:
                logger.warning("proposal %s: the database is busy; next sweep", proposal_id)
    taken += contracts.sweep(clock())
    taken += waiting_wallets.look_at_all(clock())
    taken += settlements.sweep(clock())
    keep_up()
    return taken + settle() + look_again() + allot() + anchor() + nudge()


def rest_seconds() -> float:
    """Return how long to rest until the next sweep: less than SWEEP_SECONDS if a run becomes free before that."""
    now = clock()
    moment = runs.next_moment(now)
    soon = settings.SWEEP_SECONDS if moment is None else (moment - now).total_seconds() + REST_SECONDS_MIN
    return min(max(soon, REST_SECONDS_MIN), settings.SWEEP_SECONDS)


def _due(state: State) -> list[int]:
    """Return the proposals in a state in which there may be something to do."""
    # What a contract decides, it decides by itself: `contracts` follows it.
    found = Proposal.objects.in_state(state, clock()).filter(offers__isnull=True).order_by("pk")
    if state is State.PENDING:
        found = found.filter(census_at__isnull=True)
    elif state is State.ACTIVE:
        found = found.filter(rules__super_quorum_bps__gt=0)
    return list(found.values_list("pk", flat=True))


def keep_up() -> None:
    """Sign the logs that have grown, count large open votes again for pages, and see who is to be told of what."""
    for proposal in Proposal.objects.in_state(State.ACTIVE, clock()).select_related("record", "census_record"):
        governance.refresh_standing(proposal, clock())
    for community_id in Community.objects.values_list("pk", flat=True):
        try:
            publish_checkpoint(community_id, clock())
        except SigningError as error:
            logger.warning("community %s: no checkpoint: %s", community_id, error)
        except OperationalError:
            logger.warning("community %s: the database is busy; next sweep", community_id)
    try:
        discussions.follow(clock())
    except OperationalError:
        logger.warning("discussions are not followed: the database is busy; next sweep")
    try:
        planning.plan(clock(), news.facts)
        inbox.forget(clock(), settings.NOTIFICATION_DAYS)
    except OperationalError:
        logger.warning("nobody is told of anything: the database is busy; next sweep")
    try:
        sites.tell_what_time_brought(clock())
    except OperationalError:
        logger.warning("sites that fell silent are not told of: the database is busy; next sweep")
    try:
        replaying.order_due(clock())
    except OperationalError:
        logger.warning("no policy is replayed: the database is busy; next sweep")
    try:
        search.refresh(clock())
    except OperationalError:
        logger.warning("the search index waits: the database is busy; next sweep")


def settle() -> int:
    """End the runs and previews that no worker will end any more, and clear up after them; return how many runs."""
    try:
        ended = runs.settle(clock()) + reviews.settle(clock())
        previewed = previews.settle(clock())
        uploads.settle(clock())
        waiting.settle(clock())
        contacts.settle(clock())
        networks.forget(clock())
        forgetting.forget(clock())
        consultations.settle(clock())
    except OperationalError:
        logger.warning("runs are not settled: the database is busy; next sweep")
        return 0
    for preview_id in previewed:
        preview_work.clean(preview_id)
    for run_id in ended:
        folders.clean(run_id)
    lent.clear_all(clock())
    return len(ended)


def look_again() -> int:
    """Order what is due to be measured, asked or computed again, and call for votes; return how much was ordered."""
    try:
        ended = inquiries.settle(clock())
        ordered = schedule.order_due(clock())
        revotes.settle(clock())
        calls.call_for_sunsets(timedelta(days=settings.SUNSET_NOTICE_DAYS), clock())
        checked = sweeping.sweep(clock())
    except OperationalError:
        logger.warning("releases are not looked at: the database is busy; next sweep")
        return 0
    for inquiry_id in ended:
        inquiry_work.clean(inquiry_id)
    return len(ordered) + checked


def allot() -> int:
    """Give free devices of shared sites to what waits for them, and take back what nobody works on."""
    try:
        begun = allotting.allot(clock())
        emitted.count(clock())
    except OperationalError:
        logger.warning("no computing is allotted: the database is busy; next sweep")
        return 0
    return begun


def anchor() -> int:
    """Write digests of votes and releases down on a chain, where the site does that; return how many are there now."""
    if not anchors.is_on():
        return 0
    try:
        anchors.plan_votes(clock())
        plan_releases(clock())
        return posting.post(clock())
    except OperationalError:
        logger.warning("nothing is anchored: the database is busy; next sweep")
        return 0


def nudge() -> int:
    """Tell workers which runs, deliveries, notices and datasets, and when no run waits what else, need them."""
    now = clock()
    told = _tell(run_job, runs.due(now)) + _tell(preview_job, previews.due(now))
    told += _tell(inquiry_job, inquiries.due(now)) + _tell(replay_job, replaying.due(now))
    told += _tell(check_job, spot_checks.due(now))
    told += _tell(deliver_job, deliveries.due(now)) + _tell(notice_job, notices.due(now))
    told += _tell(intake_job, intakes.due(now)) + _tell(letter_job, letters.due(now))
    # Not counted: names are no step of anything.
    if names.waits(now):
        _send(names_job)
    return told


def _tell(task: Any, numbers: list[int]) -> int:  # noqa: ANN401 - Celery's tasks are untyped
    """Send a message for each; a broker that is down costs nothing but time."""
    for number in numbers:
        if not _send(task, number):
            break
    return len(numbers)


def _send(task: Any, *values: int) -> bool:  # noqa: ANN401 - Celery's tasks are untyped
    try:
        task.apply_async(values, retry=False, expires=settings.SWEEP_SECONDS * 3)
    except (BrokerError, OSError) as error:
        logger.warning("%s %s: no nudge, the broker does not answer: %s", task.name, values, error)
        return False
    return True
