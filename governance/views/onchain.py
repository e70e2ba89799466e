"""Governing by contract: unsigned transactions for members' own wallets, and how a proposal stands on its chain."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock, selectors, services
from governance.errors import Invalid, NotFound
from governance.models import Proposal
from governance.onchain import offering, promised, shown
from governance.serializers.onchain import (
    CommunityContractOutput,
    ContractOfferOutput,
    ContractStandOutput,
    ContractTransactionInput,
    ContractTransactionOutput,
    ContractVoteMessageOutput,
)
from governance.views.base import REFUSED, number, signed_in

ACTIONS = ("vote", "vote_by_signature", "queue", "execute", "cancel")


class CommunityContract(APIView):
    """The Governor of a community, and what its votes changed of its own numbers."""

    @extend_schema(responses={200: CommunityContractOutput, **REFUSED}, operation_id="community_contract")
    def get(self, _request: Request, slug: str) -> Response:
        """Answer with the contracts, and each changed number beside what the charter says."""
        found = promised.numbers_of(selectors.community_named(slug))
        if found is None:
            raise NotFound("not_on_chain", "no Governor of this community is followed", found=slug)
        return Response(CommunityContractOutput(found).data)


class DraftTransactions(APIView):
    """Propose a draft to the community's Governor."""

    @extend_schema(request=None, responses={200: ContractOfferOutput, **REFUSED}, operation_id="draft_transaction")
    def post(self, request: Request, pk: int) -> Response:
        """Answer with the transaction that the author's wallet is to send."""
        transaction, offer = offering.propose(pk, signed_in(request), clock.now())
        answer = {
            "transaction": transaction,
            "number": offer.number,
            "approves": offer.approves,
            "description": offer.description,
        }
        return Response(ContractOfferOutput(answer).data)


class ProposalTransactions(APIView):
    """Vote, queue, execute or cancel by a transaction. Nobody has to be signed in: the chain checks who sends it."""

    authentication_classes = ()

    @extend_schema(
        request=ContractTransactionInput,
        responses={200: ContractTransactionOutput, **REFUSED},
        operation_id="proposal_transaction",
    )
    def post(self, request: Request, public_id: str) -> Response:
        """Answer with the transaction to send."""
        values = ContractTransactionInput.read(request.data)
        proposal = services.proposal_by_public_id(public_id)
        return Response(ContractTransactionOutput({"transaction": _transaction(proposal, values)}).data)


class ProposalContractVoteMessage(APIView):
    """The message by which a voter lets somebody else send the vote."""

    authentication_classes = ()

    @extend_schema(
        parameters=[
            OpenApiParameter("voter", str, required=True),
            OpenApiParameter("choice", int, required=True),
            OpenApiParameter("reason", str),
        ],
        responses={200: ContractVoteMessageOutput, **REFUSED},
        operation_id="contract_vote_message",
    )
    def get(self, request: Request, public_id: str) -> Response:
        """Answer with the Governor's own typed data."""
        proposal = services.proposal_by_public_id(public_id)
        voter, reason = request.query_params.get("voter", ""), request.query_params.get("reason", "")
        data = offering.vote_message(proposal, voter, number(request, "choice"), reason, clock.now())
        return Response(ContractVoteMessageOutput({"typed_data": data}).data)


class ProposalContract(APIView):
    """How a proposal stands on its chain."""

    @extend_schema(responses={200: ContractStandOutput, **REFUSED}, operation_id="proposal_contract")
    def get(self, _request: Request, public_id: str) -> Response:
        """Answer with the contracts, the Governor's id, and what may be sent now."""
        found = shown.shown_of(services.proposal_by_public_id(public_id), clock.now())
        if found is None:
            raise NotFound("not_on_chain", "this proposal was not made through a Governor", found=public_id)
        return Response(ContractStandOutput(found).data)


def _transaction(proposal: Proposal, values: dict[str, object]) -> dict[str, str]:
    moment, action, choice = clock.now(), str(values["action"]), values.get("choice")
    reason = str(values["reason"])
    if action.startswith("vote") and type(choice) is not int:
        raise Invalid("missing_field", "a vote names its choice", field="choice", allowed="0, 1 or 2")
    if action == "vote":
        return offering.vote(proposal, int(str(choice)), reason, moment)
    if action == "vote_by_signature":
        voter, signature = str(values["voter"]), str(values["signature"])
        return offering.vote_by_signature(proposal, voter, int(str(choice)), reason, signature, moment)
    if action == "cancel":
        return offering.cancel(proposal, moment)
    if action in ("queue", "execute"):
        return {"queue": offering.queue, "execute": offering.execute}[action](proposal, moment)
    raise Invalid("unknown_action", "there is no such action", field="action", found=action, allowed=ACTIONS)
