"""`manage.py settlements`: how far payments on chain were read, and why a reading halted; `--resume` lets it go on.

    manage.py settlements                                     list every token that is read, and why it halted
    manage.py settlements --resume COMMUNITY TOKEN            go on from the last good block
    manage.py settlements --resume COMMUNITY TOKEN --lost 7   the same, when the chain does not have payment 7 any more

It asks the chain about every payment first, and refuses to go on while one is gone that nobody has named. The books
stay as they are: `docs/how-to/settle-on-chain.md` says what to do about a payment that is lost.
"""

from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from governance import clock
from governance.chain import ChainError
from governance.chain.factory import chain_for
from governance.errors import Refusal
from training_jobs.models import SettlementReading
from training_jobs.settlement.resuming import reading_of, resume


class Command(BaseCommand):
    """Look at how far payments were read, and let a halted reading go on."""

    help = "Show how far payments on chain were read and why a reading halted, and let it go on."
    requires_system_checks: Sequence[str] = ()  # `migrate` and `check` look through the whole site

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to do."""
        parser.add_argument("--resume", nargs=2, metavar=("COMMUNITY", "TOKEN"), help="let this halted reading go on")
        parser.add_argument(
            "--lost",
            type=int,
            nargs="+",
            default=[],
            metavar="NUMBER",
            help="proposals whose payments the chain does not have any more; you have looked at each",
        )

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Let one go on if asked to, then list."""
        if options["lost"] and not options["resume"]:
            raise CommandError("--lost belongs to --resume")
        if options["resume"]:
            try:
                reading = reading_of(*options["resume"])
                chain = chain_for(reading.community.chain_id)
                resume(reading, chain, set(options["lost"]), clock.now())
            except (Refusal, ChainError) as error:
                raise CommandError(str(error)) from error
        rows = SettlementReading.objects.select_related("community").order_by("community__slug", "token")
        for row in rows:
            state = f"halted: {row.halted}" if row.halted else "read on"
            self.stdout.write(f"{row.community.slug} {row.token} · up to block {row.block_number} · {state}")
        if not rows:
            self.stdout.write("nothing is paid on chain")
