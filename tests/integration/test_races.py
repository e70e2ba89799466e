"""Many at once, on SQLite and on PostgreSQL: whatever arrives together ends as if it had come one after the other.

Each test has a database of its own, because threads see only what is committed and records can never be taken back.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connections
from django.test import Client

from config.settings import _database
from governance import log
from governance import services as governance
from governance.clock import now as clock
from governance.errors import Refusal
from governance.evidence import log_tree, merkle
from governance.models import Account, Ballot, Community, Event, Proposal, Record
from governance.services import ballots
from models_registry.models import EthicsRule, Publication, Version
from tests.integration.commons import recounted
from tests.integration.conftest import AGAINST, FOR, RULE, TIMELOCK, opened, query, request_from, sign_in, vote
from tests.testbed import migrated
from training_jobs import services, worker
from training_jobs.folders import attempt_folder
from training_jobs.models import Attempt, Run


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A PostgreSQL for this file, with all tables."""
    with migrated.postgresql() as url:
        yield url


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def template(request, tmp_path_factory, django_db_blocker) -> str:
    """The address of an empty database with all tables, to be copied."""
    database = tmp_path_factory.mktemp("races") / "template.sqlite3"
    with django_db_blocker.unblock():
        if request.param == "postgresql":
            return str(request.getfixturevalue("server"))
        with using(f"sqlite://{database}"):
            migrated.give_tables(database)
    return f"sqlite://{database}"


@contextmanager
def using(url: str) -> Iterator[None]:
    """Make `url` the database of every thread, and give the one of the other tests back afterwards."""
    before = connections.settings["default"], connections["default"]
    connections.settings["default"] = connections.configure_settings({"default": _database(url)})["default"]
    del connections["default"]
    try:
        yield
    finally:
        connections["default"].close()
        connections.settings["default"], connections["default"] = before


@pytest.fixture
def db(template: str, tmp_path: Path, django_db_blocker) -> Iterator[str]:
    """A fresh database in place of the one that tests share, by its address: other fixtures build on it."""
    if template.startswith("sqlite"):
        copy = f"sqlite://{tmp_path}/race.sqlite3"
        shutil.copyfile(template.removeprefix("sqlite://"), copy.removeprefix("sqlite://"))
    else:
        copy = f"{template.rpartition('/')[0]}/race"
        administer(template, "DROP DATABASE IF EXISTS race WITH (FORCE)")
        administer(template, f"CREATE DATABASE race TEMPLATE {template.rpartition('/')[2]}")
    with django_db_blocker.unblock(), using(copy):
        yield copy


def administer(url: str, statement: str) -> None:
    with psycopg.connect(f"{url.rpartition('/')[0]}/postgres", autocommit=True) as connection:
        connection.execute(statement)


def at_once(count: int, action: Callable[[int], Any]) -> list[Any]:
    """Run the action in `count` threads that start together; return what each returned, or its refusal."""
    barrier = threading.Barrier(count)

    def one(number: int) -> Any:
        try:
            barrier.wait(30)
            return action(number)
        except Refusal as refusal:
            return refusal.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def post(path: str, body: object, client: Client | None = None) -> Any:
    return (client or Client()).post(f"/api/v1/{path}", body, content_type="application/json")


def signed_in(voter: Any) -> Client:
    client = Client()
    sign_in(client, voter)
    return client


def test_twenty_identical_ballots_are_one_ballot_with_one_receipt(propose, voters, at):
    proposal, alice = propose(), voters["Alice"]
    at(opened(proposal))
    offer = (
        Client()
        .get(f"/api/v1/proposals/{proposal.public_id}/ballot-message?{query(voter=alice.address, choice=FOR)}")
        .json()
    )
    body = {
        "proposal": proposal.public_id,
        "voter": alice.address,
        "choice": FOR,
        "nonce": offer["nonce"],
        "signature": alice.sign(offer["typed_data"]),
    }
    answers = at_once(20, lambda _: post("ballots", body))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 19}
    assert len({answer.content for answer in answers}) == 1
    assert (Ballot.objects.count(), Event.objects.filter(kind="ballot_cast").count()) == (1, 1)


def test_changed_votes_that_cross_leave_one_counting_ballot(propose, voters):
    proposal, alice = propose(), voters["Alice"]
    now = opened(proposal)
    offers = [governance.offer_ballot(proposal, alice.address, choice, "", now) for choice in (FOR, AGAINST)]
    requests = [request_from(offer, alice) for offer in offers]
    outcomes = at_once(10, lambda number: governance.cast_ballot(requests[number % 2], now)[1])
    assert Counter(outcomes) == {True: 1, False: 4, "nonce_conflict": 5}
    assert proposal.ballots.counting().count() == proposal.ballots.count() == 1


# --- group commit -------------------------------------------------------------------------------------------------

CROWD = {f"Voter {number}": number + 1 for number in range(24)}


@pytest.fixture
def crowd(list_community):
    """A community of 24 members with a proposal that is open to votes, one ballot signed by each of them."""
    commons = list_community({"Alice": 40, **CROWD})
    proposal = commons.propose()
    now = opened(proposal)
    return commons, proposal, now, [commons.sign_ballot(proposal, name, FOR, now) for name in CROWD]


def require_sound_log(community: Community) -> None:
    """Places without gaps or repeats, and a tree that is the tree of exactly these leaves."""
    leaves = list(Event.objects.filter(community=community).order_by("position").values_list("position", "leaf"))
    size = Community.objects.get(pk=community.pk).log_size
    assert [position for position, _ in leaves] == list(range(size))
    assert log_tree.root(size, log.reader(community.pk)) == merkle.root(leaf.encode() for _, leaf in leaves)


def test_everybody_who_votes_at_once_has_one_counting_ballot_and_one_place_in_the_log(crowd):
    commons, proposal, now, requests = crowd
    outcomes = at_once(len(requests), lambda number: governance.cast_ballot(requests[number], now)[1])
    assert outcomes == [True] * len(CROWD)
    assert proposal.ballots.counting().count() == proposal.ballots.count() == len(CROWD)
    cast = Event.objects.filter(kind="ballot_cast")
    assert {event.data["ballot"] for event in cast} == set(proposal.ballots.values_list("record_id", flat=True))
    assert cast.count() == len(CROWD)
    require_sound_log(commons.community)
    assert recounted(proposal).voters == len(CROWD)


def test_votes_drafts_and_delegations_at_once_share_one_log_without_gaps(crowd):
    commons, _, now, requests = crowd
    lent = [commons.sign_delegation(name, "Alice", now=now) for name in CROWD]

    def act(number: int) -> Any:
        if number % 3 == 0:
            return governance.cast_ballot(requests[number], now)[1]
        if number % 3 == 1:
            return governance.delegate(commons.community, lent[number], now)[1]
        draft = governance.Draft("text_signal", "A question", "", {"statement": "Yes."}, {})
        return bool(governance.create_draft(commons.community, commons.address("Alice"), draft, now))

    assert at_once(24, act) == [True] * 24
    require_sound_log(commons.community)


def test_twenty_copies_of_a_delegation_or_a_backing_are_one(list_community, at):
    commons = list_community(tiers={"standard": {"proposal_threshold": "60"}})
    at(commons.founded_at)
    lent = commons.sign_delegation("Bob", "Alice").__dict__
    sought = governance.seek_sponsors(commons.draft().pk, commons.address("Alice"), commons.founded_at)
    bob = commons.wallet("Bob")
    backing = {"sponsor": bob.address, "signature": bob.sign(governance.sponsorship_offer(sought, bob.address))}
    answers = at_once(20, lambda _: post("communities/gardens/delegations", lent).status_code)
    assert Counter(answers) == {201: 1, 200: 19}
    assert at_once(20, lambda _: post(f"drafts/{sought.pk}/sponsors", backing).status_code) == [200] * 20
    for kind in ("delegation_made", "draft_sponsored"):
        assert Event.objects.filter(kind=kind).count() == 1
    require_sound_log(commons.community)


def test_many_changes_of_mind_at_once_leave_one_counting_ballot_the_newest(list_community):
    commons = list_community()
    proposal = commons.propose()
    now = opened(proposal)
    first = commons.sign_ballot(proposal, "Bob", AGAINST, now)
    bob, requests = commons.wallet("Bob"), []
    for nonce in range(1, 13):
        offer = governance.offer_ballot(proposal, bob.address, nonce % 3, "", now).typed_data
        signature = bob.sign({**offer, "message": {**offer["message"], "nonce": nonce}})
        requests.append(replace(first, choice=nonce % 3, nonce=nonce, signature=signature))
    outcomes = at_once(12, lambda number: governance.cast_ballot(requests[number], now)[1])
    assert set(outcomes) <= {True, "ballot_superseded"}
    newest = proposal.ballots.counting().get()
    assert newest.nonce == max(proposal.ballots.values_list("nonce", flat=True)) == 12
    assert (newest.choice, outcomes.count(True)) == (0, proposal.ballots.count())
    require_sound_log(commons.community)
    recounted(proposal)


def test_refused_ballots_in_a_group_harm_no_neighbour(crowd, monkeypatch):
    """Held back until all have come, so that they certainly share a group: every fourth one is refused."""
    commons, proposal, now, requests = crowd
    mallory = commons.wallet("Mallory")
    offer = governance.offer_ballot(proposal, requests[0].voter, FOR, "", now).typed_data
    forged = mallory.sign({**offer, "message": {**offer["message"], "voter": mallory.address}})
    requests[::4] = [replace(requests[0], voter=mallory.address, signature=forged)] * 6
    groups = held_back(monkeypatch, len(requests))
    outcomes = at_once(len(requests), lambda number: governance.cast_ballot(requests[number], now)[1])
    assert outcomes == ["no_voting_power" if number % 4 == 0 else True for number in range(24)]
    assert sorted(groups) == [1, 23]
    assert proposal.ballots.count() == 18
    require_sound_log(commons.community)
    recounted(proposal)


def test_an_error_of_the_database_reaches_every_waiter_and_nothing_is_half_written(crowd, monkeypatch):
    commons, proposal, now, requests = crowd
    size = Community.objects.get(pk=commons.community.pk).log_size
    groups = held_back(monkeypatch, len(requests))
    write = ballots.write

    def disk_full(*arguments):
        write(*arguments)
        raise OperationalError("database or disk is full")

    def cast(number: int) -> Any:
        try:
            return governance.cast_ballot(requests[number], now)[1]
        except OperationalError:
            return "disk full"

    with monkeypatch.context() as broken:
        broken.setattr(ballots, "write", disk_full)
        assert at_once(len(requests), cast) == ["disk full"] * len(requests)
    assert sum(groups) == len(requests)
    assert (Ballot.objects.count(), Record.objects.filter(kind="ballot").count()) == (0, 0)
    assert Community.objects.get(pk=commons.community.pk).log_size == size
    require_sound_log(commons.community)
    assert at_once(len(requests), cast) == [True] * len(requests)
    require_sound_log(commons.community)
    recounted(proposal)


def held_back(monkeypatch: Any, count: int) -> list[int]:
    """Let the first group wait until all others are in the queue; return the sizes of groups as they are committed."""
    queue, commit, sizes = ballots._queue, ballots._queue._commit, []

    def slow(group):
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not sizes and len(group) + len(queue._queue) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        sizes.append(len(group))
        return commit(group)

    monkeypatch.setattr(queue, "_commit", slow)
    return sizes


def test_twenty_executions_make_one_run(update, propose, voters, at, base):
    proposal = propose("model_update", update)
    for name in ("Alice", "Bob"):
        vote(proposal, voters[name], FOR)
    governance.close_voting(proposal.pk, proposal.closes_at)
    governance.queue(proposal.pk, proposal.closes_at)
    at(proposal.closes_at + TIMELOCK)
    clients = [signed_in(voters[name]) for name in ("Alice", "Bob")]
    answers = at_once(
        20, lambda number: post(f"proposals/{proposal.public_id}/execute", {}, clone(clients[number % 2]))
    )
    assert Counter(answer.status_code for answer in answers) == {202: 1, 200: 19}
    assert {answer.json()["run"] for answer in answers} == {Run.objects.get().pk}


def clone(client: Client) -> Client:
    """Return another client with the same session: one of them is not for two threads."""
    copy = Client()
    copy.cookies = client.cookies.copy()
    return copy


def test_fifty_sign_ins_with_one_nonce_are_one_sign_in(community, voters, at):
    alice, client = voters["Alice"], Client()
    message = post("auth/nonce", {"address": alice.address}, client).json()["message"]
    body = {"message": message, "signature": alice.sign_text(message)}
    answers = at_once(50, lambda _: post("auth/verify", body, clone(client)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 401: 49}
    assert Account.objects.count() == 1


def test_two_workers_that_claim_at_once_are_one_worker(run):
    leases = at_once(10, lambda number: services.claim(run.pk, f"worker {number}", clock()))
    assert len([lease for lease in leases if lease is not None]) == 1
    assert Attempt.objects.count() == 1


def test_drafts_that_are_written_at_once_get_one_number_each(community, voters):
    draft = governance.Draft("text_signal", "A question", "", {"statement": "Yes."}, {})
    drafts = at_once(20, lambda _: governance.create_draft(community, voters["Alice"].address, draft, clock()))
    assert sorted(proposal.number for proposal in drafts) == list(range(1, 21))


def test_submissions_at_once_keep_the_limit_of_open_proposals(community, voters, settings):
    address, now = voters["Alice"].address, clock()
    draft = governance.Draft("text_signal", "A question", "", {"statement": "Yes."}, {})
    drafts = [governance.create_draft(community, address, draft, now) for _ in range(8)]
    outcomes = at_once(8, lambda number: governance.submit(drafts[number].pk, address, now) and "submitted")
    assert Counter(outcomes) == {"submitted": settings.OPEN_PROPOSALS_PER_AUTHOR, "too_many_open": 5}


def test_two_rules_of_one_name_that_are_executed_at_once_leave_one_in_force(propose, voters):
    proposals = [propose("ethics_rule", RULE, author=name) for name in ("Alice", "Bob", "Chloé")]
    for proposal in proposals:
        for name in ("Alice", "Bob"):
            vote(proposal, voters[name], FOR)
        governance.close_voting(proposal.pk, proposal.closes_at)
        governance.queue(proposal.pk, proposal.closes_at)
    ready = proposals[0].closes_at + TIMELOCK
    outcomes = at_once(3, lambda number: governance.execute(proposals[number].pk, ready)[1])
    assert Counter(outcomes) == {True: 1, "rule_in_force": 2}
    assert EthicsRule.objects.count() == 1
    assert Proposal.objects.filter(executed_at__isnull=False).count() == 1


def test_two_workers_that_release_at_once_publish_one_version(run, stand_in, monkeypatch):
    monkeypatch.setattr(worker, "release", lambda _run: None)
    worker.work(run.pk, "worker")
    monkeypatch.undo()
    at_once(4, lambda _: worker.release(run.pk))
    run.refresh_from_db()
    assert (run.verdict, run.version.number) == ("accepted", 1)
    assert (Version.objects.filter(number=1).count(), Publication.objects.count()) == (1, 1)


WORKER = """
import sys
import django
django.setup()
from training_jobs import runner, supervisor, worker
supervisor.TRAINER = supervisor.EVALUATOR = "tests.simulators.trainer"
runner.CODE_FOLDERS = (*runner.CODE_FOLDERS, "tests")
worker.work(int(sys.argv[1]), "doomed")
"""
WAIT_SECONDS_MAX = 30


def test_a_killed_worker_takes_its_trainer_along_and_another_one_finishes_the_run(db, run, stand_in, settings):
    """Kill -9, as when memory runs out: nobody says goodbye, the lease runs out, the run ends once."""
    stand_in(run, "hang")
    settings.LEASE_SECONDS = 4
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(settings.BASE_DIR),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "COMMONWEIGHTS_DATA": str(settings.DATA_DIR),
        "COMMONWEIGHTS_DATABASE": db,
        "COMMONWEIGHTS_LEASE_SECONDS": "4",
        "COMMONWEIGHTS_HEARTBEAT_SECONDS": "1",
    }
    process = subprocess.Popen([sys.executable, "-c", WORKER, str(run.pk)], env=environment)
    try:
        until(lambda: run.events.filter(kind="started").exists())
        folder = str(attempt_folder(run.pk, 1))
        assert running(folder)
        assert services.claim(run.pk, "too early", clock()) is None
    finally:
        process.kill()
        process.wait(WAIT_SECONDS_MAX)
    until(lambda: not running(folder))
    until(lambda: run.pk in services.due(clock()))
    stand_in(run, "")
    worker.work(run.pk, "heir")
    run.refresh_from_db()
    assert (run.verdict, run.version.number) == ("accepted", 1)
    assert list(Attempt.objects.values_list("owner", "outcome")) == [("doomed", "lost"), ("heir", "finished")]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.1)


def running(folder: str) -> list[str]:
    """Return the processes that work on a folder, by number."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if folder in path.read_bytes().decode(errors="replace").split("\0"):
                found.append(path.parent.name)
    return found
