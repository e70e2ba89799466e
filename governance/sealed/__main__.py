"""Command line of sealed votes: `python -m governance.sealed new-key | public | seal`. Needs no Django or network.

`new-key FILE` makes a keyholder's secret, `public FILE` prints its public key. `seal` seals a ballot for the keys that
`GET /api/v1/proposals/<id>/sealing` answers (a file, or - for the standard input), and prints what is sent and signed.
"""

import argparse
import json
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from governance.evidence.canonical import CanonicalError, strict_loads
from governance.evidence.terminal import printable
from governance.sealed import box
from governance.sealed.box import Context, SealError
from governance.sealed.opening import content_of, read_hex

ANSWER_BYTES_MAX = 100_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Do one thing; return 0, or 2 where it cannot be done."""
    parser = argparse.ArgumentParser(
        prog="python -m governance.sealed", description="Keys and ballots of sealed votes."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    new = commands.add_parser("new-key", help="make a secret for one vote, and print its public key")
    new.add_argument("path", type=Path, metavar="FILE", help="where to keep the secret; must not exist")
    public = commands.add_parser("public", help="print the public key of a secret")
    public.add_argument("path", type=Path, metavar="FILE")
    seal = commands.add_parser("seal", help="seal a ballot")
    seal.add_argument("path", metavar="FILE", help="the answer of the API about the keys, or -")
    seal.add_argument("--proposal", required=True, metavar="ID", help="0x and 64 hex digits")
    seal.add_argument("--voter", required=True, metavar="ADDRESS")
    seal.add_argument("--choice", required=True, metavar="JSON", help="a whole number, a list or an object")
    seal.add_argument("--reason", default="")
    options = parser.parse_args(arguments)
    try:
        print(_COMMANDS[options.command](options))
    except (SealError, CanonicalError, OSError, ValueError, KeyError, TypeError) as error:
        print(f"cannot be done: {printable(str(error), sys.stderr.encoding)}", file=sys.stderr)
        return 2
    return 0


def _new_key(options: argparse.Namespace) -> str:
    secret = secrets.token_bytes(box.KEY_BYTES)
    handle = os.open(options.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(f"{secret.hex()}\n")
    return box.public_key_of(secret).hex()


def _public(options: argparse.Namespace) -> str:
    return box.public_key_of(read_hex(options.path.read_text().strip())).hex()


def _seal(options: argparse.Namespace) -> str:
    text = sys.stdin.read() if options.path == "-" else Path(options.path).read_text()
    answer: Any = strict_loads(text.encode(), max_bytes=ANSWER_BYTES_MAX)
    keys = tuple(read_hex(holder["key"]) for holder in answer["keyholders"] if holder["key"])
    context = Context(options.proposal, options.voter, answer["threshold"], keys)
    choice = strict_loads(options.choice.encode(), max_bytes=ANSWER_BYTES_MAX)
    sealed = box.seal(content_of(choice, options.reason), context, secrets.token_bytes(box.SEED_BYTES))
    return json.dumps({"sealed": box.to_text(sealed), "digest": box.digest_of(sealed)}, indent=2)


_COMMANDS = {"new-key": _new_key, "public": _public, "seal": _seal}


if __name__ == "__main__":
    sys.exit(main())
