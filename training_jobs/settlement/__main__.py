"""Command line: `python -m training_jobs.settlement LOG.jsonl --rpc URL`. Needs no Django and no account.

Asks a node of the chain whether every payment that a downloaded public log tells of was made as it was voted. Exit
status: 0 when all were, 1 when one was not (each is named), 2 when something cannot be read or the node does not say.
What the log's root is goes to standard error: compare it with a signed checkpoint.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from governance.chain.node import Node, NotAnswered
from governance.errors import Refusal
from governance.evidence import merkle
from governance.evidence.terminal import printable
from training_jobs.settlement.check import check, payments
from training_jobs.transparency import downloaded

EXIT_SOUND, EXIT_WRONG, EXIT_UNREADABLE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Read, ask, say; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m training_jobs.settlement", description="The payments of a public log, asked of its chain."
    )
    parser.add_argument("log", type=Path, metavar="LOG", help="a downloaded log (JSON lines)")
    parser.add_argument("--rpc", required=True, metavar="URL", help="a node of the community's chain")
    options = parser.parse_args(arguments)
    leaves: list[bytes] = []
    try:
        with options.log.open("rb") as stream:
            found = payments(downloaded.entries(stream, leaves))
        print(f"{len(leaves)} entries, root {merkle.root_of_hashes(leaves)}", file=sys.stderr)
        answer = check(found, Node(options.rpc))
    except (Refusal, NotAnswered, OSError, ValueError) as error:
        print(printable(f"cannot be checked: {error}", sys.stderr.encoding), file=sys.stderr)
        return EXIT_UNREADABLE
    for sentence in answer.wrong:
        print(printable(f"NOT as the log says: {sentence}", sys.stdout.encoding))
    print(f"{answer.checked - len(answer.wrong)} of {answer.checked} payments stand on the chain as they were voted.")
    return EXIT_WRONG if answer.wrong else EXIT_SOUND


if __name__ == "__main__":
    sys.exit(main())
