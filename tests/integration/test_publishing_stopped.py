"""A release that is withdrawn or paused while it is on its way: it stops with the reason, and nobody gets to see it."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from governance.models import Proposal
from models_registry import deliveries, delivering, errands
from models_registry.models import Delivery, Version
from models_registry.publishing import FolderTarget, PublishError, S3Target
from models_registry.publishing.delivery import State
from models_registry.services import version_folder
from tests.integration.release_folders import MODEL, REVISION, content, make_release
from tests.integration.test_publishing_deliveries import NOON, drive, only, versions
from tests.integration.test_publishing_huggingface import hub, release, titles, to_huggingface, whole
from tests.integration.test_publishing_stores import INDEX, LATEST, bucket, store
from tests.simulators import s3_store
from tests.simulators.hugging_face_hub import HuggingFaceHubSimulator

WITHDRAWN = PublishError("release_withdrawn", "The community has withdrawn this release: no.", permanent=True)
PAUSED = PublishError("release_paused", "A guardian has paused this release.", permanent=False, retry_after_seconds=60)


class Gate:
    """Permits so many steps, then refuses."""

    def __init__(self, permitted: int, refusal: PublishError) -> None:
        self.left = permitted
        self.refusal = refusal

    def __call__(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise self.refusal


# -- the Hugging Face Hub --------------------------------------------------------------------------------------------


def test_what_is_withdrawn_during_the_upload_gets_no_tag_and_does_not_move_main(
    hub: HuggingFaceHubSimulator, release: tuple[Path, str]
) -> None:
    folder, manifest = release
    with pytest.raises(PublishError) as caught:
        to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest, Gate(0, WITHDRAWN))
    assert caught.value is WITHDRAWN
    repository = hub.repositories[MODEL]
    assert (titles(hub), repository.tags, set(repository.branches)) == (["initial commit"], {}, {"main"})
    assert any("/commit/release-v1" in request for request in hub.requests), "it was on its way"


def test_what_is_paused_during_the_upload_goes_on_afterwards_where_it_was(
    hub: HuggingFaceHubSimulator, release: tuple[Path, str]
) -> None:
    folder, manifest = release
    with pytest.raises(PublishError) as caught:
        to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest, Gate(0, PAUSED))
    assert caught.value.retry_after_seconds == 60
    assert (titles(hub), hub.repositories[MODEL].tags) == (["initial commit"], {})
    publication = to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest)
    whole(hub, folder, publication.revision)


def test_what_is_withdrawn_after_its_tag_does_not_move_main(
    hub: HuggingFaceHubSimulator, release: tuple[Path, str]
) -> None:
    folder, manifest = release
    with pytest.raises(PublishError) as caught:
        to_huggingface(hub).publish(folder, MODEL, 1, REVISION, manifest, Gate(1, WITHDRAWN))
    assert caught.value is WITHDRAWN
    repository = hub.repositories[MODEL]
    assert (titles(hub), set(repository.tags), set(repository.branches)) == (["initial commit"], {"v1"}, {"main"})


# -- a folder and a bucket -------------------------------------------------------------------------------------------


def test_a_folder_shows_nothing_of_what_was_withdrawn_while_it_was_copied(
    drive: Path, release: tuple[Path, str]
) -> None:
    folder, manifest = release
    with pytest.raises(PublishError):
        FolderTarget(drive).publish(folder, MODEL, 1, REVISION, manifest, Gate(0, WITHDRAWN))
    assert content(drive) == {}
    with pytest.raises(PublishError):
        FolderTarget(drive).publish(folder, MODEL, 1, REVISION, manifest, Gate(1, PAUSED))
    assert [path.name for path in (drive / MODEL).iterdir()] == ["v1"], "the link to the newest did not move"


def test_a_bucket_gets_no_index_of_what_was_withdrawn_while_it_was_uploaded(
    store: str, bucket: str, release: tuple[Path, str]
) -> None:
    folder, manifest = release
    target = S3Target(bucket, endpoint=store)
    with pytest.raises(PublishError):
        target.publish(folder, MODEL, 1, REVISION, manifest, Gate(0, WITHDRAWN))
    assert not {INDEX, LATEST} & set(s3_store.objects(store, bucket))
    with pytest.raises(PublishError):
        target.publish(folder, MODEL, 1, REVISION, manifest, Gate(1, PAUSED))
    assert {INDEX, LATEST} & set(s3_store.objects(store, bucket)) == {INDEX}


# -- the delivery ----------------------------------------------------------------------------------------------------


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Version], None]], None]:
    """Let something happen after a worker has looked at a release and before its target has it."""

    def arrange(happens: Callable[[Version], None]) -> None:
        def folder_of(version: Version) -> Path:
            happens(Version.objects.get(pk=version.pk))
            return version_folder(version)

        monkeypatch.setattr(delivering, "version_folder", folder_of)

    return arrange


def withdraw(version: Version) -> None:
    proposal = Proposal.objects.create(
        community=version.model.community, number=1, author="0x1", kind="release_withdrawal", title="No"
    )
    version.withdrawn_at, version.withdrawn_reason, version.withdrawal = NOON, "It names a neighbour.", proposal
    version.save()


def pause(version: Version) -> None:
    version.paused_until, version.paused_by, version.paused_reason = NOON + timedelta(hours=2), "0x1", "Look at it."
    version.save()


def test_a_withdrawal_in_between_ends_the_delivery_for_good_and_the_next_version_goes_on(
    versions: list[Version], drive: Path, meanwhile: Callable[..., None]
) -> None:
    first, second = versions
    meanwhile(lambda version: withdraw(version) if version == first else None)
    delivering.deliver(only(first).pk)
    row = only(first)
    assert (errands.state(row, NOON), row.error_code) == (State.FAILED, "release_withdrawn")
    assert "It names a neighbour." in row.error_detail
    assert content(drive) == {}
    assert deliveries.due(NOON) == [only(second).pk]
    delivering.deliver(only(second).pk)
    assert (drive / "commons/water/latest").readlink() == Path("v2")
    assert not (drive / "commons/water/v1").exists()


def test_a_pause_in_between_holds_it_back_until_its_end(
    versions: list[Version], drive: Path, meanwhile: Callable[..., None], at: Callable[[datetime], None]
) -> None:
    meanwhile(lambda version: pause(version) if version.paused_until is None else None)
    delivering.deliver(only(versions[0]).pk)
    row = only(versions[0])
    assert (errands.state(row, NOON), row.error_code) == (State.WAITING, "release_paused")
    assert row.next_at == NOON + timedelta(hours=2)
    assert content(drive) == {}
    at(row.next_at)
    delivering.deliver(row.pk)
    assert errands.state(only(versions[0]), row.next_at) is State.PUBLISHED


def test_a_worker_that_lost_its_lease_while_it_uploaded_shows_nothing(
    versions: list[Version], drive: Path, meanwhile: Callable[..., None]
) -> None:
    row = only(versions[0])
    # Somebody else took over: the fence went on.
    meanwhile(lambda _version: Delivery.objects.filter(pk=row.pk).update(fence=99))
    delivering.deliver(row.pk)
    assert not (drive / "commons").exists()
    row.refresh_from_db()
    assert (row.error_code, row.publication) == ("", None)


def test_what_was_delivered_before_a_withdrawal_stays_where_it_is_and_as_it_is(
    versions: list[Version], drive: Path
) -> None:
    delivering.deliver(only(versions[0]).pk)
    before = content(drive)
    withdraw(versions[0])
    delivering.deliver(only(versions[0]).pk)
    assert content(drive) == before
    assert errands.state(only(versions[0]), NOON) is State.PUBLISHED
