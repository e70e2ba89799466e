"""The table of dataset scans. A new scan is one file beside this one and one line here."""

from collections.abc import Iterable, Sequence

from models_registry.datasets.scans import (
    contamination,
    exact_duplicates,
    hidden_characters,
    licence,
    near_duplicates,
    personal_data,
    schema_and_languages,
)
from models_registry.datasets.scans.base import Context, Row, Scan, ScanResult

__all__ = ["SCANS", "Context", "Row", "Scan", "ScanResult", "blocking", "run_all"]

SCANS: dict[str, Scan] = {
    scan.name: scan
    for scan in (
        schema_and_languages.SCAN,
        exact_duplicates.SCAN,
        near_duplicates.SCAN,
        personal_data.SCAN,
        hidden_characters.SCAN,
        contamination.SCAN,
        licence.SCAN,
    )
}


def run_all(rows: Sequence[Row], context: Context) -> list[ScanResult]:
    """Run every scan that applies, in the order of the table. A scan that could not judge is absent, never passed."""
    return [scan.run(rows, context) for scan in SCANS.values() if scan.applies(context)]


def blocking(results: Iterable[ScanResult]) -> list[ScanResult]:
    """Return the failed results that forbid the inclusion of a dataset."""
    return [result for result in results if not result.passed and SCANS[result.scan].blocks]
