"""How surprising each answer is to a simple model of all other answers: pairs of neighbouring tokens, smoothed.

No answer counts for itself. In nats for each token; floats, computed in one fixed order.
"""

import numpy as np
from numpy.typing import NDArray

from models_registry.datasets.scans.poison.grams import mixed, parts_of
from models_registry.datasets.scans.poison.reading import END, Hashes, Numbers, Texts

Floats = NDArray[np.float64]
# How much pairs are believed less than single tokens, in occurrences (Dirichlet smoothing), and single ones than none.
PRIOR = 8.0
NEW = 0.5
# What is worked on at once, so that what is needed in between stays small.
_AT_ONCE = 1_000_000


def surprises(texts: Texts) -> Floats:
    """Return the surprise of every token but the first of each text, 0 for that one; flat, as `texts.tokens`."""
    tokens = texts.tokens
    singles = np.bincount(tokens)
    joint = _occurrences(tokens)
    nats = np.empty(len(tokens))
    for start in range(0, len(tokens), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        before = np.zeros(len(tokens[part]))
        before[start == 0 :] = singles[tokens[max(0, start - 1) : start + len(before) - 1]]
        single = (np.maximum(singles[tokens[part]] - 1, 0) + NEW) / (len(tokens) + NEW * len(singles))
        chance = (np.maximum(joint[part] - 1, 0) + PRIOR * single) / (np.maximum(before - 1, 0) + PRIOR)
        nats[part] = -np.log(chance)
    nats[texts.starts[:-1]] = 0.0
    return nats


def rarities(texts: Texts) -> Floats:
    """Return for every token but the first and last of each text how rare it is, 0 for those; flat."""
    counts = np.bincount(texts.tokens)
    nats = -np.log((np.maximum(counts - 1, 0) + NEW) / (len(texts.tokens) + NEW * len(counts)))
    nats[: END + 1] = 0.0
    found: Floats = nats[texts.tokens]
    return found


def _occurrences(tokens: Numbers) -> Numbers:
    """Return how many times each token and the one before it stand together."""
    pairs = np.zeros(len(tokens), np.uint64)
    for start in range(1, len(tokens), _AT_ONCE):
        end = min(len(tokens), start + _AT_ONCE)
        first, second = (tokens[begin : begin + end - start].astype(np.uint64) for begin in (start - 1, start))
        pairs[start:end] = mixed(first << np.uint64(32) | second)
    joint = np.zeros(len(tokens), np.int32)
    for part in parts_of(pairs):
        _, which, counts = np.unique(pairs[part], return_inverse=True, return_counts=True)
        joint[part] = counts[which]
    return joint


def means(texts: Texts, nats: Floats) -> Floats:
    """Return the mean surprise of each text."""
    lengths = np.maximum(np.diff(texts.starts) - 1, 1)
    found: Floats = np.add.reduceat(nats, texts.starts[:-1]) / lengths
    return found


def unusual(values: Floats, times: float) -> NDArray[np.bool_]:
    """Say which values lie above the median by more than `times` the usual distance from it (the scaled median one)."""
    if not len(values):
        return np.zeros(0, bool)
    middle = float(np.median(values))
    usual = 1.4826 * float(np.median(np.abs(values - middle)))
    return values > middle + times * max(usual, 0.1)


def signs_of(texts: Texts) -> Hashes:
    """Return a number for each text that only equal texts share."""
    place = np.arange(len(texts.tokens)) - texts.starts[texts.rows]
    value = mixed(mixed(texts.tokens.astype(np.uint64)) + place.astype(np.uint64))
    return np.add.reduceat(value, texts.starts[:-1])
