"""Passkeys of readers, over JSON because a browser's passkey speaks it: ask for a question, answer it."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import get_language
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.errors import Malformed
from governance.models import Reader
from governance.networks import network_of
from governance.readers import passkeys, sessions
from governance.serializers import ProblemOutput
from governance.serializers.readers import (
    PasskeyBeginInput,
    PasskeyDoneOutput,
    PasskeyFinishInput,
    PasskeyOptionsOutput,
)
from governance.views.base import REFUSED

REFUSED_OR_MANY = {**REFUSED, 429: ProblemOutput}


class CheckedSession(SessionAuthentication):
    """The session, with the check against forged requests for everybody: a reader is nobody to Django's own."""

    def authenticate(self, request: Request) -> Any:  # noqa: ANN401 - REST framework's signature
        """Return who signed in with a wallet; refuse a change that another site could have sent."""
        found = super().authenticate(request)
        if found is None and request.method not in SAFE_METHODS:
            self.enforce_csrf(request)
        return found


class _CheckedSessionSchema(OpenApiAuthenticationExtension):
    """Documents it as the session cookie, with a name of its own: changes need the CSRF token from everybody."""

    target_class = CheckedSession
    name = "readerCookie"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ANN401 - the library's signature
        """Return the cookie."""
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


class PasskeyBegin(APIView):
    """Ask for a question that a passkey answers."""

    authentication_classes = (CheckedSession,)

    @extend_schema(
        request=PasskeyBeginInput,
        responses={200: PasskeyOptionsOutput, **REFUSED_OR_MANY},
        operation_id="auth_passkey_begin",
    )
    def post(self, request: Request) -> Response:
        """Issue a challenge, bound to this browser session and good for one answer within ten minutes."""
        purpose = PasskeyBeginInput.read(request.data)["purpose"]
        begin = _one_of(purpose, {passkeys.JOIN: _begin_join, passkeys.ADD: _begin_add, passkeys.SIGN_IN: _begin})
        return Response({"public_key": begin(request)})


class PasskeyFinish(APIView):
    """Answer it."""

    authentication_classes = (CheckedSession,)

    @extend_schema(
        request=PasskeyFinishInput,
        responses={200: PasskeyDoneOutput, **REFUSED_OR_MANY},
        operation_id="auth_passkey_finish",
    )
    def post(self, request: Request) -> Response:
        """Check the answer, and go on under a new session key as the reader of this passkey."""
        values = PasskeyFinishInput.read(request.data)
        finish = _one_of(
            values["purpose"],
            {passkeys.JOIN: _finish_join, passkeys.ADD: _finish_add, passkeys.SIGN_IN: _finish},
        )
        sessions.open_session(request._request, finish(request, values))  # noqa: SLF001 - Django's request
        return Response(PasskeyDoneOutput({"signed_in": True}).data)


def _begin_join(request: Request) -> dict[str, Any]:
    return passkeys.begin_joining(asker(request), clock.now())


def _begin_add(request: Request) -> dict[str, Any]:
    return passkeys.begin_adding(_me(request), asker(request), clock.now())


def _begin(request: Request) -> dict[str, Any]:
    return passkeys.begin_signing_in(asker(request), clock.now())


def _finish_join(request: Request, values: dict[str, Any]) -> Reader:
    language = get_language() or ""
    return passkeys.finish_joining(values["answer"], values["name"], language, asker(request), clock.now())


def _finish_add(request: Request, values: dict[str, Any]) -> Reader:
    reader = _me(request)
    passkeys.finish_adding(reader, values["answer"], values["name"], asker(request), clock.now())
    return reader


def _finish(request: Request, values: dict[str, Any]) -> Reader:
    return passkeys.finish_signing_in(values["answer"], asker(request), clock.now())


def _me(request: Request) -> Reader:
    """Return who follows in this browser; raise NotAuthenticated for nobody."""
    return sessions.needed(request._request, get_language() or "", clock.now())  # noqa: SLF001 - Django's request


def asker(request: Request) -> passkeys.Asker:
    """Return which browser asks; one without a session gets one when it asks for a question."""
    if not request.session.session_key:
        request.session.create()
    return passkeys.Asker(str(request.session.session_key), network_of(request._request, clock.now()))  # noqa: SLF001


def _one_of(purpose: str, choices: dict[str, Callable[..., Any]]) -> Callable[..., Any]:
    if purpose not in choices:
        raise Malformed("malformed_field", "not a purpose", field="purpose", found=purpose, allowed=sorted(choices))
    return choices[purpose]
