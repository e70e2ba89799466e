"""The public API of another site, asked over HTTP by the rules of `datasets/fetch.py`, for a mirror of a community.

Only public https addresses are asked; the operator may name one host (name:port) that is exempt, such as this machine.
"""

import tempfile
from pathlib import Path

from governance.mirroring.source import ANSWER_BYTES_MAX, SourceError
from models_registry.datasets.fetch import Fetcher, FetchError, require_url

SECONDS_MAX = 60
_CODES = {"too_large": "too_large", "fetch_refused": "absent"}


class HttpSource:
    """Another site by its address."""

    def __init__(self, address: str, allowed: str = "") -> None:
        """Take the address; raise ValueError for one that is not asked."""
        self._fetcher = Fetcher(ANSWER_BYTES_MAX, SECONDS_MAX, {allowed} if allowed else ())
        self._address = address.rstrip("/")
        try:
            require_url(self._address, self._fetcher.allowed)
        except FetchError as error:
            raise ValueError(error.detail) from error

    def get(self, path: str) -> bytes:
        """Return what lies at a path."""
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "answer"
            try:
                self._fetcher.fetch(self._address + path, target)
            except FetchError as error:
                # only a lasting refusal says that there is nothing; all else may be there the next time
                code = _CODES.get(error.code, "unreachable") if error.permanent else "unreachable"
                raise SourceError(code, f"{path}: {error.detail}"[:300]) from error
            return target.read_bytes()
