"""Casting ballots, their receipts, and any record by its digest."""

import json
import re
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock, services
from governance.errors import Malformed, NotFound
from governance.evidence.canonical import strict_loads
from governance.models import Ballot, Record
from governance.serializers.inputs import BallotInput
from governance.serializers.outputs import (
    BallotOfferOutput,
    CastOutput,
    ReceiptOutput,
    RecordOutput,
    ballot_summary,
    receipt_of,
)
from governance.views.base import REFUSED, digest_of, plain

CHOICE_BYTES_MAX = 10_000
JSON = "application/json"
ANYTHING = "*/*"
_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))
_WHOLE_NUMBER = re.compile(r"0|[1-9][0-9]{0,2}")  # uint8


class BallotMessage(APIView):
    """The message to sign."""

    @extend_schema(
        parameters=[
            OpenApiParameter("voter", str, required=True),
            OpenApiParameter(
                "choice", str, required=True, description='a whole number, or JSON such as [2,1,3] or {"1":60,"2":40}'
            ),
            OpenApiParameter("reason", str),
        ],
        responses={200: BallotOfferOutput, **REFUSED},
        operation_id="ballot_message",
    )
    def get(self, request: Request, public_id: str) -> Response:
        """Answer with the EIP-712 message, after checking that its ballot would be accepted."""
        proposal = services.proposal_by_public_id(public_id)
        choice = read_choice(request.query_params.get("choice", ""))
        voter = request.query_params.get("voter", "")
        reason = plain(request.query_params.get("reason", ""))
        offer = services.offer_ballot(proposal, voter, choice, reason, clock.now())
        answer = {
            "typed_data": offer.typed_data,
            "nonce": offer.nonce,
            "power": str(offer.power),
            "delegated": str(offer.delegated),
            "house_power": str(offer.house_power),
            "summary": ballot_summary(proposal, choice, voter),
        }
        return Response(BallotOfferOutput(answer).data)


def read_choice(text: str) -> Any:  # noqa: ANN401 - any JSON
    """Read a choice from the address: a whole number in its one spelling, a list or an object."""
    if text[:1] in {"[", "{"}:
        return strict_loads(text.encode(), max_bytes=CHOICE_BYTES_MAX)
    if not _WHOLE_NUMBER.fullmatch(text):
        raise Malformed("malformed_field", "a choice is a whole number", field="choice", found=text)
    return int(text)


class ProposalBallots(generics.ListAPIView[Ballot]):
    """The counting ballots of a proposal."""

    serializer_class = ReceiptOutput

    def get_queryset(self) -> QuerySet[Ballot]:
        """Return them in the order of the Merkle tree."""
        if getattr(self, "swagger_fake_view", False):
            return Ballot.objects.none()
        proposal = services.proposal_by_public_id(self.kwargs["public_id"])
        return proposal.ballots.counting().select_related("record", "proposal")


class BallotList(APIView):
    """Cast ballots. The signature is the authority: no session is needed, and none is looked at.

    At the close of a vote this is the busiest place of the site, so an accepted ballot does not pass through the
    framework: `dispatch` answers it. What is refused, or is not plain JSON, goes the usual way.
    """

    authentication_classes = ()
    _refusal: Exception | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401 - Django's
        """Answer a ballot that is accepted; keep what refuses one for `post`, where every error gets its form."""
        if _is_plain(request):
            try:
                body, code = _cast(self.parser_classes[0]().parse(request))
                return HttpResponse(_ENCODER.encode(body), status=code, content_type="application/json")
            except Exception as refusal:  # noqa: BLE001 - raised again in `post`
                self._refusal = refusal
        return super().dispatch(request, *args, **kwargs)

    @extend_schema(
        request=BallotInput, responses={201: CastOutput, 200: CastOutput, **REFUSED}, operation_id="ballot_cast"
    )
    def post(self, request: Request) -> Response:
        """Accept a signed ballot; the same ballot again is answered with the same receipt."""
        if self._refusal is not None:
            raise self._refusal
        body, code = _cast(request.data)
        return Response(body, status=code)


def _is_plain(request: HttpRequest) -> bool:
    """Whether a request is JSON for JSON: some body, and nothing to negotiate."""
    return (
        request.method == "POST"
        and request.content_type == JSON
        and request.META.get("HTTP_ACCEPT", ANYTHING) in {JSON, ANYTHING}
        and not request.META.get("QUERY_STRING")
        and request.META.get("CONTENT_LENGTH", "").strip("0").isdigit()
    )


def _cast(data: object) -> tuple[dict[str, Any], int]:
    """Return the answer to a ballot (CastOutput) with its status."""
    ballot, created = services.cast_ballot(BallotInput.to_request(data), clock.now())
    receipt = receipt_of(ballot)
    return {"receipt": receipt, "url": receipt["url"]}, status.HTTP_201_CREATED if created else status.HTTP_200_OK


class BallotReceipt(APIView):
    """The receipt of a ballot."""

    @extend_schema(responses={200: ReceiptOutput, **REFUSED}, operation_id="ballot_receipt")
    def get(self, _request: Request, digest: str) -> Response:
        """Answer with the receipt."""
        ballot = Ballot.objects.select_related("record", "proposal").filter(record_id=digest_of(digest)).first()
        if ballot is None:
            raise NotFound("unknown_ballot", "there is no such ballot", found=digest)
        return Response(ReceiptOutput(ballot).data)


class RecordDetail(APIView):
    """Any record, by its digest."""

    @extend_schema(responses={200: RecordOutput, **REFUSED}, operation_id="record")
    def get(self, _request: Request, digest: str) -> Response:
        """Answer with the record."""
        record = Record.objects.filter(digest=digest_of(digest)).first()
        if record is None:
            raise NotFound("unknown_record", "there is no such record", found=digest)
        return Response(RecordOutput(record).data)
