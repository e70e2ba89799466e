"""What all views of the API share: who is signed in, what is looked up by name, and the answers of a refusal."""

from typing import Any, BinaryIO

from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from governance.errors import Malformed, NotAuthenticated, NotFound
from governance.evidence.record import DIGEST_PATTERN
from governance.models import Community
from governance.serializers import ProblemOutput

NUMBER_DIGITS_MAX = 15

REFUSED = {
    400: ProblemOutput,
    401: ProblemOutput,
    403: ProblemOutput,
    404: ProblemOutput,
    409: ProblemOutput,
    413: ProblemOutput,
    422: ProblemOutput,
    503: ProblemOutput,
}


class BytesParser(BaseParser):
    """Hands the open body of an upload on."""

    media_type = "application/octet-stream"

    def parse(
        self, stream: BinaryIO, media_type: str | None = None, parser_context: dict[str, Any] | None = None
    ) -> dict[str, BinaryIO]:
        """Return the stream under a name, unread."""
        return {"stream": stream}


def signed_in(request: Request) -> str:
    """Return the address that is signed in; raise NotAuthenticated for nobody."""
    if not request.user.is_authenticated:
        raise NotAuthenticated("not_signed_in", "sign in with a wallet first")
    return str(request.user.address)


def community_named(slug: str) -> Community:
    """Return the community or raise NotFound."""
    community = Community.objects.select_related("charter", "record").filter(slug=slug).first()
    if community is None:
        raise NotFound("unknown_community", "there is no such community", field="community", found=slug)
    return community


def digest_of(text: str) -> str:
    """Return a digest of the address, or raise Malformed."""
    if not DIGEST_PATTERN.fullmatch(text):
        raise Malformed("malformed_field", "a digest is 64 lower-case hex digits", field="digest", found=text)
    return text


def plain(text: str) -> str:
    """Refuse the one character that a database cannot keep."""
    if "\x00" in text:
        raise Malformed("forbidden_character", "the NUL character is not allowed")
    return text


def number(request: Request, name: str, default: int | None = None) -> int:
    """Return a whole number of the address; raise Malformed for anything else, or where one is missing."""
    text = request.query_params.get(name)
    if text is None and default is not None:
        return default
    if text is None or not text.isascii() or not text.isdigit() or len(text) > NUMBER_DIGITS_MAX:
        raise Malformed("malformed_field", "this is a whole number", field=name, found=text)
    return int(text)
