"""`python -m training_jobs.exchange.issue RUN SEAT SEATS --secret-file FILE`: print a ticket for a run started by hand.

A site issues the tickets of its runs itself. A higher --fence takes the seat over from whoever has it.
"""

import argparse
import sys
import time
from pathlib import Path

from training_jobs.exchange import tickets
from training_jobs.exchange.relay import DAY_SECONDS, read_secret
from training_jobs.exchange.tickets import Ticket, TicketRefused


def main(arguments: list[str]) -> int:
    """Print the ticket; its member's name goes to standard error."""
    parser = argparse.ArgumentParser(prog="python -m training_jobs.exchange.issue", description="Issue a ticket.")
    parser.add_argument("run", help="any name of letters, digits and dashes; the same for all members")
    parser.add_argument("seat", type=int, help="0, 1, …")
    parser.add_argument("seats", type=int, help="how many workers the specification says")
    parser.add_argument("--secret-file", type=Path, required=True, help="the relay's")
    parser.add_argument("--fence", type=int, default=1)
    parser.add_argument("--days", type=int, default=7)
    options = parser.parse_args(arguments)
    expires = int(time.time()) + options.days * DAY_SECONDS
    ticket = Ticket(options.run, options.seat, options.fence, options.seats, expires)
    try:
        text = tickets.issue(ticket, read_secret(options.secret_file))
    except (TicketRefused, OSError, ValueError) as error:
        parser.error(str(error))
    sys.stderr.write(f"{ticket.member}\n")
    sys.stdout.write(f"{text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
