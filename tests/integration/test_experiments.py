"""Experiments: a member tries something small without a vote, in one step, and sees what is left of their quota."""

import re
import shutil
from typing import Any

import pytest
from django.conf import settings as project
from django.test import Client

from governance.clock import now as clock
from governance.models import Account, Proposal
from tests.faults import runs_site
from tests.integration import commons_rows as rows
from tests.integration import preview_site
from training_jobs import runner, supervisor
from training_jobs.commons import newcomers
from training_jobs.models import ComputeRequest, Preview
from training_jobs.previews import work

PAGE = "/c/gardens/experiments/"
API = "/api/v1/communities/gardens/experiments"


@pytest.fixture(scope="module")
def ready(module_db, django_db_blocker, tmp_path_factory):
    """A community with a model and a dataset, for all tests of this module; and its files."""
    folder = tmp_path_factory.mktemp("experiments")
    with (
        django_db_blocker.unblock(),
        preview_site.prepared(folder, runs_site.tiny(folder / "base")) as found,
    ):
        return found, folder


@pytest.fixture
def site(ready, db, settings, tmp_path, monkeypatch):
    """The community, with files of its own and the stand-in as its trainer."""
    found, folder = ready
    shutil.copytree(folder / "artifacts", tmp_path / "artifacts")
    settings.ARTIFACTS_DIR, settings.RUNS_DIR = tmp_path / "artifacts", tmp_path / "runs"
    settings.VOTING_PERIOD_SECONDS_MIN = 1
    settings.CHAIN_RPC = "http://127.0.0.1:9"
    settings.PREVIEW_STEPS, settings.PREVIEW_SAMPLES = 3, 2
    monkeypatch.setattr(supervisor, "TRAINER", preview_site.STAND_IN)
    monkeypatch.setattr(supervisor, "EVALUATOR", preview_site.STAND_IN)
    monkeypatch.setattr(runner, "CODE_FOLDERS", (*runner.CODE_FOLDERS, "tests"))
    return found


def chosen(site: preview_site.Site, **changes: Any) -> dict[str, Any]:
    spec = site.update["spec"]
    datasets = [use["digest"] for use in spec["datasets"]]
    return {"base": spec["base"]["revision"], "datasets": datasets, "learning_rate": "0.001", **changes}


def words(client: Client, language: str = "en") -> str:
    answer = client.get(PAGE, headers={"accept-language": language})
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode())).replace("\xa0", " ")


def test_a_member_tries_something_in_one_step_reads_the_report_and_makes_it_a_proposal(site):
    member = site.client("Alice")
    assert "You have not tried anything yet." in words(member)
    assert member.post(PAGE, chosen(site)).status_code == 302
    made = Preview.objects.get()
    draft = made.proposal
    assert (draft.author, draft.submitted_at) == (site.commons.address("Alice"), None)
    assert (made.spec["learning_rate"], made.steps_max) == ("0.001", 3)
    work.work(made.pk, "worker")
    said = words(member)
    assert f"Preview {made.pk}" in said
    assert "Make it a proposal" in said
    assert f"{project.PREVIEWS_PER_DAY - 1} more" in said
    assert "at most 3 steps" in said
    page = member.get(PAGE).content.decode()
    assert f"/previews/{made.pk}/" in page
    assert f"/c/gardens/drafts/{draft.pk}/" in page
    assert member.get(f"/previews/{made.pk}/").status_code == 200


def test_the_same_again_is_another_preview_of_the_same_draft(site):
    member = site.client("Alice")
    for _ in range(2):
        assert member.post(PAGE, chosen(site)).status_code == 302
        work.work(Preview.objects.latest("pk").pk, "worker")
    assert Preview.objects.values("proposal").distinct().count() == 1
    member.post(PAGE, chosen(site, learning_rate="0.005"))
    assert Preview.objects.values("proposal").distinct().count() == 2


def test_the_program_asks_for_the_same(site):
    offer = site.client("Alice").get(API).json()
    assert offer["left_today"] == project.PREVIEWS_PER_DAY
    assert offer["seconds_week"] is None, "this community shares no sites"
    assert chosen(site)["base"] in {each["value"] for each in offer["bases"]}
    answer = site.client("Alice").post(API, chosen(site), content_type="application/json")
    assert answer.status_code == 201, answer.content
    assert answer.json()["draft"] == Proposal.objects.get(previews__isnull=False).pk


def test_nobody_else_sees_an_experiment(site):
    site.client("Alice").post(PAGE, chosen(site))
    made = Preview.objects.get()
    assert f"Preview {made.pk}" not in words(site.client("Bob"))
    assert site.client("Bob").get(f"/previews/{made.pk}/").status_code == 404
    assert Client().get(PAGE).status_code == 302, "whoever is not signed in is asked to"
    assert Client().post(API, chosen(site), content_type="application/json").status_code in {401, 403}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"base": "0" * 40}, "not_offered"),
        ({"datasets": ["0" * 64]}, "not_offered"),
        ({"datasets": []}, "malformed_field"),
        ({"learning_rate": "fast"}, "malformed_field"),
        ({"learning_rate": "99"}, "value_out_of_range"),
    ],
)
def test_what_cannot_be_tried_is_refused_with_its_reason(site, changes, code):
    answer = site.client("Alice").post(API, chosen(site, **changes), content_type="application/json")
    assert 400 <= answer.status_code < 500, answer.content
    assert answer.json()["code"] == code
    shown = site.client("Alice").post(PAGE, chosen(site, **changes))
    assert shown.status_code == answer.status_code or changes == {"datasets": []}
    assert 'role="alert"' in shown.content.decode()
    assert not Preview.objects.exists()


def test_who_is_no_member_is_refused_before_anything_is_stored(site):
    stranger = site.client()
    stranger.force_login(_account())
    answer = stranger.post(API, chosen(site), content_type="application/json")
    assert answer.json()["code"] == "below_threshold"
    assert not Proposal.objects.filter(author=_account().address).exists()


def test_a_newcomer_for_whom_others_vouch_tries_without_voting_power_and_proposes_nothing_by_it(site):
    newcomer, client = _account(), site.client()
    client.force_login(newcomer)
    for peer in ("Alice", "Bob"):
        assert client.post(API, chosen(site), content_type="application/json").json()["code"] == "below_threshold"
        address = site.commons.address(peer)
        newcomers.attest(site.commons.community, address, newcomer.address, "student", "She studies.", clock())
    assert client.post(API, chosen(site), content_type="application/json").status_code == 201
    made = Preview.objects.get()
    assert made.requested_by == newcomer.address
    refused = client.post(f"/api/v1/drafts/{made.proposal.pk}/submit", {}, content_type="application/json")
    assert 400 <= refused.status_code < 500, "a proposal still needs the power that the community asks for"
    assert not Proposal.objects.filter(author=newcomer.address, submitted_at__isnull=False).exists()


def test_a_quota_that_is_used_refuses_and_the_page_says_how_much(site, settings):
    community = site.commons.community
    rows.site(community, clock(), settings.HOME_SITE or "home")
    settings.HOME_SITE = settings.HOME_SITE or "home"
    settings.PREVIEW_SECONDS, settings.SANDBOX_SECONDS_PER_WEEK = 60, 100
    member = site.client("Alice")
    assert "0 of 100 device-seconds are used or promised" in words(member)
    assert member.post(PAGE, chosen(site)).status_code == 302
    assert ComputeRequest.objects.get().origin == ComputeRequest.SANDBOX
    refused = member.post(PAGE, chosen(site, learning_rate="0.005"))
    assert refused.status_code == 409
    assert "A member may use 100 device-seconds in a week without a vote, and 60 are used" in refused.content.decode()
    assert "60 of 100 device-seconds are used or promised" in words(member)


def test_where_there_is_nothing_to_try_the_page_says_what_it_takes(site, settings):
    settings.PREVIEWS = False
    assert "There is nothing to try yet" in words(site.client("Alice"))
    answer = site.client("Alice").post(API, chosen(site), content_type="application/json")
    assert answer.json()["code"] == "previews_off"


def _account() -> Any:
    return Account.objects.get_or_create(address="0x5FbDB2315678afecb367f032d93F642f64180aa3")[0]
