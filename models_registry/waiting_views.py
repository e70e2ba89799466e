"""The JSON API of releases that wait for guardians: what is to be signed, and handing a signature in."""

import base64
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import clock
from governance.serializers import StrictSerializer
from governance.views.base import REFUSED, community_named, digest_of, plain
from models_registry import release_keys
from models_registry.provenance import attestation

RELEASE = OpenApiParameter("release", str, "path", description="digest of the release record")
_KEY, _SIGNATURE = r"^[0-9a-f]{64}\Z", r"^[0-9a-f]{128}\Z"


class SignatureInput(StrictSerializer):
    """What `python -m models_registry.provenance sign` prints."""

    public_key = serializers.RegexField(_KEY)
    signature = serializers.RegexField(_SIGNATURE)


class GuardianOutput(serializers.Serializer[release_keys.Guardian]):
    """A guardian of a release that waits."""

    name = serializers.CharField()
    public_key = serializers.CharField()
    fingerprint = serializers.CharField()
    signed_at = serializers.DateTimeField(allow_null=True)


class WaitingOutput(serializers.Serializer[release_keys.Waiting]):
    """A release that waits for guardians. Signed (Ed25519) is `to_sign`: the DSSE encoding of the payload."""

    release = serializers.CharField(source="release.release_record_id")
    model = serializers.CharField(source="release.model.__str__")
    version = serializers.IntegerField(source="release.release_record.body.version")
    proposal = serializers.CharField(source="release.proposal.public_id")
    since = serializers.DateTimeField(source="release.since")
    payload_sha256 = serializers.CharField()
    to_sign = serializers.SerializerMethodField()
    guardians = GuardianOutput(many=True)
    threshold = serializers.IntegerField()
    signed = serializers.IntegerField()
    missing = serializers.IntegerField()

    def get_to_sign(self, waiting: release_keys.Waiting) -> str:
        """Return the bytes to sign as base64."""
        return base64.b64encode(attestation.to_sign(bytes(waiting.release.payload))).decode("ascii")


class ReleaseKeysOutput(serializers.Serializer[release_keys.InForce]):
    """Who signs the releases of a community now: the body of its keys record, or the founding key alone."""

    keys = serializers.JSONField(source="body")
    fingerprint = serializers.CharField()
    record = serializers.CharField(source="keys.record_id", allow_null=True, default=None)
    proposal = serializers.CharField(source="keys.proposal.public_id", allow_null=True, default=None)
    adopted_at = serializers.DateTimeField(source="keys.adopted_at", allow_null=True, default=None)


class ReleaseKeysInForce(APIView):
    """The keys that sign releases."""

    @extend_schema(
        parameters=[OpenApiParameter("community", str, required=True)],
        responses={200: ReleaseKeysOutput, **REFUSED},
        operation_id="release_keys_read",
    )
    def get(self, request: Request) -> Response:
        """Answer with the keys in force."""
        community = community_named(plain(request.query_params.get("community", "")))
        return Response(ReleaseKeysOutput(release_keys.in_force(community)).data)


class WaitingList(APIView):
    """The releases of a community that wait for guardians."""

    @extend_schema(
        parameters=[OpenApiParameter("community", str, required=True)],
        responses={200: WaitingOutput(many=True), **REFUSED},
        operation_id="waiting_release_list",
    )
    def get(self, request: Request) -> Response:
        """Answer with all of them, oldest first."""
        community = community_named(plain(request.query_params.get("community", "")))
        return Response(WaitingOutput(release_keys.waiting_of(community), many=True).data)


class WaitingDetail(APIView):
    """One release that waits."""

    @extend_schema(parameters=[RELEASE], responses={200: WaitingOutput, **REFUSED}, operation_id="waiting_release_read")
    def get(self, _request: Request, release: str) -> Response:
        """Answer with what is to be signed, and who has."""
        return Response(WaitingOutput(release_keys.waiting_named(digest_of(release))).data)


class WaitingPayload(APIView):
    """What is to be signed, as a file."""

    @extend_schema(
        parameters=[RELEASE],
        responses={(200, "application/json"): OpenApiTypes.OBJECT, **REFUSED},
        operation_id="waiting_release_payload",
    )
    def get(self, _request: Request, release: str) -> HttpResponse:
        """Answer with the bytes of the payload: an in-toto statement that names every file of the release."""
        waiting = release_keys.waiting_named(digest_of(release))
        response = HttpResponse(bytes(waiting.release.payload), content_type="application/json")
        response["Content-Disposition"] = f'attachment; filename="payload-{release[:12]}.json"'
        return response


class WaitingSignatures(APIView):
    """The signatures of guardians. The signature is the authority: no session is needed, and none is looked at."""

    authentication_classes = ()

    @extend_schema(
        parameters=[RELEASE],
        request=SignatureInput,
        responses={201: WaitingOutput, 200: WaitingOutput, **REFUSED},
        operation_id="waiting_release_sign",
    )
    def post(self, request: Request, release: str) -> Response:
        """Take a guardian's signature in; the same one again changes nothing."""
        values: dict[str, Any] = SignatureInput.read(request.data)
        signature = bytes.fromhex(values["signature"])
        waiting, new = release_keys.sign(digest_of(release), values["public_key"], signature, clock.now())
        code = status.HTTP_201_CREATED if new else status.HTTP_200_OK
        return Response(WaitingOutput(waiting).data, status=code)
