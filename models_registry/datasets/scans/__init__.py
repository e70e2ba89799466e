"""The table of dataset scans. A new scan is one file beside this one and one line here."""

from collections.abc import Iterable

from models_registry.datasets.scans import (
    answers,
    confusable_letters,
    contamination,
    exact_duplicates,
    harmful_language,
    hidden_characters,
    influence_outliers,
    languages,
    licence,
    licence_fit,
    licence_traces,
    near_duplicates,
    personal_data,
    schema_and_languages,
    secrets,
    shared_passages,
    triggers,
)
from models_registry.datasets.scans.base import (
    Context,
    Findings,
    OtherDataset,
    Row,
    Rows,
    Sample,
    Scan,
    ScanResult,
)

__all__ = [
    "SCANS",
    "Context",
    "Findings",
    "OtherDataset",
    "Row",
    "Rows",
    "Sample",
    "Scan",
    "ScanResult",
    "blocking",
    "run_all",
]

SCANS: dict[str, Scan] = {
    scan.name: scan
    for scan in (
        schema_and_languages.SCAN,
        languages.SCAN,
        licence.SCAN,
        licence_fit.SCAN,
        licence_traces.SCAN,
        personal_data.SCAN,
        secrets.SCAN,
        hidden_characters.SCAN,
        confusable_letters.SCAN,
        contamination.SCAN,
        shared_passages.SCAN,
        harmful_language.SCAN,
        exact_duplicates.SCAN,
        near_duplicates.SCAN,
        answers.SCAN,
        triggers.SCAN,
        influence_outliers.SCAN,
    )
}


def run_all(rows: Rows, context: Context) -> list[ScanResult]:
    """Run every scan that applies, in the order of the table. A scan that could not judge is absent, never passed."""
    return [scan.run(rows, context) for scan in SCANS.values() if scan.applies(context)]


def blocking(results: Iterable[ScanResult]) -> list[ScanResult]:
    """Return the failed results that forbid the inclusion of a dataset."""
    return [result for result in results if not result.passed and SCANS[result.scan].blocks]
