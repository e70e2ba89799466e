"""What a community has written down on a chain."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.anchoring import told
from governance.serializers.anchors import AnchorsOutput
from governance.views.base import REFUSED, community_named, number


class AnchorList(APIView):
    """Digests of votes and releases on a chain."""

    @extend_schema(
        parameters=[OpenApiParameter("page", int)],
        responses={200: AnchorsOutput, **REFUSED},
        operation_id="anchors",
    )
    def get(self, request: Request, slug: str) -> Response:
        """Answer with one page: what is on its way, then the newest. Check them with `--anchor`, not with this."""
        page = told.page_of(community_named(slug), number(request, "page", 1))
        return Response(AnchorsOutput(page).data)
