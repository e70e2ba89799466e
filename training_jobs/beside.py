"""Long work in a thread of its own, and what has to be done meanwhile in the thread that waits for it."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def beside(work: Callable[[], T], beat: Callable[[], object], seconds: float) -> T:
    """Run `work` in a thread and `beat` here every so many seconds, until the work ends; return or raise what it did.

    What `beat` raises goes up at once; the work is then left to itself.
    """
    thread = Work(work)
    thread.start()
    while thread.is_alive():
        thread.join(seconds)
        if thread.is_alive():
            beat()
    return thread.result()  # type: ignore[no-any-return]


class Work(threading.Thread):
    """A thread that keeps what its work returned or raised. A daemon: one that hangs holds up no end."""

    def __init__(self, work: Callable[[], Any]) -> None:
        """Keep what to do; `start` begins it."""
        super().__init__(daemon=True)
        self._work = work
        self._value: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        """Do it."""
        try:
            self._value = self._work()
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            self._error = error

    def result(self) -> Any:  # noqa: ANN401 - whatever the work returns
        """Return what the work returned, or raise what it raised; after its end."""
        if self._error is not None:
            raise self._error
        return self._value
