"""Builds the search index anew: after an upgrade, or when names changed without an event."""

from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from governance import search
from governance.models import Community


class Command(BaseCommand):
    """`manage.py reindex [--community SLUG]`."""

    help = "Build the search index anew; the sweeper keeps it fresh by itself."
    requires_system_checks: Sequence[str] = ()  # `migrate` and `check` look through the whole site

    def add_arguments(self, parser: CommandParser) -> None:
        """Take one community, or all."""
        parser.add_argument("--community", default="", help="only this one")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Build it, and say how much can be found."""
        found = Community.objects.order_by("pk")
        if options["community"]:
            found = found.filter(slug=options["community"])
            if not found:
                raise CommandError(f"there is no community {options['community']!r}")
        for community in found:
            self.stdout.write(f"{community.slug}: {search.reindex(community)} entries")
