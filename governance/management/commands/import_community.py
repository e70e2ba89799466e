"""`manage.py import_community PLACE [--manifest-sha256 HEX]`: restore an exported community, all of it or nothing.

PLACE is a folder or a .tar of `export_community`. A community keeps its name: every record and every ballot is signed
for it. docs/how-to/leave-with-everything.md says what it can and cannot do without its keys.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from governance.clock import now as clock
from governance.errors import Refusal
from governance.portability.importing import import_community


class Command(BaseCommand):
    """Import a community."""

    help = "Restore a community that export_community wrote, if everything in it verifies."
    requires_system_checks: Sequence[str] = ()  # `migrate` and `check` look through the whole site

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where it is."""
        parser.add_argument("place", type=Path, help="the folder, or the .tar")
        parser.add_argument("--manifest-sha256", default="", help="what export_community said: refuse another export")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Restore it, or say why not."""
        say = self.stdout.write if options["verbosity"] > 1 else lambda _line: None
        try:
            done = import_community(options["place"], clock(), expected=options["manifest_sha256"].lower(), say=say)
        except Refusal as error:
            found = "" if error.found is None else f" (found: {error.found})"
            raise CommandError(f"{error}{found}") from error
        except OSError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{done.community.slug}: {done.rows} rows and {done.objects} files, as of {done.made_at}")
        for table, pairs in done.renumbered.items():
            changed = ", ".join(f"{old} is {new}" for old, new in pairs.items())
            self.stdout.write(f"{table} has other numbers here: {changed}")
        for name, count in done.findings.items():
            self.stdout.write(f"fsck found at home, too: {name} ({count})")
        self.stdout.write(f"everything verifies; the release key {done.community.release_key} did not come along")
