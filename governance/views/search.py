"""Search over everything that has a page."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock, search
from governance.errors import Malformed
from governance.lifecycle import State
from governance.search.subjects import subjects
from governance.serializers.search_outputs import SearchOutput
from governance.views.base import REFUSED, number, plain

WORDS_MAX = 200


class SearchView(APIView):
    """What can be found."""

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "q", str, required=True, description="words, all of which must be found; quotes hold some together"
            ),
            OpenApiParameter("kind", str),
            OpenApiParameter("community", str),
            OpenApiParameter("state", str, enum=[str(state) for state in State], description="of decisions alone"),
            OpenApiParameter("page", int),
        ],
        responses={200: SearchOutput, **REFUSED},
        operation_id="search",
    )
    def get(self, request: Request) -> Response:
        """Answer with one page of what matches, the best first."""
        asked = request.query_params
        if "q" not in asked:
            raise Malformed("missing_field", "say what to look for", field="q")
        kind, state = asked.get("kind", ""), asked.get("state", "")
        for field, found, allowed in (("kind", kind, set(subjects())), ("state", state, {str(each) for each in State})):
            if found and found not in allowed:
                raise Malformed(
                    "malformed_field", "there is no such thing", field=field, found=found, allowed=sorted(allowed)
                )
        found = search.search(
            plain(asked["q"])[:WORDS_MAX],
            clock.now(),
            kind=kind,
            community=plain(asked.get("community", "")),
            state=state,
            page=number(request, "page", 1),
        )
        return Response(SearchOutput(found).data)
