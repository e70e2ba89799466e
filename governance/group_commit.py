"""Group commit: requests that come at once share one transaction, and each is answered only when it is on disk.

Whoever comes when nobody is at work commits for all that wait, and then hands the work on to the first of those who
came meanwhile. So there is no thread of our own to start, to stop or to lose; a lone request commits alone and waits
for nothing. One such queue exists in each process; between processes the database orders the transactions.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")
ITEMS_AT_ONCE_MAX = 256
logger = logging.getLogger(__name__)


class _Waiting(Generic[Item, Answer]):
    """One request in the queue, and what became of it. It is woken when that is known, or when it has to work."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.woken = threading.Event()
        self.done = False
        self.answer: Answer | None = None
        self.error: BaseException | None = None


class GroupCommit(Generic[Item, Answer]):
    """Collects items and hands them in groups to `commit`, which answers each with a result or an exception."""

    def __init__(self, commit: Callable[[Sequence[Item]], Sequence[Answer | Exception]]) -> None:
        """Take what commits a group: all of it in one transaction, or nothing (then it raises)."""
        self._commit = commit
        self._queue: deque[_Waiting[Item, Answer]] = deque()
        self._lock = threading.Lock()
        self._somebody_works = False

    def submit(self, item: Item) -> Answer:
        """Return the answer to this item, after its commit; raise its own refusal, or what broke the whole group."""
        waiting: _Waiting[Item, Answer] = _Waiting(item)
        with self._lock:
            self._queue.append(waiting)
            i_work, self._somebody_works = not self._somebody_works, True
        if not i_work:
            waiting.woken.wait()
        if not waiting.done:
            self._work()
        if waiting.error is not None:
            raise waiting.error
        return waiting.answer  # type: ignore[return-value]  # set before `done`

    def _work(self) -> None:
        """Commit one group, which begins with the caller's own item; then let the next group be committed."""
        with self._lock:
            group = [self._queue.popleft() for _ in range(min(len(self._queue), ITEMS_AT_ONCE_MAX))]
        try:
            answers = self._commit([waiting.item for waiting in group])
            for waiting, answer in zip(group, answers, strict=True):
                if isinstance(answer, Exception):
                    waiting.error = answer
                else:
                    waiting.answer = answer
        except BaseException as error:
            # Nothing was committed: everybody in the group must know.
            for waiting in group:
                waiting.error = error
            raise
        finally:
            with self._lock:
                following = self._queue[0] if self._queue else None
                self._somebody_works = following is not None
            if following is not None:
                following.woken.set()
            for waiting in group:
                waiting.done = True
                waiting.woken.set()
        logger.debug("committed together: %s", len(group))
