"""The parts of provenance one by one: manifest, signing, lineage, writing, and the command."""

import json
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from governance.evidence import signing
from governance.evidence.record import Record
from models_registry.provenance import attestation, bundle, lineage, manifest, shapes
from models_registry.provenance.__main__ import main
from models_registry.provenance.report import HINT_BY_CHECK
from models_registry.provenance.verify import check
from tests.simulators import golden_bundle
from tests.simulators.attacks import CONSISTENCY, LONG, put, rewrite
from tests.simulators.golden_bundle import KeySigner

ROOT = Path(__file__).resolve().parents[2]
READ = ("manifest.json", "records.jsonl", *LONG, "statement.json")


# --- manifest ---


def test_a_manifest_lists_every_file_outside_provenance(golden: Path) -> None:
    built = manifest.build(golden)

    assert [file["path"] for file in built["files"]] == [
        "LICENSE",
        "README.md",
        "config.json",
        "model.safetensors",
    ]
    assert manifest.check(golden, built) == []


@pytest.mark.parametrize(
    "name",
    [
        "pytorch_model.bin",
        "run.py",
        "a b",
        "MODEL.SAFETENSORS",
        "model.safetensors ",
        "..config.json",
        "é.json",
    ],
)
def test_a_file_with_a_name_that_is_not_on_the_list_is_not_released(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(manifest.ManifestError) as refused:
        manifest.build(tmp_path)

    assert refused.value.problems[0].code == "name_not_allowed"


def test_an_empty_folder_a_link_and_a_subfolder_are_not_released(tmp_path: Path) -> None:
    with pytest.raises(manifest.ManifestError, match="no_files"):
        manifest.build(tmp_path)
    (tmp_path / "config.json").symlink_to("/etc/passwd")
    (tmp_path / "sub").mkdir()
    with pytest.raises(manifest.ManifestError, match="folder_not_allowed"):
        manifest.build(tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        {"files": [], "version": 1},
        {"files": [], "version": True},
        {"files": {}, "version": 1},
        {"files": [{"path": "../config.json", "size": 1, "sha256": "0" * 64}], "version": 1},
        {"files": [{"path": "/etc/passwd", "size": 1, "sha256": "0" * 64}], "version": 1},
        {"files": [{"path": "config.json", "size": -1, "sha256": "0" * 64}], "version": 1},
        {"files": [{"path": "config.json", "size": 1, "sha256": "0" * 63}], "version": 1},
        {"files": [{"path": "config.json", "size": 1}], "version": 1},
        {"files": [{"path": "config.json", "size": 1, "sha256": "0" * 64}] * 2, "version": 1},
    ],
)
def test_a_malformed_manifest_is_reported(golden: Path, wrong: object) -> None:
    assert manifest.check(golden, wrong)


# --- signing ---


def test_a_generated_key_is_private_and_signs(tmp_path: Path) -> None:
    path = tmp_path / "release.key"
    public = signing.generate_key(path)
    signer = signing.FileSigner(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert public == signer.public_key_hex == signing.public_key_hex(path)
    assert signing.signature_holds(public, signer.sign(b"data"), b"data")
    assert not signing.signature_holds(public, signer.sign(b"data"), b"date")
    assert not signing.signature_holds(public, b"short", b"data")


def test_a_key_is_never_overwritten_and_never_used_when_others_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "release.key"
    signing.generate_key(path)
    with pytest.raises(signing.SigningError, match="never overwritten"):
        signing.generate_key(path)
    path.chmod(0o640)
    with pytest.raises(signing.SigningError, match="chmod 600"):
        signing.FileSigner(path)
    path.write_text("no key")
    path.chmod(0o600)
    with pytest.raises(signing.SigningError, match="no readable private key"):
        signing.FileSigner(path)
    with pytest.raises(signing.SigningError):
        signing.FileSigner(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "key",
    [
        "00" * 32,
        "00" * 31 + "80",
        "01" + "00" * 31,
        "ec" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "AB" * 32,
        "ab" * 31,
        None,
    ],
)
def test_a_key_under_which_anybody_can_sign_is_not_usable(key: object) -> None:
    assert not signing.is_usable_public_key(key)


def doubled(point: tuple[int, int], d: int, prime: int) -> tuple[int, int]:
    x, y = point
    product = d * x * x * y * y % prime
    return (
        2 * x * y * pow(1 + product, -1, prime) % prime,
        (y * y + x * x) * pow(1 - product, -1, prime) % prime,
    )


def test_the_points_of_small_order_are_those_that_three_doublings_bring_to_zero() -> None:
    """Checks the constants of `signing` against the curve equation itself."""
    prime = 2**255 - 19
    d = -121665 * pow(121666, -1, prime) % prime
    for y in signing._SMALL_ORDER_Y:
        x_squared = (y * y - 1) * pow(d * y * y + 1, -1, prime) % prime
        x = pow(x_squared, (prime + 3) // 8, prime)
        if (x * x - x_squared) % prime:
            x = x * pow(2, (prime - 1) // 4, prime) % prime
        assert (x * x - x_squared) % prime == 0
        point = (x, y)
        for _ in range(3):
            point = doubled(point, d, prime)
        assert point == (0, 1)


def test_the_statement_is_what_dsse_and_in_toto_say() -> None:
    assert attestation.pre_authentication_encoding("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


# --- lineage ---


def test_a_lineage_is_ordered_by_depth_and_then_by_digest() -> None:
    first, second = Record.make("a", "", {"n": 1}), Record.make("a", "", {"n": 2})
    child = Record.make("b", "", {}, (first.digest, second.digest))
    top = Record.make("c", "", {}, (child.digest, first.digest))
    stranger = Record.make("d", "", {})
    records = {record.digest: record for record in (stranger, top, child, second, first)}

    expected = [*sorted([first, second], key=lambda record: record.digest), child, top]
    assert lineage.closure(top.digest, records) == expected


def test_a_lineage_with_a_missing_misnamed_or_circular_record_is_refused() -> None:
    child = Record.make("b", "", {}, ("ab" * 32,))
    with pytest.raises(lineage.MissingRecord):
        lineage.closure(child.digest, {child.digest: child})
    with pytest.raises(lineage.MisnamedRecord):
        lineage.closure("ab" * 32, {"ab" * 32: Record.make("a", "", {})})


def test_a_circle_of_records_is_refused_and_not_walked_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Record, "digest", property(lambda record: record.kind))
    records = {"1": Record("1", "", {}, ("2",)), "2": Record("2", "", {}, ("1",))}
    with pytest.raises(lineage.CyclicLineage):
        lineage.closure("1", records)


def test_a_long_chain_does_not_exhaust_the_stack() -> None:
    records: dict[str, Record] = {}
    parents: tuple[str, ...] = ()
    for number in range(5_000):
        record = Record.make("a", "", {"n": number}, parents)
        records[record.digest] = record
        parents = (record.digest,)

    assert len(lineage.closure(parents[0], records)) == 5_000


# --- writing refuses what it could not stand for ---


def test_a_release_of_other_files_is_not_written(release: Path) -> None:
    read = bundle.read(release)
    (release / "config.json").write_text("{}")
    with pytest.raises(bundle.BundleError, match="manifest_mismatch"):
        rewrite(release, read, KeySigner(7))


def test_a_release_with_ballots_of_other_proposals_or_without_its_lineage_is_not_written(
    release: Path,
) -> None:
    read = bundle.read(release)
    stray = Record.make("ballot", "", dict(read.ballots[0].body), ("ab" * 32,))
    with pytest.raises(bundle.BundleError, match="ballot_foreign"):
        rewrite(release, read, KeySigner(7), ballots=[stray])
    with pytest.raises(bundle.BundleError, match="census_foreign"):
        rewrite(release, read, KeySigner(7), census=[replace(read.census[0], proposal="ab" * 32)])
    with pytest.raises(bundle.BundleError, match="order_wrong"):
        rewrite(release, read, KeySigner(7), delegations=reversed(read.delegations))
    with pytest.raises(lineage.MissingRecord):
        rewrite(release, read, KeySigner(7), records={})
    assert check(release, CONSISTENCY).ok, "what was refused changed nothing"


@pytest.mark.parametrize("name", READ)
def test_reading_refuses_a_malformed_file(release: Path, name: str) -> None:
    put(release, name, [b"{}"])
    with pytest.raises(bundle.BundleError):
        _ = [getattr(bundle.read(release), part) for part in ("ballots", "census", "delegations")]


# --- the command ---


def test_the_command_says_verified_and_exits_with_zero(golden: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(golden), "--community-key", KeySigner(7).public_key_hex]) == 0
    assert "Verified: commons/water-assistant version 1" in capsys.readouterr().out


def test_the_command_names_the_failure_with_a_hint_and_exits_with_one(
    release: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    golden_bundle.write_model(release, (9.0, 9.0))
    assert main(["verify", str(release), "--consistency-only"]) == 1
    shown = capsys.readouterr().out

    assert "8  FAILED" in shown
    assert "file_changed in model.safetensors" in shown
    assert "download the release again" in shown
    assert "NOT verified" in shown


def test_the_command_gives_the_same_as_data(release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(release), "--json", "--community-key", "ab" * 32]) == 1
    report = json.loads(capsys.readouterr().out)

    assert report["verified"] is False
    assert [finding["number"] for finding in report["findings"]] == list(range(1, 13))
    assert report["findings"][9]["code"] == "key_untrusted"
    assert report["findings"][10]["status"] == "not_checked"


def test_the_command_exits_with_two_when_there_is_nothing_to_check(tmp_path: Path) -> None:
    assert main(["verify", str(tmp_path / "nowhere")]) == 2
    assert main(["verify", "nul\0byte"]) == 2
    for wrong in ([], ["verify"], ["verify", ".", "--community-key", "xyz"]):
        with pytest.raises(SystemExit) as left:
            main(wrong)
        assert left.value.code == 2


def test_text_from_a_bundle_cannot_steer_the_terminal(release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (release / "\x1b[2J\x1b]0;owned\x07.json").write_text("")
    assert main(["verify", str(release), "--consistency-only"]) == 1
    assert "\x1b" not in capsys.readouterr().out


def test_verifying_needs_no_django_no_torch_and_no_chain_library(golden: Path) -> None:
    program = (
        "import sys\n"
        "for name in ('django', 'torch', 'web3', 'eth_account', 'training_jobs'): sys.modules[name] = None\n"
        "from models_registry.provenance.__main__ import main\n"
        f"sys.exit(main(['verify', {str(golden)!r}, '--consistency-only']))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_check_has_a_hint_and_every_kind_of_record_has_a_form_and_parents() -> None:
    assert set(HINT_BY_CHECK) == set(range(1, 13))
    assert set(shapes.BODIES) == set(shapes.PARENTS)
