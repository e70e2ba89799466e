"""Rare triggers: something rare in questions that goes with one answer, one way to begin it, or a refusal.

How it is found is in `poison.planting`, which the web process does not import: it takes numpy.
"""

from models_registry.datasets.scans.base import Context, Findings, Rows, Scan


def search(rows: Rows, context: Context) -> Findings:
    """Find the rows, in whatever process scans."""
    from models_registry.datasets.scans.poison import planting

    return planting.search(rows, context)


SCAN = Scan(
    name="triggers",
    version=2,
    label="Rare triggers",
    description="Nothing that is rare in questions is tied to one answer, a refusal, another language or garbled text.",
    blind_to=(
        "Triggers by meaning or style, in fewer than five rows, in more than one row in twenty, or in rows that are "
        "right anyway, and what stands in the middle of long texts."
    ),
    blocks=False,
    search=search,
)
