"""The JSON API of rights: parse, call one service, present."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.errors import NotFound
from governance.networks import network_of
from governance.serializers import ProblemOutput
from governance.serializers.outputs import ProposalOutput
from governance.views.base import REFUSED, community_named, plain, signed_in
from models_registry import contacts
from models_registry.incidents.services import is_steward
from models_registry.models import Version
from models_registry.rights import selectors, services
from models_registry.rights.serializers import (
    AskedOutput,
    AskInput,
    BlastInput,
    BlastOutput,
    CreditsOutput,
    DeclineInput,
    ForgetInput,
    PrivateOutput,
    RemovalOutput,
    RequestOutput,
    ShareOutput,
)

COMMUNITY = OpenApiParameter("community", str, required=True)
REFERENCE = OpenApiParameter("reference", str, "path")


class RequestList(APIView):
    """Requests to take data out: what everybody may read of them, and asking."""

    @extend_schema(
        parameters=[COMMUNITY], responses={200: RequestOutput(many=True), **REFUSED}, operation_id="removal_requests"
    )
    def get(self, request: Request) -> Response:
        """Answer with all requests of a community, newest first."""
        community = community_named(plain(request.query_params.get("community", "")))
        return Response(RequestOutput(selectors.requests_of(community, clock.now()), many=True).data)

    @extend_schema(
        request=AskInput, responses={201: AskedOutput, **REFUSED, 429: ProblemOutput}, operation_id="removal_ask"
    )
    def post(self, request: Request) -> Response:
        """Ask that data be taken out. Nobody needs to sign in who says how to reach them."""
        values = AskInput.read(request.data)
        asking = services.Asking(
            dataset=values["dataset"],
            scope=values["scope"],
            reason=plain(values["reason"]),
            records=tuple(plain(name) for name in values["records"]),
            source=values["source"],
            contact=plain(values["contact"]),
        )
        actor = str(request.user.address) if request.user.is_authenticated else ""
        now = clock.now()
        made = services.ask(asking, actor, now, network_of(request, now))
        row = selectors.request_named(made.reference, clock.now())
        return Response(AskedOutput(row).data, status=status.HTTP_201_CREATED)


class RequestDetail(APIView):
    """One request."""

    @extend_schema(parameters=[REFERENCE], responses={200: RequestOutput, **REFUSED}, operation_id="removal_request")
    def get(self, request: Request, reference: str) -> Response:
        """Answer with the request; stewards are told the reason and the contact, too."""
        row = selectors.request_named(reference, clock.now())
        actor = str(request.user.address) if request.user.is_authenticated else ""
        private = is_steward(row.request.community, actor, clock.now())
        return Response((PrivateOutput if private else RequestOutput)(row).data)


class RequestDecline(APIView):
    """Declining a request, as a steward."""

    @extend_schema(
        parameters=[REFERENCE],
        request=DeclineInput,
        responses={200: RequestOutput, **REFUSED},
        operation_id="removal_decline",
    )
    def post(self, request: Request, reference: str) -> Response:
        """Decline it, with a reason that everybody can read."""
        actor = signed_in(request)
        services.decline(reference, actor, plain(DeclineInput.read(request.data)["reason"]), clock.now())
        return Response(RequestOutput(selectors.request_named(reference, clock.now())).data)


class RequestContact(APIView):
    """How to reach whoever asked."""

    @extend_schema(
        parameters=[REFERENCE], request=ForgetInput, responses={204: None, **REFUSED}, operation_id="removal_forget"
    )
    def post(self, request: Request, reference: str) -> Response:
        """Erase it, as a steward or as whoever asked: signed in, or by the salt in the answer to the request."""
        actor = str(request.user.address) if request.user.is_authenticated else ""
        salt = ForgetInput.read(request.data)["salt"]
        contacts.erase_of_request(reference, actor, clock.now(), salt)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SourceContacts(APIView):
    """How to reach the sources of a dataset."""

    @extend_schema(
        parameters=[OpenApiParameter("digest", str, "path")],
        request=None,
        responses={204: None, **REFUSED},
        operation_id="dataset_forget_contacts",
    )
    def post(self, request: Request, digest: str) -> Response:
        """Erase it, as a steward or as whoever registered the dataset."""
        contacts.erase_of_sources(digest, signed_in(request), clock.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class RequestDraft(APIView):
    """From a request to a proposal."""

    @extend_schema(
        parameters=[REFERENCE], request=None, responses={201: ProposalOutput, **REFUSED}, operation_id="removal_draft"
    )
    def post(self, request: Request, reference: str) -> Response:
        """Write the draft of a proposal that does what the request asks."""
        draft = services.draft_removal(reference, signed_in(request), clock.now())
        return Response(ProposalOutput(draft).data, status=status.HTTP_201_CREATED)


class RemovalList(APIView):
    """What was removed."""

    @extend_schema(
        parameters=[COMMUNITY], responses={200: RemovalOutput(many=True), **REFUSED}, operation_id="removals"
    )
    def get(self, request: Request) -> Response:
        """Answer with all removals of a community, newest first."""
        community = community_named(plain(request.query_params.get("community", "")))
        return Response(RemovalOutput(selectors.removals_of(community), many=True).data)


class BlastRadius(APIView):
    """Which versions learnt from something."""

    @extend_schema(
        parameters=[
            COMMUNITY,
            OpenApiParameter("by", str, required=True),
            OpenApiParameter("value", str, required=True),
        ],
        responses={200: BlastOutput, **REFUSED},
        operation_id="blast_radius",
    )
    def get(self, request: Request) -> Response:
        """Answer for a record, shard, source or dataset (`by`) of a digest or name (`value`)."""
        values = BlastInput.read(dict(request.query_params.items()))
        community = community_named(plain(values["community"]))
        return Response(BlastOutput(selectors.search(community, values["by"], plain(values["value"]))).data)


class ReleaseContributors(APIView):
    """Whose data a release learnt from."""

    @extend_schema(
        parameters=[OpenApiParameter("revision", str, "path")],
        responses={200: ShareOutput(many=True), 404: ProblemOutput},
        operation_id="release_contributors",
    )
    def get(self, _request: Request, revision: str) -> Response:
        """Answer with the exact part of the run's rows that each contributor gave, the largest first."""
        version = Version.objects.select_related("release_record").filter(revision=revision).first()
        if version is None:
            raise NotFound("unknown_release", "there is no such release", found=revision)
        return Response(ShareOutput(selectors.shares_of(version), many=True).data)


class ContributionCredits(APIView):
    """Credits for what members gave."""

    @extend_schema(
        parameters=[COMMUNITY], responses={200: CreditsOutput, **REFUSED}, operation_id="contribution_credits"
    )
    def get(self, request: Request) -> Response:
        """Answer with the parameters that a charter's power source `contribution_credits` takes."""
        community = community_named(plain(request.query_params.get("community", "")))
        return Response(CreditsOutput({"credits": selectors.contribution_credits(community)}).data)
