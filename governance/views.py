"""The JSON API of governance: parse, call one service, present. `config/api_errors.py` turns refusals into answers."""

from typing import Any

from django.contrib.auth import login, logout
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import eip712, services, sign_in
from governance.clock import now as clock
from governance.errors import Conflict, Forbidden, Malformed, NotAuthenticated, NotFound
from governance.evidence.record import DIGEST_PATTERN
from governance.kinds import all_kinds
from governance.lifecycle import State
from governance.models import Ballot, Community, Event, Proposal, Record
from governance.serializers import (
    BallotInput,
    BallotOfferOutput,
    CancelInput,
    CastOutput,
    CommunityOutput,
    DraftInput,
    DraftOutput,
    EventOutput,
    InvitationOutput,
    KindOutput,
    NonceInput,
    ProblemOutput,
    ProposalDetailOutput,
    ProposalOutput,
    ReceiptOutput,
    RecordOutput,
    SessionOutput,
    SignInInput,
    ballot_summary,
)

_REFUSED = {
    400: ProblemOutput,
    401: ProblemOutput,
    403: ProblemOutput,
    404: ProblemOutput,
    409: ProblemOutput,
    413: ProblemOutput,
    422: ProblemOutput,
    503: ProblemOutput,
}


def signed_in(request: Request) -> str:
    """Return the address that is signed in; raise NotAuthenticated for nobody."""
    if not request.user.is_authenticated:
        raise NotAuthenticated("not_signed_in", "sign in with a wallet first")
    return str(request.user.address)


def community_named(slug: str) -> Community:
    """Return the community or raise NotFound."""
    community = Community.objects.filter(slug=slug).first()
    if community is None:
        raise NotFound("unknown_community", "there is no such community", field="community", found=slug)
    return community


# --- sign-in ------------------------------------------------------------------------------------------------------


class NonceView(APIView):
    """Ask for a text to sign."""

    @extend_schema(request=NonceInput, responses={200: InvitationOutput, **_REFUSED}, operation_id="auth_nonce")
    def post(self, request: Request) -> Response:
        """Issue a nonce, bound to this browser session and good for one use within ten minutes."""
        values = NonceInput.read(request.data)
        address = eip712.parse_address(values["address"])  # a refusal leaves no session behind
        if not request.session.session_key:
            request.session.create()
        invitation = sign_in.invite(address, str(request.session.session_key), values.get("chain_id"), clock())
        return Response(InvitationOutput(invitation).data)


class VerifyView(APIView):
    """Sign in."""

    @extend_schema(request=SignInInput, responses={200: SessionOutput, **_REFUSED}, operation_id="auth_verify")
    def post(self, request: Request) -> Response:
        """Check the signed text and start a session under a new key."""
        values = SignInInput.read(request.data)
        account = sign_in.verify(
            values["message"], values["signature"], str(request.session.session_key or ""), clock()
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


# --- communities and kinds ----------------------------------------------------------------------------------------


class CommunityList(generics.ListAPIView[Community]):
    """All communities."""

    queryset = Community.objects.order_by("slug")
    serializer_class = CommunityOutput


class CommunityDetail(APIView):
    """One community."""

    @extend_schema(responses={200: CommunityOutput, 404: ProblemOutput}, operation_id="community")
    def get(self, _request: Request, slug: str) -> Response:
        """Answer with the community."""
        return Response(CommunityOutput(community_named(slug)).data)


class KindList(APIView):
    """All kinds of proposals."""

    @extend_schema(responses=KindOutput(many=True), operation_id="kinds")
    def get(self, _request: Request) -> Response:
        """Answer with every kind."""
        return Response(KindOutput(all_kinds().values(), many=True).data)


# --- drafts -------------------------------------------------------------------------------------------------------


def _draft(values: dict[str, Any]) -> services.Draft:
    timing = {name: values[name] for name in ("opens_at", "voting_period_seconds") if name in values}
    return services.Draft(values["kind"], values["title"], values["text"], values["payload"], timing)


class DraftList(APIView):
    """Write drafts."""

    @extend_schema(request=DraftInput, responses={201: DraftOutput, **_REFUSED}, operation_id="draft_create")
    def post(self, request: Request) -> Response:
        """Store a draft."""
        author = signed_in(request)
        values = DraftInput.read(request.data)
        proposal = services.create_draft(community_named(values["community"]), author, _draft(values), clock())
        return Response(DraftOutput(proposal).data, status=status.HTTP_201_CREATED)


class DraftDetail(APIView):
    """One draft of one's own."""

    @extend_schema(responses={200: DraftOutput, **_REFUSED}, operation_id="draft")
    def get(self, request: Request, pk: int) -> Response:
        """Answer with the draft, to its author only."""
        actor = signed_in(request)
        proposal = Proposal.objects.select_related("community").filter(pk=pk, submitted_at__isnull=True).first()
        if proposal is None:
            raise NotFound("unknown_draft", "there is no such draft", found=pk)
        if proposal.author != actor:
            raise Forbidden("not_the_author", "only its author may read a draft")
        return Response(DraftOutput(proposal).data)

    @extend_schema(request=DraftInput, responses={200: DraftOutput, **_REFUSED}, operation_id="draft_edit")
    def put(self, request: Request, pk: int) -> Response:
        """Replace the draft."""
        actor = signed_in(request)
        return Response(
            DraftOutput(services.edit_draft(pk, actor, _draft(DraftInput.read(request.data)), clock())).data
        )


class DraftSubmit(APIView):
    """Put a draft to the vote."""

    @extend_schema(request=None, responses={201: ProposalOutput, **_REFUSED}, operation_id="draft_submit")
    def post(self, request: Request, pk: int) -> Response:
        """Freeze and submit."""
        proposal = services.submit(pk, signed_in(request), clock())
        return Response(ProposalOutput(proposal).data, status=status.HTTP_201_CREATED)


# --- proposals ----------------------------------------------------------------------------------------------------


class ProposalList(generics.ListAPIView[Proposal]):
    """Submitted proposals, newest first."""

    serializer_class = ProposalOutput

    @extend_schema(
        parameters=[
            OpenApiParameter("community", str),
            OpenApiParameter("state", str, enum=[str(state) for state in State]),
            OpenApiParameter("kind", str),
        ],
        responses={200: ProposalOutput(many=True), 400: ProblemOutput},
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - DRF's signature
        """Answer with one page."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Proposal]:
        """Apply the filters of the address."""
        proposals = Proposal.objects.submitted().select_related("community", "record").order_by("-pk")
        filters = self.request.query_params
        if "community" in filters:
            proposals = proposals.filter(community__slug=_plain(filters["community"]))
        if "kind" in filters:
            proposals = proposals.filter(kind=_plain(filters["kind"]))
        if "state" in filters:
            if filters["state"] not in set(State):
                raise Malformed(
                    "malformed_field",
                    "there is no such state",
                    field="state",
                    found=filters["state"],
                    allowed=sorted(State),
                )
            proposals = proposals.in_state(State(filters["state"]), clock())
        return proposals


class ProposalDetail(APIView):
    """One proposal."""

    @extend_schema(responses={200: ProposalDetailOutput, **_REFUSED}, operation_id="proposal")
    def get(self, _request: Request, public_id: str) -> Response:
        """Answer with the proposal and its count so far."""
        return Response(ProposalDetailOutput(services.proposal_by_public_id(public_id)).data)

    @extend_schema(request=None, responses={409: ProblemOutput, **_REFUSED}, operation_id="proposal_edit")
    def patch(self, request: Request, public_id: str) -> Response:
        """Refuse: ballots sign the digest of a submitted proposal, so it is frozen."""
        signed_in(request)
        services.proposal_by_public_id(public_id)
        raise Conflict("proposal_frozen", "a submitted proposal cannot be changed; cancel it and submit another")


class ProposalCancel(APIView):
    """Take a proposal back."""

    @extend_schema(request=CancelInput, responses={200: ProposalOutput, **_REFUSED}, operation_id="proposal_cancel")
    def post(self, request: Request, public_id: str) -> Response:
        """Cancel one's own proposal."""
        actor = signed_in(request)
        reason = CancelInput.read(request.data)["reason"]
        proposal = services.proposal_by_public_id(public_id)
        return Response(ProposalOutput(services.cancel(proposal.pk, actor, reason, clock())).data)


class ProposalExecute(APIView):
    """Carry out a decision whose timelock has passed."""

    @extend_schema(
        request=None,
        responses={200: ProposalDetailOutput, 202: ProposalDetailOutput, **_REFUSED},
        operation_id="proposal_execute",
    )
    def post(self, request: Request, public_id: str) -> Response:
        """Execute; repeating it changes nothing and answers 200."""
        actor = signed_in(request)
        proposal, executed = services.execute(services.proposal_by_public_id(public_id).pk, clock(), actor)
        code = status.HTTP_202_ACCEPTED if executed else status.HTTP_200_OK
        return Response(ProposalDetailOutput(proposal).data, status=code)


class ProposalEvents(generics.ListAPIView[Event]):
    """The audit log of a proposal."""

    serializer_class = EventOutput

    def get_queryset(self) -> QuerySet[Event]:
        """Return the events of the proposal."""
        if getattr(self, "swagger_fake_view", False):
            return Event.objects.none()
        return Event.objects.filter(proposal=services.proposal_by_public_id(self.kwargs["public_id"]))


# --- ballots ------------------------------------------------------------------------------------------------------


class BallotMessage(APIView):
    """The message to sign."""

    @extend_schema(
        parameters=[
            OpenApiParameter("voter", str, required=True),
            OpenApiParameter("choice", int, required=True),
            OpenApiParameter("reason", str),
        ],
        responses={200: BallotOfferOutput, **_REFUSED},
        operation_id="ballot_message",
    )
    def get(self, request: Request, public_id: str) -> Response:
        """Answer with the EIP-712 message, after checking that its ballot would be accepted."""
        proposal = services.proposal_by_public_id(public_id)
        choice = request.query_params.get("choice", "")
        if not choice.isascii() or not choice.isdigit() or len(choice) > 3:  # noqa: PLR2004 - uint8
            raise Malformed("malformed_field", "a choice is a whole number", field="choice", found=choice)
        voter = request.query_params.get("voter", "")
        reason = _plain(request.query_params.get("reason", ""))
        offer = services.offer_ballot(proposal, voter, int(choice), reason, clock())
        return Response(
            BallotOfferOutput(
                {
                    "typed_data": offer.typed_data,
                    "nonce": offer.nonce,
                    "power": str(offer.power),
                    "summary": ballot_summary(proposal, int(choice), voter),
                }
            ).data
        )


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
    """Cast ballots. The signature is the authority: no session is needed, and none is looked at."""

    authentication_classes = ()

    @extend_schema(
        request=BallotInput, responses={201: CastOutput, 200: CastOutput, **_REFUSED}, operation_id="ballot_cast"
    )
    def post(self, request: Request) -> Response:
        """Accept a signed ballot; the same ballot again is answered with the same receipt."""
        ballot, created = services.cast_ballot(BallotInput.to_request(request.data), clock())
        receipt = ReceiptOutput(Ballot.objects.select_related("record", "proposal").get(pk=ballot.pk)).data
        code = status.HTTP_201_CREATED if created else status.HTTP_200_OK
        return Response({"receipt": receipt, "url": receipt["url"]}, status=code)  # CastOutput


class BallotReceipt(APIView):
    """The receipt of a ballot."""

    @extend_schema(responses={200: ReceiptOutput, **_REFUSED}, operation_id="ballot_receipt")
    def get(self, _request: Request, digest: str) -> Response:
        """Answer with the receipt."""
        ballot = Ballot.objects.select_related("record", "proposal").filter(record_id=_digest(digest)).first()
        if ballot is None:
            raise NotFound("unknown_ballot", "there is no such ballot", found=digest)
        return Response(ReceiptOutput(ballot).data)


class RecordDetail(APIView):
    """Any record, by its digest."""

    @extend_schema(responses={200: RecordOutput, **_REFUSED}, operation_id="record")
    def get(self, _request: Request, digest: str) -> Response:
        """Answer with the record."""
        record = Record.objects.filter(digest=_digest(digest)).first()
        if record is None:
            raise NotFound("unknown_record", "there is no such record", found=digest)
        return Response(RecordOutput(record).data)


def _digest(text: str) -> str:
    if not DIGEST_PATTERN.fullmatch(text):
        raise Malformed("malformed_field", "a digest is 64 lower-case hex digits", field="digest", found=text)
    return text


def _plain(text: str) -> str:
    """Refuse the one character that a database cannot keep."""
    if "\x00" in text:
        raise Malformed("forbidden_character", "the NUL character is not allowed")
    return text
