"""`manage.py export_community SLUG PLACE [--without-files]`: write everything of a community in open formats.

PLACE is a folder that does not exist yet, or a file that ends in .tar. docs/how-to/leave-with-everything.md says what
is in it. Nobody is held up meanwhile. Whoever has it has texts that are withheld from the public, but no keys, no
secrets, and no way to reach anybody.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from governance.clock import now as clock
from governance.errors import Refusal
from governance.portability.exporting import export_community


class Command(BaseCommand):
    """Export a community."""

    help = "Write everything of a community in open formats, with checksums."
    requires_system_checks: Sequence[str] = ()  # `migrate` and `check` look through the whole site

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which one, and where to."""
        parser.add_argument("slug")
        parser.add_argument("place", type=Path, help="a new folder, or a new file that ends in .tar")
        parser.add_argument("--without-files", action="store_true", help="leave out files of releases and datasets")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Write it, or say what stands in the way."""
        try:
            done = export_community(options["slug"], options["place"], clock(), with_files=not options["without_files"])
        except (Refusal, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{done.rows} rows, {done.objects} files of {done.object_bytes} bytes")
        if done.findings:
            self.stdout.write(f"fsck has {done.findings} findings here, which the manifest names: see manage.py fsck")
        self.stdout.write(f"manifest.json has the SHA-256 {done.manifest_sha256}")
