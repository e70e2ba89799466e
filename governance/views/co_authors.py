"""Drafts that several people write: sharing, co-authors, versions and what differs between them, proposals like it."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.deliberation import co_authors, comments, reading, versions
from governance.errors import NotFound
from governance.models import DraftVersion, Proposal
from governance.serializers.deliberation import (
    CoAuthorAnswerInput,
    CoAuthorInput,
    CoAuthorOutput,
    DraftComparedOutput,
    DraftVersionOutput,
    SimilarOutput,
)
from governance.serializers.outputs import DraftOutput
from governance.services.common import get_proposal, is_co_author, require_co_author
from governance.views.base import REFUSED, community_named, number, signed_in


class DraftShare(APIView):
    """Show a draft to everybody."""

    @extend_schema(request=None, responses={200: DraftOutput, **REFUSED}, operation_id="draft_share")
    def post(self, request: Request, pk: int) -> Response:
        """Share it for good, so that it can be talked about before it is submitted."""
        return Response(DraftOutput(co_authors.share(pk, signed_in(request), clock.now())).data)


class DraftCoAuthors(APIView):
    """Who writes a draft together with its author."""

    @extend_schema(responses={200: CoAuthorOutput(many=True), **REFUSED}, operation_id="draft_co_authors")
    def get(self, request: Request, pk: int) -> Response:
        """Answer with all who were asked: to the authors."""
        return _people(_written_by(pk, signed_in(request)))

    @extend_schema(
        request=CoAuthorInput, responses={200: CoAuthorOutput(many=True), **REFUSED}, operation_id="draft_co_author_ask"
    )
    def post(self, request: Request, pk: int) -> Response:
        """Ask somebody: the author."""
        actor = signed_in(request)
        co_authors.invite(pk, actor, CoAuthorInput.read(request.data)["address"], clock.now())
        return _people(get_proposal(pk))


class DraftCoAuthorAnswer(APIView):
    """Answer an invitation."""

    @extend_schema(
        request=CoAuthorAnswerInput, responses={200: CoAuthorOutput, **REFUSED}, operation_id="draft_co_author_answer"
    )
    def post(self, request: Request, pk: int) -> Response:
        """Accept, decline, or leave."""
        actor = signed_in(request)
        accept = CoAuthorAnswerInput.read(request.data)["accept"]
        return Response(CoAuthorOutput(co_authors.answer(pk, actor, clock.now(), accept=accept)).data)


class DraftCoAuthor(APIView):
    """One co-author."""

    @extend_schema(responses={200: CoAuthorOutput(many=True), **REFUSED}, operation_id="draft_co_author_remove")
    def delete(self, request: Request, pk: int, address: str) -> Response:
        """End their part, or the invitation: the author."""
        co_authors.remove(pk, signed_in(request), address, clock.now())
        return _people(get_proposal(pk))


class DraftSimilar(APIView):
    """Proposals that say nearly the same as a draft."""

    @extend_schema(responses={200: SimilarOutput(many=True), **REFUSED}, operation_id="draft_similar")
    def get(self, request: Request, pk: int) -> Response:
        """Answer with at most five: to the authors."""
        found = reading.similar_to(_written_by(pk, signed_in(request)))
        rows = [{"number": row.number, "title": row.title, "shared_bps": share} for row, share in found]
        return Response(SimilarOutput(rows, many=True).data)


class ProposalVersions(APIView):
    """How a draft grew, by the number of the proposal. Authors see all versions, others those since it was shown."""

    @extend_schema(responses={200: DraftVersionOutput(many=True), **REFUSED}, operation_id="proposal_versions")
    def get(self, request: Request, slug: str, proposal: int) -> Response:
        """Answer with the versions, the oldest first."""
        return Response(DraftVersionOutput(_readable(request, slug, proposal), many=True).data)


class ProposalVersionsCompared(APIView):
    """What differs between two versions."""

    @extend_schema(
        parameters=[OpenApiParameter("before", int, required=True), OpenApiParameter("after", int, required=True)],
        responses={200: DraftComparedOutput, **REFUSED},
        operation_id="proposal_versions_compared",
    )
    def get(self, request: Request, slug: str, proposal: int) -> Response:
        """Answer with the pieces, word by word."""
        wanted = [number(request, name) for name in ("before", "after")]
        rows = {row.number: row for row in _readable(request, slug, proposal)}
        for each in wanted:
            if each not in rows:
                raise NotFound("version_not_found", "there is no such version, or it was shown to nobody", found=each)
        return Response(DraftComparedOutput(versions.compare(*(rows[each] for each in wanted))).data)


def _written_by(pk: int, actor: str) -> Proposal:
    draft = get_proposal(pk)
    require_co_author(draft, actor)
    return draft


def _people(draft: Proposal) -> Response:
    return Response(CoAuthorOutput(draft.co_authors.all(), many=True).data)


def _readable(request: Request, slug: str, proposal: int) -> list[DraftVersion]:
    actor = str(request.user.address) if request.user.is_authenticated else ""
    found = comments.discussed(community_named(slug), proposal, actor)
    return versions.readable(found, by_author=is_co_author(found, actor))
