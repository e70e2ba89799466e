"""A signer behind a command: a release and the log signed without any key file here, and bad answers refused."""

import shlex
import sys
import time
from pathlib import Path

import pytest

from governance import keys, log
from governance.clock import now as clock
from governance.evidence import p256, signing
from governance.evidence.signing import SigningError
from governance.external_signer import CommandSigner
from models_registry import services as registry
from models_registry.models import Version
from models_registry.provenance.verify import TrustRoots, check
from tests.integration.test_runs import accepted, refusals  # noqa: F401 - a fixture
from training_jobs import worker

# A stand-in for a module: its keys lie elsewhere, and like most modules it takes another nonce each time.
MODULE = """
import sys
from pathlib import Path
from cryptography.hazmat.primitives import hashes, serialization as form
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
folder, (what, algorithm, slug, *key) = Path(sys.argv[1]), sys.argv[2:]
pem = folder / (slug + (".ed25519" if algorithm == "ed25519" else ".p256.pem"))
private = form.load_pem_private_key(pem.read_bytes(), None)
edwards = algorithm == "ed25519"
if what == "public-key":
    public = private.public_key()
    encoding = form.Encoding.Raw if edwards else form.Encoding.X962
    shape = form.PublicFormat.Raw if edwards else form.PublicFormat.UncompressedPoint
    print(public.public_bytes(encoding, shape).hex())
else:
    data = sys.stdin.buffer.read()
    print((private.sign(data) if edwards else private.sign(data, ec.ECDSA(hashes.SHA256()))).hex())
"""


@pytest.fixture
def module(settings, tmp_path):
    """Move the keys of the community behind a command."""

    def moved(slug):
        away, script = tmp_path / "module", tmp_path / "module.py"
        away.mkdir()
        script.write_text(MODULE)
        keys.release_key_path(slug).rename(away / f"{slug}.ed25519")
        p256.generate_p256_key(away / f"{slug}.p256.pem")
        keys.model_key_path(slug).unlink(missing_ok=True)
        settings.SIGNER_COMMAND = shlex.split(f"{sys.executable} {script} {away}")
        return away

    return moved


def test_a_release_is_signed_by_keys_that_are_not_here(accepted, module, monkeypatch):  # noqa: F811
    slug = accepted.community.slug
    away = module(slug)
    releases = registry.settings.ARTIFACTS_DIR / "releases" / str(accepted.model)
    before = set(releases.glob("*"))  # of other tests in this process
    monkeypatch.setattr(Version.objects, "create", lambda **_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        worker.release(accepted.pk)
    monkeypatch.undo()
    (published,) = set(releases.glob("*")) - before
    first = (published / "provenance" / "model.sig").read_bytes()
    worker.release(accepted.pk)
    accepted.refresh_from_db()

    folder = registry.version_folder(accepted.version)
    assert check(folder, TrustRoots(release_key=accepted.community.release_key)).ok
    assert (folder / "provenance" / "model.sig").read_bytes() == first, "signed once, whatever the nonce"
    assert not keys.model_key_path(slug).exists()
    behind = p256.P256FileSigner(away / f"{slug}.p256.pem")
    assert keys.model_signer(slug).public_key_hex == behind.public_key_hex
    assert keys.founding_key(slug) == accepted.community.release_key
    assert log.publish_checkpoint(accepted.community.pk, clock()) is not None


def test_a_release_waits_for_a_module_that_does_not_answer(accepted, module, settings):  # noqa: F811
    module(accepted.community.slug)
    settings.SIGNER_COMMAND = ["/nowhere/signer"]
    worker.release(accepted.pk)
    assert [refusal["code"] for refusal in refusals(accepted)] == ["release_key_unavailable"]


def signer(
    script: str, algorithm: str = signing.ALGORITHM, key: str | None = None, seconds: float = 20
) -> CommandSigner:
    return CommandSigner(["/bin/sh", "-c", script, "signer"], algorithm, "water", key, timeout_seconds=seconds)


KEY = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"  # RFC 8032, test 1
# Its signature of nothing.
SIGNATURE = (
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
    "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
)


def test_a_right_answer_is_taken_and_a_wrong_one_refused() -> None:
    assert signer(f"echo {SIGNATURE}", key=KEY).sign(b"") == bytes.fromhex(SIGNATURE)
    assert signer(f"test $1 = public-key && echo {KEY}").public_key_hex == KEY
    for script, said in (
        (f"echo {SIGNATURE[:-2]}", "does not hold"),
        (f"echo {'00' * 64}", "does not hold"),
        (f"echo {SIGNATURE}; echo {SIGNATURE}", "one line of lower-case hex"),
        (f"echo {SIGNATURE.upper()}", "one line of lower-case hex"),
        ("echo no key in this slot", "one line of lower-case hex"),
        ("true", "one line of lower-case hex"),
        ("yes 00 | head -c 100000", "one line of lower-case hex"),
        (f"echo {SIGNATURE}; exit 3", "status 3"),
    ):
        with pytest.raises(SigningError, match=said):
            signer(script, key=KEY).sign(b"")
    with pytest.raises(SigningError, match="does not hold"):
        signer(f"echo {SIGNATURE}", key=KEY).sign(b"something else")
    with pytest.raises(SigningError, match="no DER signature"):
        signer("echo 0000", p256.ALGORITHM, "04" + "ab" * 64).sign(b"")
    with pytest.raises(SigningError, match="64 characters, expected 130"):
        _ = signer(f"echo {KEY}", p256.ALGORITHM).public_key_hex
    with pytest.raises(SigningError, match="cannot run"):
        CommandSigner(["/nowhere"], signing.ALGORITHM, "water", KEY, timeout_seconds=1).sign(b"")


def test_a_command_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    script = f"(sleep 600; touch {tmp_path}/late) & touch {begun}; wait"
    before = time.monotonic()
    with pytest.raises(SigningError, match="no answer in 2 seconds"):
        signer(script, key=KEY, seconds=2).sign(b"")
    assert begun.exists()
    assert time.monotonic() - before < 60
