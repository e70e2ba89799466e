"""Passkeys for seats, over JSON: ask for a question, answer it with a new passkey, look up the key of one."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.readers import seats
from governance.serializers.readers import PasskeyOptionsOutput
from governance.serializers.seats import PasskeySeatInput, PasskeySeatOutput
from governance.views.base import REFUSED
from governance.views.readers import REFUSED_OR_MANY, CheckedSession, asker


class PasskeySeatBegin(APIView):
    """Ask for a question that a new passkey answers."""

    authentication_classes = (CheckedSession,)

    @extend_schema(
        request=None, responses={200: PasskeyOptionsOutput, **REFUSED_OR_MANY}, operation_id="passkey_seat_begin"
    )
    def post(self, request: Request) -> Response:
        """Issue a challenge, bound to this browser session and good for one answer within ten minutes."""
        return Response({"public_key": seats.begin_seat(asker(request), clock.now())})


class PasskeySeats(APIView):
    """Make a passkey that can hold a seat."""

    authentication_classes = (CheckedSession,)

    @extend_schema(
        request=PasskeySeatInput,
        responses={201: PasskeySeatOutput, **REFUSED_OR_MANY},
        operation_id="passkey_seat_create",
    )
    def post(self, request: Request) -> Response:
        """Check the answer and return the passkey's address. Nobody is signed in, and nobody has a seat by it yet."""
        answer = PasskeySeatInput.read(request.data)["answer"]
        made = seats.finish_seat(answer, asker(request), clock.now())
        return Response(PasskeySeatOutput(made).data, status=status.HTTP_201_CREATED)


class PasskeySeatDetail(APIView):
    """The key of a passkey."""

    @extend_schema(responses={200: PasskeySeatOutput, **REFUSED}, operation_id="passkey_seat")
    def get(self, request: Request, credential: str) -> Response:
        """Return key and address of a passkey that was made here, by its credential id (base64url)."""
        return Response(PasskeySeatOutput(seats.seat_of(credential)).data)
