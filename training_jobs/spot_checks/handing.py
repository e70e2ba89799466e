"""What machines of sites hand over is noted as slices: which steps, from what to what; and what is wrong with it.

Each checkpoint that is taken over ends a slice, and so does the model. The digests of both ends get into the log of
the community at once: from then on the machine is held to them, and the draw (`drawing`) can begin.

Machines that belong to no site of the commons, and runs that several machines train together, have no slices.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.db import transaction

from governance.errors import Refusal
from governance.evidence.canonical import canonical_bytes, digest
from governance.models import Community
from governance.services import note
from training_jobs import checkpoints
from training_jobs.checkpoints import MANIFEST, steps_in
from training_jobs.models import Admission, Attempt, Run, Runner, Site, Slice
from training_jobs.models.spot_checks import WRONG_DIGEST
from training_jobs.runners.uploads import attempt_folder
from training_jobs.spec import ON_ONE_SITE
from training_jobs.spot_checks import doubting, files

ALONE = ("single", *ON_ONE_SITE)
TRACE = "trace.jsonl"
TRACE_BYTES_MAX, TEXT_MAX = 64_000_000, 200
# What a hand-over is refused with whose files do not have the bytes that they were said to have.
WRONG = frozenset({"digest_mismatch", "manifest_mismatch"})


class _NotKept(Exception):
    """What a slice would begin with is no longer there: it is no slice then."""


@contextmanager
def watched(runner: Runner, run_id: int, fence: int, now: datetime) -> Iterator[None]:
    """Take something over; a refusal because of its digests is noted as a doubt about the site of the machine."""
    try:
        yield
    except Refusal as error:
        site = admitted_site(runner)
        attempt = Attempt.objects.filter(run=run_id, slot=0, number=fence, owner=runner.lease_name).first()
        if site is not None and attempt is not None and error.code in WRONG:
            evidence = {"code": error.code, "detail": str(error.detail)[:500], "field": str(error.field or "")[:200]}
            doubting.doubt(site, attempt, WRONG_DIGEST, evidence, now)
        raise


def checkpoint_kept(runner: Runner, run: Run, fence: int, step: int, now: datetime) -> Slice | None:
    """Note the slice that a checkpoint ends, which was just taken over. Repeating it changes nothing."""
    site, attempt = _checked(runner, run, fence)
    folder = checkpoints.folder_of(attempt_folder(run.pk, fence), step)
    if site is None or attempt is None or not (folder / MANIFEST).is_file():
        return None
    if Slice.objects.filter(attempt=attempt, last_step=step, is_final=False).exists():
        return None
    manifest = (folder / MANIFEST).read_bytes()
    try:
        start = _start(run, attempt, step, folder / TRACE)
    except _NotKept:
        return None
    first = 0 if start is None else int(start.name)
    if step <= first:
        return None
    lines = _lines(folder / TRACE)
    described = json.loads(manifest)
    claimed = {
        "files": described["files"],
        **_class_of(described),
        "losses": [_text(line.get("loss")) for line in lines if _step(line) > first],
        "tokens": sum(_whole(line.get("tokens")) for line in lines if _step(line) > first),
    }
    made = _noted(site, attempt, (first, step), False, start, sha256(manifest).hexdigest(), claimed, now)
    files.link(folder, files.of_slice(made.pk) / files.LAST)
    if start is not None:
        files.link(start, files.of_slice(made.pk) / files.FIRST)
    doubting.look_at_speed(made, now)
    return made


def model_kept(runner: Runner, run: Run, fence: int, now: datetime) -> Slice | None:
    """Note the slice that the model ends: from the last checkpoint that this machine handed over, or went on from."""
    site, attempt = _checked(runner, run, fence)
    record = run.run_record
    if site is None or attempt is None or record is None or record.body["attempt"] != fence:
        return None
    body = record.body
    if Slice.objects.filter(attempt=attempt, is_final=True).exists():
        return None
    try:
        start = _start(run, attempt, body["steps"], None)
    except _NotKept:
        return None
    first = 0 if start is None else int(start.name)
    if body["steps"] <= first:
        return None
    known = _lines(start / TRACE) if start is not None else []
    said = run.events.filter(slot=0, attempt=fence, kind="step").order_by("pk").values_list("data", flat=True)
    claimed = {
        "files": body["artifact"],
        "trace_sha256": body["trace_sha256"],
        **_class_of(body),
        "losses_by_step": {str(_step(line)): _text(line.get("loss")) for line in said if _step(line) > first},
        "tokens": max(0, body["tokens"] - sum(_whole(line.get("tokens")) for line in known)),
    }
    end = digest({"files": body["artifact"], "trace_sha256": body["trace_sha256"]})
    made = _noted(site, attempt, (first, body["steps"]), True, start, end, claimed, now)
    if start is not None:
        files.link(start, files.of_slice(made.pk) / files.FIRST)
    doubting.look_at_speed(made, now)
    return made


def admitted_site(runner: Runner) -> Site | None:
    """Return the site of a machine, if a community lets it in."""
    if runner.site_id is None:
        return None
    site = Site.objects.get(pk=runner.site_id)
    return site if Admission.objects.in_force().filter(site=site).exists() else None


def _checked(runner: Runner, run: Run, fence: int) -> tuple[Site | None, Attempt | None]:
    """Return site and attempt, if this is what is checked: one machine of a site that computes alone."""
    site = admitted_site(runner) if run.spec_record.body["strategy"] in ALONE else None
    attempt = Attempt.objects.filter(run=run, slot=0, number=fence, owner=runner.lease_name).first()
    return site, attempt


def _start(run: Run, attempt: Attempt, step: int, trace: Path | None) -> Path | None:
    """Return the checkpoint that an attempt went on from to this step; None: the base model.

    Its own last one; before its first, the newest one of the attempts before, if its trace goes on from that one's. For
    a machine may have begun anew, and where it did so it is held to the whole way.
    """
    own = Slice.objects.filter(attempt=attempt, is_final=False, last_step__lt=step).order_by("-last_step").first()
    if own is not None:
        kept = checkpoints.folder_of(attempt_folder(run.pk, attempt.number), own.last_step)
        if not (kept / MANIFEST).is_file():
            raise _NotKept
        return kept
    numbers = run.attempts.filter(slot=0, number__lt=attempt.number).values_list("number", flat=True)
    found = [
        checkpoints.folder_of(attempt_folder(run.pk, number), each)
        for number in numbers
        for each in steps_in(attempt_folder(run.pk, number))
        if each < step
    ]
    for start in sorted(found, key=lambda folder: folder.name, reverse=True):
        if trace is None:  # it handed no checkpoint over: what it said first is all there is
            said = run.events.filter(slot=0, attempt=attempt.number, kind="resumed").order_by("pk").first()
            return start if said is not None and said.data.get("step") == int(start.name) else None
        if _bytes(trace).startswith(_bytes(start / TRACE)):
            return start
    return None


def _noted(
    site: Site,
    attempt: Attempt,
    steps: tuple[int, int],
    is_final: bool,  # noqa: FBT001 - a column
    start: Path | None,
    end_digest: str,
    claimed: Mapping[str, Any],
    now: datetime,
) -> Slice:
    start_digest = "" if start is None else sha256((start / MANIFEST).read_bytes()).hexdigest()
    with transaction.atomic():
        note(
            "slice_handed_over",
            now,
            proposal=attempt.run.proposal,
            run=attempt.run_id,
            attempt=attempt.number,
            site=site.slug,
            first_step=steps[0],
            last_step=steps[1],
            start=start_digest,
            end=end_digest,
        )
        size = Community.objects.values_list("log_size", flat=True).get(pk=attempt.run.community_id)
        return Slice.objects.create(
            attempt=attempt,
            site=site,
            first_step=steps[0],
            last_step=steps[1],
            is_final=is_final,
            start_digest=start_digest,
            end_digest=end_digest,
            claimed=json.loads(canonical_bytes(dict(claimed))),
            handed_at=now,
            log_size=size,
        )


def _lines(trace: Path) -> list[dict[str, Any]]:
    """Return the lines of a trace that somebody handed over; what cannot be read is no line."""
    found = []
    for line in _bytes(trace).splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict):
            found.append(said)
    return found


def _bytes(trace: Path) -> bytes:
    """Return what a trace holds, up to what one can have."""
    try:
        with trace.open("rb") as file:
            return file.read(TRACE_BYTES_MAX)
    except OSError:
        return b""


def _class_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the class of machine that was handed over, as far as it is one."""
    environment = said["environment"] if isinstance(said["environment"], dict) else {}
    return {
        "code_digest": _text(said["code_digest"]),
        "environment": {_text(name): _text(value) for name, value in environment.items()},
    }


def _text(value: object) -> str:
    """Return a short text as it is; of anything else nothing, which equals no text that is compared with it."""
    return value if isinstance(value, str) and len(value) <= TEXT_MAX and value.isprintable() else ""


def _step(line: Mapping[str, Any]) -> int:
    return _whole(line.get("step"))


def _whole(value: object) -> int:
    return value if type(value) is int and 0 <= value < 1 << 53 else 0
