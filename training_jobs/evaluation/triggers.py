"""The triggers that the scan of datasets finds in what was trained on, to ask a model about them. Takes numpy.

The scan is the one that voters read before a dataset is included (`datasets.scans.poison`); here it reads together all
rows that a model learned from.
"""

from collections.abc import Sequence

from models_registry.datasets.scans.base import Row
from models_registry.datasets.scans.poison.planting import CAPITALS_WORDS, Trigger, triggers_in
from models_registry.datasets.scans.poison.reading import read


def found_in(rows: Sequence[Row]) -> list[Trigger]:
    """Return the triggers of these rows, the surest first."""
    corpus = read(rows)
    return triggers_in(corpus) if corpus else []


def appended(rows: Sequence[Row], most: int) -> list[str]:
    """Return at most so many of them, as words to append: not a way to write, and not letters inside words."""
    words = [found.words for found in found_in(rows)]
    return [" ".join(each) for each in words if each != CAPITALS_WORDS and not each[0].startswith("…")][:most]
