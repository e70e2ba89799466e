"""What strangers found about a release: made with the verifier's own command, filed, shown, downloaded, hidden."""

import io
import json
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client

from governance.evidence import signing
from governance.evidence.signing import FileSigner, fingerprint
from governance.models import Event, Proposal
from models_registry import attestations
from models_registry.models import Attestation, ReleaseKeys, Version
from models_registry.provenance import attest
from models_registry.provenance.__main__ import alone
from models_registry.provenance.manifest import Problem
from models_registry.provenance.report import RERUN_CHECK, SAME_BYTES, WITHIN_TOLERANCES, Report, Status
from models_registry.provenance.verify import TrustRoots, check
from tests.integration import golden_site
from tests.integration.golden_site import KEY, NOON
from tests.simulators.golden_bundle import KeySigner


@pytest.fixture
def version(db: None, tmp_path: Path, settings: Any, at: Callable[[datetime], None]) -> Version:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    at(NOON)
    return golden_site.released()


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    signing.generate_key(tmp_path / "my.pem")
    return tmp_path / "my.pem"


def address(version: Version) -> str:
    return f"/api/v1/releases/{version.revision}/attestations"


def post(version: Version, data: bytes, **headers: str) -> Any:
    return Client().post(address(version), data, content_type="application/json", headers=headers)


def by_command(folder: Path, key: Path, *trust: str) -> bytes:
    """Verify a folder as a stranger does, and return what the command wrote."""
    written = key.with_suffix(".json")
    alone([str(folder), *(trust or ("--community-key", KEY)), "--attest", str(written), "--attest-key", str(key)])
    return written.read_bytes()


def report_on(version: Version, **again: Any) -> Report:
    """Return the report of a verification, with the answer of training again if one is given."""
    report = check(golden_site.folder_of(version), TrustRoots(KEY))
    return report.with_finding(RERUN_CHECK, **again) if again else report


def signed_by(version: Version, seed: int = 50, **again: Any) -> bytes:
    return attest.attested(report_on(version, **again), attestations.files_of(version), KeySigner(seed))


def page(version: Version, language: str = "en", query: str = "") -> str:
    answer = Client().get(f"/releases/{version.revision}/{query}", headers={"accept-language": language})
    assert answer.status_code == 200
    return answer.content.decode()


# --- filing and showing -------------------------------------------------------------------------------------------


def test_what_the_command_writes_is_filed_listed_shown_and_handed_out_byte_for_byte(
    version: Version, mine: Path
) -> None:
    data = by_command(golden_site.folder_of(version), mine)
    key = FileSigner(mine).public_key_hex

    answer = post(version, data)
    assert answer.status_code == 201
    filed = answer.json()
    assert (filed["outcome"], filed["rerun"], filed["fingerprint"]) == ("verified", "not_made", fingerprint(key))
    assert [each["status"] for each in filed["checks"]] == ["passed"] * 10 + ["not_checked"] * 2

    listed = Client().get(address(version)).json()
    assert (listed["count"], listed["results"]) == (1, [filed])
    download = Client().get(filed["download"])
    assert download.content == data
    assert "attachment" in download["Content-Disposition"]
    html = page(version)
    assert fingerprint(key) in html
    assert "Found that it holds" in html
    assert "This site checked only the signatures" in html
    assert f"http://testserver{address(version)}" in html, "the page says how to file"
    event = Event.objects.get(kind="attestation_filed")
    assert (event.data["attestation"], event.data["outcome"]) == (filed["digest"], "verified")
    assert event.position is not None, "it stands in the community's log"


def test_the_same_one_twice_is_one(version: Version, mine: Path) -> None:
    data = by_command(golden_site.folder_of(version), mine)
    first, second = post(version, data), post(version, data)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert Attestation.objects.count() == Event.objects.filter(kind="attestation_filed").count() == 1


def test_a_failed_one_is_shown_as_prominently_and_says_how_to_look_into_it(
    version: Version, mine: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(golden_site.folder_of(version), tmp_path / "copy")
    (copy / "model.safetensors").write_bytes(b"other weights")
    assert post(version, by_command(copy, mine)).json()["outcome"] == "failed"
    post(version, signed_by(version))

    html = page(version)
    assert "1 says that it holds" in html
    assert html.count("1 says that it does not") == 4, (
        "at the top, beside our own verdict, and where it says who reviewed, too"
    )
    assert "9 checks hold (1–7, 9, 10)" in html
    assert html.index("Found that it holds") < html.index("Found that it does not hold"), (
        "newest first, whatever it says"
    )
    assert "<code>file_changed</code>" in html
    assert "Their copy of the files differs." in html
    assert "Propose to withdraw this release" in html
    assert "other weights" not in html


@pytest.mark.parametrize(
    ("again", "rerun", "words"),
    [
        ({"status": Status.PASSED, "outcome": SAME_BYTES}, "same_bytes", "the same bytes, bit for bit"),
        ({"status": Status.PASSED, "outcome": WITHIN_TOLERANCES}, "within_tolerances", "within tolerances"),
        (
            {"status": Status.FAILED, "problems": (Problem("bytes_differ", "model.safetensors", "another file"),)},
            "different",
            "something else came out",
        ),
    ],
)
def test_training_again_is_told_in_its_three_outcomes(version: Version, again: Any, rerun: str, words: str) -> None:
    filed = post(version, signed_by(version, evidence="trained again", **again)).json()
    assert (filed["rerun"], filed["outcome"]) == (rerun, "failed" if rerun == "different" else "verified")
    assert words in page(version)


def test_who_compared_nobodys_key_says_only_that_it_fits_together(version: Version, mine: Path) -> None:
    data = by_command(golden_site.folder_of(version), mine, "--consistency-only")
    assert post(version, data).json()["outcome"] == "consistent"
    assert "they compared nobody’s key" in page(version)


def test_keys_that_votes_have_named_are_called_by_name_and_others_are_not(version: Version) -> None:
    guardian, gone = KeySigner(60), KeySigner(61)
    body = {
        "guardians": [{"name": "Amina", "public_key": guardian.public_key_hex}],
        "release_key": {"algorithm": "ed25519", "public_key": KEY},
        "revoked": [{"public_key": gone.public_key_hex, "reason": "stolen"}],
        "threshold": 0,
    }
    community = version.model.community
    record = golden_site.keep(golden_site.RecordValue.make("keys", "keys:water", body, []))
    proposal = Proposal.objects.create(
        community=community, number=9, kind="release_keys", title="Keys", text="", payload={"keys": body}, author="0x"
    )
    ReleaseKeys.objects.create(community=community, record=record, proposal=proposal, adopted_at=NOON)
    report, files = report_on(version), attestations.files_of(version)
    for signer in (guardian, gone, KeySigner(7)):
        assert post(version, attest.attested(report, files, signer)).status_code == 201
    rows = Client().get(address(version)).json()["results"]
    assert [(row["guardian"], row["release_key"]) for row in rows] == [("", True), ("", False), ("Amina", False)]
    html = page(version)
    assert "<b>Amina</b>, guardian of releases" in html
    assert "A key of the community itself, not of a stranger" in html


def test_many_are_shown_page_by_page(version: Version) -> None:
    for seed in range(100, 112):
        post(version, signed_by(version, seed))
    first, second = page(version), page(version, query="?page=2")
    assert (first.count('id="attestation-'), second.count('id="attestation-')) == (10, 2)
    assert 'href="?page=2#attestations"' in first
    assert Client().get(address(version), {"page_size": 5}).json()["next"].endswith("page=2&page_size=5")


# --- what is refused, and leaves nothing --------------------------------------------------------------------------


def test_a_release_that_does_not_exist_has_none(version: Version) -> None:
    data = signed_by(version)
    base = Version.objects.create(
        model=version.model, number=0, revision="b" * 40, manifest_sha256="0" * 64, folder="bases/b", created_at=NOON
    )
    for revision in ("0" * 40, "nothing", base.revision):
        for answer in (
            Client().get(f"/api/v1/releases/{revision}/attestations"),
            post(Version(revision=revision), data),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_release")
    for digest, code in (("a" * 64, "unknown_attestation"), ("abc", "malformed_field")):
        assert Client().get(f"{address(version)}/{digest}").json()["code"] == code
    assert not Attestation.objects.exists()


def test_one_about_another_release_is_refused_with_both(version: Version) -> None:
    files = attestations.files_of(version)
    report = report_on(version)
    others = [
        files[:-1],
        (*files, ("more.txt", "ab" * 32)),
        tuple(reversed(files)),
        ((files[0][0], "ab" * 32), *files[1:]),
        (),
    ]
    for other in others:
        answer = post(version, attest.attested(report, other, KeySigner(50)))
        assert (answer.status_code, answer.json()["code"]) == (422, "subject_wrong")
        assert answer.json()["allowed"] == [f"{name} {sha256}" for name, sha256 in files]
    same_files = Report(**{**report.__dict__, "release": "ab" * 32})
    answer = post(version, attest.attested(same_files, files, KeySigner(50)))
    assert (answer.status_code, answer.json()["code"]) == (422, "release_wrong")
    assert answer.json()["allowed"] == version.release_record_id
    assert not Attestation.objects.exists()


def test_attack_another_signature_key_or_claim_under_a_signature(version: Version) -> None:
    good = json.loads(signed_by(version))
    stranger = json.loads(signed_by(version, 51))
    swapped = {**good, "signatures": stranger["signatures"]}
    relabelled = {**good, "signatures": [{**stranger["signatures"][0], "keyid": good["signatures"][0]["keyid"]}]}
    replayed = {**stranger, "signatures": good["signatures"]}
    both = {**good, "signatures": [*good["signatures"], *stranger["signatures"]]}
    for attack in (swapped, relabelled, replayed, both):
        answer = post(version, json.dumps(attack, sort_keys=True, separators=(",", ":")).encode())
        assert (answer.status_code, answer.json()["code"]) == (422, "signature_wrong")
        assert answer.json()["allowed"]
    assert not Attestation.objects.exists()
    assert not Event.objects.filter(kind="attestation_filed").exists()


def test_what_is_too_large_is_refused_before_it_is_read(version: Version) -> None:
    answer = post(version, b"[" * (attestations.BYTES_MAX + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer.json()["allowed"] == attestations.BYTES_MAX
    assert post(version, b"[" * attestations.BYTES_MAX).status_code == 400


def test_the_body_is_json_and_there_is_one(version: Version) -> None:
    for kind, status in (("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("application/json", 400)):
        answer = Client().post(address(version), b"", content_type=kind)
        assert answer.status_code in {status, 400}
    form = Client().post(address(version), signed_by(version), content_type="application/x-www-form-urlencoded")
    assert (form.status_code, form.json()["code"]) == (415, "unsupported_media_type")
    assert Client().put(address(version), b"{}", content_type="application/json").status_code == 405


def test_a_key_and_all_strangers_have_their_day_and_guardians_are_not_held_up(
    version: Version, monkeypatch: pytest.MonkeyPatch, at: Callable[[datetime], None]
) -> None:
    answers = [
        post(version, signed_by(version, 70, status=Status.PASSED, evidence=f"{n}", outcome=SAME_BYTES))
        for n in range(6)
    ]
    assert [answer.status_code for answer in answers] == [201] * 5 + [409]
    assert answers[-1].json()["code"] == "too_many_attestations"
    again = post(version, signed_by(version, 70, status=Status.PASSED, evidence="0", outcome=SAME_BYTES))
    assert again.status_code == 200, "what is here already takes no room"

    monkeypatch.setattr(attestations, "OF_STRANGERS_PER_DAY_MAX", 6)
    assert post(version, signed_by(version, 71)).status_code == 201
    refused = post(version, signed_by(version, 72))
    assert (refused.status_code, refused.json()["allowed"]) == (409, 6)
    assert post(version, signed_by(version, 7)).status_code == 201, "the community's own key"
    at(NOON + timedelta(days=1, seconds=1))
    assert post(version, signed_by(version, 72)).status_code == 201
    assert Attestation.objects.count() == 8


def test_the_database_keeps_one_of_each_and_no_hiding_without_a_reason(version: Version) -> None:
    post(version, signed_by(version))
    row = Attestation.objects.get()
    for changes in ({"hidden_at": NOON}, {"hidden_reason": "because"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Attestation.objects.filter(pk=row.pk).update(**changes)
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


# --- hiding -------------------------------------------------------------------------------------------------------


def told(*arguments: str) -> str:
    out = io.StringIO()
    call_command("attestations", *arguments, stdout=out)
    return out.getvalue()


def test_the_operator_hides_one_with_a_reason_that_everybody_reads(version: Version) -> None:
    assert told() == "nothing was filed\n"
    digest = post(version, signed_by(version)).json()["digest"]
    assert "verified" in told()
    listed = told("--hide", version.revision, digest, "--reason", "It names a\n person.")
    assert "hidden: It names a person." in listed

    row = Client().get(address(version)).json()["results"][0]
    assert (row["outcome"], row["rerun"], row["checks"]) == (None, None, [])
    assert row["hidden"]["reason"] == "It names a person."
    download = Client().get(row["download"])
    assert (download.status_code, download.json()["code"]) == (403, "attestation_hidden")
    assert "It names a person." in download.json()["detail"]
    html = page(version)
    assert "Hidden by the operator" in html
    assert "It names a person." in html
    assert "Found that it holds" not in html
    assert "1 is hidden" in html
    assert Attestation.objects.get().envelope, "the row stays"
    assert Event.objects.get(kind="attestation_hidden").data["reason"] == "It names a person."
    again = post(version, signed_by(version))
    assert (again.status_code, again.json()["hidden"]["reason"]) == (200, "It names a person.")


def test_hiding_asks_for_one_that_is_there_and_for_a_reason(version: Version) -> None:
    digest = post(version, signed_by(version)).json()["digest"]
    wrong = [
        (["--hide", version.revision, digest], "belong together"),
        (["--reason", "because"], "belong together"),
        (["--hide", version.revision, "a" * 64, "--reason", "because"], "unknown_attestation"),
        (["--hide", "nothing", digest, "--reason", "because"], "unknown_release"),
        (["--hide", version.revision, digest, "--reason", "x" * 501], "length_out_of_range"),
        (["--hide", version.revision, digest, "--reason", "  "], "length_out_of_range"),
    ]
    for arguments, code in wrong:
        with pytest.raises(CommandError, match=code):
            told(*arguments)
    assert Attestation.objects.get().hidden_at is None
    told("--hide", version.revision, digest, "--reason", "because")
    with pytest.raises(CommandError, match="already_hidden"):
        told("--hide", version.revision, digest, "--reason", "another")
