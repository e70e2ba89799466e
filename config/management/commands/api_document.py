"""`manage.py api_document`: makes the API's OpenAPI document, and writes its JSON and its YAML, packed, for the web."""

import sys
import zlib
from typing import Any

from django.core.management.base import BaseCommand
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer


class Command(BaseCommand):
    """Writes the length of the packed JSON on a line, then both forms; config/api_document.py reads them."""

    help = __doc__
    requires_system_checks: list[str] = []

    def handle(self, **_options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Make it once, for both."""
        document = SchemaGenerator().get_schema(request=None, public=True)
        packed_json, packed_yaml = (
            zlib.compress(renderer().render(document, renderer_context={}), 9)
            for renderer in (OpenApiJsonRenderer, OpenApiYamlRenderer)
        )
        sys.stdout.buffer.write(b"%d\n" % len(packed_json) + packed_json + packed_yaml)
