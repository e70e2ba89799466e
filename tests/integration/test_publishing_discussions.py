"""A proposal's discussion on a simulated Hugging Face hub, with the official client: said once, whatever goes wrong."""

from collections.abc import Iterator

import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError

from models_registry.publishing import HuggingFaceTarget, PublishError, huggingface_client
from models_registry.publishing.base import always
from models_registry.publishing.discussion import Place, Stage, discussion
from tests.integration.release_folders import MODEL
from tests.simulators.hugging_face_discussions import PUBLISHER, STRANGER
from tests.simulators.hugging_face_hub import TOKEN, HuggingFaceHubSimulator
from tests.simulators.hugging_face_repository import Discussion
from tests.unit.test_discussion import subject


@pytest.fixture
def hub() -> Iterator[HuggingFaceHubSimulator]:
    with HuggingFaceHubSimulator("/hf").running() as simulator:
        yield simulator


def say(hub: HuggingFaceHubSimulator, stage: Stage, number: int | None = None, **other: object) -> Place:
    """Say a stage with the official client in this process."""
    wanted = discussion(subject(**other), stage, number=number, reason="Because.", version=1, commit="ab" * 20)
    order = {"model_id": MODEL, "private": False, "discussion": wanted.to_dict()}
    return huggingface_client.discuss(order, HfApi(endpoint=hub.endpoint, token=TOKEN), always)


def held(hub: HuggingFaceHubSimulator) -> list[Discussion]:
    return list(hub.repositories[MODEL].discussions.values())


def stages(entry: Discussion) -> list[str]:
    """Return the stages that were said, in order."""
    return [text.rpartition("/")[2].strip("`") for text in entry.comments()]


def test_a_proposal_is_opened_told_and_closed_once(hub: HuggingFaceHubSimulator) -> None:
    target = HuggingFaceTarget(TOKEN, endpoint=hub.endpoint, timeout_seconds=60)
    place = target.discuss(MODEL, discussion(subject(), Stage.OPENED, number=None))
    assert place == Place(1, f"{hub.endpoint}/{MODEL}/discussions/1")
    for stage in (Stage.OPENED, Stage.PASSED, Stage.PASSED, Stage.RELEASED, Stage.RELEASED, Stage.WITHDRAWN):
        assert say(hub, stage, None if stage is Stage.OPENED else 1) == place
    (entry,) = held(hub)
    assert (entry.author, entry.title, entry.pull_request) == (PUBLISHER, "Proposal 12: More about wells", False)
    assert stages(entry) == ["opened", "passed", "released", "withdrawn"]
    assert [event["data"]["status"] for event in entry.events if event["type"] == "status-change"] == ["closed"]
    assert hub.repositories[MODEL].branches.keys() == {"main"}, "a discussion has no ref that could be merged"


@pytest.mark.parametrize("stage", [Stage.REJECTED, Stage.CANCELED, Stage.RUN_FAILED])
def test_an_end_without_a_release_closes_it_with_the_reason(hub: HuggingFaceHubSimulator, stage: Stage) -> None:
    say(hub, Stage.OPENED)
    say(hub, stage, 1)
    (entry,) = held(hub)
    assert (stages(entry), entry.status) == (["opened", stage], "closed")
    assert "The reason given: Because\\." in entry.comments()[-1]


FAULTS = {
    "it is opened and the answer lost": (Stage.OPENED, "POST", "/discussions$", "drop"),
    "it is opened and the answer is a 500": (Stage.OPENED, "POST", "/discussions$", "late-500"),
    "it is opened and cannot be read": (Stage.OPENED, "GET", "/discussions/1$", "500"),
    "the hub is in trouble before": (Stage.OPENED, "POST", "/discussions$", "500"),
    "too many requests": (Stage.OPENED, "POST", "/discussions$", "429"),
    "nobody knows who we are": (Stage.OPENED, "GET", "/whoami", "503"),
    "it is said and the answer lost": (Stage.RELEASED, "POST", "/comment$", "drop"),
    "it is said and the answer cut short": (Stage.RELEASED, "POST", "/comment$", "truncate"),
    "it is said and the answer is a 500": (Stage.RELEASED, "POST", "/comment$", "late-500"),
    "it is not said": (Stage.RELEASED, "POST", "/comment$", "502"),
    "it is closed and the answer lost": (Stage.RELEASED, "POST", "/status$", "drop"),
    "it is closed and the answer is a 500": (Stage.RELEASED, "POST", "/status$", "late-500"),
    "it is not closed": (Stage.RELEASED, "POST", "/status$", "429"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_whatever_goes_wrong_it_is_said_once_after_the_next_attempt(
    hub: HuggingFaceHubSimulator, fault: tuple[Stage, str, str, str]
) -> None:
    stage, *how = fault
    number = None
    if stage is not Stage.OPENED:
        number = say(hub, Stage.OPENED).number
    hub.fail(*how)
    with pytest.raises(PublishError) as caught:
        say(hub, stage, number)
    assert (caught.value.code, caught.value.permanent) == ("hub_unavailable", False)
    assert caught.value.retry_after_seconds == (1 if how[-1] == "429" else 0)
    assert say(hub, stage, number).number == 1
    (entry,) = held(hub)
    assert stages(entry) == (["opened"] if stage is Stage.OPENED else ["opened", "released"])
    assert entry.status == ("open" if stage is Stage.OPENED else "closed")


@pytest.mark.parametrize("path", ["/discussions$", "/comment$"])
def test_a_token_that_may_not_write_there_is_a_refusal_for_good(hub: HuggingFaceHubSimulator, path: str) -> None:
    number = say(hub, Stage.OPENED, title="Another").number
    hub.fail("POST", path, "403")
    with pytest.raises(PublishError) as caught:
        say(hub, Stage.OPENED) if path == "/discussions$" else say(hub, Stage.PASSED, number)
    assert (caught.value.code, caught.value.permanent) == ("discussion_refused", True)


def test_a_repository_without_discussions_has_its_own_reason(hub: HuggingFaceHubSimulator) -> None:
    say(hub, Stage.OPENED)
    hub.repositories[MODEL].discussing = False
    for stage, number in ((Stage.OPENED, None), (Stage.PASSED, 1)):
        with pytest.raises(PublishError) as caught:
            say(hub, stage, number)
        assert (caught.value.code, caught.value.permanent) == ("discussions_off", True)


def test_a_hub_that_hangs_is_left_after_the_time_limit(hub: HuggingFaceHubSimulator) -> None:
    hub.fail("POST", "/discussions$", "hang")
    target = HuggingFaceTarget(TOKEN, endpoint=hub.endpoint, timeout_seconds=4)
    with pytest.raises(PublishError) as caught:
        target.discuss(MODEL, discussion(subject(), Stage.OPENED, number=None))
    assert (caught.value.code, caught.value.permanent) == ("hub_unavailable", False)


def test_a_stranger_who_copies_our_marks_changes_nothing(hub: HuggingFaceHubSimulator) -> None:
    wanted = discussion(subject(), Stage.OPENED, number=None)
    HfApi(endpoint=hub.endpoint, token=TOKEN).create_repo(MODEL)
    hub.repositories[MODEL].discuss(STRANGER, wanted.title, wanted.opening)
    number = say(hub, Stage.OPENED).number
    assert number == 2
    hub.say_as_somebody_else(MODEL, number, discussion(subject(), Stage.RELEASED, number=number).comment)
    say(hub, Stage.RELEASED, number)
    theirs, ours = held(hub)
    assert (theirs.status, stages(theirs)) == ("open", ["opened"])
    assert (ours.status, stages(ours)) == ("closed", ["opened", "released", "released"])


def test_of_two_that_were_opened_by_mistake_the_older_is_kept(hub: HuggingFaceHubSimulator) -> None:
    wanted = discussion(subject(), Stage.OPENED, number=None)
    say(hub, Stage.OPENED, title="Another")
    for _ in range(3):
        hub.repositories[MODEL].discuss(PUBLISHER, wanted.title, wanted.opening)
    assert say(hub, Stage.OPENED).number == 2
    assert [entry.status for entry in held(hub)] == ["open", "open", "closed", "closed"]
    assert f"It goes on in {hub.endpoint}/{MODEL}/discussions/2" in held(hub)[2].comments()[-1]
    assert say(hub, Stage.OPENED).number == 2


def test_what_an_author_writes_reaches_the_hub_as_plain_words(hub: HuggingFaceHubSimulator) -> None:
    say(hub, Stage.OPENED, title="<b>@everyone</b>\n# vote", summary="[x](https://evil.example) @admin <img src=x>")
    (entry,) = held(hub)
    assert entry.title == "Proposal 12: ‹b›(at)everyone‹/b› # vote"
    assert "\\[x\\]\\(https\\:// evil\\.example\\) \\(at\\)admin &lt;img src\\=x&gt;" in entry.comments()[0]


def test_a_merge_would_put_on_main_what_nobody_compared(hub: HuggingFaceHubSimulator) -> None:
    """Why there is no pull request that is merged: the client cannot say what it merges, nor onto what."""
    api = HfApi(endpoint=hub.endpoint, token=TOKEN)
    api.create_repo(MODEL)
    number = api.create_pull_request(MODEL, "Release 1").num
    release = [CommitOperationAdd("config.json", b'{"release": 1}')]
    api.create_commit(MODEL, release, commit_message="Release 1", revision=f"refs/pr/{number}")
    api.change_discussion_status(MODEL, number, "open")
    hub.commit_by_somebody_else(MODEL)
    added = [CommitOperationAdd("extra.json", b"{}")]
    api.create_commit(MODEL, added, commit_message="One thing more", revision=f"refs/pr/{number}")
    api.merge_pull_request(MODEL, number)
    assert set(hub.repositories[MODEL].commits[-1].files) == {".gitattributes", "config.json", "NOTES.md", "extra.json"}
    second = api.create_pull_request(MODEL, "Release 2").num
    hub.commit_by_somebody_else(MODEL)
    hub.commit_by_somebody_else(MODEL, f"refs/pr/{second}")
    api.change_discussion_status(MODEL, second, "open")
    with pytest.raises(HfHubHTTPError, match="both have changed"):
        api.merge_pull_request(MODEL, second)
