"""Who a request of a machine comes from: a Bearer token in the header, never a session, never the address.

A token in a query string is not looked at, so that none ends in a log of addresses.
"""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.errors import Forbidden, NotAuthenticated
from training_jobs.models import Runner, RunnerToken
from training_jobs.runners import services, tokens

UNAUTHORIZED = 401


class BearerToken(BaseAuthentication):
    """Reads the token; whether one is needed, and with which scope, the view says."""

    def authenticate(self, request: Request) -> tuple[Runner, RunnerToken] | None:
        """Return runner and token, or nothing for a token that is unknown, expired or revoked: all three look alike."""
        text = tokens.from_header(request.headers.get("Authorization", ""))
        token = services.token_named(text, clock.now()) if text else None
        return (token.runner, token) if token else None


class BearerTokenScheme(OpenApiAuthenticationExtension):
    """How the API's document names it; registered by being defined."""

    target_class = BearerToken
    name = "runner_token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ANN401 - drf-spectacular's signature
        """Return the scheme."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "cwr_…"}


class RunnerView(APIView):
    """The base of every call of a runner. `scope` is what its token must be good for."""

    authentication_classes = (BearerToken,)
    scope = tokens.WRITE
    runner: Runner
    token: RunnerToken

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - DRF's signature
        """Let nobody in without a token of this scope."""
        super().initial(request, *args, **kwargs)
        if not isinstance(request.auth, RunnerToken):
            raise NotAuthenticated("token_rejected", "this needs a valid token of a runner in the Authorization header")
        if self.scope not in request.auth.scopes:
            raise Forbidden("scope_missing", "the token is not good for this", allowed=self.scope)
        self.token, self.runner = request.auth, request.auth.runner

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - DRF's signature
        """Say which kind of key is asked for (RFC 6750, section 3)."""
        final: Response = super().finalize_response(request, response, *args, **kwargs)
        if final.status_code == UNAUTHORIZED:
            final["WWW-Authenticate"] = "Bearer"
        return final
