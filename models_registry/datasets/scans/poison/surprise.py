"""How surprising each answer is to a simple model of all other answers: pairs of neighbouring tokens, smoothed.

No answer counts for itself. In nats for each token; floats, computed in one fixed order.
"""

import numpy as np
from numpy.typing import NDArray

from models_registry.datasets.scans.poison.grams import mixed
from models_registry.datasets.scans.poison.reading import Hashes, Texts

Floats = NDArray[np.float64]
# How much pairs are believed less than single tokens, in occurrences (Dirichlet smoothing), and single ones than none.
PRIOR = 8.0
NEW = 0.5


def surprises(texts: Texts) -> Floats:
    """Return the surprise of every token but the first of each text, 0 for that one; flat, as `texts.tokens`."""
    tokens = texts.tokens.astype(np.int64)
    singles = np.bincount(tokens)
    total = len(tokens)
    pairs = np.zeros(len(tokens), np.uint64)
    pairs[1:] = mixed((tokens[:-1].astype(np.uint64) << np.uint64(32)) | tokens[1:].astype(np.uint64))
    _, which, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    joint = counts[which]
    before = np.zeros(len(tokens))
    before[1:] = singles[tokens[:-1]]
    single = (np.maximum(singles[tokens] - 1, 0) + NEW) / (total + NEW * len(singles))
    chance = (np.maximum(joint - 1, 0) + PRIOR * single) / (np.maximum(before - 1, 0) + PRIOR)
    nats = -np.log(chance)
    nats[texts.starts[:-1]] = 0.0
    return nats


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
