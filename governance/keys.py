"""Where a community's Ed25519 key lies on this machine. It signs releases and the checkpoints of the log."""

from pathlib import Path

from django.conf import settings


def release_key_path(slug: str) -> Path:
    """Return where the release key of a community lies."""
    return settings.KEYS_DIR / f"{slug}.ed25519"
