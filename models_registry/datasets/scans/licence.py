"""The declared licence is one under which a community may train and publish openly.

The declaration is checked, not the truth of it: nobody can tell from the rows who wrote them.
"""

from collections.abc import Sequence

from models_registry.datasets.scans.base import Context, Row, Scan

# SPDX identifiers. Left out on purpose: "NC" and "ND" licences (they forbid uses or derived works), and unknown terms.
ALLOWED = frozenset(
    {
        "Apache-2.0",
        "BSD-3-Clause",
        "CC-BY-3.0",
        "CC-BY-4.0",
        "CC-BY-SA-4.0",
        "CC0-1.0",
        "CDLA-Permissive-2.0",
        "CDLA-Sharing-1.0",
        "etalab-2.0",
        "MIT",
        "ODbL-1.0",
        "ODC-By-1.0",
        "PDDL-1.0",
    }
)


def search(_rows: Sequence[Row], context: Context) -> tuple[int, str]:
    """Compare the declared SPDX identifier with the list of licences that fit an open commons."""
    passed = context.licence in ALLOWED
    if passed:
        detail = f"{context.licence} allows training and open publication."
    elif context.licence:
        detail = f"{context.licence[:80]!r} is not on the list of allowed SPDX identifiers."
    else:
        detail = "No licence is declared."
    return int(not passed), detail


SCAN = Scan(
    name="licence",
    version=1,
    label="Licence",
    description="The declared licence allows training and open publication.",
    blocks=True,
    search=search,
)
