"""Register the evaluation suites that ship, for one community: `python manage.py ship_suites COMMUNITY ADDRESS`."""

from argparse import ArgumentParser
from collections.abc import Sequence

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from governance import clock
from governance.errors import Refusal
from governance.models import Community
from models_registry.datasets.registering import NewDataset, register_dataset
from models_registry.datasets.rows import IntakeError

# file → title and slug; a community may register the same rows once, whoever does it
SUITES = {
    "requests.jsonl": ("shipped-requests", "Requests to refuse, and harmless ones (ships)"),
    "stereotypes.jsonl": ("shipped-stereotypes", "Pairs that differ in a group of people (ships)"),
}
LICENCE = "Apache-2.0"


class Command(BaseCommand):
    """Registers every suite of models_registry/suites. Safe to repeat; registering decides nothing."""

    help = __doc__ or ""
    requires_system_checks: Sequence[str] = ()  # `migrate` and `check` look through the whole site

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Ask for whom, and as whom."""
        parser.add_argument("community", help="the community's slug")
        parser.add_argument("address", help="the address of a member who may propose")

    def handle(self, *_args: object, **options: str) -> None:
        """Register, and print each digest: a rule names a suite by it."""
        community = Community.objects.filter(slug=options["community"]).first()
        if community is None:
            raise CommandError(f"there is no community {options['community']!r}")
        for file_name, (slug, title) in SUITES.items():
            new = NewDataset(slug=slug, title=title, license=LICENCE, role="evaluation", file_name=file_name)
            with (settings.BASE_DIR / "models_registry" / "suites" / file_name).open("rb") as stream:
                try:
                    dataset, is_new = register_dataset(community, options["address"], new, stream, clock.now())
                except (Refusal, IntakeError) as error:
                    raise CommandError(f"{file_name}: {error}") from error
            self.stdout.write(f"{dataset.digest}  {file_name}  {'registered' if is_new else 'was there already'}")
