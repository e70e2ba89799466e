"""Compute the result of a consultation again from its public export. Needs no database, network or framework.

    python -m governance.statements EXPORT.json|EXPORT.csv

Prints the result as JSON and, last, its SHA-256, which the community's log has since the consultation closed. Exit
status 1 where the file is no export.
"""

import argparse
import json
import sys
from pathlib import Path

from governance.errors import Refusal
from governance.evidence.canonical import digest
from governance.statements.analysis import analyse
from governance.statements.export import read


def main(arguments: list[str]) -> int:
    """Read, compute, print."""
    parser = argparse.ArgumentParser(prog="python -m governance.statements", description="Compute a result again.")
    parser.add_argument("export", type=Path, help="the JSON or CSV file of a consultation that has closed")
    try:
        rows, numbers = read(parser.parse_args(arguments).export.read_bytes())
    except (OSError, Refusal) as error:
        print(error, file=sys.stderr)
        return 1
    result = analyse(rows, numbers)
    print(json.dumps(result, indent=2, sort_keys=True))
    print(digest(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
