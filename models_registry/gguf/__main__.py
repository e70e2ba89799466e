"""`python -m models_registry.gguf RELEASE OUT.gguf [--type f32|f16|bf16]`: one GGUF file from a released folder.

Prints what was made and its SHA-256. Exit status: 0 when the file is there, 2 when it is not; then nothing is left.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from models_registry.provenance.case import NoTrustRoot, TrustRoots, Unreadable
from models_registry.publishing.check import ArtifactError

EXIT_MADE, EXIT_REFUSED = 0, 2
_KEY = re.compile(r"[0-9a-fA-F]{64}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert one release and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        # Only here: who asks for --help needs neither NumPy nor the library.
        from models_registry.gguf.export import export
        from models_registry.gguf.refused import Refused
    except ModuleNotFoundError as error:
        return _fail(f"{error.name} is missing; install the requirements of the project")
    trust = TrustRoots(release_key=options.community_key, consistency_only=options.community_key is None)
    try:
        made = export(options.release, options.out, options.type, trust)
    except (Refused, ArtifactError, NoTrustRoot, Unreadable) as error:
        return _fail(str(error))
    except (OSError, ValueError) as error:
        # A full disk, and a path that no file can have.
        return _fail(f"{options.out} could not be written: {getattr(error, 'strerror', None) or error}")
    except KeyboardInterrupt:
        return _fail("stopped")
    source = made.origin
    print(f"{options.out}: {made.architecture}, {options.type}, {made.bytes_total} bytes")
    print(f"from {source.model} version {source.version}, release {source.release}")
    if options.community_key is None:
        print("its files agree with its records; nobody's key was given to compare (--community-key)")
    if made.rounded:
        print(f"weights were rounded to {options.type}: answers can differ from those that the community judged")
    if made.vocabulary.normalizer:
        print("the tokenizer composes letters and accents (NFC) first, which GGUF cannot say: give it composed text")
    print(f"sha256 {made.sha256}")
    return EXIT_MADE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m models_registry.gguf", description="Make one GGUF file from a released model."
    )
    parser.add_argument("release", type=Path, help="the folder of the release")
    parser.add_argument("out", type=Path, help="the file to make; one that is there is never overwritten")
    parser.add_argument(
        "--type", choices=("f32", "f16", "bf16"), default="f32",
        help="of the weights; f32 (the default) changes none of them, others round",
    )  # fmt: skip
    parser.add_argument(
        "--community-key", type=_key, metavar="HEX", help="the release key that you trust, or its fingerprint"
    )
    return parser


def _key(text: str) -> str:
    if not _KEY.fullmatch(text):
        raise argparse.ArgumentTypeError("64 hex characters are expected")
    return text.lower()


def _fail(message: str) -> int:
    safe = "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in message)
    print(f"no file was made: {safe}", file=sys.stderr)
    return EXIT_REFUSED


if __name__ == "__main__":
    sys.exit(main())
