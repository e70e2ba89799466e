"""The three long files of a bundle read side by side, and handed to the votes that they tell of. Pure.

They are sorted alike, so one pass over all of them meets each member with their entry and their ballot together.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

from governance.evidence.record import Record
from models_registry.provenance import bundle
from models_registry.provenance.ballot_lines import BallotLine
from models_registry.provenance.bundle import AnyLine, BundleError
from models_registry.provenance.entries import CensusEntry, HeldDelegation, Line
from models_registry.provenance.manifest import Problem
from models_registry.provenance.votes import PROBLEMS_MAX, Vote


def read(folder: Path, records: Mapping[str, Record], places: Mapping[str, str], problems: list[Problem]) -> list[Vote]:
    """Read and count every vote of the lineage; add to `problems` the lines that belong to none."""
    numbers = bundle.proposal_numbers(records.values())
    votes = {
        numbers[digest]: Vote(records[digest], records, f"{places[digest]} (proposal)")
        for digest in sorted(numbers, key=lambda digest: numbers[digest])
    }
    merged = heapq.merge(
        _lines(folder, bundle.DELEGATIONS, HeldDelegation.from_bytes, numbers, problems),
        _lines(folder, bundle.CENSUS, CensusEntry.from_bytes, numbers, problems),
        _lines(folder, bundle.BALLOTS, BallotLine.from_bytes, numbers, problems),
    )
    waiting = dict(votes)
    for number, group in groupby(merged, key=lambda item: item[0][0]):
        waiting.pop(number).read((row, line) for _, row, line in group)
    for vote in waiting.values():
        vote.read(())
    return list(votes.values())


# Where a line comes in the pass: proposal number, delegations before members, the member (or digest), file.
_Order = tuple[int, int, str, int]
_STAGES = {bundle.DELEGATIONS: (0, 0), bundle.CENSUS: (1, 0), bundle.BALLOTS: (1, 1)}
_Placed = tuple[_Order, int, Line]  # with its row


def _lines(
    folder: Path, name: str, reader: Callable[[bytes], AnyLine], numbers: Mapping[str, int], problems: list[Problem]
) -> Iterator[_Placed]:
    """Pass on the good lines of a file, and stop once it is clear that it is garbage."""
    stage, last = _STAGES[name]
    bad = 0
    try:
        for row, order, line in bundle.placed(name, bundle.read_lines(folder, name, reader), numbers):
            if isinstance(line, BundleError):
                problems.append(Problem(line.code, line.place, line.detail))
                bad += 1
                if bad == PROBLEMS_MAX:
                    return
            else:
                yield (order[0], stage, order[1], last), row, line
    except BundleError as error:
        problems.append(Problem(error.code, error.place, error.detail))
