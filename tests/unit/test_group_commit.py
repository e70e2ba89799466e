"""Group commit: who comes alone waits for nothing, who comes at once is committed together, and nobody is left behind."""

import threading
import time
from collections.abc import Sequence

import pytest

from governance.group_commit import ITEMS_AT_ONCE_MAX, GroupCommit

SECONDS_MAX = 10
UNLUCKY = 13


class Slow:
    """Commits groups, one at a time, each only when the test says so."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.started = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)

    def __call__(self, items: Sequence[int]) -> list[int | Exception]:
        self.groups.append(list(items))
        self.started.release()
        assert self.go_on.acquire(timeout=SECONDS_MAX)
        if UNLUCKY in items:
            raise RuntimeError("the disk is full")
        return [ValueError(item) if item < 0 else item * 10 for item in items]


class Caller(threading.Thread):
    """Submits one item and keeps what came of it."""

    def __init__(self, queue: GroupCommit[int, int], item: int) -> None:
        super().__init__(daemon=True)
        self.queue, self.item = queue, item
        self.result: object = None
        self.start()

    def run(self) -> None:
        try:
            self.result = self.queue.submit(self.item)
        except (ValueError, RuntimeError) as error:
            self.result = error


def wait_until_queued(queue: GroupCommit[int, int], count: int) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while len(queue._queue) < count:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def meanwhile(items: Sequence[int], first: int = 1) -> tuple[Slow, list[Caller]]:
    """Let these items come, in order, while a first one is being committed; return all callers after the end."""
    commit = Slow()
    queue: GroupCommit[int, int] = GroupCommit(commit)
    callers = [Caller(queue, first)]
    assert commit.started.acquire(timeout=SECONDS_MAX)
    for count, item in enumerate(items, start=1):
        callers.append(Caller(queue, item))
        wait_until_queued(queue, count)
    for _ in range(len(items) + 1):
        commit.go_on.release()
    for caller in callers:
        caller.join(SECONDS_MAX)
        assert not caller.is_alive()
    return commit, callers


def test_a_lone_item_is_committed_alone_by_its_own_thread():
    threads = []

    def commit(items):
        threads.append(threading.current_thread())
        return items

    assert GroupCommit(commit).submit(7) == 7
    assert threads == [threading.current_thread()]


def test_items_that_come_during_a_commit_are_committed_together_in_their_order():
    commit, callers = meanwhile([2, 3, 4])
    assert commit.groups == [[1], [2, 3, 4]]
    assert [caller.result for caller in callers] == [10, 20, 30, 40]


def test_a_refusal_is_raised_by_its_own_caller_alone():
    _, callers = meanwhile([2, -3, 4])
    assert isinstance(callers[2].result, ValueError)
    assert [callers[place].result for place in (0, 1, 3)] == [10, 20, 40]


def test_when_a_group_breaks_all_of_it_is_told_and_the_next_goes_on():
    commit, callers = meanwhile([2, 3], first=UNLUCKY)
    assert commit.groups == [[UNLUCKY], [2, 3]]
    assert isinstance(callers[0].result, RuntimeError)
    assert [caller.result for caller in callers[1:]] == [20, 30]
    _, callers = meanwhile([2, UNLUCKY])
    assert [type(caller.result) for caller in callers] == [int, RuntimeError, RuntimeError]


def test_a_group_has_a_limit_and_the_rest_comes_next():
    commit, callers = meanwhile(range(20, 20 + ITEMS_AT_ONCE_MAX + 3))
    assert [len(group) for group in commit.groups] == [1, ITEMS_AT_ONCE_MAX, 3]
    assert all(caller.result == caller.item * 10 for caller in callers)


def test_many_threads_at_once_all_get_their_own_answer():
    queue: GroupCommit[int, int] = GroupCommit(lambda items: [item + 1 for item in items])
    wrong = []

    def work(start):
        wrong.extend(item for item in range(start, start + 200) if queue.submit(item) != item + 1)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 8_000, 1_000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS_MAX)
        assert not thread.is_alive()
    assert wrong == []


def test_an_answer_too_few_is_an_error_for_everybody():
    with pytest.raises(ValueError, match="shorter"):
        GroupCommit(lambda _items: []).submit(1)
