"""The API's OpenAPI document at /api/schema/: made once by a process of its own, and kept as packed bytes.

Making it takes seconds and tens of megabytes, which a web process would never give back. `?format=json` and
`?format=yaml`, or the Accept header, choose the form.
"""

import subprocess
import sys
import threading
import zlib
from functools import cache
from typing import Any

from django.conf import settings
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

MAKING_SECONDS_MAX = 180
_making = threading.Lock()


class _Made(JSONRenderer):
    """Passes on what is made; a refusal is JSON."""

    charset = None

    def render(self, data: Any, *args: Any, **kwargs: Any) -> bytes:  # noqa: ANN401 - any JSON, or the document
        return data if isinstance(data, bytes) else super().render(data, *args, **kwargs)


class _Yaml(_Made):
    media_type = "application/vnd.oai.openapi"
    format = "yaml"


class _PlainYaml(_Yaml):
    media_type = "application/yaml"


class _Json(_Made):
    media_type = "application/vnd.oai.openapi+json"


class _PlainJson(_Made):
    media_type = "application/json"


class ApiDocument(APIView):
    """Answers with the document, to anybody."""

    renderer_classes = (_Yaml, _PlainYaml, _Json, _PlainJson)
    schema = None

    def get(self, request: Request) -> Response:
        """Return it in the form that was asked for."""
        form = request.accepted_renderer.format
        name = f'inline; filename="Commonweights.{form}"'
        return Response(zlib.decompress(_packed(form)), headers={"Content-Disposition": name})


def _packed(form: str) -> bytes:
    """Return the packed document; whoever comes while it is made waits for it."""
    with _making:
        return _make()[form]


@cache
def _make() -> dict[str, bytes]:
    """Have both forms made."""
    finished = subprocess.run(
        [sys.executable, "manage.py", "api_document"],
        cwd=settings.BASE_DIR,
        check=True,
        stdout=subprocess.PIPE,
        timeout=MAKING_SECONDS_MAX,
    )
    length, _, both = finished.stdout.partition(b"\n")
    json_length = int(length)
    return {"json": both[:json_length], "yaml": both[json_length:]}
