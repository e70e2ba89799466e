"""Many sweepers and many workers at once, on SQLite and on PostgreSQL: everybody is told once, every letter goes once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connections

from governance import mail
from governance.models import Announcement, LetterErrand, Notification
from governance.notifications import planning
from tests.integration import commons as commons_module
from tests.integration.commons import SECOND
from tests.integration.conftest import FOR, NOON
from tests.integration.readers_told import follow, reader
from tests.integration.test_races import db, server, template

__all__ = ["db", "server", "template"]  # fixtures
AT_ONCE = 4
FANS = 30


def at_once(work, count=AT_ONCE):
    """Do the same in many threads, each with a connection of its own; a database that is busy is asked again."""

    def one(_number):
        try:
            for _ in range(20):
                try:
                    return work()
                except OperationalError:
                    continue
            raise AssertionError("the database was busy all the time")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@pytest.fixture
def told(db, settings, monkeypatch):
    """A community in which much has happened, with followers; steps are small, so that sweepers meet often."""
    settings.VOTING_PERIOD_SECONDS_MIN = 1
    settings.CHAIN_RPC = "http://127.0.0.1:9"
    monkeypatch.setattr(planning, "READERS_AT_ONCE", 7)
    monkeypatch.setattr(planning, "EVENTS_AT_ONCE", 3)
    commons = commons_module.found(NOON, {"Alice": 40, "Bob": 30, "Chloé": 20})
    alice = reader(NOON, address=commons.address("Alice"), email="alice@example.org")
    for number in range(FANS):
        follow(reader(NOON, email=f"fan-{number}@example.org"), commons.community, NOON)
    commons.delegate("Alice", "Bob")
    proposal = commons.propose(author="Chloé")
    commons.vote(proposal, "Bob", FOR)
    commons.queued(proposal)
    return commons, alice


@pytest.mark.postgres
def test_sweepers_at_once_tell_everybody_once(told):
    _, alice = told
    now = NOON + 200 * SECOND
    at_once(lambda: planning.plan(now))
    planning.plan(now)
    assert Announcement.objects.filter(done_at__isnull=True).count() == 0
    lines = Counter(Notification.objects.values_list("reader", "key"))
    assert set(lines.values()) == {1}
    kinds = Counter(Notification.objects.values_list("announcement__kind", flat=True))
    assert kinds["voting_closed"] == FANS
    assert Notification.objects.filter(reader=alice).values_list("announcement__kind", flat=True).get() == "ballot_cast"
    letters_by_reader = Counter(LetterErrand.objects.values_list("reader", "key"))
    assert set(letters_by_reader.values()) == {1}


@pytest.mark.postgres
def test_workers_at_once_send_each_letter_once(told, monkeypatch):
    from frontend import letters

    sent = []
    monkeypatch.setattr(mail, "send", lambda letter: sent.append((letter.to, letter.subject)))
    monkeypatch.setattr("governance.clock.now", lambda: NOON + 200 * SECOND)
    planning.plan(NOON + 200 * SECOND)
    LetterErrand.objects.update(next_at=NOON)
    errands = list(LetterErrand.objects.values_list("pk", flat=True))
    assert len(errands) == FANS + 1

    def work():
        for errand in errands:
            letters.deliver(errand)

    at_once(work)
    assert len(sent) == FANS + 1
    assert set(Counter(to for to, _ in sent).values()) == {1}
    assert set(LetterErrand.objects.values_list("ended_as", flat=True)) == {"sent"}
