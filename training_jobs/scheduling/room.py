"""What is free, now and later, at the sites of a decision, beside runs, bookings and held places.

The work that runs only ends, so a site grows emptier with time except where a booking or a held place begins. A run
that begins now therefore fits when it fits now and at each such beginning before its own end. Times are UNIX seconds;
a run that should have ended still holds its devices, and is taken to end in the next second.
"""

from collections.abc import Iterable, Iterator, Sequence

from training_jobs.scheduling.prepared import Prepared
from training_jobs.scheduling.values import Calendar

Span = tuple[int, int, int, str | None]  # since, until, devices, the request whose held place it is; None: a booking


class Room:
    """Devices over time at each place of a `Prepared`; changes as a decision is made."""

    def __init__(self, prepared: Prepared, calendar: Calendar, now: int) -> None:
        """Lay out what runs and what is booked."""
        self.now = now
        place = prepared.place
        self.free = [site.devices for site in prepared.sites]
        self._devices = [site.devices for site in prepared.sites]
        self._runs: list[list[tuple[int, int]]] = [[] for _ in self.free]  # until, devices
        self._spans: dict[int, list[Span]] = {}
        self.turns: dict[int, int] = {}  # when the first span begins that has not begun
        for run in calendar.running:
            at = place.get(run.site)
            if at is not None:
                devices = run.request.need.devices
                self.free[at] -= devices
                self._runs[at].append((run.until if run.until > now else now + 1, devices))
        for booking in calendar.bookings:
            at = place.get(booking.site)
            if at is not None and booking.until > max(now, booking.since) and booking.devices > 0:
                self._add(at, (booking.since, booking.until, booking.devices, None))
                if booking.since <= now:
                    self.free[at] -= booking.devices
        self.known_free: dict[int, int] = {}  # `with_free` as far as it was asked, kept true by `take`
        self._by_free: dict[int, int] = {}
        for at, free in enumerate(self.free):
            if free > 0:
                self._by_free[free] = self._by_free.get(free, 0) | 1 << at

    def with_free(self, devices: int) -> int:
        """Return the mask of the places where so many devices are free at this moment."""
        mask = self.known_free.get(devices)
        if mask is None:
            mask = 0
            for free, places in self._by_free.items():
                if free >= devices:
                    mask |= places
            self.known_free[devices] = mask
        return mask

    def lasts(self, at: int, devices: int, until: int, *, but: str | None = None, held: bool = True) -> bool:
        """Say whether devices that are free now at a place stay so in [now, until), with all that is booked and held.

        `but`: a request whose own held place does not count; `held=False`: no held place counts.
        """
        if self.turns.get(at, until) >= until:
            return True
        return self._fits_between(at, devices, self.now, until, but=but, held=held)

    def take(self, at: int, devices: int, until: int) -> None:
        """Begin a run now."""
        before = self.free[at]
        after = self.free[at] = before - devices
        self._runs[at].append((until, devices))
        bit = 1 << at
        self._by_free[before] ^= bit
        if after > 0:
            self._by_free[after] = self._by_free.get(after, 0) | bit
        for asked, mask in self.known_free.items():
            if after < asked <= before:
                self.known_free[asked] = mask ^ bit

    def hold(self, at: int, since: int, until: int, devices: int, who: str) -> None:
        """Hold a place for a request; one that begins now is no place to hold but a start."""
        self._add(at, (since, until, devices, who))

    def holder(self, at: int, until: int, *, but: str) -> str | None:
        """Return for whom a place is held first in [now, until), `but` for one; None: for nobody."""
        spans = sorted((span[0], span[3]) for span in self._spans.get(at, []) if span[3] is not None and span[3] != but)
        return spans[0][1] if spans and spans[0][0] < until else None

    def release(self, who: str) -> None:
        """Give up the held place of a request."""
        for at, spans in self._spans.items():
            left = [span for span in spans if span[3] != who]
            if len(left) < len(spans):
                self._spans[at] = left
                self.turns[at] = min((since for since, *_ in left if since > self.now), default=1 << 62)

    def ends_at(self, at: int, runs: Iterable[tuple[int, int]], end: int) -> None:
        """Let runs (until, devices) at a place end at `end` instead, because they are recalled."""
        for run in runs:
            self._runs[at].remove(run)
            self._runs[at].append((end, run[1]))

    def slot(self, at: int, devices: int, seconds: int, start: int, *, but: str | None = None) -> int | None:
        """Return the earliest moment from `start` on at which devices are free for so long; None: never."""
        if devices > self._devices[at]:
            return None
        if at not in self._spans:
            missing = devices - self.free[at]
            if missing <= 0:
                return start
            for until, given in sorted(self._runs[at]):
                missing -= given
                if missing <= 0:
                    return max(until, start)
            return None
        for moment in self._turns(at, start):
            if self._fits_between(at, devices, moment, moment + seconds, but=but):
                return moment
        return None

    def frees(
        self, at: int, devices: int, start: int, seconds: int, ending: Iterable[tuple[int, int]], *, but: str
    ) -> bool:
        """Say whether devices are free in [start, start + seconds) once the runs `ending` (until, devices) are gone."""
        runs = list(self._runs[at])
        for run in ending:
            runs.remove(run)
        return self._fits_between(at, devices, start, start + seconds, but=but, runs=runs)

    def _fits_between(
        self,
        at: int,
        devices: int,
        since: int,
        until: int,
        *,
        but: str | None = None,
        held: bool = True,
        runs: Sequence[tuple[int, int]] | None = None,
    ) -> bool:
        spans = self._spans.get(at, [])
        if but is not None or not held:
            spans = [span for span in spans if span[3] is None or (held and span[3] != but)]
        runs, most = self._runs[at] if runs is None else runs, self._devices[at] - devices
        for moment in (since, *(begin for begin, *_ in spans if since < begin < until)):
            left = most
            for end, size in runs:
                if end > moment:
                    left -= size
            for begin, end, size, _ in spans:
                if begin <= moment < end:
                    left -= size
            if left < 0:
                return False
        return True

    def _turns(self, at: int, start: int) -> Iterator[int]:
        """Yield `start` and each later moment at which devices come free at a place."""
        ends = {end for end, _ in self._runs[at] if end > start}
        ends.update(end for _, end, _, _ in self._spans.get(at, []) if end > start)
        yield start
        yield from sorted(ends)

    def _add(self, at: int, span: Span) -> None:
        self._spans.setdefault(at, []).append(span)
        if span[0] > self.now:
            self.turns[at] = min(self.turns.get(at, span[0]), span[0])
