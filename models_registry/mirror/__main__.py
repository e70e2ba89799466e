"""`python -m models_registry.mirror URL --folder F --community-key HEX [--once]`: follow another hub.

Exit status with --once: 0 when everything there is here and verified, 1 when something was refused (now or before), 2
when the hub could not be asked, a download failed, or the arguments make no sense. Without --once it goes on until it
is stopped, and a hub that does not answer is asked again.
"""

import argparse
import fcntl
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from models_registry.mirror import index
from models_registry.mirror.follow import Wanted, follow
from models_registry.mirror.remote import Remote, RemoteError

EXIT_MIRRORED, EXIT_REFUSED, EXIT_FAILED = 0, 1, 2
_KEY = re.compile(r"[0-9a-f]{64}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mirror and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        remote = Remote(options.url)
        options.folder.mkdir(parents=True, exist_ok=True)
        with (options.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return _rounds(remote, options)
    except BlockingIOError:
        return _fail(f"another mirror works in {options.folder}")
    except (OSError, ValueError) as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return EXIT_MIRRORED


def _rounds(remote: Remote, options: argparse.Namespace) -> int:
    wanted = Wanted(options.community_key, options.model, options.bytes_max)
    while True:
        try:
            done = follow(remote, options.folder, wanted, int(time.time()), _say)
            failed = done.failed
        except RemoteError as error:
            failed = [str(error)]
        for problem in failed:
            _fail(problem)
        if options.once:
            break
        time.sleep(options.every)
    entries = index.read(options.folder).values()
    refused = sum(1 for entry in entries if entry.refused)
    _say(f"{len(entries) - refused} versions are here and verified, {refused} were refused")
    if failed:
        return EXIT_FAILED
    return EXIT_REFUSED if refused else EXIT_MIRRORED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m models_registry.mirror", description="Follow a hub; keep only what verifies."
    )
    parser.add_argument("url", help="the address of the hub, as clients give it as HF_ENDPOINT")
    parser.add_argument("--folder", type=Path, required=True, help="where the releases are kept")
    parser.add_argument(
        "--community-key", type=_key, action="append", required=True, metavar="HEX",
        help="the release key that you trust, or its fingerprint; may be given several times",
    )  # fmt: skip
    parser.add_argument("--model", action="append", default=[], help="follow only this namespace/name")
    parser.add_argument("--bytes-max", type=int, default=Wanted.version_bytes_max, help="of one version")
    parser.add_argument("--once", action="store_true", help="make one round and stop")
    parser.add_argument("--every", type=float, default=300, help="seconds between two rounds")
    return parser


def _key(text: str) -> str:
    if not _KEY.fullmatch(text.lower()):
        raise argparse.ArgumentTypeError("64 hex characters are expected")
    return text.lower()


def _say(line: str) -> None:
    print(_printable(line), flush=True)


def _fail(line: str) -> int:
    print(_printable(line), file=sys.stderr, flush=True)
    return EXIT_FAILED


def _printable(text: str) -> str:
    """Show text from a stranger so that it cannot steer the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


if __name__ == "__main__":
    sys.exit(main())
