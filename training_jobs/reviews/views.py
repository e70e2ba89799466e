"""The JSON API of reviews: parse, call one service, present. The signature is the authority: nobody signs in."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.serializers.outputs import OfferOutput
from governance.views.base import REFUSED
from training_jobs.reviews import selectors, services
from training_jobs.reviews.serializers import AttestationInput, DrawnOutput, MessageInput, ReviewOutput


class RunReview(APIView):
    """The review of a run."""

    authentication_classes = ()

    @extend_schema(responses={200: ReviewOutput, **REFUSED}, operation_id="run_review")
    def get(self, _request: Request, pk: int) -> Response:
        """Answer with what is asked, and what was attested so far."""
        return Response(ReviewOutput(selectors.review(pk, clock.now())).data)


class RunReviewSamples(APIView):
    """The samples to read."""

    authentication_classes = ()

    @extend_schema(
        parameters=[OpenApiParameter("rule", str, required=True)],
        responses={200: DrawnOutput, **REFUSED},
        operation_id="run_review_samples",
    )
    def get(self, request: Request, pk: int) -> Response:
        """Answer with the samples that were drawn for one rule."""
        found = selectors.review(pk, clock.now())
        asked = selectors.duty_named(found, request.query_params.get("rule", ""))
        told = {"rule": asked.slug, "drawn": asked.what.drawn, "samples": selectors.samples_of(asked)}
        return Response(DrawnOutput(told).data)


class RunReviewMessage(APIView):
    """The message by which a reviewer attests."""

    authentication_classes = ()

    @extend_schema(request=MessageInput, responses={200: OfferOutput, **REFUSED}, operation_id="run_review_message")
    def post(self, request: Request, pk: int) -> Response:
        """Answer with the message to sign, or refuse what would not be taken in. Nothing is written."""
        said = MessageInput.read(request.data)
        message = services.offer(pk, said["rule"], said, clock.now())
        summary = f"{said['reviewer']} attests under the rule “{said['rule']}” of run {pk}: {said['finding']}"
        return Response(OfferOutput({"typed_data": message, "summary": summary}).data)


class RunReviewAttestations(APIView):
    """What reviewers signed."""

    authentication_classes = ()

    @extend_schema(request=AttestationInput, responses={200: ReviewOutput, **REFUSED}, operation_id="run_review_attest")
    def post(self, request: Request, pk: int) -> Response:
        """Take an attestation in; the run goes on by itself once enough have come."""
        said = AttestationInput.read(request.data)
        services.attest(pk, said["rule"], said, said["signature"], clock.now())
        return Response(ReviewOutput(selectors.review(pk, clock.now())).data)
