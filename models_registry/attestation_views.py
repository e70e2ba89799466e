"""The JSON API of attestations: filing one as its bytes, listing those of a release, handing out the same bytes."""

from typing import Any, BinaryIO

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from governance import clock
from governance.errors import Forbidden, Malformed
from governance.evidence.signing import fingerprint
from governance.views.base import REFUSED, digest_of
from models_registry import attestations
from models_registry.attestations import Signatory
from models_registry.models import Attestation
from models_registry.provenance.attest import Outcome, Rerun
from models_registry.provenance.report import Status

REVISION = OpenApiParameter("revision", str, "path")
DIGEST = OpenApiParameter("digest", str, "path", description="SHA-256 of the attestation's bytes")


class WholeBody(BaseParser):
    """Hands the body on as its bytes: one byte more or less would be another attestation."""

    media_type = "application/json"

    def parse(
        self, stream: BinaryIO, media_type: str | None = None, parser_context: dict[str, Any] | None = None
    ) -> bytes:
        """Return the bytes, at most one more than are allowed."""
        return stream.read(attestations.BYTES_MAX + 1)


class CheckOutput(serializers.Serializer[Any]):
    """One numbered check, as the report has it."""

    number = serializers.IntegerField()
    status = serializers.ChoiceField(choices=[str(each) for each in Status])
    code = serializers.CharField()


class HiddenOutput(serializers.Serializer[Attestation]):
    """Since when the operator hides it, and why."""

    at = serializers.DateTimeField(source="hidden_at")
    reason = serializers.CharField(source="hidden_reason")


class AttestationOutput(serializers.Serializer[Attestation]):
    """What was filed. The site checked the signature and the release that it is about, not the claim.

    `guardian` and `release_key` say what votes of the community say of the key. What is hidden has no outcome here.
    """

    digest = serializers.CharField()
    public_key = serializers.CharField()
    fingerprint = serializers.SerializerMethodField()
    guardian = serializers.SerializerMethodField()
    release_key = serializers.SerializerMethodField()
    filed_at = serializers.DateTimeField()
    outcome = serializers.ChoiceField(
        source="summary.outcome", choices=[str(each) for each in Outcome], allow_null=True
    )
    rerun = serializers.ChoiceField(source="summary.rerun", choices=[str(each) for each in Rerun], allow_null=True)
    checks = CheckOutput(source="summary.checks", many=True)
    hidden = serializers.SerializerMethodField()
    download = serializers.SerializerMethodField()

    def to_representation(self, row: Attestation) -> dict[str, Any]:
        """Leave out what a hidden one says."""
        shown = super().to_representation(row)
        return shown if row.hidden_at is None else {**shown, "outcome": None, "rerun": None, "checks": []}

    def get_fingerprint(self, row: Attestation) -> str:
        """Return what people compare the key by."""
        return fingerprint(row.public_key)

    def get_guardian(self, row: Attestation) -> str:
        """Return the name under which a vote has named this key as a guardian's, or nothing."""
        return self._signatory(row).guardian

    def get_release_key(self, row: Attestation) -> bool:
        """Say whether it is a key of the community itself, and so no stranger's."""
        return self._signatory(row).release_key

    def get_hidden(self, row: Attestation) -> HiddenOutput(allow_null=True):  # type: ignore[valid-type]
        """Return why it is hidden, or nothing."""
        return None if row.hidden_at is None else HiddenOutput(row).data

    def get_download(self, row: Attestation) -> str:
        """Return where the bytes are."""
        return str(reverse("api-attestation", [self.context["revision"], row.digest]))

    def _signatory(self, row: Attestation) -> Signatory:
        known: dict[str, Signatory] = self.context["signatories"]
        return known.get(row.public_key, Signatory())


class AttestationList(generics.ListAPIView[Attestation]):
    """What strangers found. Anyone files with a signature: no session is needed, and none is looked at."""

    authentication_classes = ()
    parser_classes = (WholeBody,)
    serializer_class = AttestationOutput

    def get_queryset(self) -> QuerySet[Attestation]:
        """Newest first."""
        if getattr(self, "swagger_fake_view", False):
            return Attestation.objects.none()
        return attestations.of_release(attestations.release_named(self.kwargs["revision"]))

    def get_serializer_context(self) -> dict[str, Any]:
        """Say who the keys are."""
        if getattr(self, "swagger_fake_view", False):
            return {}
        return {**super().get_serializer_context(), **_context(self.kwargs["revision"])}

    @extend_schema(
        parameters=[REVISION],
        responses={200: AttestationOutput(many=True), **REFUSED},
        operation_id="attestation_list",
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - DRF's signature
        """Answer with one page of those of a release."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        parameters=[REVISION],
        request={"application/json": OpenApiTypes.OBJECT},
        responses={201: AttestationOutput, 200: AttestationOutput, **REFUSED},
        operation_id="attestation_file",
    )
    def post(self, request: Request, revision: str) -> Response:
        """Take in what `--attest` wrote, byte for byte; the same one again changes nothing."""
        if not isinstance(request.data, bytes):
            raise Malformed("attestation_malformed", "the body is empty; send the file that `--attest` wrote")
        row, new = attestations.file(revision, request.data, clock.now())
        code = status.HTTP_201_CREATED if new else status.HTTP_200_OK
        return Response(AttestationOutput(row, context=_context(revision)).data, status=code)


class AttestationFile(APIView):
    """One attestation, as it was filed."""

    @extend_schema(
        parameters=[REVISION, DIGEST],
        responses={(200, "application/json"): OpenApiTypes.OBJECT, **REFUSED},
        operation_id="attestation_read",
    )
    def get(self, _request: Request, revision: str, digest: str) -> HttpResponse:
        """Answer with its bytes."""
        row = attestations.named(attestations.release_named(revision), digest_of(digest))
        if row.hidden_at is not None:
            detail = f"the operator does not hand it out: {row.hidden_reason}"
            raise Forbidden("attestation_hidden", detail, found=digest)
        response = HttpResponse(bytes(row.envelope), content_type="application/json")
        response["Content-Disposition"] = f'attachment; filename="attestation-{digest[:12]}.json"'
        return response


def _context(revision: str) -> dict[str, Any]:
    community = attestations.release_named(revision).model.community
    return {"revision": revision, "signatories": attestations.signatories(community)}
