"""`manage.py erase_person ADDRESS_OR_EMAIL [--really]`: erase what is private to somebody; print what stays, and why.

Without --really nothing is changed, and what is kept is printed: what is private there would go. Look first that it is
they who ask: whoever signs in with the wallet or the e-mail address exports and erases the reader on their own pages.
"""

import json
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from governance.clock import now as clock
from governance.errors import Refusal
from governance.portability.person import erase_person, export_person, find


class Command(BaseCommand):
    """Erase what is private to somebody."""

    help = "Erase what is private to somebody, and say what stays and why."
    requires_system_checks: Sequence[str] = ()  # `migrate` and `check` look through the whole site

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whom, and whether it is meant."""
        parser.add_argument("person", help="an address (0x…) or an e-mail address")
        parser.add_argument("--really", action="store_true", help="do it; without this nothing is changed")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Erase it, or show what would be erased."""
        try:
            person = find(options["person"])
            done = erase_person(person, clock()) if options["really"] else export_person(person, clock())
        except Refusal as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(done, indent=2, ensure_ascii=False, sort_keys=True))
        if not options["really"]:
            self.stdout.write("nothing was changed: say --really to do it")
