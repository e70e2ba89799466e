"""Who signs a release: the keys that a vote put in force, guardians up to their threshold, and nobody revoked."""

from pathlib import Path
from typing import Any

import pytest

from governance.evidence.signing import fingerprint
from models_registry.provenance import bundle
from models_registry.provenance.verify import Report, TrustRoots, check
from tests.simulators import golden_bundle
from tests.simulators.attacks import CONSISTENCY, changing, changing_with, failures, resign
from tests.simulators.golden_bundle import KeySigner, guarded_story

OLD, NEW, STRANGER = KeySigner(7), KeySigner(8), KeySigner(66)
GUARDIANS = (KeySigner(21), KeySigner(22), KeySigner(23))


def guarded(folder: Path, signer: KeySigner | None = None, **facts: Any) -> Report:
    golden_bundle.build(folder, guarded_story(**facts), signer)
    return check(folder, CONSISTENCY)


def test_a_release_signed_by_a_rotated_key_and_enough_guardians_verifies(tmp_path: Path) -> None:
    assert guarded(tmp_path).ok
    signatures = bundle.read(tmp_path).statement.envelope.signatures
    assert signatures[0].keyid == fingerprint(NEW.public_key_hex)
    assert len(signatures) == 3
    for root in (OLD, NEW):
        assert check(tmp_path, TrustRoots(release_key=root.public_key_hex)).ok, "the founding key or the key in force"
    assert failures(check(tmp_path, TrustRoots(release_key=STRANGER.public_key_hex))) == {10: {"key_untrusted"}}
    assert guarded(tmp_path / "all", signing=GUARDIANS).ok, "more than needed may sign"
    assert guarded(tmp_path / "rotated", guardians=(), threshold=0).ok
    assert guarded(tmp_path / "named", threshold=0).ok, "guardians of whom none is needed"
    assert guarded(tmp_path / "founding", new_release_key=None).ok


def test_attack_release_signed_with_the_revoked_key(tmp_path: Path) -> None:
    report = guarded(tmp_path, OLD)
    assert failures(report) == {10: {"key_revoked", "provenance_statement_wrong"}}
    assert "the laptop was stolen" in report.findings[9].evidence


def test_attack_too_few_guardians_or_strangers_among_them(tmp_path: Path) -> None:
    assert failures(guarded(tmp_path / "one", signing=GUARDIANS[:1])) == {10: {"guardian_signatures_missing"}}
    found = failures(guarded(tmp_path / "stranger", signing=(GUARDIANS[0], STRANGER)))
    assert found == {10: {"guardian_signatures_missing", "guardian_unknown"}}
    assert failures(guarded(tmp_path / "more", signing=(*GUARDIANS, STRANGER))) == {10: {"guardian_unknown"}}
    assert failures(guarded(tmp_path / "old", signing=(*GUARDIANS[:2], OLD))) == {10: {"key_revoked"}}
    assert failures(guarded(tmp_path / "itself", signing=(*GUARDIANS[:2], NEW))) == {10: {"guardian_unknown"}}


def test_attack_signature_of_a_guardian_over_another_release(tmp_path: Path) -> None:
    guarded(tmp_path / "other", edit=changing("run", steps=4))
    guarded(tmp_path / "this")
    statement = tmp_path / "this" / "provenance" / "statement.json"
    mine = bundle.read(tmp_path / "this").statement.envelope.signatures[1]
    theirs = bundle.read(tmp_path / "other").statement.envelope.signatures[1]
    resign(tmp_path / "this", NEW, Borrowed(GUARDIANS, mine.keyid, theirs.sig), *others(mine.keyid))

    assert statement.exists()
    assert failures(check(tmp_path / "this", CONSISTENCY)) == {10: {"signature_wrong", "guardian_signatures_missing"}}


def others(keyid: str) -> list[KeySigner]:
    return [guardian for guardian in GUARDIANS if fingerprint(guardian.public_key_hex) != keyid][:1]


class Borrowed(KeySigner):
    """A guardian's key with a signature that was made for something else."""

    def __init__(self, guardians: tuple[KeySigner, ...], keyid: str, signature: bytes) -> None:
        self._public = next(g.public_key_hex for g in guardians if fingerprint(g.public_key_hex) == keyid)
        self._signature = signature

    @property
    def public_key_hex(self) -> str:
        return self._public

    def sign(self, data: bytes) -> bytes:
        return self._signature


def test_without_a_vote_on_keys_nobody_but_the_release_key_signs(golden: Path, tmp_path: Path) -> None:
    golden_bundle.build(tmp_path)
    resign(tmp_path, OLD, *GUARDIANS)

    assert failures(check(tmp_path, CONSISTENCY)) == {10: {"guardian_unknown"}}


def test_attack_keys_that_were_not_voted_on(tmp_path: Path) -> None:
    def lowered(body: dict[str, Any]) -> None:
        body["threshold"] = 1

    assert failures(guarded(tmp_path / "lowered", edit=changing_with("keys", lowered))) == {7: {"keys_not_approved"}}

    def another_kind(body: dict[str, Any]) -> None:
        if body["kind"] == "release_keys":
            body["kind"] = "ethics_rule"

    assert failures(guarded(tmp_path / "kind", edit=changing_with("execution", another_kind))) == {7: {"kind_changed"}}


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.update(threshold=4),
        lambda body: body.update(threshold=-1),
        lambda body: body["guardians"].append(body["guardians"][0]),
        lambda body: body["guardians"].append({"name": "Zero", "public_key": "00" * 32}),
        lambda body: body["guardians"].append({"name": "Itself", "public_key": body["release_key"]["public_key"]}),
        lambda body: body["revoked"].append({"reason": "both", "public_key": body["guardians"][0]["public_key"]}),
        lambda body: body["release_key"].update(public_key=body["revoked"][0]["public_key"]),
        lambda body: body["release_key"].update(algorithm="rsa"),
        lambda body: body.update(
            guardians=[{"name": "", "public_key": KeySigner(100 + n).public_key_hex} for n in range(17)]
        ),
    ],
)
def test_keys_that_no_release_could_rest_on_are_malformed(tmp_path: Path, change: Any) -> None:
    report = guarded(tmp_path, edit=changing_with("keys", change))

    assert failures(report)[1] == {"record_malformed"}


def test_keys_that_came_into_force_after_the_release_are_found(tmp_path: Path) -> None:
    report = guarded(tmp_path, edit=changing("release", released_at=golden_bundle.START + 20_000))

    assert failures(report)[6] >= {"adopted_late"}
