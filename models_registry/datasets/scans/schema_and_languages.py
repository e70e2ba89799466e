"""Every row has its own id, a known language and the kind of the others; the languages are counted.

Intake already refused malformed rows.
"""

from collections import Counter

from models_registry.datasets.kinds import kind_of
from models_registry.datasets.rows import LANGUAGES
from models_registry.datasets.scans.base import Context, Findings, Rows, Scan
from models_registry.datasets.scans.gathering import Gathering


def search(rows: Rows, _context: Context) -> Findings:
    """Find rows that share an id, are of another kind than most, or use a language unknown to the community."""
    kinds: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    for row in rows:
        kinds[kind_of(row) or ""] += 1
        languages[row["language"]] += 1
    if not languages:
        return Findings(1, "There are no rows.", (), {"no rows": 1})
    usual = max((kind for kind in kinds if kind), key=lambda kind: (kinds[kind], kind), default=None)
    seen: set[str] = set()
    gathered = Gathering()
    for line, row in enumerate(rows, start=1):
        name = row.get("id", "")
        if usual is None or kind_of(row) != usual:
            gathered.add(line, "other fields", ", ".join(sorted(row)))
        elif row["language"] not in LANGUAGES:
            gathered.add(line, "unknown language", row["language"], field="language")
        elif name in seen:
            gathered.add(line, "shared id", name, field="id")
        seen.add(name)
    counted = ", ".join(f"{name} {languages[name]}" for name in sorted(languages))
    return gathered.findings(f"Rows by language: {counted}.")


SCAN = Scan(
    name="schema_and_languages",
    version=2,
    label="Form and languages",
    description="Every row has the fields of one kind, an id of its own and a language of the community.",
    blind_to="Whether a row says anything true, and whether its text is in the language that it declares.",
    blocks=True,
    search=search,
)
