"""Compresses pages and JSON on their way out (RFC 9110, section 8.4); files and streams go as they are.

A model's files have their size and digest, are asked for in ranges, and are compressed already in effect; a stream is
read as it is written. Django pads what it compresses by a random length, against attacks that guess by size (BREACH).
"""

from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import GZipMiddleware

_COMPRESSED = frozenset(
    {
        "text/html",
        "text/plain",
        "text/csv",
        "text/calendar",
        "application/json",
        "application/problem+json",
        "application/atom+xml",
        "image/svg+xml",
    }
)


class TextCompression(GZipMiddleware):
    """Django's compression, for text that is whole."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Compress what is text and whole."""
        kind = response.get("Content-Type", "").partition(";")[0].strip().lower()
        if response.streaming or kind not in _COMPRESSED:
            return response
        return super().process_response(request, response)
