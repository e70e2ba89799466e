"""Count polls: JSON lines in, JSON lines out, exactly. Needs no database, no network and no framework.

    python -m governance.tally [FILE …] < polls.jsonl

Each line is a poll, {"method", "choices": [names], "ballots": [{"choice", "power": "<integer>"}], optional "seats"};
each answer has the scores, the winner, the numbers of valid and invalid ballots and the explanation, plus the rounds,
the pairwise matrix and the reason of each invalid ballot. A line that is no poll is answered by {"error", "detail"};
the others are still answered, and the exit status is 1. polls.py has the details.
"""

import argparse
import gc
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from governance.tally.polls import LINE_BYTES_MAX, PollError, answer


def lines(source: BinaryIO) -> Iterator[bytes]:
    """Yield the lines that are not blank; of a line that is too long only its beginning, which is still too long."""
    while line := source.readline(LINE_BYTES_MAX + 1):
        rest = line
        while len(line) > LINE_BYTES_MAX and rest and not rest.endswith(b"\n"):
            rest = source.readline(2**20)
        if line.strip():
            yield line


def count_all(source: BinaryIO, target: BinaryIO) -> bool:
    """Answer line by line; return whether every line was a poll."""
    good = True
    for line in lines(source):
        try:
            result = answer(line)
        except PollError as error:
            good = False
            result = {"error": error.code, "detail": error.detail}
        target.write(json.dumps(result, ensure_ascii=False).encode() + b"\n")
        target.flush()
    return good


def main() -> int:
    """Return 0, 1 if a line was no poll, or 2 if a file cannot be read."""
    parser = argparse.ArgumentParser(
        prog="python -m governance.tally", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path, help="files of polls; without one, standard input")
    options = parser.parse_args()
    gc.disable()  # parsed JSON has no cycles, and a million ballots would be walked again and again
    good = True
    try:
        if not options.files:
            good = count_all(sys.stdin.buffer, sys.stdout.buffer)
        for path in options.files:
            with path.open("rb") as source:
                good = count_all(source, sys.stdout.buffer) and good
    except OSError as error:
        print(f"{error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        return 2
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
