"""What the offline commands share: text from strangers that cannot steer a terminal, and digests as arguments. Pure."""

import argparse
import re

_HEX64 = re.compile(r"[0-9a-fA-F]{64}")


def printable(text: str, encoding: str | None) -> str:
    """Return text in whatever the terminal can encode, with everything that is not a printable character escaped."""
    name = encoding or "ascii"
    safe = "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text)
    return safe.encode(name, "backslashreplace").decode(name)


def hex64(text: str) -> str:
    """Read an argument that is a key, a fingerprint or a digest; return it in lower case."""
    if not _HEX64.fullmatch(text):
        raise argparse.ArgumentTypeError("64 hex characters are expected")
    return text.lower()
