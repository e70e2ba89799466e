"""Where the keys of a community lie, and who signs with them: a file on this machine, or a command that asks a module.

    <slug>.ed25519                  the founding key: signs the checkpoints of the log, and releases
    <slug>.<fingerprint>.ed25519    a release key that a vote put in its place (the first 16 characters)
    <slug>.p256.pem                 signs the files of releases in the form of Model Signing; made when first needed

With COMMONWEIGHTS_SIGNER_COMMAND no file is read and no key is made here: `external_signer` asks the command.
"""

import os
import secrets
from pathlib import Path

from django.conf import settings

from governance.evidence import p256, signing
from governance.evidence.p256 import ModelSigner, P256FileSigner, generate_p256_key
from governance.evidence.signing import FileSigner, Signer, fingerprint, generate_key, public_key_hex
from governance.external_signer import CommandSigner

_NAME_CHARACTERS = 16


def release_key_path(slug: str, public_key: str | None = None) -> Path:
    """Return where the founding key of a community lies, or the release key that a vote put in its place."""
    founding = settings.KEYS_DIR / f"{slug}.ed25519"
    if public_key is None or (founding.exists() and public_key_hex(founding) == public_key):
        return Path(founding)
    return Path(settings.KEYS_DIR / f"{slug}.{fingerprint(public_key)[:_NAME_CHARACTERS]}.ed25519")


def model_key_path(slug: str) -> Path:
    """Return where the P-256 key of a community lies."""
    return Path(settings.KEYS_DIR / f"{slug}.p256.pem")


def founding_key(slug: str) -> str:
    """Return the public founding key of a community that is about to be founded; make both keys if there are none."""
    model_signer(slug)
    if settings.SIGNER_COMMAND:
        return _external(signing.ALGORITHM, slug).public_key_hex
    path = release_key_path(slug)
    return public_key_hex(path) if path.exists() else generate_key(path)


def new_release_key(slug: str) -> str:
    """Make a key that a vote may put in the place of the release key; return its public half."""
    made = settings.KEYS_DIR / f".{secrets.token_hex(8)}.ed25519"
    public_key = generate_key(made)
    made.rename(settings.KEYS_DIR / f"{slug}.{fingerprint(public_key)[:_NAME_CHARACTERS]}.ed25519")
    return public_key


def release_signer(slug: str, public_key: str | None = None) -> Signer:
    """Return who signs with this release key, or with the founding one. Raises SigningError if that cannot be had."""
    if settings.SIGNER_COMMAND:
        return _external(signing.ALGORITHM, slug, public_key)
    return FileSigner(release_key_path(slug, public_key))


def model_signer(slug: str) -> ModelSigner:
    """Return who signs the files of releases; make the key in its file when it is needed first."""
    if settings.SIGNER_COMMAND:
        return _external(p256.ALGORITHM, slug)
    path = model_key_path(slug)
    if not path.exists():
        # Made beside and linked into place: of two that make one at once, both then read the same.
        made = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        generate_p256_key(made)
        try:
            os.link(made, path)
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return P256FileSigner(path)


def _external(algorithm: str, slug: str, public_key: str | None = None) -> CommandSigner:
    return CommandSigner(
        settings.SIGNER_COMMAND, algorithm, slug, public_key, timeout_seconds=settings.SIGNER_TIMEOUT_SECONDS
    )
