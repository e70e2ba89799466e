"""What all answers of the hub share: methods, refusals in the client's form, and leave for any page to read them.

Everything here is public and read-only, and no cookie changes an answer, so every origin may read it (CORS, Fetch
standard): a verifier in a browser needs no permission of this site.
"""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Concatenate, ParamSpec

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from models_registry.withdrawals import Stop

P = ParamSpec("P")
# The very words by which the client knows a repository that is switched off.
DISABLED = "Access to this resource is disabled."
_EXPOSED = (
    "Accept-Ranges, Content-Length, Content-Range, ETag, Link, X-Error-Code, X-Error-Message, X-Linked-Etag, "
    "X-Linked-Size, X-Repo-Commit"
)
_ASKED = "If-None-Match, If-Range, Range"
_PREFLIGHT_SECONDS = 86_400


class NotHereError(Exception):
    """What was asked for does not exist. `code` is the client's own word for it."""

    def __init__(self, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        """Keep the code, the sentence and what else the client wants to know."""
        super().__init__(message)
        self.code = code
        self.headers = headers or {}


class StoppedError(Exception):
    """What was asked for exists and is not handed out."""

    def __init__(self, stop: Stop) -> None:
        """Keep the reason."""
        super().__init__(stop.sentence)


def answers(
    *methods: str,
) -> Callable[
    [Callable[Concatenate[HttpRequest, P], HttpResponseBase]], Callable[Concatenate[HttpRequest, P], HttpResponseBase]
]:
    """Let a view answer these methods only, and turn what it cannot find into the client's form of it."""
    allowed = ", ".join((*methods, "OPTIONS"))

    def decorated(
        view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        @csrf_exempt
        @wraps(view)
        def answering(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if request.method == "OPTIONS":
                response: HttpResponseBase = _preflight(allowed)
            elif request.method not in methods:
                # The client would show a bare 405 without its reason.
                response = refusal(405, "", "This hub is read-only.", {"Allow": allowed})
            else:
                response = _answer(request, lambda: view(request, *args, **kwargs))
            response["Access-Control-Allow-Origin"] = "*"
            response["Access-Control-Expose-Headers"] = _EXPOSED
            response["Cross-Origin-Resource-Policy"] = "cross-origin"
            return response

        return answering

    return decorated


def refusal(status: int, code: str, message: str, headers: dict[str, str]) -> HttpResponse:
    """Say no: as JSON, and in the headers that the client reads."""
    named = {"X-Error-Message": _plain(message)}
    if code:
        named["X-Error-Code"] = code
    return JsonResponse({"error": message}, status=status, headers=named | headers)


def _answer(request: HttpRequest, view: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    try:
        return view()
    except NotHereError as error:
        return refusal(404, error.code, str(error), error.headers)
    except StoppedError as error:
        # 451 (RFC 7725), the one status that says: it is here, and a decision keeps it from being handed out.
        # By its own words the client raises DisabledRepoError and shows ours, which are the body. An answer to HEAD has
        # no body, so there the reason itself has to be the header.
        words = str(error) if request.method == "HEAD" else DISABLED
        return refusal(HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS, "", str(error), {"X-Error-Message": _plain(words)})
    except OSError:
        # It is published, so its files will be back once the storage is; the client tries again later.
        return refusal(503, "", "The files of this version cannot be read now.", {"Retry-After": "30"})
    except (OperationalError, InterfaceError):
        return refusal(503, "", "The database does not answer now.", {"Retry-After": "5"})


def _preflight(allowed: str) -> HttpResponse:
    """Answer a browser that asks first (If-None-Match and open ranges make it ask)."""
    headers = {
        "Allow": allowed,
        "Access-Control-Allow-Methods": allowed,
        "Access-Control-Allow-Headers": _ASKED,
        "Access-Control-Max-Age": str(_PREFLIGHT_SECONDS),
    }
    return HttpResponse(status=204, headers=headers)


def _plain(message: str) -> str:
    """Keep only plain visible characters: the message may quote the address, and nothing else is safe in a header."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in message)
