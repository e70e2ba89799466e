"""`manage.py sweep`: take every step that is due, once or for ever."""

import logging
import signal
import threading
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import InterfaceError, OperationalError, close_old_connections

from config.sweeper import rest_seconds, sweep

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """Run the sweeper."""

    help = "Close votes, queue and execute decisions, and nudge workers."
    requires_system_checks: Sequence[str] = ()  # `migrate` and `check` look through the whole site

    def add_arguments(self, parser: CommandParser) -> None:
        """Offer --forever."""
        parser.add_argument("--forever", action="store_true", help="repeat until stopped")

    def handle(self, *_args: Any, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        """Sweep until a signal comes."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        while True:
            rest: float = settings.SWEEP_SECONDS
            try:
                taken = sweep()
                self.stdout.write(f"{taken} steps taken")
                rest = rest_seconds()
            except (OperationalError, InterfaceError):
                if not options["forever"]:
                    raise
                logger.exception("the database does not answer; next sweep")
            close_old_connections()
            if not options["forever"] or stop.wait(rest):
                return
