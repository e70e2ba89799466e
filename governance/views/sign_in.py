"""Signing in and out with a wallet."""

from django.contrib.auth import login, logout
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock, eip712, sign_in
from governance.serializers.inputs import NonceInput, SignInInput
from governance.serializers.outputs import InvitationOutput, SessionOutput
from governance.views.base import REFUSED


class NonceView(APIView):
    """Ask for a text to sign."""

    @extend_schema(request=NonceInput, responses={200: InvitationOutput, **REFUSED}, operation_id="auth_nonce")
    def post(self, request: Request) -> Response:
        """Issue a nonce, bound to this browser session and good for one use within ten minutes."""
        values = NonceInput.read(request.data)
        address = eip712.parse_address(values["address"])  # a refusal leaves no session behind
        if not request.session.session_key:
            request.session.create()
        invitation = sign_in.invite(address, str(request.session.session_key), values.get("chain_id"), clock.now())
        return Response(InvitationOutput(invitation).data)


class VerifyView(APIView):
    """Sign in."""

    @extend_schema(request=SignInInput, responses={200: SessionOutput, **REFUSED}, operation_id="auth_verify")
    def post(self, request: Request) -> Response:
        """Check the signed text and start a session under a new key."""
        values = SignInInput.read(request.data)
        account = sign_in.verify(
            values["message"], values["signature"], str(request.session.session_key or ""), clock.now()
        )
        login(request, account, backend="django.contrib.auth.backends.ModelBackend")
        return Response(SessionOutput({"address": account.address}).data)


class LogoutView(APIView):
    """Sign out."""

    @extend_schema(request=None, responses={204: None}, operation_id="auth_logout")
    def post(self, request: Request) -> Response:
        """End the session."""
        logout(request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SessionView(APIView):
    """Who is signed in."""

    @extend_schema(responses=SessionOutput, operation_id="auth_session")
    def get(self, request: Request) -> Response:
        """Answer with the address, or null."""
        address = request.user.address if request.user.is_authenticated else None
        return Response(SessionOutput({"address": address}).data)
