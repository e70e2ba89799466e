"""How releases stand: pauses that a vote keeps or ends, going back, what was built on what, feeds, and who asks later."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import DisabledRepoError

from governance.errors import Conflict, Invalid, Refusal
from governance.models import Event, Proposal
from models_registry import descent, withdrawals
from models_registry.fsck.standing import check_standing
from models_registry.mirror.remote import Remote
from models_registry.models import Model, Version
from models_registry.release_status import Standing, standing_of
from models_registry.withdrawals import stop_of
from tests.integration import commons
from tests.integration.conftest import NOON
from tests.integration.hub_site import DRAFT, FIRST, MODEL, SECOND, artifacts, model_of, raw, serving

REASON = "It gives dangerous advice."
DAY = timedelta(days=1)
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def site(artifacts: Path, list_community: Callable[..., commons.Commons]) -> commons.Commons:
    """A community whose votes need no chain, with a model of two published versions."""
    site = list_community()
    model_of(site.community, artifacts)
    Version.objects.filter(revision=SECOND).update(parent=Version.objects.get(revision=FIRST))
    return site


@pytest.fixture
def council(site: commons.Commons) -> datetime:
    return site.elect("Alice", "Bob", "Chloé", seats=2, now=NOON).elected_at + timedelta(minutes=1)


def voted(site: commons.Commons, kind: str, revision: str, **more: Any) -> Proposal:
    now = Proposal.objects.latest("pk").executed_at if Proposal.objects.exists() else None
    proposal = site.propose(kind, {"revision": revision, "reason": REASON, **more}, now=now)
    for name in ("Alice", "Bob"):
        site.vote(proposal, name, 1)
    return site.executed(proposal)


def version(revision: str) -> Version:
    return Version.objects.select_related("model").get(revision=revision)


# --- a pause by vote ----------------------------------------------------------------------------------------------


def test_a_vote_keeps_a_guardians_pause_which_would_have_ended_by_itself(
    site: commons.Commons, council: datetime, at: Callable[[datetime], None]
) -> None:
    paused = withdrawals.pause_release(SECOND, site.address("Alice"), REASON, council)
    assert paused.paused_until is not None
    assert stop_of(version(SECOND), paused.paused_until) is None, "without a vote it ends"
    executed = voted(site, "release_pause", SECOND, days=30).executed_at
    assert executed is not None
    with serving() as endpoint:
        api = HfApi(endpoint=endpoint)
        at(executed + 29 * DAY)
        with pytest.raises(DisabledRepoError, match=f"The community has paused this release until .* {REASON}"):
            api.model_info(MODEL, revision="v2")
        assert api.model_info(MODEL).sha == FIRST
        status, headers, body = raw(endpoint, f"/api/models/{MODEL}/revision/v2")
        assert (status, headers["x-error-message"]) == (451, "Access to this resource is disabled.")
        assert REASON.encode() in body
        at(executed + 30 * DAY)
        assert api.model_info(MODEL).sha == SECOND


def test_a_pause_by_vote_can_last_until_another_vote_ends_it(site: commons.Commons, council: datetime) -> None:
    moment = voted(site, "release_pause", SECOND, days=None).executed_at
    assert moment is not None
    stop = stop_of(version(SECOND), moment + 3_000 * DAY)
    assert stop is not None
    assert (stop.withdrawn, stop.voted, stop.until) == (False, True, None)
    assert "until it decides otherwise" in stop.sentence
    moment = voted(site, "release_pause", SECOND, days=0).executed_at
    assert moment is not None
    assert stop_of(version(SECOND), moment) is None
    assert [event.kind for event in Event.objects.filter(kind__startswith="release_").order_by("pk")] == [
        "release_held",
        "release_pause_ended",
    ]


def test_a_vote_ends_a_guardians_pause_at_once(site: commons.Commons, council: datetime) -> None:
    withdrawals.pause_release(SECOND, site.address("Alice"), REASON, council)
    moment = voted(site, "release_pause", SECOND, days=0).executed_at
    assert moment is not None
    assert stop_of(version(SECOND), moment) is None


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"days": -1}, "malformed_field"),
        ({"days": 731}, "malformed_field"),
        ({"days": "30"}, "malformed_field"),
        ({"days": True}, "malformed_field"),
        ({"days": 1.5}, "malformed_field"),
        ({}, "missing_field"),
        ({"days": 1, "reason": ""}, "length_out_of_range"),
        ({"days": 1, "revision": "9" * 40}, "unknown_release"),
        ({"days": 1, "version": 7}, "release_differs"),
    ],
)
def test_a_pause_of_nothing_or_of_no_length_is_refused(site: commons.Commons, more: dict[str, Any], code: str) -> None:
    with pytest.raises(Refusal) as caught:
        site.propose("release_pause", {"revision": SECOND, "reason": REASON, **more})
    assert caught.value.code == code
    assert not Proposal.objects.exists()


# --- going back ---------------------------------------------------------------------------------------------------


def test_a_rollback_changes_main_at_once_and_the_left_version_can_be_had_by_name(
    site: commons.Commons, artifacts: Path, tmp_path: Path
) -> None:
    voted(site, "release_rollback", FIRST)
    with serving() as endpoint:
        api = HfApi(endpoint=endpoint)
        assert api.model_info(MODEL).sha == FIRST
        assert [model.sha for model in api.list_models()] == [FIRST]
        assert [branch.target_commit for branch in api.list_repo_refs(MODEL).branches] == [FIRST]
        assert api.model_info(MODEL, revision="v2").sha == SECOND
        assert Path(snapshot_download(MODEL, endpoint=endpoint, cache_dir=tmp_path)).name == FIRST
        _, _, body = raw(endpoint, f"/api/models/{MODEL}")
        assert json.loads(body)["set_back"] == [{"tag": "v2", "sha": SECOND, "reason": REASON}]
        told = {each.number: each.set_back for each in Remote(endpoint).versions(MODEL)}
        assert (told[1], told[2]) == ("", REASON), "a mirror is told, too"
    for address in (f"/releases/{SECOND}/", f"/models/{MODEL}/"):
        assert "The community has gone back to an earlier version." in Client().get(address).content.decode()
    assert Client().get(f"/api/v1/releases/{SECOND}").json()["set_back"]["reason"] == REASON
    event = Event.objects.get(kind="release_rolled_back")
    assert (event.data["revision"], event.data["left"]) == (FIRST, [SECOND])


def test_the_next_release_after_a_rollback_is_main_again(site: commons.Commons, at: Callable[[datetime], None]) -> None:
    voted(site, "release_rollback", FIRST)
    Version.objects.filter(revision=DRAFT).update(published_at=NOON)
    assert standing_of(version(DRAFT), NOON) == (Standing.CURRENT, "")
    assert standing_of(version(FIRST), NOON)[0] is Standing.OLDER
    with serving() as endpoint:
        assert HfApi(endpoint=endpoint).model_info(MODEL).sha == DRAFT


def test_going_forward_again_is_another_vote(site: commons.Commons) -> None:
    voted(site, "release_rollback", FIRST)
    voted(site, "release_rollback", SECOND)
    assert version(SECOND).set_back_at is None
    assert standing_of(version(SECOND), NOON)[0] is Standing.CURRENT


def test_there_is_nothing_to_go_back_to_what_is_in_use_unpublished_or_withdrawn(site: commons.Commons) -> None:
    for revision, code in ((SECOND, "already_current"), (DRAFT, "not_published"), ("9" * 40, "unknown_release")):
        with pytest.raises((Conflict, Invalid), match=code):
            site.propose("release_rollback", {"revision": revision, "reason": REASON})
    voted(site, "release_withdrawal", FIRST)
    with pytest.raises(Conflict, match="already_withdrawn"):
        site.propose("release_rollback", {"revision": FIRST, "reason": REASON}, now=NOON + DAY)


# --- what was built on what ---------------------------------------------------------------------------------------


def test_versions_that_rest_on_a_stopped_one_are_listed_and_warned_over_generations(site: commons.Commons) -> None:
    third = version(DRAFT)
    third.parent, third.published_at = version(SECOND), NOON
    third.save()
    assert [built.name for built in descent.built_on(version(FIRST), NOON)] == [f"{MODEL} v2", f"{MODEL} v3"]
    assert descent.ground_of([third], NOON) == {}
    moment = voted(site, "release_withdrawal", FIRST).executed_at
    assert moment is not None
    assert {str(ground.version) for ground in descent.ground_of([version(SECOND), third], moment).values()} == {
        f"{MODEL} v1"
    }
    for address in (f"/releases/{SECOND}/", f"/releases/{DRAFT}/", f"/models/{MODEL}/"):
        page = Client().get(address).content.decode()
        assert "It was built on a version that is stopped." in page, address
    page = Client().get(f"/releases/{FIRST}/").content.decode()
    assert "Built on this version" in page
    assert f"/releases/{DRAFT}/" in page
    listed = Client().get(f"/api/v1/releases/{FIRST}/descendants").json()
    assert [(each["revision"], each["generation"]) for each in listed] == [(SECOND, 1), (DRAFT, 2)]
    assert Client().get(f"/api/v1/releases/{SECOND}/status").json()["rests_on_stopped"] == f"{MODEL} v1"


# --- feeds --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("language", "title"), [("en", "version 2"), ("fr", "version 2")])
def test_the_feed_of_a_model_tells_what_happened_newest_first(
    site: commons.Commons, council: datetime, language: str, title: str
) -> None:
    withdrawals.pause_release(SECOND, site.address("Alice"), REASON, council)
    voted(site, "release_pause", SECOND, days=30)
    voted(site, "release_withdrawal", SECOND)
    answer = Client().get(f"/models/{MODEL}/feed/", headers={"accept-language": language})
    assert answer["Content-Type"].startswith("application/atom+xml")
    feed = ET.fromstring(answer.content)
    entries = feed.findall(f"{ATOM}entry")
    assert len(entries) == 3
    assert all(title in (entry.findtext(f"{ATOM}title") or "") for entry in entries)
    assert [REASON in (entry.findtext(f"{ATOM}summary") or "") for entry in entries] == [True] * 3
    names = [entry.findtext(f"{ATOM}id") or "" for entry in entries]
    assert len(set(names)) == 3
    positions = [int(name.rpartition("#")[2]) for name in names]
    assert positions == sorted(positions, reverse=True)
    assert f"/models/{MODEL}/feed/" in Client().get(f"/models/{MODEL}/").content.decode()
    assert Client().get("/models/nobody/nothing/feed/").status_code == 404


# --- the database against the log ---------------------------------------------------------------------------------


def standing_findings(site: commons.Commons) -> list[str]:
    return [finding.what for finding in check_standing(site.community)]


def test_every_way_to_stand_follows_from_the_log(site: commons.Commons, council: datetime) -> None:
    withdrawals.pause_release(SECOND, site.address("Alice"), REASON, council)
    for kind, revision, more in (
        ("release_pause", SECOND, {"days": 30}),
        ("release_rollback", FIRST, {}),
        ("release_pause", SECOND, {"days": 0}),
        ("release_rollback", SECOND, {}),
        ("release_pause", FIRST, {"days": None}),
        ("release_withdrawal", FIRST, {}),
    ):
        voted(site, kind, revision, **more)
        assert standing_findings(site) == [], (kind, more)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"withdrawn_at": None}, "withdrawn_at"),
        ({"withdrawn_reason": "Another."}, "withdrawn_reason"),
        ({"held_until": NOON}, "held_until"),
        ({"paused_reason": "Another."}, "paused_reason"),
        ({"set_back_at": None}, "set_back_at"),
    ],
)
def test_a_stop_that_was_taken_back_in_the_database_alone_is_found(
    site: commons.Commons, council: datetime, change: dict[str, Any], field: str
) -> None:
    withdrawals.pause_release(SECOND, site.address("Alice"), REASON, council)
    voted(site, "release_pause", SECOND, days=30)
    voted(site, "release_rollback", FIRST)
    voted(site, "release_withdrawal", SECOND)
    assert standing_findings(site) == []
    Version.objects.filter(revision=SECOND).update(**change)
    assert standing_findings(site) == [field]
