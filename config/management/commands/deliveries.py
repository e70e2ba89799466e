"""`manage.py deliveries`: what is on its way to other targets; the options let an operator act.

    manage.py deliveries                           list all that is not published yet
    manage.py deliveries --again REVISION TARGET   try one again at once
    manage.py deliveries --say-again PROPOSAL STAGE   the same for what is to be said in a proposal's discussion
    manage.py deliveries --plan TARGET             also bring the releases there that are older than its configuration

It changes rows only; the workers publish.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from governance import clock
from governance.errors import Refusal
from models_registry import deliveries, errands, notices
from models_registry.errands import Row
from models_registry.models import Delivery, Notice, Version
from models_registry.publishing import PublishError


class Command(BaseCommand):
    """Look at deliveries, and let one be tried again."""

    help = "Show which releases are on their way to other targets, and let them be tried again."
    requires_system_checks: Sequence[str] = ()  # `migrate` and `check` look through the whole site

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to do."""
        parser.add_argument("--again", nargs=2, metavar=("REVISION", "TARGET"), help="try this delivery again at once")
        parser.add_argument("--say-again", nargs=2, metavar=("PROPOSAL", "STAGE"), help="try this notice again at once")
        parser.add_argument("--plan", metavar="TARGET", help="plan this target for every release that lacks it")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Do one thing, then show what is open."""
        now = clock.now()
        try:
            if options["again"]:
                deliveries.again(*options["again"], now)
            if options["say_again"]:
                notices.again(*options["say_again"], now)
            if options["plan"]:
                if options["plan"] not in deliveries.other_targets():
                    raise CommandError(f"{options['plan']} is not in COMMONWEIGHTS_PUBLICATION_TARGETS")
                releases = Version.objects.filter(release_record__isnull=False, withdrawn_at__isnull=True)
                added = sum(deliveries.plan(version, [options["plan"]], now) for version in releases)
                self.stdout.write(f"{added} planned")
        except (Refusal, PublishError) as error:
            raise CommandError(str(error)) from error
        rows = Delivery.objects.filter(publication__isnull=True).select_related("version__model", "publication")
        for row in rows.order_by("pk"):
            self._show(f"{row.version.revision} {row}", row, now)
        unsaid = Notice.objects.filter(done_at__isnull=True).select_related("proposal")
        for notice in unsaid.order_by("pk"):
            self._show(f"{notice.proposal.public_id} {notice.stage}", notice, now)
        if not rows and not unsaid:
            self.stdout.write("nothing is on its way")

    def _show(self, what: str, row: Row, now: datetime) -> None:
        reason = f" · {row.error_code}: {row.error_detail}" if row.error_code else ""
        self.stdout.write(f"{what} · {errands.state(row, now)} · tried {row.attempts} times{reason}")
