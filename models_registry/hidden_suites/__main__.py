"""`python -m models_registry.hidden_suites commit FILE --license SPDX --keep FOLDER`: commit, and show nobody.

Reads the file as intake does, draws a salt, puts canonical rows and salt into FOLDER (which only you may read), and
prints what to publish. Keep the folder: without it nobody can open the suite, and the rule that names it refuses.

`check FOLDER --license SPDX` prints the same again, for anybody who has rows and salt: after the opening that is
everybody. No Django, no network. Exit code: 0 when done, 2 for input that cannot be used.
"""

import argparse
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models_registry.datasets.intake import Intake, IntakeError, Reading, take_in
from models_registry.datasets.kinds import OF_ROLE
from models_registry.datasets.rows import read_columns
from models_registry.hidden_suites.commitment import SALT_HEX_DIGITS, commit, is_digest

ROWS, SALT = "rows.jsonl", "salt"


class Unusable(Exception):
    """Input that nothing can be made of."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer on standard output, as JSON; what cannot be used is said on standard error."""
    given = _parser().parse_args(arguments)
    try:
        answer = _commit(given) if given.command == "commit" else _check(given)
    except (Unusable, IntakeError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(json.dumps(answer, indent=2) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models_registry.hidden_suites", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("commit", help="make a commitment to the rows of a file")
    making.add_argument("file", type=Path)
    making.add_argument("--keep", type=Path, required=True, metavar="FOLDER", help="a new folder for rows and salt")
    making.add_argument("--columns", default="", help="key:column pairs, where the file calls its columns otherwise")
    making.add_argument("--language", default="", help="of rows that do not say theirs")
    making.add_argument("--topic", default="", help="of rows that do not say theirs")
    checking = commands.add_parser("check", help="compute the commitment of rows and a salt again")
    checking.add_argument("folder", type=Path, help=f"with the files {ROWS} and {SALT}")
    for command in (making, checking):
        command.add_argument("--license", required=True, help="SPDX identifier of the rows")
    return parser


def _commit(given: argparse.Namespace) -> dict[str, Any]:
    reading = Reading(columns=read_columns(given.columns), language=given.language, topic=given.topic)
    with tempfile.TemporaryDirectory() as work:
        taken = _read(given.file, Path(work), reading)
        salt = secrets.token_hex(SALT_HEX_DIGITS // 2)
        given.keep.mkdir(mode=0o700)  # a folder that is there may hold the salt of another suite
        _write(given.keep / ROWS, taken.path.read_bytes())
        _write(given.keep / SALT, f"{salt}\n".encode())
        return _said(taken, salt, given.license)


def _check(given: argparse.Namespace) -> dict[str, Any]:
    salt = (given.folder / SALT).read_text(encoding="utf-8", errors="replace").strip()
    if not is_digest(salt):
        raise Unusable(f"{given.folder / SALT} holds no salt: {SALT_HEX_DIGITS} lower-case hex digits are needed")
    with tempfile.TemporaryDirectory() as work:
        return _said(_read(given.folder / ROWS, Path(work), Reading()), salt, given.license)


def _read(file: Path, work: Path, reading: Reading) -> Intake:
    with file.open("rb") as stream:
        taken = take_in([(file.name, stream)], work, reading)
    if taken.kind not in OF_ROLE["evaluation"]:
        raise Unusable(f"{file}: nothing is measured on rows of the kind {taken.kind!r}")
    return taken


def _said(taken: Intake, salt: str, license: str) -> Mapping[str, Any]:  # noqa: A002 - the key of datasets
    public: dict[str, Any] = {
        "kind": taken.kind,
        "records": taken.canonical.records,
        "languages": list(taken.languages),
        "license": license,
    }
    return {"commitment": commit(digest=taken.digest, salt=salt, **public), **public}


def _write(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)


if __name__ == "__main__":
    raise SystemExit(main())
