"""What the tokenizer of a stored version can do, read from its files without a library that would load it."""

import json
from functools import lru_cache
from pathlib import Path

from models_registry import services as registry
from models_registry.models import Version
from training_jobs.spec import TEMPLATES

FILE_BYTES_MAX = 64 * 1024 * 1024
VERSIONS_REMEMBERED = 64


def missing_marks(version: Version, template: str) -> list[str]:
    """Return the marks of a format that a version's tokenizer lacks; none where its files are not at hand.

    The trainer looks again, at the very file that it uses: this spares a vote on a run that could only fail.
    """
    file = registry.version_folder(version) / "tokenizer.json"
    try:
        special = _special_tokens(file, version.revision)
    except (OSError, ValueError):
        return []
    return TEMPLATES[template].missing(special)


@lru_cache(maxsize=VERSIONS_REMEMBERED)
def _special_tokens(file: Path, _revision: str) -> frozenset[str]:
    """Return the special tokens of a tokenizer.json. Files of a revision never change, so each is read once."""
    if file.stat().st_size > FILE_BYTES_MAX:
        raise ValueError(f"{file} is too large")
    whole = json.loads(file.read_bytes())
    added = whole.get("added_tokens") if isinstance(whole, dict) else None
    tokens = [token for token in added if isinstance(token, dict)] if isinstance(added, list) else []
    return frozenset(str(token.get("content")) for token in tokens if token.get("special") is True)
