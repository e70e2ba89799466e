"""Releases on their way to other targets: planned with the version, fenced, tried again, told, and never twice."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import translation

from config import sweeper
from governance.errors import Conflict, NotFound
from governance.models import Community
from models_registry import deliveries, delivering, errand_work, errands, noticing
from models_registry.delivery_words import REASONS, STATES
from models_registry.models import Delivery, Model, Publication, Version
from models_registry.publishing import FolderTarget, PublishError, delivery
from models_registry.publishing import Publication as Place
from models_registry.publishing.delivery import State
from models_registry.storage import folders
from tests.integration.hub_site import record
from tests.integration.release_folders import content, make_release

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
REVISIONS = ["1" * 40, "2" * 40]


@pytest.fixture
def drive(tmp_path: Path, settings: Any) -> Path:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    settings.PUBLICATION_TARGETS = ["hub", "folder"]
    settings.PUBLICATION_FOLDER = tmp_path / "drive"
    settings.PUBLICATION_FOLDER.mkdir()
    return settings.PUBLICATION_FOLDER


@pytest.fixture
def versions(db: None, drive: Path, settings: Any, at: Callable[[datetime], None]) -> list[Version]:
    """Two versions of a model, on our own hub already, and planned for the folder."""
    at(NOON)
    community = Community.objects.create(
        slug="water", name_en="Water", name_fr="Eau", instance="test", chain_id=1, token="0x", release_key="0" * 64,
        record=record("community", "community:water"), charter=record("charter", "charter:water"),
    )  # fmt: skip
    model = Model.objects.create(
        community=community, namespace="commons", name="water", title_en="W", title_fr="E", license="MIT"
    )
    made = []
    for number, revision in enumerate(REVISIONS, start=1):
        folder = f"releases/commons/water/{revision}"
        manifest = make_release(settings.ARTIFACTS_DIR / folder, weights=bytes([number]) * 100)
        version = Version.objects.create(
            model=model, number=number, revision=revision, manifest_sha256=manifest, folder=folder,
            files=folders.keep(settings.ARTIFACTS_DIR / folder), created_at=NOON, published_at=NOON,
            evaluation_record=record("evaluation", f"e{number}"), release_record=record("release", f"r{number}"),
        )  # fmt: skip
        deliveries.plan(version, deliveries.other_targets(), NOON)
        made.append(version)
    return made


def only(version: Version) -> Delivery:
    return version.deliveries.get()


def fails(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def publish(self: FolderTarget, *_arguments: Any) -> Place:
        raise error

    monkeypatch.setattr(FolderTarget, "publish", publish)


def test_a_delivery_is_carried_out_once_and_recorded(versions: list[Version], drive: Path) -> None:
    assert [errands.state(only(version), NOON) for version in versions] == [State.PLANNED, State.PLANNED]
    first = only(versions[0])
    for _ in range(3):
        delivering.deliver(first.pk)
    first.refresh_from_db()
    assert errands.state(first, NOON) is State.PUBLISHED
    assert (first.attempts, first.publication.location) == (1, "commons/water/v1")
    assert first.publication.record.value.parents == (versions[0].release_record_id,)
    assert Publication.objects.count() == 1
    assert content(drive / "commons/water/v1") == content(delivering.version_folder(versions[0]))


def test_a_newer_version_waits_for_the_older_one_and_not_for_one_that_was_given_up(
    versions: list[Version], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert deliveries.due(NOON) == [only(versions[0]).pk]
    assert deliveries.claim(only(versions[1]).pk, NOON) is None
    fails(monkeypatch, PublishError("hub_refused", "no", permanent=True))
    delivering.deliver(only(versions[0]).pk)
    assert deliveries.due(NOON) == [only(versions[1]).pk]


def test_an_attempt_that_failed_is_told_and_tried_again_later_and_later(
    versions: list[Version], monkeypatch: pytest.MonkeyPatch, at: Callable[[datetime], None]
) -> None:
    fails(monkeypatch, PublishError("hub_unavailable", "503 from the target", permanent=False))
    row, now, waits = only(versions[0]), NOON, []
    for attempt in range(1, 6):
        at(now)
        delivering.deliver(row.pk)
        row.refresh_from_db()
        assert (errands.state(row, now), row.attempts) == (State.WAITING, attempt)
        assert deliveries.due(now) == []
        waits.append((row.next_at - now).total_seconds())
        now = row.next_at
    assert all(15 * 2**n <= wait <= 30 * 2**n for n, wait in enumerate(waits)), waits
    told = deliveries.told(row, NOON)
    assert (told["attempts"], told["error"]["detail"]) == (5, "503 from the target")
    assert told["error"]["suggestion"] == str(REASONS["hub_unavailable"].suggestion)


def test_a_target_that_asks_for_a_longer_rest_gets_it(versions: list[Version], monkeypatch: pytest.MonkeyPatch) -> None:
    fails(monkeypatch, PublishError("hub_unavailable", "429", permanent=False, retry_after_seconds=3_600))
    row = only(versions[0])
    delivering.deliver(row.pk)
    row.refresh_from_db()
    assert row.next_at == NOON + timedelta(hours=1)


def test_a_failure_for_good_ends_it_until_an_operator_says_again(
    versions: list[Version], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patched:
        fails(patched, PublishError("token_missing", "no access token is configured", permanent=True))
        delivering.deliver(only(versions[0]).pk)
    row = only(versions[0])
    assert errands.state(row, NOON + timedelta(days=9)) is State.FAILED
    call_command("deliveries")
    assert "failed · tried 1 times · token_missing: no access token is configured" in capsys.readouterr().out
    call_command("deliveries", "--again", REVISIONS[0], "folder")
    assert deliveries.due(NOON) == [row.pk]
    delivering.deliver(row.pk)
    row.refresh_from_db()
    assert errands.state(row, NOON) is State.PUBLISHED
    with pytest.raises(CommandError, match="already_published"):
        call_command("deliveries", "--again", REVISIONS[0], "folder")
    with pytest.raises(NotFound):
        deliveries.again("f" * 40, "folder", NOON)


def test_it_is_given_up_after_many_attempts(versions: list[Version], monkeypatch: pytest.MonkeyPatch) -> None:
    fails(monkeypatch, PublishError("hub_unavailable", "503", permanent=False))
    row = only(versions[0])
    Delivery.objects.filter(pk=row.pk).update(attempts=delivery.ATTEMPTS_MAX - 1)
    delivering.deliver(row.pk)
    row.refresh_from_db()
    assert (errands.state(row, NOON), row.error_code) == (State.FAILED, "hub_unavailable")


def test_a_worker_that_dies_is_followed_by_another_after_its_lease(versions: list[Version]) -> None:
    row = only(versions[0])
    dead = deliveries.claim(row.pk, NOON)
    row.refresh_from_db()
    assert errands.state(row, NOON) is State.PUBLISHING
    assert deliveries.due(NOON + timedelta(seconds=60)) == []
    with pytest.raises(Conflict):
        deliveries.again(REVISIONS[0], "folder", NOON)
    later = NOON + timedelta(seconds=errands.LEASE_SECONDS)
    held = deliveries.claim(row.pk, later)
    assert (held.attempt, held.fence) == (2, dead.fence + 1)
    # The dead one was only slow: what it says now changes nothing.
    assert not errands.renew(dead, later)
    assert not deliveries.published(dead, Place("elsewhere", "a" * 40), later)
    assert not deliveries.failed(dead, PublishError("hub_refused", "", permanent=True), later)
    assert deliveries.published(held, Place("here", "a" * 40), later)
    assert [place.location for place in Publication.objects.all()] == ["here"]


def test_a_worker_that_dies_on_it_every_time_is_given_up(versions: list[Version]) -> None:
    row, now = only(versions[0]), NOON
    for _ in range(delivery.ATTEMPTS_MAX):
        assert deliveries.claim(row.pk, now) is not None
        now += timedelta(days=1)
    assert deliveries.claim(row.pk, now) is None
    row.refresh_from_db()
    assert (errands.state(row, now), row.error_code) == (State.FAILED, "publisher_died")


def test_the_lease_is_renewed_while_a_target_works(versions: list[Version], monkeypatch: pytest.MonkeyPatch) -> None:
    renewed = threading.Event()
    real = errands.renew

    def renew(held: errands.Claim[Delivery], now: datetime) -> bool:
        renewed.set()
        return real(held, now)

    def slow(self: FolderTarget, *_arguments: Any) -> Place:
        assert renewed.wait(10)
        return Place("slowly", "a" * 40)

    monkeypatch.setattr(errands, "renew", renew)
    monkeypatch.setattr(errand_work, "RENEW_SECONDS", 0.01)
    monkeypatch.setattr(FolderTarget, "publish", slow)
    delivering.deliver(only(versions[0]).pk)
    assert only(versions[0]).publication.location == "slowly"


def test_a_worker_that_lost_its_lease_writes_nothing(versions: list[Version], monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(errand_work, "RENEW_SECONDS", 0.01)
    monkeypatch.setattr(errands, "renew", lambda _held, _now: False)
    monkeypatch.setattr(FolderTarget, "publish", lambda *_arguments: over.wait(10) and Place("late", "a" * 40))
    delivering.deliver(only(versions[0]).pk)
    over.set()
    assert only(versions[0]).publication is None


def test_what_is_withdrawn_or_paused_here_is_not_brought_elsewhere(versions: list[Version], drive: Path) -> None:
    first = versions[0]
    first.paused_until, first.paused_by, first.paused_reason = NOON + timedelta(hours=2), "0x1", "look at it"
    first.save()
    delivering.deliver(only(first).pk)
    row = only(first)
    assert (row.error_code, row.next_at) == ("release_paused", NOON + timedelta(hours=2))
    assert list(drive.iterdir()) == []


def test_a_target_that_is_no_longer_configured_ends_with_a_reason(versions: list[Version], settings: Any) -> None:
    settings.PUBLICATION_TARGETS = ["hub"]
    delivering.deliver(only(versions[0]).pk)
    assert only(versions[0]).error_code == "target_not_configured"


def test_a_target_that_was_added_later_is_planned_for_all_releases(
    versions: list[Version], settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError, match="COMMONWEIGHTS_PUBLICATION_TARGETS"):
        call_command("deliveries", "--plan", "s3")
    settings.PUBLICATION_TARGETS = ["hub", "folder", "s3"]
    call_command("deliveries", "--plan", "s3")
    call_command("deliveries", "--plan", "s3")
    assert next(line for line in capsys.readouterr().out.splitlines() if "planned" in line) == "2 planned"
    assert Delivery.objects.filter(target="s3").count() == 2


def test_the_sweeper_nudges_workers_about_what_is_due(versions: list[Version], monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, int]] = []
    monkeypatch.setattr(
        sweeper, "_tell", lambda task, numbers: told.extend((task.name, n) for n in numbers) or len(numbers)
    )
    sweeper.nudge()
    assert told == [("models_registry.deliver_job", only(versions[0]).pk)]


def test_the_database_refuses_a_delivery_that_is_due_and_done(versions: list[Version]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.filter(pk=only(versions[0]).pk).update(failed_at=NOON)


def test_the_api_tells_states_and_reasons(versions: list[Version], monkeypatch: pytest.MonkeyPatch) -> None:
    fails(monkeypatch, PublishError("target_missing", "/drive is no folder", permanent=False))
    delivering.deliver(only(versions[0]).pk)
    answer = Client().get(f"/api/v1/releases/{REVISIONS[0]}").json()["deliveries"]
    assert [(row["target"], row["state"], row["attempts"]) for row in answer] == [("folder", "waiting", 1)]
    assert answer[0]["error"]["code"] == "target_missing"
    assert answer[0]["error"]["suggestion"]


def test_every_state_and_every_code_of_a_target_has_words() -> None:
    import re

    assert set(STATES) == set(State)
    folder = Path(delivery.__file__).parent
    codes = {code for file in folder.glob("*.py") for code in re.findall(r'PublishError\(\s*"(\w+)"', file.read_text())}
    for module in (delivering, noticing, errand_work):
        codes |= set(re.findall(r'PublishError\(\s*"(\w+)"', Path(module.__file__).read_text()))
    assert codes - {"malformed_field", "unknown_target"} <= set(REASONS)
    with translation.override("fr"):
        assert all(str(reason.says) and str(reason.suggestion) for reason in REASONS.values())
