"""Releases that a vote has withdrawn or a guardian has paused: what clients, pages and proposals are told."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import DisabledRepoError, HfHubHTTPError, LocalEntryNotFoundError

from governance.errors import Conflict, Forbidden, Invalid, NotFound, Refusal
from governance.kinds import kind_named
from governance.models import Account, Event, Proposal
from models_registry import withdrawals
from models_registry.models import Model, Version
from tests.integration import commons
from tests.integration.conftest import NOON
from tests.integration.hub_site import DRAFT, FIRST, MODEL, SECOND, artifacts, content, model_of, raw, serving

REASON = "It names a neighbour."
WEEK = timedelta(days=7)


@pytest.fixture
def site(artifacts: Path, list_community: Callable[..., commons.Commons]) -> commons.Commons:
    """A community whose votes need no chain, with a model of two published versions."""
    site = list_community()
    model_of(site.community, artifacts)
    return site


@pytest.fixture
def council(site: commons.Commons) -> datetime:
    """Elect Alice and Bob as guardians; return a time when they are in office."""
    return site.elect("Alice", "Bob", "Chloé", seats=2, now=NOON).elected_at + timedelta(minutes=1)


def withdrawn(site: commons.Commons, revision: str, reason: str = REASON) -> Proposal:
    now = Proposal.objects.latest("pk").executed_at if Proposal.objects.exists() else None
    proposal = site.propose("release_withdrawal", {"revision": revision, "reason": reason}, now=now)
    for name in ("Alice", "Bob"):
        site.vote(proposal, name, 1)
    return site.executed(proposal)


def test_a_withdrawn_version_is_refused_with_the_reason_and_main_goes_back(
    site: commons.Commons, artifacts: Path, tmp_path: Path
) -> None:
    before = content(artifacts / "releases" / MODEL / SECOND)
    proposal = withdrawn(site, SECOND)
    with serving() as endpoint:
        api = HfApi(endpoint=endpoint)
        for revision in ("v2", SECOND):
            with pytest.raises(DisabledRepoError, match=f"The community has withdrawn this release: {REASON}"):
                api.model_info(MODEL, revision=revision)
            with pytest.raises((DisabledRepoError, LocalEntryNotFoundError)) as caught:
                hf_hub_download(MODEL, "config.json", revision=revision, endpoint=endpoint, cache_dir=tmp_path / "a")
            assert REASON in str(caught.value) + str(caught.value.__cause__)
            with pytest.raises((DisabledRepoError, LocalEntryNotFoundError)):
                snapshot_download(MODEL, revision=revision, endpoint=endpoint, cache_dir=tmp_path / "b")
        folder = snapshot_download(MODEL, endpoint=endpoint, cache_dir=tmp_path / "c")
        assert Path(folder).name == FIRST
        info = api.model_info(MODEL)
        assert info.sha == FIRST
        assert [branch.target_commit for branch in api.list_repo_refs(MODEL).branches] == [FIRST]
        history = api.list_repo_commits(MODEL, revision="v1")
        assert [commit.commit_id for commit in history] == [FIRST]
        _, _, body = raw(endpoint, f"/api/models/{MODEL}")
        assert f'"reason": "The community has withdrawn this release: {REASON}"'.encode() in body
    assert content(artifacts / "releases" / MODEL / SECOND) == before
    assert Version.objects.get(revision=SECOND).withdrawal == proposal
    event = Event.objects.get(kind="release_withdrawn")
    assert (event.data["revision"], event.data["reason"]) == (SECOND, REASON)


def test_a_model_of_which_everything_is_withdrawn_tells_the_reason(site: commons.Commons) -> None:
    withdrawn(site, SECOND)
    withdrawn(site, FIRST, "It was trained on what nobody may share.")
    with serving() as endpoint:
        api = HfApi(endpoint=endpoint)
        with pytest.raises(DisabledRepoError, match=REASON):
            api.model_info(MODEL)
        assert list(api.list_models()) == []


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"revision": "9" * 40, "reason": "r"}, "unknown_release"),
        ({"revision": 7, "reason": "r"}, "unknown_release"),
        ({"revision": "\x00", "reason": "r"}, "unknown_release"),
        ({"revision": None, "reason": "r"}, "unknown_release"),
        ({"revision": FIRST, "reason": ""}, "length_out_of_range"),
        ({"revision": FIRST, "reason": "r" * 501}, "length_out_of_range"),
        ({"revision": FIRST, "reason": ["r"]}, "malformed_field"),
        ({"revision": FIRST}, "missing_field"),
        ({"revision": FIRST, "reason": "r", "delete": True}, "unknown_field"),
        ({"revision": FIRST, "reason": "r", "version": 2}, "release_differs"),
    ],
)
def test_a_withdrawal_that_names_no_release_or_no_reason_is_refused(
    site: commons.Commons, payload: dict[str, Any], code: str
) -> None:
    with pytest.raises(Refusal) as caught:
        site.propose("release_withdrawal", payload)
    assert caught.value.code == code
    assert not Proposal.objects.exists()


def test_a_release_is_withdrawn_once(site: commons.Commons) -> None:
    withdrawn(site, SECOND)
    with pytest.raises(Conflict, match="already_withdrawn"):
        withdrawn(site, SECOND)


def test_the_release_of_another_community_cannot_be_withdrawn(
    site: commons.Commons, list_community: Callable[..., commons.Commons]
) -> None:
    other = commons.found(NOON, {"Alice": 1}, slug="orchards")
    with pytest.raises(Invalid, match="unknown_release"):
        other.propose("release_withdrawal", {"revision": FIRST, "reason": "Ours is better."})


# -- guardians -----------------------------------------------------------------------------------------------------


def test_a_guardian_pauses_a_release_for_as_long_as_the_charter_says(
    site: commons.Commons, council: datetime, at: Callable[[datetime], None]
) -> None:
    paused = withdrawals.pause_release(SECOND, site.address("Alice"), REASON, council)
    until = paused.paused_until
    assert until is not None
    assert until - council <= WEEK
    with serving() as endpoint:
        api = HfApi(endpoint=endpoint)
        at(until - timedelta(seconds=1))
        with pytest.raises(DisabledRepoError, match=f"A guardian has paused this release until .* {REASON}"):
            api.model_info(MODEL, revision="v2")
        assert api.model_info(MODEL).sha == FIRST
        at(until)
        assert api.model_info(MODEL).sha == SECOND


def test_a_pause_is_said_once_and_only_by_guardians(site: commons.Commons, council: datetime) -> None:
    guardian = site.address("Alice")
    for actor, revision, reason, expected in (
        (site.address("Daouda"), FIRST, REASON, Forbidden),
        (guardian, "9" * 40, REASON, NotFound),
        (guardian, FIRST, "  ", Invalid),
        (guardian, FIRST, "r" * 501, Invalid),
    ):
        with pytest.raises(expected):
            withdrawals.pause_release(revision, actor, reason, council)
    withdrawals.pause_release(FIRST, guardian, REASON, council)
    with pytest.raises(Conflict, match="release_paused_before"):
        withdrawals.pause_release(FIRST, site.address("Bob"), REASON, council + 2 * WEEK)
    withdrawn(site, SECOND)
    with pytest.raises(Conflict, match="already_withdrawn"):
        withdrawals.pause_release(SECOND, guardian, REASON, council)


def test_without_a_council_or_where_the_charter_allows_no_pause_nobody_pauses(
    site: commons.Commons, list_community: Callable[..., commons.Commons]
) -> None:
    with pytest.raises(Conflict, match="no_council"):
        withdrawals.pause_release(FIRST, site.address("Alice"), REASON, NOON)


# -- pages and API -------------------------------------------------------------------------------------------------


def test_pages_and_api_say_what_happened(
    site: commons.Commons, council: datetime, client: Client, at: Callable[[datetime], None]
) -> None:
    at(council)
    client.force_login(Account.objects.get_or_create(address=site.address("Alice"))[0])
    assert "Pause this release" in client.get(f"/releases/{FIRST}/").content.decode()
    assert client.post(f"/releases/{FIRST}/pause/", {"reason": REASON}).status_code == 302
    text = client.get(f"/releases/{FIRST}/").content.decode()
    assert "A guardian has paused this release." in text
    assert REASON in text
    assert "Pause this release" not in text
    withdrawn(site, SECOND)
    assert "The community has withdrawn this release." in client.get(f"/releases/{SECOND}/").content.decode()
    listed = client.get(f"/models/{MODEL}/").content.decode()
    assert listed.count(f"</b> {REASON}") == 2  # beside what stopped each of the two
    answer = client.get(f"/api/v1/releases/{SECOND}").json()["stopped"]
    assert (answer["withdrawn"], answer["reason"], answer["until"]) == (True, REASON, None)
    again = client.post(f"/api/v1/releases/{FIRST}/pause", {"reason": REASON}, content_type="application/json")
    assert (again.status_code, again.json()["code"]) == (409, "release_paused_before")
    assert client.get(f"/api/v1/releases/{DRAFT}").json()["stopped"] is None


def test_a_stranger_cannot_pause_over_the_api(site: commons.Commons, council: datetime, client: Client) -> None:
    answer = client.post(f"/api/v1/releases/{FIRST}/pause", {"reason": REASON}, content_type="application/json")
    assert answer.status_code == 401
    assert Version.objects.get(revision=FIRST).paused_until is None


def test_no_update_starts_from_a_withdrawn_version(
    update: dict[str, Any], base: Version, propose: Callable[..., Proposal]
) -> None:
    statement = propose()
    Version.objects.filter(pk=base.pk).update(withdrawn_at=NOON, withdrawn_reason=REASON, withdrawal=statement)
    with pytest.raises(Conflict, match=f"base_withdrawn.*{REASON}"):
        propose("model_update", update, author="Bob")
    fields = {field.name: field for field in kind_named("model_update").fields(base.model.community)}
    assert fields["base"].options == ()


def test_an_update_may_start_from_a_paused_version(
    update: dict[str, Any], base: Version, propose: Callable[..., Proposal]
) -> None:
    """The pause ends long before the vote does its work; what a run needs is not taken from the hub."""
    Version.objects.filter(pk=base.pk).update(paused_by="0x1", paused_reason=REASON, paused_until=NOON + WEEK)
    assert propose("model_update", update).payload["spec"]["base"]["revision"] == base.revision
