"""Deliveries and notices on SQLite and on PostgreSQL, by many workers at once: each is done once, by one of them."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import connections

from governance.models import Event, Proposal
from models_registry import deliveries, delivering, errands, notices
from models_registry.models import Delivery, Model, Notice, Publication, Version
from models_registry.publishing.delivery import State
from models_registry.publishing.discussion import Place, Stage
from tests.integration.release_folders import content
from tests.integration.test_publishing_deliveries import NOON, drive, only, versions
from tests.integration.test_publishing_huggingface import hub
from tests.integration.test_publishing_stopped import withdraw
from tests.integration.test_races import at_once, db, server, template
from tests.simulators.hugging_face_hub import TOKEN, HuggingFaceHubSimulator

MODEL = "commons/water"


def proposal_of(version: Version) -> Proposal:
    return Proposal.objects.create(
        community=version.model.community, number=7, author="0x1", kind="model_update", title="More"
    )


def test_one_of_many_workers_publishes_and_the_others_leave_it_alone(versions: list[Version], drive: Path) -> None:
    row = only(versions[0])
    at_once(6, lambda _number: delivering.deliver(row.pk))
    row = only(versions[0])
    assert (row.attempts, errands.state(row, NOON)) == (1, State.PUBLISHED)
    assert (Publication.objects.count(), Event.objects.filter(kind="release_delivered").count()) == (1, 1)
    assert content(drive / "commons/water/v1") == content(drive / "commons/water/latest")


def test_of_a_dead_and_a_living_worker_one_answer_counts(versions: list[Version]) -> None:
    row = only(versions[0])
    dead = deliveries.claim(row.pk, NOON)
    later = NOON + timedelta(hours=1)
    living = deliveries.claim(row.pk, later)
    place = deliveries.Place("commons/water/v1", "1" * 40)
    answers = at_once(6, lambda number: deliveries.published((dead, living)[number % 2], place, later))
    assert sorted(answers) == [False] * 5 + [True]
    assert Publication.objects.count() == 1


def test_many_sweepers_plan_a_notice_once_and_one_worker_gets_it(versions: list[Version]) -> None:
    proposal, model = proposal_of(versions[0]), Model.objects.get()
    at_once(6, lambda _number: notices.plan(proposal, model, [(Stage.OPENED, ""), (Stage.PASSED, "")], NOON))
    assert list(Notice.objects.order_by("pk").values_list("stage", flat=True)) == ["opened", "passed"]
    opened = Notice.objects.get(stage=Stage.OPENED)
    claims = [claim for claim in at_once(6, lambda _number: notices.claim(opened.pk, NOON)) if claim]
    assert len(claims) == 1
    assert at_once(3, lambda _number: notices.said(claims[0], Place(1, "there"), NOON)).count(True) == 1
    assert notices.due(NOON) == [Notice.objects.get(stage=Stage.PASSED).pk]


def test_a_withdrawal_that_is_committed_during_an_upload_keeps_main_where_it_is(
    versions: list[Version], hub: HuggingFaceHubSimulator, settings: Any
) -> None:
    settings.PUBLICATION_TARGETS = ["hub", "huggingface"]
    settings.HUGGING_FACE_ENDPOINT, settings.HUGGING_FACE_TOKEN = hub.endpoint, TOKEN
    deliveries.plan(versions[0], ["huggingface"], NOON)
    row = Delivery.objects.get(target="huggingface")

    def vote(request: str) -> None:
        if re.search("POST .*/commit/release-v1", request):
            withdraw(Version.objects.get(pk=versions[0].pk))
            connections.close_all()

    hub.before = vote
    delivering.deliver(row.pk)
    row.refresh_from_db()
    assert (errands.state(row, NOON), row.error_code) == (State.FAILED, "release_withdrawn")
    repository = hub.repositories[MODEL]
    assert [commit.title for commit in repository.commits] == ["initial commit"]
    assert (repository.tags, set(repository.branches)) == ({}, {"main"})
