"""The one place where refusals become HTTP: problem JSON (RFC 9457) with a stable `code`, never a 500 for bad input."""

import logging
from itertools import islice
from typing import Any
from urllib.parse import quote

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response

from governance import lifecycle
from governance.chain import ChainError, SnapshotReorged
from governance.clock import now as clock
from governance.eip712 import Eip712Error
from governance.errors import Refusal, TooMany
from governance.evidence.canonical import CanonicalError
from governance.models import Event
from governance.power import PowerError
from governance.siwe import SiweError
from models_registry.datasets.intake import IntakeError
from training_jobs import lifecycle as run_lifecycle

logger = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"
HTTP_UNAVAILABLE = 503

_CANONICAL_STATUS = {"too_large": 413}
_DRF_CODES = {
    400: "malformed",
    401: "not_authenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    415: "unsupported_media_type",
    429: "too_many_requests",
}


def problem(status: int, code: str, detail: str, **extra: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Return a problem document; members without a value are left out."""
    members = {name: _plain(value) for name, value in extra.items() if value not in (None, "")}
    return {
        "type": f"urn:commonweights:problem:{code}",
        "title": code.replace("_", " "),
        "status": status,
        "code": code,
        "detail": detail,
        **members,
    }


def describe(error: Exception) -> dict[str, Any] | None:  # noqa: C901, PLR0911, PLR0912 - a row per family
    """Return the problem document for a known refusal, or None when the error is a defect."""
    if isinstance(error, Refusal):
        return problem(
            error.status, error.code, error.detail, field=error.field, found=error.found, allowed=error.allowed
        )
    if isinstance(error, lifecycle.NotAllowed):
        return problem(
            409,
            _state_code(error),
            f"{error.action} is not possible while the proposal is {error.found}",
            found=str(error.found),
            allowed=[str(state) for state in error.allowed],
        )
    if isinstance(error, run_lifecycle.NotAllowed):
        return problem(
            409, "wrong_state", str(error), found=str(error.found), allowed=[str(state) for state in error.allowed]
        )
    if isinstance(error, CanonicalError):
        return problem(_CANONICAL_STATUS.get(error.code, 400), error.code, error.detail)
    if isinstance(error, Eip712Error):
        status = 422 if error.code.startswith("signature_") else 400
        return problem(status, error.code, error.detail, field=getattr(error, "field", ""))
    if isinstance(error, SiweError):
        return problem(400 if error.code == "siwe_malformed" else 401, error.code, error.detail)
    if isinstance(error, IntakeError):
        return problem(error.status, error.code, str(error), found=error.found, allowed=error.allowed, line=error.line)
    if isinstance(error, PowerError):
        return problem(422, error.code, error.detail)
    if isinstance(error, SnapshotReorged):
        return problem(409, error.code, "the chain has dropped the snapshot block; this vote cannot be counted")
    if isinstance(error, ChainError):
        return problem(
            503, "chain_unavailable", "the chain does not give a usable answer; nothing was changed, try again"
        )
    if isinstance(error, RequestDataTooBig):
        return problem(413, "too_large", "a field of the form is too large")
    if isinstance(error, SuspiciousOperation):
        return problem(400, "malformed", "the request cannot be read")
    if isinstance(error, OperationalError | InterfaceError):
        return problem(503, "database_busy", "the database did not answer in time; nothing was changed, try again")
    return None


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer for Django REST framework; None lets a defect become a logged 500."""
    document = describe(error)
    if document is None:
        if isinstance(error, Http404):
            document = problem(404, "not_found", "there is no such thing at this address")
        elif isinstance(error, PermissionDenied):
            document = problem(403, "forbidden", "this is not allowed")
        elif isinstance(error, exceptions.APIException):
            code = _DRF_CODES.get(error.status_code, "refused")
            if error.status_code == exceptions.status.HTTP_403_FORBIDDEN and "CSRF" in str(error.detail):
                code = "csrf_failed"
            document = problem(error.status_code, code, _text(error.detail))
        else:
            return None
    _remember(document, context)
    response = Response(document, status=document["status"], content_type=CONTENT_TYPE)
    if document["status"] == HTTP_UNAVAILABLE:
        response["Retry-After"] = "5"
    if isinstance(error, TooMany):
        response["Retry-After"] = str(error.retry_after_seconds)
    return response


@csrf_exempt  # it changes nothing, and a stranger's POST is to be told the same
def not_found(request: HttpRequest) -> JsonResponse:
    """Answer an unknown address below /api/."""
    return JsonResponse(
        problem(404, "not_found", f"there is nothing at {request.path}"), status=404, content_type=CONTENT_TYPE
    )


def _remember(document: dict[str, Any], context: dict[str, Any]) -> None:
    """Add a refused change to the audit log; reading is not logged, and no input is repeated in the log.

    A busy database must not turn a clear answer into a defect: then the log lacks a line, and ours says so.
    """
    request = context.get("request")
    if request is None or request.method in {"GET", "HEAD", "OPTIONS"} or document["status"] == HTTP_UNAVAILABLE:
        return
    actor = str(getattr(request.user, "address", "")) if request.successful_authenticator else ""
    # Quoted: a path may hold any character, and PostgreSQL keeps no NUL.
    data = {"code": document["code"], "path": quote(request.path)[:200]}
    try:
        Event.objects.create(kind="refused", at=clock(), actor=actor, data=data)
    except (OperationalError, InterfaceError):
        logger.warning("the refusal %s is not in the audit log: the database is busy", document["code"])


def _state_code(error: lifecycle.NotAllowed) -> str:
    """Return the stable code of a refused action."""
    if error.action == lifecycle.Action.VOTE:
        not_open = error.found in {lifecycle.State.DRAFT, lifecycle.State.PENDING}
        return "voting_not_open" if not_open else "voting_closed"
    return {
        lifecycle.Action.EDIT: "proposal_frozen",
        lifecycle.Action.SUBMIT: "already_submitted",
        lifecycle.Action.EXECUTE: "not_executable",
    }.get(error.action, "wrong_state")


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return JSON data of bounded size for whatever was found."""
    if isinstance(value, bool | int):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in islice(value, 50)]
    return str(value)[:200]


def _text(detail: Any) -> str:  # noqa: ANN401 - DRF's nested lists and dicts
    if isinstance(detail, dict):
        return "; ".join(f"{name}: {_text(value)}" for name, value in detail.items())
    if isinstance(detail, list):
        return " ".join(_text(item) for item in detail)
    return str(detail)
