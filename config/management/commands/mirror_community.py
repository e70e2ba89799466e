"""`manage.py mirror_community ADDRESS COMMUNITY`: follow the public log of a community of another site, and serve it.

What verifies is served read-only below /mirror/NAME/. Call it again to go on, or let it follow. With --files the files
of releases come too, into COMMONWEIGHTS_MIRROR. See docs/how-to/mirror-a-community.md. Exit status 1: the mirror
stopped, something did not verify, or the other site could not be used this time.
"""

import time
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from governance import clock
from governance.errors import Refusal
from governance.mirroring.follow import begin, follow
from governance.mirroring.source import SourceError
from governance.models import Mirror
from models_registry import mirror_files
from models_registry.mirror.remote import RemoteError
from models_registry.other_site import HttpSource


class Command(BaseCommand):
    """Mirror a community of another site."""

    help = "Follow the public log, records and releases' manifests of a community of another site, verified."
    requires_system_checks: Sequence[str] = ()  # `migrate` and `check` look through the whole site

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whom to follow, and how."""
        parser.add_argument("address", help="of the other site, such as https://commons.example")
        parser.add_argument("community", help="its short name there")
        parser.add_argument("--name", default="", help="of the mirror here; else that of the community")
        parser.add_argument(
            "--key", default="", help="the key that signs the log, 64 hex digits; else as the site tells"
        )
        parser.add_argument("--follow", type=int, default=0, metavar="SECONDS", help="go on, asking this often")
        parser.add_argument(
            "--allow", default="", metavar="HOST:PORT", help="a host that need not be public, nor https"
        )
        parser.add_argument(
            "--files", type=int, default=0, metavar="BYTES", help="bring the files of releases, up to so many bytes"
        )
        parser.add_argument("--again", action="store_true", help="go on with a mirror that stopped")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Follow once, or for ever."""
        try:
            source = HttpSource(options["address"], options["allow"])
            if options["files"] < 0:
                raise ValueError("--files is a number of bytes")
            if options["files"] and settings.MIRROR_DIR is None:
                raise ValueError("COMMONWEIGHTS_MIRROR names the folder that files are kept in, and is not set")
            mirror = self._mirror(source, options)
            while True:
                self._round(mirror, source)
                missing = self._files(mirror, options) if options["files"] and not mirror.stopped else []
                if not options["follow"]:
                    break
                time.sleep(max(options["follow"], 10))
        except (Refusal, SourceError, ValueError) as error:
            raise CommandError(str(error)) from error
        if mirror.detail or missing:
            raise CommandError("; ".join([mirror.detail, *missing] if mirror.detail else missing))

    def _mirror(self, source: HttpSource, options: dict[str, Any]) -> Mirror:
        name = options["name"] or options["community"]
        mirror = Mirror.objects.filter(slug=name).first()
        if mirror is None:
            mirror = begin(
                name,
                options["address"].rstrip("/"),
                options["community"],
                source,
                clock.now(),
                key=options["key"].lower(),
            )
            if not mirror.key_was_given:
                self.stdout.write(
                    f"The key {mirror.public_key} is taken as the site told it, and kept from now on: compare it with "
                    "what the community says elsewhere, or begin again with --key."
                )
        elif mirror.community != options["community"]:
            raise ValueError(f"the mirror {name} follows {mirror.community} at {mirror.address}")
        elif options["key"] and options["key"].lower() != mirror.public_key:
            raise ValueError(f"the mirror {name} is of another key: {mirror.public_key}")
        if options["again"]:
            mirror.stopped = ""
        return mirror

    def _round(self, mirror: Mirror, source: HttpSource) -> None:
        done = follow(mirror, source, clock.now())
        self.stdout.write(
            f"{mirror.slug}: {mirror.size} entries ({done.entries} new), {done.documents} documents new, "
            f"{done.refused} that do not verify" + (f"; {mirror.detail}" if mirror.detail else "")
        )

    def _files(self, mirror: Mirror, options: dict[str, Any]) -> list[str]:
        """Bring files; return what is not here, and why."""
        remote = mirror_files.PublicRemote(f"{options['address'].rstrip('/')}/hub", options["allow"])
        try:
            done = mirror_files.bring(
                mirror, remote, settings.MIRROR_DIR, options["files"], int(time.time()), self.stdout.write
            )
        except (RemoteError, OSError) as error:
            return [str(error)]
        self.stdout.write(f"{mirror.slug}: the files of {len(done.kept)} versions are new")
        return [*done.failed, *(f"{revision} does not verify" for revision in done.refused)]
