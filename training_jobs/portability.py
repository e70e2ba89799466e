"""What the work has of a community: runs with attempts and events, sites and what they were given, books; and samples.

Nothing of a run under way leaves but its rows: leases end, and whoever goes on elsewhere begins it again.
`commons.leaving` says which rows of the shared computing are a community's.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import models

from governance.models import Community
from governance.portability.tables import Part, Row, Table
from models_registry.portability import put
from models_registry.storage.base import require_name
from training_jobs import fsck, kept_samples
from training_jobs.commons import leaving
from training_jobs.models import (
    Admission,
    Allotment,
    Attempt,
    Attested,
    Busy,
    ComputePolicy,
    ComputeRequest,
    Doubt,
    Inquiry,
    LedgerAccount,
    LedgerEntry,
    LedgerHold,
    LedgerPosting,
    NewcomerAttestation,
    PolicyReplay,
    Preview,
    RaisedCeiling,
    Run,
    RunEvent,
    Runner,
    RunnerToken,
    Seat,
    Settlement,
    SettlementReading,
    SettlementTerms,
    Site,
    SiteMeasurement,
    SiteStewards,
    Slice,
    SpotCheck,
)

Numbers = Mapping[type[models.Model], Mapping[int, int]]
LEASE = "a lease: nobody works on it elsewhere"
MACHINE = "what a machine said of itself to this instance"
SIGHT = "when it was last heard of: nobody has heard of it elsewhere"
CALENDAR = "the calendar of its operator, who sends it where the site goes on"
_LEASE = {"lease_owner": ("", LEASE), "lease_expires_at": (None, LEASE), "heartbeat_at": (None, LEASE)}
_RUNNER = re.compile(r"runner:([0-9]{1,18})")


def _translate_owner(row: Row, numbers: Numbers) -> None:
    """Let an attempt name the machine that had it by the number that this has here."""
    found = _RUNNER.fullmatch(str(row["owner"]))
    if found:
        row["owner"] = f"runner:{_here(int(found[1]), numbers)}"


def _translate_checker(row: Row, numbers: Numbers) -> None:
    """Let a check name the machine that did it by the number that this has here."""
    found = _RUNNER.fullmatch(str(row["checker"]))
    if found:
        row["checker"] = f"runner:{_here(int(found[1]), numbers)}"


def _translate_event(row: Row, numbers: Numbers) -> None:
    data = row["data"]
    if isinstance(data, dict) and type(data.get("runner")) is int:
        row["data"] = {**data, "runner": _here(data["runner"], numbers)}


def _here(number: int, numbers: Numbers) -> int:
    """Return the number that a runner has here; 0, which nobody has, for one that did not come along."""
    return numbers.get(Runner, {}).get(number, 0)


class _Samples:
    """The samples that reports were computed from, as far as they were kept."""

    role = "samples"
    optional = True

    def wanted(self, community: Community) -> Iterator[tuple[str, str]]:
        """Yield those of evaluations, of reports under review, and of releases that were measured again."""
        runs = Run.objects.filter(community=community).order_by("pk").select_related("evaluation_record")
        for run in runs.iterator(chunk_size=50):
            for said in (run.evaluation_record.body if run.evaluation_record else None, run.report):
                yield from _named_in(said)
        inquiries = Inquiry.objects.filter(version__model__community=community, record__isnull=False)
        for inquiry in inquiries.order_by("pk").select_related("record").iterator(chunk_size=50):
            yield from _named_in(inquiry.record.body if inquiry.record else None)

    def size(self, sha256: str, of: str) -> int:
        """Ask the disk."""
        del of
        return self._path(sha256).stat().st_size

    def open(self, sha256: str, of: str) -> BinaryIO:
        """Open samples that were kept."""
        del of
        return self._path(sha256).open("rb")

    def keep(self, file: Path, sha256: str, of: str) -> None:
        """Keep samples under their name."""
        del of
        put(file, self._path(sha256), sha256)

    def _path(self, sha256: str) -> Path:
        folder: Path = settings.ARTIFACTS_DIR / "samples"
        return folder / f"{require_name(sha256)}.jsonl"


def _named_in(said: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    if not said or "suite" not in said or "further" not in said:
        return
    for _, part in kept_samples.parts_of(said):
        digest = part.get("samples_sha256")
        if isinstance(digest, str):
            yield digest, ""


PART = Part(
    tables=(
        Table(
            Site,
            rows=leaving.sites,
            key=("slug",),
            key_is_global=True,
            shared=("operator",),
            left_out={"last_seen_at": (None, SIGHT)},
        ),
        Table(
            Runner,
            key=("id",),
            numbered=True,
            left_out={"capabilities": ({}, MACHINE), "last_seen_at": (None, MACHINE)},
        ),
        Table(Run, key=("id",), numbered=True, left_out=_LEASE),
        Table(Seat, of="run__community", left_out=_LEASE),
        Table(Attempt, of="run__community", key=("id",), numbered=True, translate=_translate_owner),
        Table(RunEvent, of="run__community", translate=_translate_event),
        Table(Attested, of="run__community"),
        Table(Preview, rows=leaving.previews, key=("id",), numbered=True, left_out=_LEASE),
        Table(Inquiry, of="version__model__community", numbered=True, left_out=_LEASE),
        Table(Admission),
        Table(SiteMeasurement, of="runner__community"),
        Table(SiteStewards),
        Table(ComputePolicy),
        Table(NewcomerAttestation, numbered=True),
        Table(ComputeRequest, rows=leaving.requests, key=("name",)),
        Table(Allotment, rows=leaving.allotments),
        Table(RaisedCeiling, of="run__community"),
        Table(Slice, of="attempt__run__community", key=("id",), numbered=True),
        Table(
            SpotCheck,
            of="slice__attempt__run__community",
            numbered=True,
            left_out=_LEASE,
            translate=_translate_checker,
        ),
        Table(Doubt, of="attempt__run__community"),
        Table(LedgerAccount, key=("kind", "owner", "currency")),
        Table(LedgerHold, key=("request",)),
        Table(LedgerEntry, key=("number",)),
        Table(LedgerPosting, of="entry__community"),
        Table(SettlementTerms),
        Table(Settlement),
        Table(SettlementReading),
    ),
    left_out={
        RunnerToken: "a secret: a machine is given another one where it is used next",
        Busy: CALENDAR,
        PolicyReplay: "figures for a vote, computed again where it is still open",
    },
    check=fsck.check_one,
    shelves=(_Samples(),),
    follow=leaving.follow,
)
