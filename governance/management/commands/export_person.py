"""`manage.py export_person ADDRESS_OR_EMAIL`: print as JSON everything that is stored about somebody."""

import json
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from governance.clock import now as clock
from governance.errors import Refusal
from governance.portability.person import export_person, find


class Command(BaseCommand):
    """Print what is stored about somebody."""

    help = "Print everything that is stored about somebody, as JSON."
    requires_system_checks: Sequence[str] = ()  # `migrate` and `check` look through the whole site

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whom."""
        parser.add_argument("person", help="an address (0x…) or an e-mail address")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Print it."""
        try:
            kept = export_person(find(options["person"]), clock())
        except Refusal as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(kept, indent=2, ensure_ascii=False, sort_keys=True))
