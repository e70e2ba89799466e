"""fsck over sites and shared computing: silent while all is well, and it names what was changed behind the log's back."""

from datetime import timedelta

import pytest
from django.db import transaction

from governance.clock import now as clock
from tests.integration.conftest import pass_
from tests.integration.shared_sites import OPERATOR, add_site, machine_of, seen
from training_jobs import fsck, services
from training_jobs.commons import allotting, newcomers
from training_jobs.models import Admission, Allotment, ComputeRequest, NewcomerAttestation, Run, Site
from training_jobs.sites import admitting
from training_jobs.sites import services as sites

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
OTHER = "0x" + "1" * 40
CHANGES = {
    Admission: {"admitted_at": -SECOND, "admitted_by": OTHER, "removed_by": OTHER},
    Site: {
        "told": {"standing": "open"},
        "name": "Sea",
        "hours_max": 1,
        "devices_measured": 9,
        "memory_measured": 9,
        "speed_measured": 9,
        "suspended_reason": "Because.",
        "suspended_by": OTHER,
        "suspended_evidence": {},
    },
    ComputeRequest: {
        "member": OTHER,
        "requested_at": -SECOND,
        "devices": 7,
        "memory_bytes": 7,
        "seconds": 7,
        "ceiling": 7,
        "slack": 7,
        "newcomer": True,
        "name": "run:99",
        "outcome": "failed",
        "ended_at": -SECOND,
    },
    Allotment: {"allotted_at": -SECOND, "until": SECOND, "why": "starts_late", "price": 7, "ended_at": -SECOND},
    NewcomerAttestation: {
        "member": OTHER,
        "peer": OTHER,
        "kind": "other",
        "attested_at": -SECOND,
        "expires_at": SECOND,
        "withdrawn_at": -SECOND,
        "withdrawn_by": OTHER,
    },
}


@pytest.fixture
def kept(community, update, propose, voters, settings, tmp_path):
    """A site that was described and suspended, with a run that went on elsewhere, was canceled; and a newcomer."""
    settings.RUNS_DIR = tmp_path
    began = clock() - 3 * HOUR
    add_site(community, "lake", began)
    sites.describe("lake", OPERATOR, {"name": "Great lake", "hours_max": 48}, began)
    pass_(propose("model_update", update, now=began + HOUR), voters)
    run = Run.objects.get()
    now = run.created_at
    seen(now, "lake")
    assert allotting.allot(now) == 1
    services.claim(run.pk, machine_of("lake").lease_name, now)
    later = now + HOUR
    assert allotting.allot(later) == 0, "the site is silent, and its run waits"
    services.cancel(run.pk, run.proposal.author, later)
    allotting.allot(later)
    admitting.suspend("lake", "", "It differs.", {"found": 1}, later)
    peer, member = voters["Alice"].address, voters["Bob"].address
    said = newcomers.attest(community, peer, member, "student", "She studies.", began + 2 * HOUR)
    newcomers.withdraw(community, said.pk, peer, later)
    return community


def test_what_was_changed_behind_the_back_of_the_log_is_named_and_what_was_not_is_sound(kept):
    assert [str(found) for found in fsck.check_one(kept)] == []
    missed = []
    for model, columns in CHANGES.items():
        row = model.objects.get()
        for name, value in columns.items():
            new = (getattr(row, name) or clock()) + value if isinstance(value, timedelta) else value
            changes = {name: new, **({"removed_at": clock()} if name == "removed_by" else {})}
            with transaction.atomic():
                model.objects.filter(pk=row.pk).update(**changes)
                tables = {found.table for found in fsck.check_one(kept)}
                if model._meta.db_table not in tables:
                    missed.append((model.__name__, name, tables))
                transaction.set_rollback(True)
    assert missed == []


def test_an_attestation_that_is_taken_away_is_missed(kept):
    NewcomerAttestation.objects.all().delete()
    assert {found.what for found in fsck.check_one(kept)} == {"newcomer_attested", "newcomer_withdrawn"}
