"""A community that shares computing arrives where its sites are known, or its files are not; and what fsck says of it."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from governance.errors import Refusal
from governance.models import Community, Event
from governance.portability.exporting import export_community
from governance.portability.importing import import_community
from tests.integration import commons
from tests.integration.exports import empty, forge, instance
from tests.integration.reviews_story import Reviewed, told_reviews, valley
from tests.integration.shared_sites import OPERATOR
from tests.integration.sharing_story import sharing, wrong
from training_jobs import fsck
from training_jobs.models import (
    Admission,
    Allotment,
    Attested,
    Doubt,
    Runner,
    Site,
    SiteMeasurement,
    Slice,
    SpotCheck,
)
from training_jobs.runners.services import revoke
from training_jobs.sites import telling
from training_jobs.spot_checks import drawing

SECOND = timedelta(seconds=1)


def test_a_site_that_is_there_already_stays_and_the_log_is_told_what_differs(sharing: Reviewed, tmp_path: Path) -> None:
    """It may serve others there; who is not its operator can lead nobody there."""
    template = empty(tmp_path / "empty.sqlite3")
    lake = Site.objects.get()
    machines, measured = Runner.objects.get(site=lake), SiteMeasurement.objects.get()
    export_community("valley", tmp_path / "out", sharing.now)
    with instance(tmp_path / "other", template):
        there = Site.objects.create(
            **{
                **{field.name: getattr(lake, field.name) for field in Site._meta.fields if field.name != "id"},
                "name": "Lake of others",
                "devices": 1,
                "operator": "0x" + "1" * 40,
            }
        )
        with pytest.raises(Refusal, match="record_differs"):
            import_community(tmp_path / "out", sharing.now)
        Site.objects.filter(pk=there.pk).update(operator=OPERATOR, told={**lake.told, "devices": 1, "region": "DE"})
        done = import_community(tmp_path / "out", sharing.now)
        assert Site.objects.get().name == "Lake of others"
        assert Runner.objects.get().site_id == there.pk
        assert SiteMeasurement.objects.get().tokens_per_second == measured.tokens_per_second
        described = Event.objects.filter(kind="site_described").latest("position").data["changes"]
        assert described == {"name": {"old": "Great lake", "new": "Lake of others"}}
        assert Event.objects.filter(kind="site_standing").latest("position").data["why"] == "moved"
        assert wrong(done.community) == []
    assert machines.site_id == lake.pk


def _governs(community: Community) -> str:
    """Return whose policy the log of a community was told last to hold at its site."""
    return str(community.events.filter(kind="site_standing").latest("position").data["governed_by"])


def test_the_logs_are_told_where_another_community_governs_a_site_after_a_move(
    sharing: Reviewed, tmp_path: Path
) -> None:
    """Who had let it in first stays behind; who let it in later is there already."""
    template = empty(tmp_path / "empty.sqlite3")
    lake, ours = Site.objects.get(), Admission.objects.select_related("community").get()
    hills = commons.found(sharing.now, {"Alice": 1}, slug="hills").community
    Admission.objects.create(
        site=lake, community=hills, admitted_at=ours.admitted_at - SECOND, admitted_by=OPERATOR, reason="Near."
    )
    telling.again(ours.community, lake, "governed", sharing.now)
    assert _governs(ours.community) == "hills"
    export_community("valley", tmp_path / "out", sharing.now)
    with instance(tmp_path / "other", template):
        plains = commons.found(sharing.now, {"Alice": 1}, slug="plains").community
        there = Site.objects.create(
            **{field.name: getattr(lake, field.name) for field in Site._meta.fields if field.name != "id"}
        )
        admission = Admission.objects.create(
            site=there, community=plains, admitted_at=ours.admitted_at + SECOND, admitted_by=OPERATOR, reason="Near."
        )
        telling.admitted(admission, sharing.now, "")
        assert _governs(plains) == ""
        done = import_community(tmp_path / "out", sharing.now)
        assert _governs(done.community) == ""
        assert _governs(plains) == "valley"
        assert wrong(done.community) == []


def test_a_community_arrives_whose_site_had_a_machine_that_was_revoked(sharing: Reviewed, tmp_path: Path) -> None:
    """What it measured counts no longer there, either."""
    template = empty(tmp_path / "empty.sqlite3")
    machine = Runner.objects.get(site__isnull=False)
    revoke(machine.pk, machine.owner, sharing.now)
    assert Site.objects.get().devices_measured == 0
    export_community("valley", tmp_path / "out", sharing.now)
    with instance(tmp_path / "other", template):
        import_community(tmp_path / "out", sharing.now)
        assert Site.objects.get().devices_measured == 0


def test_checks_whose_files_stay_behind_come_to_nothing_and_forged_ones_are_refused(
    sharing: Reviewed, tmp_path: Path
) -> None:
    template = empty(tmp_path / "empty.sqlite3")
    drawn = Slice.objects.exclude(checks__isnull=False).get()
    drawing.order(drawn, 1, sharing.now)
    Slice.objects.filter(pk=drawn.pk).update(removed_at=None)
    export_community("valley", tmp_path / "out", sharing.now)
    with instance(tmp_path / "other", template):
        done = import_community(tmp_path / "out", sharing.now)
        check = SpotCheck.objects.get(slice=drawn.pk)
        assert (check.outcome, check.report["reason"]) == ("not_possible", "moved")
        assert not Slice.objects.filter(removed_at=None).exists()
        assert wrong(done.community) == []
    forge(tmp_path / "out", "training_jobs_slice", lambda rows: rows[0].update(seed="0" * 64))
    with instance(tmp_path / "there", template), pytest.raises(Refusal, match="does_not_verify"):
        import_community(tmp_path / "out", sharing.now)


CHANGES: dict[type[Any], dict[str, Any]] = {
    Slice: {
        "seed": "0" * 64, "end_digest": "0" * 64, "start_digest": "1" * 64, "first_step": 1, "log_size": 1,
        "handed_at": -SECOND,
    },
    SpotCheck: {"outcome": "within", "checker": "runner:1", "report": {}, "ordered_at": -SECOND, "finished_at": -SECOND},
    Doubt: {"evidence": {}, "kind": "too_fast", "at": -SECOND},
    Attested: {"reason": "Other.", "finding": "objects", "reviewer": "0x" + "1" * 40, "filed_at": -SECOND},
    Allotment: {},
    Admission: {},
}  # fmt: skip


def test_what_was_changed_or_taken_away_behind_the_back_of_the_log_is_named(sharing: Reviewed) -> None:
    community = sharing.commons.community
    assert wrong(community) == []
    missed = []
    for model, columns in CHANGES.items():
        row = model.objects.order_by("pk").first()
        for name, value in (*columns.items(), ("", None)):
            new = getattr(row, name) + value if isinstance(value, timedelta) else value
            more = {"reason": "Because."} if value == "objects" else {}
            with transaction.atomic():
                rows = model.objects.filter(pk=row.pk)
                if name:
                    rows.update(**{name: new, **more})
                else:
                    SpotCheck.objects.filter(slice=row.pk).delete() if model is Slice else None
                    rows.delete()
                found = list(fsck.check_one(community))
                if not any(model._meta.db_table in str(each) for each in found):
                    missed.append((model.__name__, name or "taken away", [str(each) for each in found]))
                transaction.set_rollback(True)
    assert missed == []
