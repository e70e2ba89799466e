"""The answers of a mirror, read-only, in the form in which the API of the other site gives them.

Each path lies below /mirror/<name> as it lies below the other site's address, so that whatever reads the API there
reads it here when it is given another address to begin with (docs/how-to/mirror-a-community.md). They are not in this
site's own schema.
"""

import json

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.clock import unix
from governance.errors import NotFound
from governance.mirroring import answers
from governance.models import Mirror
from governance.views.base import digest_of, number
from governance.views.log import ENTRIES_MAX


@extend_schema(exclude=True)
class MirrorView(APIView):
    """What all of them share: nobody signs in to read, and nothing can be written."""

    authentication_classes = ()
    http_method_names = ("get", "head", "options")


class MirrorStatus(MirrorView):
    """How far and how fresh the mirror is, and what did not verify."""

    def get(self, _request: Request, mirror: str) -> Response:
        """Answer with all of it."""
        shown = answers.shown(mirror)
        itself = shown.mirror
        return Response(
            {
                "mirrors": {"address": itself.address, "community": itself.community, "log": itself.origin},
                "public_key": itself.public_key,
                "key_was_given": itself.key_was_given,
                "size": itself.size,
                "asked_at": unix(itself.asked_at) if itself.asked_at else None,
                "fresh_at": unix(shown.fresh_at) if shown.fresh_at else None,
                "stopped": itself.stopped,
                "detail": itself.detail,
                "records": shown.records,
                "manifests": [{"path": each.place, "sha256": each.sha256} for each in shown.manifests],
                "wanted": shown.wanted,
                "refused": [
                    {"sha256": each.sha256, "path": each.place, "detail": each.detail} for each in shown.refused
                ],
                "refused_count": shown.refused_count,
                "forked": [each.note for each in shown.forked],
            }
        )


class MirroredLog(MirrorView):
    """The log."""

    def get(self, _request: Request, mirror: str, slug: str) -> Response:
        """Answer with the size and the newest checkpoint."""
        newest = answers.newest_checkpoint(_of(mirror, slug))
        return Response({"size": newest.size if newest else 0, "checkpoint": newest.note if newest else None})


class MirroredEntries(MirrorView):
    """Entries of the log."""

    def get(self, request: Request, mirror: str, slug: str) -> Response:
        """Answer with leaves from a position on, at most a thousand."""
        start, count = number(request, "start", 0), min(number(request, "count", 100), ENTRIES_MAX)
        return Response({"start": start, "leaves": answers.entries(_of(mirror, slug), start, count)})


class MirroredInclusion(MirrorView):
    """Proofs that an entry is in the log."""

    def get(self, request: Request, mirror: str, slug: str) -> Response:
        """Answer with the audit path of a position in the tree of a size."""
        proof = answers.inclusion(_of(mirror, slug), number(request, "position"), number(request, "size"))
        return Response({"proof": proof})


class MirroredConsistency(MirrorView):
    """Proofs that the log has only grown."""

    def get(self, request: Request, mirror: str, slug: str) -> Response:
        """Answer with the proof between two sizes."""
        proof = answers.consistency(_of(mirror, slug), number(request, "old"), number(request, "new"))
        return Response({"proof": proof})


class MirroredRecord(MirrorView):
    """A record, by its digest."""

    def get(self, _request: Request, mirror: str, digest: str) -> Response:
        """Answer with the record."""
        canonical = answers.record_text(answers.mirror_named(mirror), digest_of(digest))
        value = json.loads(canonical)
        return Response(
            {
                "digest": digest,
                "kind": value["kind"],
                "subject": value["subject"],
                "canonical": canonical,
                "parents": value["parents"],
            }
        )


class MirroredManifest(MirrorView):
    """The list of the files of a release."""

    def get(self, _request: Request, mirror: str, model: str, revision: str) -> HttpResponse:
        """Answer with the bytes, as they were signed."""
        place = f"/hub/{model}/resolve/{revision}/provenance/manifest.json"
        text = answers.manifest_text(answers.mirror_named(mirror), place)
        return HttpResponse(text.encode(), content_type="application/json")


def _of(name: str, community: str) -> Mirror:
    mirror = answers.mirror_named(name)
    if mirror.community != community:
        raise NotFound("unknown_community", "this mirror follows another community", found=community)
    return mirror
