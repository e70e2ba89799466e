"""Who is kept away from work for good: machines that cannot do it, whose owners lost it often enough, or own the data.

Reads only. What a machine may take is asked in `work` and `trials`; `commons.world` asks which sites have no machine
left for it.
"""

from collections.abc import Collection

from django.conf import settings
from django.db.models import Count, Q

from models_registry.models import Dataset
from training_jobs import lifecycle, seats
from training_jobs.models import Attempt, Preview, RunEvent, Runner

GIVEN_UP = "given_up"
_TRIED_MAX = lifecycle.UNCOUNTED_MAX // 2  # attempts, however they ended


def from_lead(runner: Runner, run_id: int) -> str:
    """Return why the lead of a run is not for this runner; empty: it is.

    A run has few attempts. Whoever lends machines may lose all but one of them, so that one member alone, mistaken or
    lying, cannot end what was voted for. The caller knows that nobody works on the run now.
    """
    if _has_given_up(runner, run_id):
        return "given_up"
    others = Runner.objects.filter(community=runner.community_id, owner=runner.owner)
    tried = Attempt.objects.filter(run=run_id, slot=0, owner__in=[each.lease_name for each in others])
    lost = tried.exclude(outcome__in=lifecycle.UNCOUNTED).count()
    if lost >= _lost_max() or tried.count() >= _TRIED_MAX:
        return "tried_enough"
    return ""


def from_seats(runner: Runner, run_id: int) -> str:
    """Return why no member's seat of a run is for this runner; empty: one may be. A seat that fails ends no run."""
    if _has_given_up(runner, run_id):
        return "given_up"
    return "tried_enough" if seats.tried_enough(run_id, Q(owner=runner.lease_name)) else ""


def perhaps_from(runs: Collection[int]) -> set[int]:
    """Return those of these runs from which some machine may be kept away, in two queries; from the others none is."""
    given_up = RunEvent.objects.filter(run__in=runs, kind=GIVEN_UP).values_list("run_id", flat=True)
    counted = Count("pk", filter=~Q(outcome__in=lifecycle.UNCOUNTED))
    lent = Attempt.objects.filter(run__in=runs, owner__startswith="runner:").order_by().values("run_id")
    often = Q(lost__gte=_lost_max()) | Q(tried__gte=_TRIED_MAX)
    tried = lent.annotate(lost=counted, tried=Count("pk")).filter(often).values_list("run_id", flat=True)
    return {int(number) for number in (*given_up, *tried)}


def from_trial(runner: Runner, trial: Preview) -> bool:
    """Say whether the runner's owner proposed or registered the dataset on trial."""
    theirs = Dataset.objects.filter(community=runner.community_id, digest=trial.plan["dataset"])
    return runner.owner == trial.proposal.author or theirs.filter(registered_by=runner.owner).exists()


def _lost_max() -> int:
    """Return how many attempts at a run the machines of one owner may lose, and get no other one."""
    return max(1, settings.RUN_ATTEMPTS_MAX - 1)


def _has_given_up(runner: Runner, run_id: int) -> bool:
    """Say whether this runner has said that it can never do this run."""
    return RunEvent.objects.filter(run=run_id, kind=GIVEN_UP, data__runner=runner.pk).exists()
