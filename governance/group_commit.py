"""Group commit: requests that come at once share one transaction, and each is answered only when it is on disk.

Whoever finds nobody at work commits for all that wait, so there is no thread of our own to start, to stop or to lose; a
lone request commits alone and waits for nothing. One such queue exists in each process; between processes the database
orders the transactions.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")
ITEMS_AT_ONCE_MAX = 256
_LOOK_AGAIN_SECONDS = 0.05


class _Waiting(Generic[Item, Answer]):
    """One request in the queue, and what became of it."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.done = threading.Event()
        self.answer: Answer | None = None
        self.error: BaseException | None = None


class GroupCommit(Generic[Item, Answer]):
    """Collects items and hands them in groups to `commit`, which answers each with a result or an exception."""

    def __init__(self, commit: Callable[[Sequence[Item]], Sequence[Answer | Exception]]) -> None:
        """Take what commits a group: all of it in one transaction, or nothing (then it raises)."""
        self._commit = commit
        self._queue: deque[_Waiting[Item, Answer]] = deque()
        self._at_work = threading.Lock()

    def submit(self, item: Item) -> Answer:
        """Return the answer to this item, after its commit; raise its own refusal, or what broke the whole group."""
        waiting: _Waiting[Item, Answer] = _Waiting(item)
        self._queue.append(waiting)
        while not waiting.done.is_set():
            if self._at_work.acquire(blocking=False):
                try:
                    if not waiting.done.is_set():
                        self._work()
                finally:
                    self._at_work.release()
            else:
                # Whoever is at work may have left just before this item came.
                waiting.done.wait(_LOOK_AGAIN_SECONDS)
        if waiting.error is not None:
            raise waiting.error
        return waiting.answer  # type: ignore[return-value]  # set together with `done`

    def _work(self) -> None:
        """Commit one group: what waits now, up to the limit."""
        group = [self._queue.popleft() for _ in range(min(len(self._queue), ITEMS_AT_ONCE_MAX))]
        try:
            answers = self._commit([waiting.item for waiting in group])
        except BaseException as error:
            # Nothing was committed: everybody in the group must know. Whoever did the work may wait in a later group,
            # and an error that is not theirs must not make them leave; only the end of the program does.
            for waiting in group:
                waiting.error = error
                waiting.done.set()
            if isinstance(error, Exception):
                return
            raise
        for waiting, answer in zip(group, answers, strict=True):
            if isinstance(answer, Exception):
                waiting.error = answer
            else:
                waiting.answer = answer
            waiting.done.set()
