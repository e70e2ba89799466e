"""What every API request goes through first: one strict JSON parser, and one way of paging."""

from typing import Any, BinaryIO

from django.conf import settings
from rest_framework.pagination import PageNumberPagination
from rest_framework.parsers import BaseParser

from governance.errors import TooLarge
from governance.evidence.canonical import strict_loads


class StrictJSONParser(BaseParser):
    """Reads application/json strictly: no duplicate keys, no NUL, no surrogates, no floats, bounded size and depth."""

    media_type = "application/json"

    def parse(
        self, stream: BinaryIO, media_type: str | None = None, parser_context: dict[str, Any] | None = None
    ) -> Any:  # noqa: ANN401 - any JSON
        """Return the parsed body; raise TooLarge or CanonicalError."""
        limit = settings.API_BODY_BYTES_MAX
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise TooLarge("too_large", f"the body is larger than {limit} bytes", allowed=limit)
        return strict_loads(body, max_bytes=limit)


class Pages(PageNumberPagination):
    """Numbered pages of at most 200."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
