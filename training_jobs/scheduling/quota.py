"""What those who are no newcomers may hold of each kind of device, now and later: all of it less its reserve.

A site has devices of one kind, so a run counts against the kind of the site where it is. Times are UNIX seconds; a run
that should have ended still counts, and is taken to end in the next second.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate

from training_jobs.scheduling.prepared import Prepared
from training_jobs.scheduling.reserve import reserved


class Quotas:
    """The quota of each kind of device at the sites of a `Prepared`; changes as a decision is made."""

    def __init__(self, prepared: Prepared, share_bps: int, runs: Iterable[tuple[int, int, int]], now: int) -> None:
        """Take the share that is reserved, and the runs that count (place, until, devices)."""
        self._kinds, self._kind_at = prepared.kinds, [site.kind for site in prepared.sites]
        devices = dict.fromkeys(self._kinds, 0)
        for site in prepared.sites:
            devices[site.kind] += site.devices
        own: dict[str, list[tuple[int, int]]] = {kind: [] for kind in self._kinds}
        for at, until, size in runs:
            own[self._kind_at[at]].append((until, size))
        self.reserved = reserved(devices, share_bps)  # by kind
        self._of = {kind: Quota(count - self.reserved[kind], own[kind], now) for kind, count in devices.items()}
        self.at = [self._of[kind] for kind in self._kind_at]  # by place
        self.known_free: dict[int, int] = {}  # `with_free` as far as it was asked, kept true by `take` and `close`
        self._known: dict[int, int] = {}  # `with_devices` as far as it was asked

    def with_free(self, devices: int) -> int:
        """Return the mask of the places of whose kind so many are free at this moment."""
        mask = self.known_free.get(devices)
        if mask is None:
            mask = self.known_free[devices] = self._places(
                kind for kind, quota in self._of.items() if quota.free >= devices
            )
        return mask

    def with_devices(self, devices: int) -> int:
        """Return the mask of the places of whose kind there ever are so many outside the reserve."""
        mask = self._known.get(devices)
        if mask is None:
            mask = self._known[devices] = self._places(
                kind for kind, quota in self._of.items() if quota.devices >= devices
            )
        return mask

    def starts(self, places: int, devices: int, start: int) -> dict[str, int]:
        """Return of each kind that some of the places have when so many are first free of it, from `start` on."""
        found = {kind: self._of[kind].slot(devices, 1, start) for kind, here in self._kinds.items() if places & here}
        return {kind: moment for kind, moment in found.items() if moment is not None}

    def take(self, at: int, devices: int, until: int) -> None:
        """Begin a run now at a place."""
        quota = self.at[at]
        before = quota.free
        quota.take(devices, until)
        self._fell(self._kind_at[at], before)

    def close(self, kind: str) -> None:
        """Let nobody else begin on devices of a kind."""
        before = self._of[kind].free
        self._of[kind].close()
        self._fell(kind, before)

    def _fell(self, kind: str, before: int) -> None:
        after = self._of[kind].free
        for asked, mask in self.known_free.items():
            if after < asked <= before:
                self.known_free[asked] = mask & ~self._kinds[kind]

    def _places(self, kinds: Iterable[str]) -> int:
        mask = 0
        for kind in kinds:
            mask |= self._kinds[kind]
        return mask


class Quota:
    """What those who are no newcomers may hold together of one kind of device: all of it less its reserve."""

    def __init__(self, devices: int, runs: Iterable[tuple[int, int]], now: int) -> None:
        """Take how many there are, and the runs (until, devices) on them."""
        self.devices = devices
        self._now = now
        self._runs = [(until if until > now else now + 1, size) for until, size in runs]
        self.free = devices - sum(size for _, size in self._runs)
        self._held: list[tuple[int, int, int]] = []  # since, until, devices
        self._spare: list[int] = []  # at the beginning of each held place, beside it
        self._ends: list[int] = []  # of the runs, sorted; laid out again when runs have begun since
        self._left: int | None = None
        self._back: list[int] = []  # devices that have come back before the end of that index

    def lasts(self, devices: int, until: int) -> bool:
        """Say whether so many are free in [now, until)."""
        if devices > self.free:
            return False
        if not self._spare or devices <= min(self._spare):
            return True
        for (since, _, _), spare in zip(self._held, self._spare, strict=True):
            if since < until and spare < devices:
                return False
        return True

    def take(self, devices: int, until: int) -> None:
        """Begin a run now."""
        self.free -= devices
        self._runs.append((until, devices))
        for index, (since, *_) in enumerate(self._held):
            if since < until:
                self._spare[index] -= devices

    def close(self) -> None:
        """Let nobody else begin; `left` keeps what was free."""
        self._left, self.free = self.left, 0

    @property
    def left(self) -> int:
        """How many are free, whether or not anybody else may begin."""
        return self.free if self._left is None else self._left

    def slot(self, devices: int, seconds: int, start: int) -> int | None:
        """Return the earliest moment from `start` on at which so many are free for so long; None: never."""
        if devices > self.devices:
            return None
        self._lay_out()
        if self._stays_free(devices, start, start + seconds):
            return start
        enough = bisect_left(self._back, self._back[-1] + devices - self.devices)  # runs that must have ended, at least
        first = max(start, self._ends[enough - 1] if enough else start)
        ends = self._ends[bisect_left(self._ends, first) :] if self._held else [first]
        for moment in sorted({first, *ends, *(end for _, end, _ in self._held if end > first)}):
            if self._stays_free(devices, moment, moment + seconds):
                return moment
        return None

    def hold(self, since: int, until: int, devices: int) -> None:
        """Hold a place for a request."""
        self._lay_out()
        self._held.append((since, until, devices))
        self._spare = [self._free_at(begin) for begin, *_ in self._held]

    def _stays_free(self, devices: int, since: int, until: int) -> bool:
        if self._free_at(since) < devices:
            return False
        return all(self._free_at(begin) >= devices for begin, *_ in self._held if since < begin < until)

    def _free_at(self, moment: int) -> int:
        running = self._back[-1] - self._back[bisect_right(self._ends, moment)]
        return self.devices - running - sum(size for since, end, size in self._held if since <= moment < end)

    def _lay_out(self) -> None:
        if len(self._ends) == len(self._runs) and self._back:
            return
        self._runs.sort()
        self._ends = [end for end, _ in self._runs]
        self._back = list(accumulate((size for _, size in self._runs), initial=0))
