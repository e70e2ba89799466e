"""What a reader sees when something is refused: the wrapper of every view, and the pages that Django asks for."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader

from frontend import words
from governance import lifecycle
from governance.chain import ChainError
from governance.eip712 import Eip712Error
from governance.errors import Malformed, NotFound, Refusal, TooMany
from governance.evidence.canonical import CanonicalError
from governance.power import PowerError

View = Callable[..., HttpResponse]


def page(view: View) -> View:
    """Turn the refusals of services and selectors into pages with the right status."""

    @wraps(view)
    def wrapped(request: HttpRequest, **parts: Any) -> HttpResponse:  # noqa: ANN401, PLR0911 - one line per family
        try:
            _read(request)
            return view(request, **parts)
        except NotFound as error:
            raise Http404(error.detail) from error
        except Refusal as error:
            answer = refused(request, error.status, words.refusal(error.code, error.detail, error.found, error.allowed))
            return later(answer, error)
        except lifecycle.NotAllowed:
            return refused(request, 409, words.refusal("wrong_state", ""))
        except ChainError:
            return refused(request, 503, words.refusal("chain_unavailable", ""))
        except OperationalError:
            return refused(request, 503, words.refusal("database_busy", ""))
        except (CanonicalError, Eip712Error) as error:
            return refused(request, 400, words.refusal(error.code, error.detail))
        except PowerError as error:
            return refused(request, 422, words.refusal(error.code, error.detail))

    return wrapped


def _read(request: HttpRequest) -> None:
    """Refuse a form with the NUL character: PostgreSQL cannot keep it, and no record has a canonical form with it."""
    if any("\0" in value for _name, values in request.POST.lists() for value in values):
        raise Malformed("forbidden_character", "the NUL character is not allowed")


def later(answer: HttpResponse, refusal: Refusal) -> HttpResponse:
    """Say in the answer when there is room again, where that is why it was refused (RFC 9110, section 10.2.3)."""
    if isinstance(refusal, TooMany):
        answer["Retry-After"] = str(refusal.retry_after_seconds)
    return answer


def refused(request: HttpRequest, status: int, message: str) -> HttpResponse:
    """Say why something was not done; to htmx in a small box, otherwise as a page."""
    template = "parts/refused.html" if getattr(request, "htmx", False) else "pages/refused.html"
    return render(request, template, {"message": message}, status=status)


def unreadable(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 - Django's
    """400: a page that reads neither the form nor the host, either of which may be what cannot be read."""
    return HttpResponse(loader.get_template("400.html").render({}), status=400)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 - Django's
    """404."""
    return render(request, "404.html", status=404)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 - Django's
    """403."""
    return render(request, "403.html", status=403)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's signature
    """403, for a form that cannot show where it came from."""
    return render(request, "403_csrf.html", status=403)


def server_error(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """500: a page that needs neither the database nor the session, either of which may be what is broken."""
    return HttpResponse(loader.get_template("500.html").render({}), status=500)
