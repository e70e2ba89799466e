"""Finds the answers that are unlike all others: the work of the scan `influence_outliers`, apart because of numpy.

Each answer is measured against a simple model of all the others (`poison.surprise`). Those far above the usual are
gathered by an uncommon word that they or their questions share. One odd answer is a slip or a rarity; several alike
were put there. No model is trained: the trial of a dataset does that (docs/how-to/find-poison.md).
"""

import numpy as np

from models_registry.datasets.scans.base import Context, Findings, Rows
from models_registry.datasets.scans.gathering import Gathering
from models_registry.datasets.scans.poison import surprise
from models_registry.datasets.scans.poison.grams import Table, gather, gram_hashes
from models_registry.datasets.scans.poison.marks import ROWS_MIN
from models_registry.datasets.scans.poison.reading import Corpus, Numbers, drawn, field_answered, read, sides

ROWS_OF_A_DATASET_MIN = 200
TOKENS_MIN = 6
TIMES = 4.0
# More than one row in so many is no outlier: the dataset is a mixture.
SHARE_MAX = 20
# Of the rows that hold a word, how many must be outliers for it to gather them.
CLUSTERED_MIN = 0.8
_WORD = 40


def search(rows: Rows, context: Context) -> Findings:
    """Find clusters of answers that nothing else in the dataset leads to."""
    if len(rows) < ROWS_OF_A_DATASET_MIN:
        return Findings(0, "too_few_rows", {"least": ROWS_OF_A_DATASET_MIN})
    looked_at = drawn(rows, context)
    corpus = read(looked_at)
    found = set(outliers_in(corpus).tolist()) if corpus else set()
    gathered = Gathering()
    for number, (line, row) in enumerate(looked_at.numbered() if found else ()):
        if number in found:
            gathered.add(line, "unlike all other answers", sides(row)[1], field=field_answered(row))
    return gathered.findings("no_outlier", "outliers", looked_at=looked_at.looked_at)


def outliers_in(corpus: Corpus) -> Numbers:
    """Return the rows of all clusters of surprising answers, ascending."""
    texts = corpus.answered
    values = surprise.means(texts, surprise.surprises(texts))
    long = np.diff(texts.starts) >= TOKENS_MIN + 2
    odd = np.zeros(len(corpus), bool)
    odd[long] = surprise.unusual(values[long], TIMES)
    if not odd.any() or odd.sum() * SHARE_MAX > len(corpus):
        return np.zeros(0, np.int32)
    most = max(ROWS_MIN, len(corpus) // SHARE_MAX)
    sides_of = (texts,) if corpus.plain else (corpus.asked, texts)
    found = [_clustered(gather(*gram_hashes(side, 1, _WORD), ROWS_MIN, most), odd) for side in sides_of]
    return np.unique(np.concatenate(found))


def _clustered(words: Table, odd: np.ndarray) -> Numbers:
    """Return the odd rows that share a word which hardly any other row has."""
    if not len(words):
        return np.zeros(0, np.int32)
    among = np.add.reduceat(odd[words.rows].astype(np.int64), words.starts[:-1])
    gathering = (among >= ROWS_MIN) & (among >= CLUSTERED_MIN * words.counts)
    rows = np.unique(words.rows[np.repeat(gathering, words.counts)])
    clustered: Numbers = rows[odd[rows]]
    return clustered
