"""Doubts about sites: noted once for each attempt, with evidence in the log, and a suspension when they are enough."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from governance.evidence.canonical import canonical_bytes
from governance.services import note
from models_registry import services as registry
from models_registry.models import Version
from training_jobs.models import Attempt, Doubt, Runner, Site, SiteMeasurement, Slice
from training_jobs.models.spot_checks import TOO_FAST
from training_jobs.sites import admitting, lifecycle
from training_jobs.sites.measured import OPERATIONS_PER_TOKEN
from training_jobs.sites.services import locked
from training_jobs.spot_checks import rules

# Of a weight that is at most frozen: one multiplication and addition forward and one back.
OPERATIONS_OF_A_WEIGHT = 4
BYTES_OF_A_WEIGHT_MAX = 4
REASON = "Doubts about {count} attempts within {days} days; the log has the evidence."


def doubt(site: Site, attempt: Attempt, kind: str, evidence: Mapping[str, Any], now: datetime) -> Doubt | None:
    """Note a doubt with its evidence, and suspend the site when it is one too many. None: it was noted before."""
    with transaction.atomic():
        site = locked(site.slug)
        kept, is_new = Doubt.objects.get_or_create(
            site=site, attempt=attempt, kind=kind, defaults={"at": now, "evidence": dict(evidence)}
        )
        if not is_new:
            return None
        said = {"run": attempt.run_id, "attempt": attempt.number, "site": site.slug, "doubt": kind}
        note("site_doubted", now, proposal=attempt.run.proposal, **said, evidence=dict(evidence))
        recent = list(Doubt.objects.filter(site=site, at__gt=now - rules.DOUBTS_WITHIN))
        if rules.is_enough([each.at for each in recent], now):
            reason = REASON.format(count=len(recent), days=rules.DOUBTS_WITHIN.days)
            listed = [
                {"run": each.attempt.run_id, "attempt": each.attempt.number, "doubt": each.kind, **each.evidence}
                for each in recent[: rules.DOUBTS_MAX]
            ]
            suspend(site, reason, {"doubts": listed}, now)
    return kept


def suspend(site: Site, reason: str, evidence: dict[str, Any], now: datetime) -> bool:
    """Suspend a site for the platform; say whether it was, and is not suspended already or gone."""
    if site.standing(now) not in lifecycle.ALLOWED[lifecycle.Action.SUSPEND]:
        return False
    if len(canonical_bytes(evidence)) > admitting.EVIDENCE_BYTES_MAX:
        evidence = {"in_the_log": "the evidence is too long for one entry; the events before this one have it"}
    admitting.suspend(site.slug, "", reason, evidence, now)
    return True


def look_at_speed(handed: Slice, now: datetime) -> Doubt | None:
    """Doubt a machine that learnt from far more tokens than it measured that its devices can.

    Counted are all tokens of the attempt so far, over the time since its claim by the platform's clock: what it says
    of its speed does not matter, and sending can only make it look slower.
    """
    attempt = handed.attempt
    of_attempt = Slice.objects.filter(attempt=attempt)
    tokens = sum(each["tokens"] for each in of_attempt.values_list("claimed", flat=True))
    steps = sum(each.last_step - each.first_step for each in of_attempt)
    runner = Runner.objects.get(pk=int(attempt.owner.partition(":")[2]))
    measured = SiteMeasurement.objects.filter(runner=runner, site=handed.site).order_by("-measured_at", "-pk").first()
    if measured is None:
        return None
    seconds = int((handed.handed_at - attempt.started_at).total_seconds())
    operations = OPERATIONS_OF_A_WEIGHT * _weights(attempt.run.base)
    allowed = rules.speed_max(measured.tokens_per_second, measured.devices, operations, OPERATIONS_PER_TOKEN)
    if not rules.is_too_fast(tokens, seconds, steps, allowed):
        return None
    evidence = {
        "tokens": tokens,
        "seconds": seconds,
        "steps": steps,
        "tokens_per_second_believed": allowed,
        "tokens_per_second_measured": measured.tokens_per_second,
        "devices": measured.devices,
    }
    return doubt(handed.site, attempt, TOO_FAST, evidence, now)


def is_doubted(attempt: Attempt) -> bool:
    """Say whether an attempt was too fast to be believed: it is checked for certain."""
    return Doubt.objects.filter(attempt=attempt, kind=TOO_FAST).exists()


def _weights(base: Version) -> int:
    """Return how many weights a base model has at least, by the size of its files."""
    total = sum(path.stat().st_size for path in registry.version_folder(base).glob("*.safetensors"))
    return max(1, total // BYTES_OF_A_WEIGHT_MAX)
