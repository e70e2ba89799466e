"""Requests that share a transaction: each gets its own answer, after the commit, and never that of a neighbour."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from governance.group_commit import GroupCommit


class Refused(Exception):
    pass


class DiskFull(Exception):
    pass


def at_once(count, action):
    """Run the action in threads that start together; return what each returned or raised."""
    barrier = threading.Barrier(count)

    def one(number):
        barrier.wait(10)
        try:
            return action(number)
        except (Refused, DiskFull) as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_a_lone_request_is_committed_alone_and_at_once():
    groups = []

    def commit(group):
        groups.append(list(group))
        return [item * 2 for item in group]

    queue = GroupCommit(commit)
    began = time.monotonic()
    assert [queue.submit(number) for number in range(100)] == [number * 2 for number in range(100)]
    assert groups == [[number] for number in range(100)]
    assert time.monotonic() - began < 1


def test_many_at_once_share_few_commits_and_each_gets_its_own_answer():
    groups = []

    def commit(group):
        groups.append(len(group))
        time.sleep(0.02)
        return [f"answer to {item}" for item in group]

    queue = GroupCommit(commit)
    assert at_once(64, queue.submit) == [f"answer to {number}" for number in range(64)]
    assert sum(groups) == 64
    assert len(groups) < 32


def test_only_one_group_is_committed_at_a_time_and_in_the_order_of_arrival():
    busy = threading.Lock()
    seen = []

    def commit(group):
        assert busy.acquire(blocking=False), "two commits at once"
        seen.extend(group)
        time.sleep(0.001)
        busy.release()
        return list(group)

    queue = GroupCommit(commit)
    at_once(32, lambda number: [queue.submit((number, step)) for step in range(5)])
    assert len(seen) == len(set(seen)) == 160
    for number in range(32):
        assert [step for owner, step in seen if owner == number] == list(range(5))


def test_a_refusal_is_for_the_one_who_is_refused_and_for_nobody_else():
    def commit(group):
        time.sleep(0.01)
        return [Refused(str(item)) if item % 3 == 0 else item for item in group]

    for number, answer in enumerate(at_once(30, GroupCommit(commit).submit)):
        if number % 3 == 0:
            assert isinstance(answer, Refused)
            assert str(answer) == str(number)
        else:
            assert answer == number


def test_an_answer_may_be_nothing():
    assert GroupCommit(lambda group: [None for _ in group]).submit("x") is None


def test_an_error_of_the_database_reaches_everybody_in_the_group_and_the_next_group_goes_on():
    broken = threading.Event()
    broken.set()

    def commit(group):
        time.sleep(0.02)
        if broken.is_set():
            raise DiskFull
        return list(group)

    queue = GroupCommit(commit)
    assert all(isinstance(answer, DiskFull) for answer in at_once(40, queue.submit))
    broken.clear()
    assert at_once(40, queue.submit) == list(range(40))


def test_an_error_is_for_its_own_group_alone_when_more_wait_than_a_group_holds(monkeypatch):
    monkeypatch.setattr("governance.group_commit.ITEMS_AT_ONCE_MAX", 4)
    groups = []

    def commit(group):
        time.sleep(0.02)
        groups.append(list(group))
        if len(groups) == 2:
            raise DiskFull
        return list(group)

    answers = at_once(20, GroupCommit(commit).submit)
    assert max(map(len, groups)) <= 4
    assert sorted(number for group in groups for number in group) == list(range(20))
    for number, answer in enumerate(answers):
        assert isinstance(answer, DiskFull) if number in groups[1] else answer == number


def test_the_end_of_the_program_is_not_held_up():
    def commit(_group):
        raise KeyboardInterrupt

    queue = GroupCommit(commit)
    with pytest.raises(KeyboardInterrupt):
        queue.submit(1)
    queue._commit = list
    assert queue.submit(2) == 2


def test_nobody_is_forgotten_however_arrivals_and_departures_cross():
    """A waiter who came just after the worker looked finds the lock free soon, and does the work."""
    queue = GroupCommit(list)

    def stream(number):
        for step in range(50):
            assert queue.submit((number, step)) == (number, step)
        return number

    began = time.monotonic()
    assert at_once(8, stream) == list(range(8))
    assert time.monotonic() - began < 20
