"""`manage.py collect_objects [--delete]`: name the stored objects that nothing reaches, and delete them if told to.

Without `--delete` it only reads. What is younger than COMMONWEIGHTS_OBJECTS_GRACE_SECONDS is left alone.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from governance import clock
from models_registry.storage.collect import collect, unreached
from models_registry.storage.folders import store


class Command(BaseCommand):
    """Collect garbage."""

    help = "List the objects that no version reaches; with --delete, remove them."
    requires_system_checks: Sequence[str] = ()  # `migrate` and `check` look through the whole site

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to delete."""
        parser.add_argument("--delete", action="store_true", help="remove what is listed")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Print a line for each object, and the sum."""
        objects, grace, now = store(), timedelta(seconds=settings.OBJECTS_GRACE_SECONDS), clock.now()
        count = size = 0
        for found in unreached(objects, grace, now):
            if options["delete"] and not collect(objects, found, grace, now):
                continue
            self.stdout.write(f"{found.sha256} {found.size}")
            count, size = count + 1, size + found.size
        done = "deleted" if options["delete"] else "could be deleted (--delete)"
        self.stdout.write(f"{count} objects with {size} bytes {done}")
