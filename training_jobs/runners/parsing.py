"""How the bodies of runners are read: JSON larger than people's."""

from typing import Any, BinaryIO

from rest_framework.parsers import BaseParser

from governance.errors import TooLarge
from governance.evidence.canonical import strict_loads

RESULT_BYTES_MAX = 1_000_000


class ResultParser(BaseParser):
    """Reads application/json as strictly as everywhere, up to what a trainer's description may have."""

    media_type = "application/json"

    def parse(
        self, stream: BinaryIO, media_type: str | None = None, parser_context: dict[str, Any] | None = None
    ) -> Any:  # noqa: ANN401 - any JSON
        """Return the parsed body; raise TooLarge or CanonicalError."""
        body = stream.read(RESULT_BYTES_MAX + 1)
        if len(body) > RESULT_BYTES_MAX:
            raise TooLarge("too_large", f"the body is larger than {RESULT_BYTES_MAX} bytes", allowed=RESULT_BYTES_MAX)
        return strict_loads(body, max_bytes=RESULT_BYTES_MAX)
