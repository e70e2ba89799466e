"""Every row has its own id, a known language and the kind of the others; the languages are counted.

Intake already refused malformed rows.
"""

from collections import Counter

from models_registry.datasets.kinds import kind_of
from models_registry.datasets.rows import LANGUAGES
from models_registry.datasets.scans.base import Context, Findings, Rows, Scan
from models_registry.datasets.scans.gathering import Gathering
from models_registry.datasets.scans.groups import Groups
from models_registry.datasets.scans.lines import Lines
from models_registry.datasets.scans.minhash import number_of


def search(rows: Rows, _context: Context) -> Findings:
    """Find rows that share an id, are of another kind than most, or use a language unknown to the community."""
    kinds: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    ids = Groups(len(rows))
    for line, row in enumerate(rows, start=1):
        kinds[kind_of(row) or ""] += 1
        languages[row["language"]] += 1
        ids.add(number_of(row.get("id", "")), line)
    if not languages:
        return Findings(1, "no_rows", kinds={"no rows": 1})
    usual = max((kind for kind in kinds if kind), key=lambda kind: (kinds[kind], kind), default=None)
    shared = Lines(line for lines, _first, _values, _of_first in ids.repeats() for line in lines.tolist())
    gathered = Gathering()
    well = set(kinds) == {usual} and set(languages) <= set(LANGUAGES) and not shared
    for line, row in enumerate(() if well else rows, start=1):
        if usual is None or kind_of(row) != usual:
            gathered.add(line, "other fields", ", ".join(sorted(row)))
        elif row["language"] not in LANGUAGES:
            gathered.add(line, "unknown language", row["language"], field="language")
        elif line in shared:
            gathered.add(line, "shared id", row.get("id", ""), field="id")
    counted = ", ".join(f"{name} {languages[name]}" for name in sorted(languages))
    return gathered.findings("rows_by_language", facts={"counted": counted})


SCAN = Scan(
    name="schema_and_languages",
    version=2,
    label="Form and languages",
    description="Every row has the fields of one kind, an id of its own and a language of the community.",
    blind_to="Whether a row says anything true, and whether its text is in the language that it declares.",
    blocks=True,
    search=search,
)
