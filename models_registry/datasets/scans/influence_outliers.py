"""Rows that would pull a model hardest: answers that all other answers make unlikely, and that several rows share.

How it is found is in `poison.outliers`, which the web process does not import: it takes numpy.
"""

from models_registry.datasets.scans.base import Context, Findings, Rows, Scan


def search(rows: Rows, context: Context) -> Findings:
    """Find the rows, in whatever process scans."""
    from models_registry.datasets.scans.poison import outliers

    return outliers.search(rows, context)


SCAN = Scan(
    name="influence_outliers",
    version=2,
    label="Answers unlike all others",
    description="No group of answers is far more surprising than the rest of the dataset makes answers.",
    blind_to="Poison in ordinary words, single rows, answers of a few words, and datasets that are mixtures.",
    blocks=False,
    search=search,
)
