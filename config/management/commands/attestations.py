"""`manage.py attestations`: what strangers filed about releases; `--hide` lets an operator hide one.

    manage.py attestations                                            list all, newest first
    manage.py attestations --hide REVISION DIGEST --reason "SENTENCE"   hide one for good, with a public reason

Hiding takes away the file and what it said, on pages and in the API. The row, the reason and the log stay.
"""

from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from governance import clock
from governance.errors import Refusal
from governance.evidence.signing import fingerprint
from models_registry import attestations
from models_registry.models import Attestation


class Command(BaseCommand):
    """Look at attestations, and hide one."""

    help = "List what strangers filed about releases, and hide one with a public reason."
    requires_system_checks: Sequence[str] = ()  # `migrate` and `check` look through the whole site

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to do."""
        parser.add_argument("--hide", nargs=2, metavar=("REVISION", "DIGEST"), help="hide this one for good")
        parser.add_argument("--reason", help="why, in a sentence that everybody reads")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Hide one if asked to, then list."""
        if bool(options["hide"]) is not bool(options["reason"]):
            raise CommandError("--hide and --reason belong together")
        if options["hide"]:
            try:
                attestations.hide(*options["hide"], options["reason"], clock.now())
            except Refusal as error:
                raise CommandError(str(error)) from error
        rows = Attestation.objects.select_related("version__model").defer("envelope")
        for row in rows:
            key = fingerprint(row.public_key)[:16]
            hidden = f" · hidden: {row.hidden_reason}" if row.hidden_at else ""
            moment = f"{row.filed_at:%Y-%m-%d %H:%M}"
            self.stdout.write(
                f"{row.version.revision} {row.digest} {moment} key {key} {row.summary['outcome']}{hidden}"
            )
        if not rows:
            self.stdout.write("nothing was filed")
