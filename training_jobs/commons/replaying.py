"""What a proposed compute policy would have changed: ordered when a proposal or draft is there, computed in a worker.

Evidence for voters and nothing else: no vote waits for it, and it decides nothing. A proposal has one replay; what is
compared is in its digest, so that a draft that changed, or another policy in force, is computed again.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import F, Q, QuerySet

from governance import clock
from governance.errors import Refusal
from governance.evidence.canonical import digest
from governance.lifecycle import State
from governance.models import Proposal
from training_jobs.commons import history, policies
from training_jobs.commons.proposal_kinds import ComputePolicyChange
from training_jobs.federation.replay import real_waits, side_by_side
from training_jobs.models import PolicyReplay

ATTEMPTS_MAX: Final = 3
# A worker that has said nothing for so long is gone.
PATIENCE: Final = timedelta(minutes=30)
# A draft that is being written is not computed after every change.
DRAFT_REST: Final = timedelta(minutes=5)
DUE_MAX: Final = 2  # at once: there is other work
_OPEN: Final = (State.DRAFT, State.PENDING, State.ACTIVE)


def order_due(now: datetime) -> int:
    """Order what proposals and drafts lack that are not decided yet; return how many. Safe to repeat."""
    ordered = 0
    for proposal in _undecided(now):
        compared = _digest(proposal)
        found = replay_of(proposal)
        if found is not None and (found.of == compared or _rests(proposal, found, now)):
            continue
        PolicyReplay.objects.update_or_create(
            proposal=proposal,
            defaults={
                "of": compared,
                "ordered_at": now,
                "attempts": 0,
                "started_at": None,
                "finished_at": None,
                "rows": [],
                "about": {},
                "failure": "",
            },
        )
        ordered += 1
    _waiting(now).filter(attempts__gte=ATTEMPTS_MAX).update(finished_at=now, failure="attempts_used_up")
    return ordered


def due(now: datetime) -> list[int]:
    """Return the replays that a worker should take, those of proposals before those of drafts."""
    found = _waiting(now).filter(attempts__lt=ATTEMPTS_MAX)
    return list(
        found.order_by(F("proposal__submitted_at").asc(nulls_last=True), "pk").values_list("pk", flat=True)[:DUE_MAX]
    )


def work(replay_id: int) -> None:
    """Compute a replay, if it is due. Safe to call twice, at once, or for nothing.

    1. take it, as it is now; 2. look up what happened and simulate it twice; 3. keep the figures, unless something else
    is to be compared by now.
    """
    now = clock.now()
    taken = _claim(replay_id, now)  # 1
    if taken is None:
        return
    proposal, community = taken.proposal, taken.proposal.community
    try:  # 2
        told = history.told_of(community, now)
        before, after = policies.policy_of(community), policies.read_body(proposal.payload)[0]
        empty = "no_sites" if not told.history.sites else "no_requests" if not told.history.past else ""
        rows = [] if empty else side_by_side(told.history, before, after)
    except Refusal as refusal:
        _keep(taken, failure=refusal.code[:60])
        return
    about: dict[str, Any] = {
        "since": told.history.since,
        "until": told.history.until,
        "requests": len(told.history.past),
        "sites": len(told.history.sites),
        "left_out": dict(told.left_out),
        "empty": empty,
        "waits_really": {
            kind: {"count": each.count, "p50": each.p50, "p90": each.p90}
            for kind, each in real_waits(told.history).items()
        },
    }
    _keep(taken, rows=[[row.name, row.before, row.after] for row in rows], about=about)  # 3


def replay_of(proposal: Proposal) -> PolicyReplay | None:
    """Return the replay of a proposal or draft; None where there is none, or none yet."""
    return PolicyReplay.objects.filter(proposal=proposal).first()


def state_of(found: PolicyReplay, now: datetime) -> str:
    """Return `ordered`, `running`, `done` or `failed`."""
    if found.finished_at is not None:
        return "failed" if found.failure else "done"
    return "running" if found.started_at is not None and now - found.started_at <= PATIENCE else "ordered"


def is_replayed(proposal: Proposal) -> bool:
    """Say whether proposals of this kind are replayed at all."""
    return bool(proposal.kind == ComputePolicyChange.name)


def is_current(found: PolicyReplay) -> bool:
    """Say whether the policies that were compared are those of the proposal and of today; after the vote, always."""
    proposal = found.proposal
    return proposal.passed is not None or found.of == _digest(proposal)


def _undecided(now: datetime) -> list[Proposal]:
    found = Proposal.objects.filter(kind=ComputePolicyChange.name, passed__isnull=True).select_related("community")
    return [each for each in found if each.state(now) in _OPEN]


def _rests(proposal: Proposal, found: PolicyReplay, now: datetime) -> bool:
    return proposal.submitted_at is None and now - found.ordered_at < DRAFT_REST


def _digest(proposal: Proposal) -> str:
    """Return the digest of what is compared: the policy in force and the one that is proposed."""
    proposed = {name: value for name, value in proposal.payload.items() if name != "before"}
    return digest({"before": policies.body_in_force(proposal.community), "after": proposed})


def _waiting(now: datetime) -> "QuerySet[PolicyReplay]":
    """Return those that are not finished and that no worker is at."""
    idle = Q(started_at__isnull=True) | Q(started_at__lt=now - PATIENCE)
    return PolicyReplay.objects.filter(idle, finished_at__isnull=True)


def _claim(replay_id: int, now: datetime) -> PolicyReplay | None:
    """Take a replay; None where somebody else has, or nothing is left to do."""
    with transaction.atomic():
        free = _waiting(now).filter(pk=replay_id, attempts__lt=ATTEMPTS_MAX)
        if not free.update(started_at=now, attempts=F("attempts") + 1):
            return None
        taken = PolicyReplay.objects.select_related("proposal__community").get(pk=replay_id)
        taken.of = _digest(taken.proposal)
        taken.save(update_fields=["of"])
    return taken


def _keep(taken: PolicyReplay, **found: Any) -> None:  # noqa: ANN401 - columns
    """Write what was found, if this attempt is still the newest at the same comparison."""
    same = PolicyReplay.objects.filter(pk=taken.pk, of=taken.of, attempts=taken.attempts, finished_at__isnull=True)
    same.update(finished_at=clock.now(), **found)
