"""Signed checkpoints: a real one of Go's checksum database, our own, and every way to tamper with one."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from governance.evidence import merkle
from governance.evidence.checkpoint import Checkpoint, CheckpointError, key_id, open_note, sign, verifier_key
from tests.simulators.golden_parts import KeySigner

# What https://sum.golang.org/latest answered on 2024-09-23, and the key that the go command trusts.
GO_NOTE = """go.sum database tree
30055305
mXfgRcJ0bG0j3CPdKwgGWtUzBUbX67saZGRmFuJGGsM=

— sum.golang.org Az3grpgEild5qw7+5dtV13Kf1C2Xurm8q4fhdxvcsDHnqNTaxL2AFjBY+2TyGKevucFcAAlWFJJYle3EJlDCrQ+y3A8=
"""
GO_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
GO_PUBLIC = base64.b64decode(GO_KEY.split("+", 2)[2])[1:].hex()

ORIGIN = "commons.example/water"
SIGNER = KeySigner(7)
KEY = SIGNER.public_key_hex
CHECKPOINT = Checkpoint(ORIGIN, 3, merkle.root([b"a", b"b", b"c"]))
NOTE = sign(CHECKPOINT, SIGNER)


def go(note):
    return open_note(note, "go.sum database tree", GO_PUBLIC, key_name="sum.golang.org")


def test_the_checkpoint_of_the_go_checksum_database_is_read():
    root = base64.b64decode("mXfgRcJ0bG0j3CPdKwgGWtUzBUbX67saZGRmFuJGGsM=").hex()
    assert go(GO_NOTE) == Checkpoint("go.sum database tree", 30_055_305, root)
    assert verifier_key("sum.golang.org", GO_PUBLIC) == GO_KEY


def test_each_changed_character_of_that_checkpoint_is_noticed():
    for position, character in enumerate(GO_NOTE):
        changed = GO_NOTE[:position] + ("B" if character == "A" else "A") + GO_NOTE[position + 1 :]
        with pytest.raises(CheckpointError):
            go(changed)


def test_what_is_signed_reads_back():
    assert open_note(NOTE, ORIGIN, KEY) == CHECKPOINT
    assert open_note(sign(Checkpoint(ORIGIN, 0, merkle.EMPTY_ROOT), SIGNER), ORIGIN, KEY).size == 0


def test_a_note_built_by_hand_from_the_specification_is_ours():
    private = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
    body = f"{ORIGIN}\n3\n{base64.b64encode(bytes.fromhex(CHECKPOINT.root)).decode()}\n"
    name_and_key = ORIGIN.encode() + b"\n\x01" + private.public_key().public_bytes_raw()
    blob = hashlib.sha256(name_and_key).digest()[:4] + private.sign(body.encode())
    assert f"{body}\n— {ORIGIN} {base64.b64encode(blob).decode()}\n" == NOTE


def line_of(signer, name, body):
    blob = key_id(name, signer.public_key_hex) + signer.sign(body.encode())
    return f"— {name} {base64.b64encode(blob).decode()}\n"


def test_signatures_of_witnesses_are_ignored_wherever_they_stand():
    body = CHECKPOINT.body()
    witness = line_of(KeySigner(8), "witness.example/w", body)
    own = NOTE.removeprefix(body + "\n")
    same_name = line_of(KeySigner(9), ORIGIN, body)
    assert open_note(f"{body}\n{witness}{own}{same_name}", ORIGIN, KEY) == CHECKPOINT
    assert open_note(body + "\n" + witness * 15 + own, ORIGIN, KEY) == CHECKPOINT


def unsigned(body):
    return f"{body}\n{line_of(SIGNER, ORIGIN, body)}"


BODY = CHECKPOINT.body()
ROOT_TEXT = BODY.split("\n")[2]
OWN = NOTE.removeprefix(BODY + "\n")


@pytest.mark.parametrize(
    ("note", "code"),
    [
        ("", "malformed_note"),
        (BODY, "malformed_note"),
        (BODY + "\n", "malformed_note"),
        (NOTE + "\n", "malformed_note"),
        (NOTE[:-1], "malformed_note"),
        (NOTE.replace("\n", "\r\n"), "malformed_note"),
        (NOTE.replace("— ", "- "), "malformed_note"),
        (NOTE.replace("— ", "—  "), "malformed_note"),
        (NOTE.replace(f"— {ORIGIN} ", f"— {ORIGIN}\u2003"), "malformed_note"),
        (NOTE.replace(f"— {ORIGIN}", "— a+b"), "malformed_note"),
        (NOTE + "— witness AAAA\n", "malformed_note"),  # an id, and nothing signed
        (NOTE + "— witness AAAAAAB=\n", "malformed_note"),  # bits that base64 throws away
        (NOTE + "— witness AAAA AAAA\n", "malformed_note"),
        (NOTE + "a word from our sponsor\n", "malformed_note"),
        (NOTE.replace("commons", "com\tmons"), "malformed_note"),
        (NOTE + "\ud800", "malformed_note"),
        (NOTE + "— w AAAAAAAA\n" * 20_000, "malformed_note"),
        (f"{BODY}\n{line_of(KeySigner(8), ORIGIN, BODY)}", "signature_missing"),
        (f"{BODY}\n{line_of(SIGNER, 'commons.example/fire', BODY)}", "signature_missing"),
        (NOTE + OWN, "signature_repeated"),
        (NOTE.replace("\n3\n", "\n4\n"), "signature_wrong"),
        (f"x{NOTE}", "signature_wrong"),
        (unsigned(BODY.replace(ORIGIN, "commons.example/fire")), "origin_wrong"),
        (unsigned(BODY.replace("\n3\n", "\n03\n")), "malformed_checkpoint"),
        (unsigned(BODY.replace("\n3\n", "\n+3\n")), "malformed_checkpoint"),
        (unsigned(BODY.replace("\n3\n", "\n\uff13\n")), "malformed_checkpoint"),
        (unsigned(BODY.replace("\n3\n", "\n-3\n")), "malformed_checkpoint"),
        (unsigned(BODY.replace("\n3\n", f"\n{2**63}\n")), "malformed_checkpoint"),
        (unsigned(BODY.replace("\n3\n", "\n0\n")), "malformed_checkpoint"),
        (unsigned(BODY.replace(ROOT_TEXT, ROOT_TEXT[:-1])), "malformed_checkpoint"),
        (unsigned(BODY.replace(ROOT_TEXT, "AAAA")), "malformed_checkpoint"),
        (unsigned(BODY.replace(ROOT_TEXT, ROOT_TEXT.replace("=", ""))), "malformed_checkpoint"),
        (unsigned(BODY + "an extension\n"), "malformed_checkpoint"),
        (unsigned(f"{ORIGIN}\n3\n"), "malformed_checkpoint"),
        (unsigned(f"\n3\n{ROOT_TEXT}\n"), "malformed_checkpoint"),
    ],
)
def test_a_note_with_a_fault_is_refused(note, code):
    with pytest.raises(CheckpointError) as refusal:
        open_note(note, ORIGIN, KEY)
    assert refusal.value.code == code


@pytest.mark.parametrize("key", ["", "00" * 32, KEY.upper(), KEY[:-2], "zz" * 32])
def test_a_key_under_which_nothing_is_proven_is_refused(key):
    with pytest.raises(CheckpointError) as refusal:
        open_note(NOTE, ORIGIN, key)
    assert refusal.value.code == "key_unusable"


@pytest.mark.parametrize(
    "fields",
    [
        ("", 1, "00" * 32),
        ("two\nlines", 1, "00" * 32),
        ("a\x00b", 1, "00" * 32),
        (ORIGIN, -1, "00" * 32),
        (ORIGIN, True, "00" * 32),
        (ORIGIN, 2**63, "00" * 32),
        (ORIGIN, 1, "AB" * 32),
        (ORIGIN, 1, "00" * 31),
        (ORIGIN, 0, "00" * 32),
    ],
)
def test_a_checkpoint_that_would_read_back_differently_is_not_made(fields):
    with pytest.raises(CheckpointError):
        Checkpoint(*fields)


@pytest.mark.parametrize("origin", ["commons example", "commons+water"])
def test_a_log_whose_name_would_blur_the_signature_line_is_not_signed(origin):
    with pytest.raises(CheckpointError):
        sign(Checkpoint(origin, 3, CHECKPOINT.root), SIGNER)
