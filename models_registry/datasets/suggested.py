"""Questions to try a model with: a few of a public held-out suite, in both languages. Reads only."""

from itertools import islice

from governance.evidence.canonical import CanonicalError, strict_loads
from models_registry.datasets.registering import dataset_path
from models_registry.models import Dataset, Model

ROWS_READ_MAX = 200
EACH_LANGUAGE_MAX = 2
CHARACTERS_MAX = 160
LINE_BYTES_MAX = 64 * 1024 + 1024


def questions_for(model: Model) -> list[tuple[str, str]]:
    """Return language and text of some questions of the suite that the newest version was measured on.

    Nothing where no version was measured, where the suite was hidden once, or where its rows cannot be read.
    """
    newest = model.versions.filter(evaluation_record__isnull=False).select_related("evaluation_record")
    version = newest.order_by("-number").defer("files").first()
    if version is None or version.evaluation_record is None:
        return []
    digest = str(version.evaluation_record.body.get("suite", ""))
    suite = Dataset.objects.filter(community=model.community_id, digest=digest, hidden_as__isnull=True).first()
    if suite is None:
        return []
    found: dict[str, list[str]] = {}
    try:
        with dataset_path(suite.digest).open("rb") as lines:
            for line in islice(lines, ROWS_READ_MAX):
                row = strict_loads(line, max_bytes=LINE_BYTES_MAX)
                question = row.get("question") if isinstance(row, dict) else None
                if isinstance(question, str) and 0 < len(question) <= CHARACTERS_MAX:
                    found.setdefault(str(row.get("language", "")), []).append(question)
    except (OSError, CanonicalError):
        return []
    return [(language, text) for language in sorted(found) for text in found[language][:EACH_LANGUAGE_MAX]]
