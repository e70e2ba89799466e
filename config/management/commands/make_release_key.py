"""Make a key that a vote may put in the place of the release key: `python manage.py make_release_key SLUG`."""

import argparse
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from governance.evidence.signing import SigningError, fingerprint
from governance.keys import new_release_key
from governance.models import Community


class Command(BaseCommand):
    """Print the public half; the private one stays in the folder of keys."""

    help = "Make a release key for a proposal of the kind release_keys, and print its public half and fingerprint."
    requires_system_checks: Sequence[str] = ()  # `migrate` and `check` look through the whole site

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Take the community."""
        parser.add_argument("slug", help="the community")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Make it."""
        slug = options["slug"]
        if settings.SIGNER_COMMAND:
            raise CommandError("a signer command is set: make the key where that command keeps its keys")
        if not Community.objects.filter(slug=slug).exists():
            raise CommandError(f"there is no community {slug!r}")
        try:
            public_key = new_release_key(slug)
        except (SigningError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{public_key}\nfingerprint {fingerprint(public_key)}")
