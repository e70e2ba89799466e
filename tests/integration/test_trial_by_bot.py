"""The bot as a process of its own makes the trial of a dataset, if its owner gives it time for that."""

import json
from datetime import timedelta

import pytest

from governance.clock import now as clock
from tests.faults import runs_site
from tests.integration.bots import Bot, db, site, template  # noqa: F401 - fixtures
from tests.integration.preview_site import weights_below
from tests.integration.trial_site import TRIGGER, register_poisoned
from training_jobs.models import Preview
from training_jobs.previews import services
from training_jobs.previews.lifecycle import State

DONE, REFUSED, NOTHING = 0, 3, 75


@pytest.fixture
def ordered(site, settings, tmp_path):  # noqa: F811
    """A community with a model of two thin layers, and the trial of a poisoned dataset; return both."""
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    settings.ARTIFACTS_DIR.mkdir()
    settings.VOTING_PERIOD_SECONDS_MIN = 1
    settings.CHAIN_RPC = "http://127.0.0.1:9"
    settings.TRIAL_STEPS, settings.TRIAL_SAMPLES, settings.TRIAL_SECONDS = 2, 4, 500
    found, _, _ = runs_site.ready(runs_site.thin(tmp_path / "base"))
    payload = {"digest": register_poisoned(found).digest}
    then = clock() - timedelta(seconds=20)
    proposal = found.propose("dataset_inclusion", payload, now=then, voting_period_seconds=10_000)
    return found, services.order(proposal.pk, found.address("Alice"), clock())


def test_a_bot_makes_a_trial_only_in_the_time_that_its_owner_gives(ordered, site, tmp_path):  # noqa: F811
    found, trial = ordered
    for name, limits in (("none", ""), ("little", "trial_seconds = 499")):
        idle = Bot(site, found.community, found.address("Bob"), tmp_path / name, limits=limits)
        assert idle.once() == NOTHING, idle.log
    assert not any("/claim" in line for line in site.seen)

    liar = Bot(site, found.community, found.address("Chloé"), tmp_path / "lied-to", limits="trial_seconds = 500")
    for change, reason in (
        ({"request": {"dataset": "0" * 64, "steps": 2, "samples": 4}}, "it tries another dataset"),
        ({"request": {"dataset": trial.plan["dataset"], "steps": 200_000, "samples": 4}}, "or for too many"),
        ({"device_seconds": 501}, "it asks for 501 s"),
        ({"spec": {**trial.spec, "trust_remote_code": True}}, "its specification is none"),
    ):
        site.rewrite = lambda path, body, change=change: (
            json.dumps({**json.loads(body), **change}).encode() if path.endswith("/claim") else body
        )
        Preview.objects.update(fence=0)
        assert liar.once() == REFUSED, liar.log
        assert reason in liar.log
    site.rewrite = None
    Preview.objects.update(fence=0)

    bot = Bot(site, found.community, found.address("Daouda"), tmp_path / "bot", limits="trial_seconds = 500")
    assert bot.once() == DONE, bot.log
    trial = Preview.objects.get()
    assert (trial.state(clock()), trial.failure_detail) == (State.DONE, "")
    assert trial.report["made_by"] == {"runner": bot.runner.pk, "name": "bot", "owner": found.address("Daouda")}
    assert trial.report["isolation"].startswith("remote: ")
    assert any(TRIGGER in attack["words"] for attack in trial.report["attacks"])
    assert weights_below(bot.folder) == []
    assert bot.left() == ["lock"]
