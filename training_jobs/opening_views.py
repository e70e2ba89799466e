"""The JSON API of opening a hidden suite: parse, call one service, present."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.errors import Malformed
from governance.serializers import StrictSerializer, StrictText
from governance.views.base import REFUSED, signed_in
from models_registry.datasets.serializers import DatasetOutput
from training_jobs import openings


class OpeningInput(StrictSerializer):
    """What opens a suite beside its rows."""

    salt = StrictText(max_length=200)


class SuiteOpeningList(APIView):
    """The opening of a hidden suite."""

    parser_classes = (MultiPartParser,)

    @extend_schema(
        request={
            "multipart/form-data": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}, "salt": {"type": "string"}},
                "required": ["file", "salt"],
            }
        },
        responses={201: DatasetOutput, **REFUSED},
        operation_id="hidden_suite_open",
    )
    def post(self, request: Request, commitment: str) -> Response:
        """Open it as its keeper, for every run whose model is fixed and waits; it is an ordinary suite from then on."""
        actor, file = signed_in(request), request.FILES.get("file")
        if file is None:
            raise Malformed("missing_field", "send the rows as a file", field="file")
        values = OpeningInput.read({name: value for name, value in request.data.items() if name != "file"})
        dataset = openings.open_suite(commitment, actor, values["salt"], file.file, clock.now())
        return Response(DatasetOutput(dataset).data, status=status.HTTP_201_CREATED)
