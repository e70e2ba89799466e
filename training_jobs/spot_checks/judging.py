"""What checks amount to: a report, a second check by another machine, a suspension, a checker that stood alone."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from governance.evidence.canonical import digest
from governance.services import note
from models_registry import services as registry
from training_jobs.commons.allotments import site_of
from training_jobs.models import Slice, SpotCheck
from training_jobs.models.spot_checks import DIFFERS, STOOD_ALONE
from training_jobs.runners.uploads import attempt_folder
from training_jobs.spot_checks import doubting, draw, drawing, files, rules
from training_jobs.spot_checks.comparison import Answer

REASON = "Two machines of others computed a random slice of its steps again and found something else (run {run})."
_WEIGHTS = "weight/"


def sketches(checked: Slice) -> tuple[Sequence[str] | None, Sequence[str] | None]:
    """Return sketches of the weights that the site claims, before the slice and after it; None where none is."""
    run, folder = checked.attempt.run, files.of_slice(checked.pk)
    if checked.is_final:
        made = attempt_folder(run.pk, checked.attempt.number) / "artifact" / "model.safetensors"
        return _sketch(registry.version_folder(run.base) / "model.safetensors", checked, ""), _sketch(made, checked, "")
    first, last = (folder / name / "state.safetensors" for name in (files.FIRST, files.LAST))
    start = _sketch(first, checked, _WEIGHTS) if checked.first_step else None
    return start, _sketch(last, checked, _WEIGHTS)


def report(check: SpotCheck, found: Mapping[str, Any], answer: Answer, isolation: str) -> dict[str, Any]:
    """Return what is kept and logged of a check: what was compared, wherein it differs, on which machine."""
    claimed = check.slice.claimed
    return {
        "seed": check.slice.seed,
        "claimed": digest({name: claimed.get(name) for name in ("files", "losses", "losses_by_step")}),
        "found": digest({name: found[name] for name in ("files", "losses")}),
        "same_class": answer.same_class,
        "evidence": answer.evidence,
        "environment": found["environment"],
        "code_digest": found["code_digest"],
        "isolation": isolation,
    }


def conclude(checked: Slice, now: datetime) -> rules.Verdict:
    """See what all finished checks of a slice amount to, and do what follows. The caller holds the newest one's row."""
    finished = list(checked.checks.filter(finished_at__isnull=False).order_by("number"))
    said = rules.verdict([_found(check) for check in finished])
    if said.again:
        drawing.order(checked, len(finished) + 1, now)
    if said.site_lies:
        run, attempt = checked.attempt.run_id, checked.attempt.number
        evidence = {
            "run": run,
            "attempt": attempt,
            "first_step": checked.first_step,
            "last_step": checked.last_step,
            "handed_over": {"start": checked.start_digest, "end": checked.end_digest},
            "drawn": {"seed": checked.seed, "log_size": checked.log_size, "how": draw.HOW},
            "checks": [_evidence(check) for check in finished if check.outcome == DIFFERS],
        }
        doubting.suspend(checked.site, REASON.format(run=run), evidence, now)
    if said.alone:
        _stood_alone(next(check for check in finished if check.checker == said.alone), now)
    return said


def _stood_alone(check: SpotCheck, now: datetime) -> None:
    """Note the checker whose result nobody else found; where it belongs to a site, as a doubt about that site."""
    site, attempt = site_of(check.checker), check.slice.attempt
    evidence = {"check": check.pk, "checker": check.checker, "checked_site": check.slice.site.slug}
    if site is not None:
        doubting.doubt(site, attempt, STOOD_ALONE, evidence, now)
        return
    said = {"run": attempt.run_id, "attempt": attempt.number, "site": "", "doubt": STOOD_ALONE}
    note("site_doubted", now, proposal=attempt.run.proposal, **said, evidence=evidence)


def _found(check: SpotCheck) -> rules.Found:
    told = check.report
    machine = digest({name: told.get(name) for name in ("environment", "code_digest")})
    return rules.Found(check.outcome, check.checker, machine, str(told.get("found", "")))


def _evidence(check: SpotCheck) -> dict[str, Any]:
    told = check.report
    kept = ("claimed", "found", "same_class", "evidence")
    return {"number": check.number, "machine": check.checker, **{name: told[name] for name in kept}}


def _sketch(file: Path, checked: Slice, prefix: str) -> Sequence[str] | None:
    from training_jobs.trainer import sketch  # here, because pages need no NumPy

    return sketch.of_file(file, checked.seed, prefix) if file.is_file() else None
