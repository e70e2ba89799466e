"""A scan that runs out of time or memory, or fails, was not finished: it is shown, it forbids, and it can be run again."""

import io
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from benchmarks._clean_rows import clean_rows
from governance.errors import Invalid
from governance.models import Event
from models_registry.datasets import registering, scanning
from models_registry.datasets.boxed import MEGABYTE, Box, Wanted, read_and_scan
from models_registry.datasets.forks import Allowance
from models_registry.datasets.scans import SCANS, Context, Rows, Scan
from models_registry.models import Dataset
from tests.integration.conftest import NOON

ENOUGH = Allowance(memory_bytes=2**40, processor_seconds=60, decoded_bytes=10**9)
CONTEXT = Context(licence="CC-BY-4.0")
ROWS = clean_rows(60, "limits")


def results(folder: Path, rows: Rows, allowance: Allowance = ENOUGH, seconds: float = 60) -> dict[str, dict[str, Any]]:
    made = scanning.scan_all(rows, CONTEXT, folder, allowance, time.monotonic() + seconds)
    return {result["scan"]: result for result in made}


def test_when_the_time_is_over_no_scan_has_passed(tmp_path):
    found = results(tmp_path, ROWS, seconds=-1)
    assert set(found) == {name for name, scan in SCANS.items() if scan.applies(CONTEXT)}
    for result in found.values():
        assert (result["passed"], result["unfinished"], result["found"]) == (False, "time", 0)
        assert result["detail"].startswith("Not finished: its 0 seconds were over.")


def endless(_rows: Rows, _context: Context):
    while True:
        pass


def greedy(_rows: Rows, _context: Context):
    return bytearray(40_000 * MEGABYTE)


def broken(_rows: Rows, _context: Context):
    raise ValueError("a defect of ours")


@pytest.mark.parametrize(
    ("search", "changes", "why"),
    [
        (endless, {"clock_seconds": 0.2}, "time"),
        (endless, {"clock_seconds": 60, "processor_seconds": 2}, "time"),
        (greedy, {"clock_seconds": 60, "memory_bytes": 4_000 * MEGABYTE}, "memory"),
        (broken, {"clock_seconds": 60}, "failed"),
    ],
)
def test_a_scan_that_is_ended_is_not_finished_and_ends_nothing_else(tmp_path, search, changes, why):
    scan = replace(SCANS["personal_data"], search=search)
    said = scanning._scanned(scan, ROWS, CONTEXT, tmp_path, replace(ENOUGH, **changes))
    assert (said["passed"], said["unfinished"], said["blocks"]) == (False, why, True)
    assert said["detail"].startswith("Not finished")
    assert said["detail"].endswith("It says nothing about the rows.")
    well: Scan = SCANS["personal_data"]
    assert scanning._scanned(well, ROWS, CONTEXT, tmp_path, replace(ENOUGH, clock_seconds=30))["passed"]


def test_the_child_says_which_scans_its_memory_was_too_small_for(tmp_path):
    sent = tmp_path / "rows.jsonl"
    with sent.open("w") as file:
        file.writelines(json.dumps(row) + "\n" for row in clean_rows(12_000, "large"))
    made = tmp_path / "made"
    made.mkdir()
    box = Box(memory_bytes=80 * MEGABYTE, scan_memory_bytes=64 * MEGABYTE, seconds=120)
    taken = read_and_scan(Wanted([("rows.jsonl", sent)], licence="CC-BY-4.0"), made, box)
    by_name = {scan["scan"]: scan for scan in taken.scans}
    assert by_name["near_duplicates"]["unfinished"] == "memory"
    assert by_name["licence"]["passed"]
    assert by_name["personal_data"]["passed"]
    assert not list(made.glob("tmp*"))


@pytest.fixture
def commons(list_community):
    """A community of listed members."""
    return list_community()


def register(commons) -> tuple[Dataset, bool]:
    stream = io.BytesIO(b"".join(json.dumps(row).encode() + b"\n" for row in ROWS))
    new = registering.NewDataset("limits", "Limits", "CC-BY-4.0", "training", "rows.jsonl")
    return registering.register_dataset(commons.community, commons.address("Alice"), new, stream, NOON)


def test_what_was_not_finished_is_shown_forbids_and_runs_again_when_the_rows_are_sent_again(commons):
    dataset, _new = register(commons)
    assert dataset.clean
    well = dataset.scans
    lacking = SCANS["secrets"].not_finished("time", {"seconds": 7}).to_dict() | {"blocks": True}
    Dataset.objects.update(scans=[lacking if scan["scan"] == "secrets" else scan for scan in well])

    page = Client().get(f"/datasets/{dataset.digest}/").content.decode()
    assert "1 scan was not finished" in page
    assert "not finished: forbids inclusion" in page
    assert "its 7 seconds were over" in page
    assert f"{len(well) - 1} scans found nothing" in page
    served = Client().get(f"/api/v1/datasets/{dataset.digest}").json()["scans"]
    assert [scan["scan"] for scan in served if scan["unfinished"]] == ["secrets"]
    with pytest.raises(Invalid) as refused:
        commons.propose("dataset_inclusion", {"digest": dataset.digest})
    assert (refused.value.code, refused.value.found) == ("scan_failed", ["secrets"])

    again, new = register(commons)
    assert (again.pk, new, again.scans) == (dataset.pk, False, well)
    assert Event.objects.filter(kind="dataset_scanned_again").count() == 1
    register(commons)
    assert Event.objects.filter(kind="dataset_scanned_again").count() == 1
