"""Working on a claimed errand while keeping its lease. Called by workers only.

What publishes knows neither Django nor the database. It runs in a thread of its own here, so that this thread can renew
the lease meanwhile. Before anything becomes visible it asks for permission (`Permit`), and is answered by this thread:
the lease is still held, and nobody has stopped the release since the work began.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import TypeVar

from governance import clock
from models_registry import errands
from models_registry.errands import Claim, Row
from models_registry.publishing import Permit, PublishError

RENEW_SECONDS = errands.LEASE_SECONDS / 4
_LOOK_SECONDS = 1

Result = TypeVar("Result")


class LeaseLost(Exception):
    """Somebody else took over, because this worker was away for too long."""


def work(claim: Claim[Row], task: Callable[[Permit], Result], require_allowed: Callable[[], None]) -> Result:
    """Return what the task returns; raise its PublishError, that of `require_allowed`, or LeaseLost.

    Whoever loses the lease leaves the task alone: it gets no permission any more, and what it did the next one finds.
    """
    events: SimpleQueue[Future[None] | None] = SimpleQueue()
    left = threading.Event()
    # Not a `with`: leaving it would wait for a publisher that has lost its lease.
    pool = ThreadPoolExecutor(1, thread_name_prefix="publisher")
    working = pool.submit(task, _Gate(events, left))
    working.add_done_callback(lambda _working: events.put(None))
    try:
        while True:
            try:
                asked = events.get(timeout=RENEW_SECONDS)
            except Empty:
                _renew(claim)
                continue
            if asked is None:
                return working.result()
            _answer(asked, claim, require_allowed)
    except OSError as error:
        raise PublishError("storage_failed", error.strerror or type(error).__name__, permanent=False) from error
    finally:
        left.set()
        pool.shutdown(wait=False)


class _Gate:
    """The permission that a task asks for, from its own thread; without an answer it goes no further."""

    def __init__(self, events: "SimpleQueue[Future[None] | None]", left: threading.Event) -> None:
        self._events = events
        self._left = left

    def __call__(self) -> None:
        answer: Future[None] = Future()
        self._events.put(answer)
        while not answer.done():
            try:
                return answer.result(timeout=_LOOK_SECONDS)
            except TimeoutError:
                if self._left.is_set():
                    raise LeaseLost from None
        return answer.result()


def _answer(asked: "Future[None]", claim: Claim[Row], require_allowed: Callable[[], None]) -> None:
    try:
        require_allowed()
    except PublishError as error:
        asked.set_exception(error)
        return
    _renew(claim)
    asked.set_result(None)


def _renew(claim: Claim[Row]) -> None:
    if not errands.renew(claim, clock.now()):
        raise LeaseLost
