"""How many devices the events of a calendar take together: those that overlap are added up. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator


def busy_together(spans: Iterable[tuple[int, int, int]]) -> Iterator[tuple[int, int, int]]:
    """Yield disjoint spans (since, until, devices) in order of time, with the sum of all given ones that cover each.

    Times in seconds; a span is [since, until). Spans that adjoin and take the same are one.
    """
    changes: dict[int, int] = defaultdict(int)
    for since, until, devices in spans:
        if since < until:
            changes[since] += devices
            changes[until] -= devices
    began, taken = 0, 0
    for moment, change in sorted(changes.items()):
        if not change:
            continue
        if taken:
            yield began, moment, taken
        began, taken = moment, taken + change
