"""`manage.py fsck [--community SLUG] [--skip-signatures]`: hold the database against the log and the records.

Without --community, every file of every release and dataset is held against its digest too; --skip-files leaves that
out.

Prints a numbered line for each thing that is wrong and ends with 1; ends with 0 where nothing is. It only reads, and
wants a database that nobody writes to meanwhile, or a copy of one: what changes under it may look wrong.
"""

import sys
from collections.abc import Sequence
from datetime import timedelta
from itertools import chain, islice
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from governance import clock, fsck
from governance.models import Community
from models_registry import fsck as registry
from models_registry.storage import checks as storage
from models_registry.storage import folders
from training_jobs import fsck as training

FINDINGS_MAX = 200


class Command(BaseCommand):
    """Check the database."""

    help = "Check the whole database against the log and the records."
    requires_system_checks: Sequence[str] = ()  # `migrate` and `check` look through the whole site

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to check and how thoroughly."""
        parser.add_argument("--community", help="the slug of the only community to check")
        parser.add_argument("--skip-signatures", action="store_true", help="believe signatures; somewhat faster")
        parser.add_argument("--skip-files", action="store_true", help="do not read the stored files of releases")
        parser.add_argument("--limit", type=int, default=FINDINGS_MAX, help="stop after so many findings")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Print the findings; end with 1 if there are any."""
        signatures = not options["skip_signatures"]
        if options["community"]:
            community = Community.objects.select_related("record").filter(slug=options["community"]).first()
            if community is None:
                raise CommandError(f"there is no community {options['community']!r}")
            findings = chain(
                fsck.check_one(community, signatures=signatures),
                registry.check_one(community),
                training.check_one(community),
            )
        else:
            communities = Community.objects.order_by("pk")
            everywhere = (check(each) for each in communities for check in (registry.check_one, training.check_one))
            findings = chain(fsck.check(signatures=signatures), chain.from_iterable(everywhere))
            if not options["skip_files"]:
                grace = timedelta(seconds=settings.OBJECTS_GRACE_SECONDS)
                stored = storage.check(folders.store(), grace, clock.now())
                findings = chain(findings, stored, registry.check_dataset_files())
        number = 0
        for number, found in enumerate(islice(findings, options["limit"]), start=1):
            self.stdout.write(f"{number}. {found}")
        if number:
            more = "; there may be more" if number == options["limit"] else ""
            self.stdout.write(f"{number} findings{more}")
            sys.exit(1)
        self.stdout.write("nothing is wrong")
