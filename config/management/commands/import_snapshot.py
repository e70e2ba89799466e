"""`manage.py import_snapshot COMMUNITY FILE [--votes CSV] [--dry-run]`: keep a Snapshot vote as a community's history.

FILE is JSON (`-` for standard input) with the poll and its votes; with --votes the votes are in Snapshot's CSV.
`docs/how-to/import-snapshot.md` explains both. Safe to repeat: what was imported is left as it is.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from governance.clock import now as clock
from governance.errors import Refusal
from governance.models import Community
from governance.services.history import import_vote, imported_record
from governance.snapshot_import import ExportError, Recounted, read_csv, read_json, recount
from governance.snapshot_import.read import FILE_BYTES_MAX


class Command(BaseCommand):
    """Import a vote."""

    help = "Check, count again and keep a vote that was held on Snapshot."
    requires_system_checks: Sequence[str] = ()  # `migrate` and `check` look through the whole site

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the community, the files and whether to store anything."""
        parser.add_argument("community", help="the slug of the community")
        parser.add_argument("file", help="JSON with proposal and votes; - reads stdin")
        parser.add_argument("--votes", help="CSV with the votes")
        parser.add_argument("--dry-run", action="store_true", help="check and count, and store nothing")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Read, count again, store, and say what was found."""
        community = Community.objects.select_related("record").filter(slug=options["community"]).first()
        if community is None:
            raise CommandError(f"there is no community {options['community']!r}")
        try:
            poll, found = read_json(_whole(options["file"]))
            if options["votes"]:
                found = read_csv(_whole(options["votes"]), poll)
            if found is None:
                raise CommandError("the file has no votes; give Snapshot's CSV with --votes")
            counted = recount(poll, found)
            if options["dry_run"]:
                done, digest = "nothing is stored", imported_record(community, counted).digest
            else:
                vote, new = import_vote(community, counted, clock())
                done, digest = "imported" if new else "was imported before", vote.record_id
        except (ExportError, Refusal, OSError) as error:
            raise CommandError(str(error)) from error
        self._tell(counted)
        self.stdout.write(f"{done}: record {digest}")

    def _tell(self, counted: Recounted) -> None:
        """Print what was counted, and every vote that was kept apart."""
        result = counted.result
        for label, apart in (("signature wrong", counted.wrong), ("refused", counted.refused)):
            for vote in apart:
                self.stdout.write(f"vote {vote.position} of {vote.voter or 'nobody'}: {label}: {vote.reason}")
        for row in result["scores"]:
            self.stdout.write(f"{row['choice']}: ours {row['ours']} (10^-18 votes), Snapshot's {row['theirs']}")
        agrees = {True: "agrees with Snapshot's", False: "DIFFERS from Snapshot's", None: "stands alone"}
        winner = f"winner: {result['winner']}" if result["winner"] else "no winner"
        counts = ", ".join(f"{number} {name}" for name, number in result["counts"].items())
        self.stdout.write(f"{counts}; {winner}; our count {agrees[result['agrees']]}")


def _whole(name: str) -> bytes:
    """Return what a file holds, or standard input for `-`; one byte too many lets the reader refuse it."""
    if name == "-":
        return sys.stdin.buffer.read(FILE_BYTES_MAX + 1)
    with Path(name).open("rb") as stream:
        return stream.read(FILE_BYTES_MAX + 1)
