"""What a guardian does on a machine of their own: make a key, look at what a release asks them to sign, and sign it.

    python -m models_registry.provenance make-key guardian.key
    python -m models_registry.provenance sign payload.json --key guardian.key

Needs no Django and no network: the payload comes in a file (`GET /api/v1/waiting-releases/<release>/payload`), the
signature goes out as JSON that is handed in as it is (`POST /api/v1/waiting-releases/<release>/signatures`). Who signs
should know what: the command shows the release and its files, and the digest of the payload to compare.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import TextIO

from governance.evidence.signing import FileSigner, Signer, SigningError, generate_key
from models_registry.provenance import attestation, statement
from models_registry.provenance.attestation import BYTES_MAX, FormatError
from models_registry.provenance.statement import Statement

EXIT_DONE, EXIT_REFUSED = 0, 2
COMMANDS = ("make-key", "sign")


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add both commands to those of the program."""
    make = commands.add_parser(
        "make-key", help="make the key of a guardian, or a release key, and print its public half"
    )
    make.add_argument("path", type=Path, help="the file for the private key; it is never overwritten")
    sign_parser = commands.add_parser("sign", help="sign, as a guardian, what a release asks for")
    sign_parser.add_argument("path", type=Path, help="the payload, as the page of the run gives it")
    sign_parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="your private key")
    sign_parser.add_argument("--expect", metavar="SHA256", help="sign only a payload with this digest")


def run(options: argparse.Namespace) -> int:
    """Run one of the commands and return the exit status; what is handed on goes to standard output."""
    try:
        if options.command == "make-key":
            _say(generate_key(options.path), sys.stdout)
            return EXIT_DONE
        payload = _read(options.path)
        found = statement.read_payload(payload)
        sha256 = hashlib.sha256(payload).hexdigest()
        _say(_in_words(found, sha256), sys.stderr)
        if options.expect is not None and options.expect.lower() != sha256:
            raise SigningError(
                f"the payload has the SHA-256 {sha256}, expected was {options.expect}; nothing was signed"
            )
        _say(json.dumps(sign(payload, FileSigner(options.key))), sys.stdout)
    except (FormatError, SigningError, OSError) as error:
        _say(f"refused: {error}", sys.stderr)
        return EXIT_REFUSED
    return EXIT_DONE


def sign(payload: bytes, signer: Signer) -> dict[str, str]:
    """Return what a guardian hands in for a payload: public key and signature, as hex."""
    return {"public_key": signer.public_key_hex, "signature": signer.sign(attestation.to_sign(payload)).hex()}


def _say(text: str, where: TextIO) -> None:
    where.write(f"{text}\n")


def _read(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(BYTES_MAX + 1)


def _in_words(found: Statement, sha256: str) -> str:
    """Say what is signed. Names come from a stranger, and are shown as Python shows them."""
    files = "\n".join(f"  {digest}  {name!a}" for name, digest in found.files)
    return f"release record {found.release}\nfiles\n{files}\nSHA-256 of what is signed: {sha256}"
