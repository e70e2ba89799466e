"""`verify --status` on a release that was measured again: told from the signed log, and from nothing else."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import json
from datetime import timedelta
from typing import Any

import pytest

from governance.models import Event
from governance.services import note
from models_registry import release_status, status_check
from models_registry.models import Version
from tests.integration.golden_site import NOON
from tests.integration.hub_site import artifacts
from tests.integration.test_release_status import VERIFIED, answering, asked, publish, said, version

RECORD = "ab" * 32


def measured(version: Version, **changes: Any) -> None:
    """Note that the release was measured again."""
    data = {"inquiry": 1, "revision": version.revision, "record": RECORD, "holds": True, **changes}
    note("release_measured_again", NOON, community=version.model.community, **data)


def told(version: Version, capsys: Any, body: bytes | None = None) -> str:
    with answering(200, body or said(version)) as url:
        assert asked(version, url) == VERIFIED
    return str(capsys.readouterr().out)


def test_both_sides_know_the_event() -> None:
    assert release_status.MEASURED == status_check.MEASURED
    assert release_status.MEASURED not in status_check.SHOWS, "it changes nothing about how a release stands"


def test_the_newest_measurement_is_told_with_its_day_and_its_record(version: Version, capsys: Any) -> None:
    measured(version)
    measured(version, holds=False, record="cd" * 32)
    publish(version)
    text = told(version, capsys)
    assert f"measured again on {NOON:%Y-%m-%d}: breaks a rule, or measures worse" in text
    assert f"(record {'cd' * 32}, in the signed log)" in text
    with answering(200, said(version)) as url:
        assert asked(version, url, "--json") == VERIFIED
    status = json.loads(capsys.readouterr().out)["status"]
    assert (status["standing"], status["measured_again"]["holds"]) == ("current", False)
    assert status["measured_again"]["record"] == "cd" * 32


def test_of_a_release_that_nobody_has_measured_again_nothing_is_told(version: Version, capsys: Any) -> None:
    note("version_released", NOON, community=version.model.community, revision=version.revision)
    publish(version)
    assert "Since the release" not in told(version, capsys)


def test_measuring_never_pushes_out_what_shows_how_a_release_stands(version: Version) -> None:
    note("release_paused", NOON, community=version.model.community, revision=version.revision, reason="Wait.")
    for _ in range(release_status.ENTRIES_MAX + 5):
        measured(version)
    publish(version)
    kinds = [json.loads(entry["leaf"])["kind"] for entry in json.loads(said(version))["entries"]]
    assert sorted(kinds) == ["release_measured_again", "release_paused"]


@pytest.mark.parametrize(
    "changes",
    [
        {"revision": "9" * 40}, {"holds": "yes"}, {"holds": None}, {"holds": 1}, {"record": "ab"}, {"record": None},
        {"record": 7}, {"record": "AB" * 32}, {"record": "../../x"},
    ],
)  # fmt: skip
def test_an_entry_of_another_form_or_about_another_release_tells_nothing(
    version: Version, capsys: Any, changes: dict[str, Any]
) -> None:
    measured(version, **changes)
    publish(version)
    body = json.loads(said(version))
    if not body["entries"]:  # the site does not even hand it out
        other = Event.objects.get(kind="release_measured_again")
        assert other.data["revision"] != version.revision
    assert "Since the release" not in told(version, capsys)


def test_a_measurement_that_is_not_in_the_signed_log_is_no_answer_at_all(version: Version, capsys: Any) -> None:
    measured(version)
    publish(version)
    body = json.loads(said(version))
    body["entries"][-1]["leaf"] = body["entries"][-1]["leaf"].replace("true", "false")
    with answering(200, json.dumps(body).encode()) as url:
        asked(version, url)
    text = capsys.readouterr().out
    assert "not asked" in text
    assert "Since the release" not in text


def test_the_day_is_that_of_the_entry(version: Version, capsys: Any) -> None:
    data = {"inquiry": 1, "revision": version.revision, "record": RECORD, "holds": True}
    note("release_measured_again", NOON + timedelta(days=365), community=version.model.community, **data)
    publish(version)
    assert f"measured again on {NOON + timedelta(days=365):%Y-%m-%d}: holds" in told(version, capsys)
