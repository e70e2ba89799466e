"""The answer of the verifier: whom it trusts, what its command says and exits with, and the page that it prints."""

import itertools
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from governance.anchoring.check import Anchored, Answer, Wanted
from governance.evidence import signing
from governance.evidence.signing import fingerprint
from models_registry.provenance import attest, attestation, report_words
from models_registry.provenance.__main__ import alone, main
from models_registry.provenance.report import VERSION, Report, Status
from models_registry.provenance.report_html import LANGUAGES, render
from models_registry.provenance.verify import NoTrustRoot, TrustRoots, check
from tests.simulators import golden_bundle, golden_modes
from tests.simulators.attacks import CONSISTENCY, changing, told
from tests.simulators.golden_bundle import KeySigner

KEY = KeySigner(7).public_key_hex
ROOT = Path(__file__).resolve().parents[2]


# --- trust ---


def test_without_a_trust_root_nothing_is_verified_and_the_fingerprint_to_compare_is_named(golden: Path) -> None:
    with pytest.raises(NoTrustRoot, match=fingerprint(KEY)) as refused:
        check(golden, TrustRoots())

    assert refused.value.code == "no_trust_root"
    assert refused.value.found == fingerprint(KEY)


def test_without_a_trust_root_and_without_a_readable_community_there_is_nothing_to_compare(release: Path) -> None:
    (release / "provenance" / "records.jsonl").write_bytes(b"?\n")
    with pytest.raises(NoTrustRoot) as refused:
        check(release, TrustRoots())
    assert refused.value.found is None


def test_a_policy_that_trusts_somebody_and_nobody_is_refused() -> None:
    for given in ({"release_key": KEY}, {"community": "ab" * 32}):
        with pytest.raises(ValueError, match="consistency_only"):
            TrustRoots(**given, consistency_only=True)


def test_consistent_is_not_verified(golden: Path) -> None:
    unknown, known = check(golden, CONSISTENCY), check(golden, TrustRoots(KEY))

    assert (unknown.ok, unknown.verified) == (True, False)
    assert (known.ok, known.verified) == (True, True)
    assert (unknown.to_dict()["verified"], unknown.to_dict()["consistent"]) == (False, True)


def test_an_answer_from_elsewhere_counts_when_it_is_a_failure(golden: Path) -> None:
    report = check(golden, TrustRoots(KEY))

    assert report.with_finding(11, Status.PASSED, "asked").verified
    assert report.with_finding(12, Status.NOT_CHECKED, "no hardware").verified
    assert not report.with_finding(11, Status.FAILED, "other powers").ok
    with pytest.raises(ValueError, match="check 3"):
        report.with_finding(3, Status.PASSED, "of course")


# --- the command ---


@pytest.mark.parametrize("command", [lambda *rest: main(["verify", *rest]), lambda *rest: alone([*rest])])
def test_the_command_refuses_an_empty_trust_policy_and_says_how_to_compare(
    golden: Path, capsys: pytest.CaptureFixture[str], command: Any
) -> None:
    assert command(str(golden)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "no_trust_root" in said.err
    assert f"--community-key {fingerprint(KEY)}" in said.err
    assert "--consistency-only" in said.err


@pytest.mark.parametrize(
    ("arguments", "status", "last"),
    [
        (["--community-key", KEY], 0, "Verified: commons/water-assistant version 1"),
        (["--community-key", fingerprint(KEY).upper()], 0, "Verified: commons/water-assistant version 1"),
        (["--consistency-only"], 0, "Consistent; nobody's key was given to compare: commons/water-assistant version 1"),
        (["--community-key", "ab" * 32], 1, "NOT verified: commons/water-assistant version 1"),
    ],
)
def test_the_last_line_says_what_was_found(
    golden: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, last: str
) -> None:
    assert main(["verify", str(golden), *arguments]) == status
    assert capsys.readouterr().out.splitlines()[-1] == last


def test_trusting_somebody_and_nobody_at_once_is_refused(golden: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(golden), "--consistency-only", "--community-key", KEY]) == 2
    assert "consistency_only" in capsys.readouterr().err


def test_the_report_as_data_names_the_trust_and_the_tool(golden: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(golden), "--json", "--community-key", KEY]) == 0
    found = json.loads(capsys.readouterr().out)

    assert found["verified"] is True
    assert found["trust"] == {"release_key": KEY, "community": None, "consistency_only": False}
    assert found["tool"] == {"name": "commonweights-verify", "version": VERSION}


def test_the_verifier_has_the_version_of_the_project() -> None:
    assert f'\nversion = "{VERSION}"\n' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


# --- the page ---


class Outline(HTMLParser):
    """What a page is made of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_whole_in_itself_and_shows_every_finding(golden: Path, language: str) -> None:
    report = check(golden, TrustRoots(KEY))
    page = render(report, language)
    outline = Outline(page)

    assert outline.open == []
    assert not {"script", "link", "img", "iframe", "a"} & {tag for tag, _ in outline.tags}
    assert not any(name.startswith(("on", "src", "href")) for _, attrs in outline.tags for name in attrs)
    assert "http" not in page.replace("http-equiv", "")
    for finding in report.findings:
        title = report_words.TITLES[finding.number]
        assert (title.en in outline.text) is (language != "fr")
        assert (title.fr in outline.text) is (language != "en")
    for shown in (
        report.release,
        KEY,
        fingerprint(KEY),
        f"commonweights-verify {VERSION}",
        "water-pairs",
        "Proposal 1",
    ):
        assert str(shown) in outline.text or shown == "water-pairs"
    assert "Questions about water" in outline.text


def test_every_sentence_of_a_true_release_has_a_french_form(golden: Path, tmp_path: Path) -> None:
    golden_bundle.build(tmp_path / "guarded", golden_bundle.guarded_story())
    for name, story in (("sealed", golden_modes.sealed_story()), ("by contract", golden_modes.contract_story())):
        golden_bundle.build(tmp_path / name, story)
    folders = (golden, tmp_path / "guarded", tmp_path / "sealed", tmp_path / "by contract")
    for folder, roots in itertools.product(folders, (TrustRoots(KEY), CONSISTENCY)):
        for finding in check(folder, roots).findings:
            assert report_words.evidence_in_french(finding.evidence), finding.evidence


def test_the_page_names_who_decided_with_the_counts(golden: Path) -> None:
    text = Outline(render(check(golden, TrustRoots(KEY)), "en")).text

    assert "vote 1" in text
    assert "for 87.5 % 705000000000000000000" in text
    assert "The rules of voting go back to the founding, in 2 charter(s)." in text


def test_the_page_names_a_governors_proposals_and_what_an_anchor_holds(tmp_path: Path) -> None:
    golden_bundle.build(tmp_path, golden_modes.contract_story())
    report = check(tmp_path, TrustRoots(KEY))
    assert report.summary is not None
    wanted = [Wanted("the release", "release", report.release or ""), Wanted("ballots <1>", "ballots", "cd" * 32, 1)]
    governor, number = report.summary.decided[0].contract or ("", "")
    first, second = (Anchored(wanted[0], golden_bundle.START), Anchored(wanted[1], golden_bundle.START))

    silent = Outline(render(report, "en")).text
    assert "The release stands" not in silent
    for shown in ("What stands on a chain", governor, number):
        assert shown in silent
    held = render(report, "both", Answer(asked=True, says="asked of a.example", found=(first, second)))
    for shown in (
        "nobody can date that back",
        "nul ne peut l’antidater",
        "2026-09-21",
        "asked of a.example",
        "cd" * 32,
    ):
        assert shown in Outline(held).text
    assert "NOT everything" not in held
    missing = Answer(asked=True, says="", found=(first, Anchored(wanted[1], None)))
    assert "NOT everything stands" in Outline(render(report, "en", missing)).text
    assert "could not be asked" in Outline(render(report, "en", Answer(asked=False, says="silence"))).text
    assert "<1>" not in held


def test_the_page_of_a_broken_release_names_code_place_and_what_to_do(release: Path) -> None:
    golden_bundle.write_model(release, (9.0, 9.0))
    text = Outline(render(check(release, TrustRoots(KEY)))).text

    for shown in ("FAILED", "ÉCHEC", "file_changed", "model.safetensors", "download the release again", "téléchargez"):
        assert shown in text


def test_the_page_says_when_nobody_is_trusted(golden: Path) -> None:
    text = Outline(render(check(golden, CONSISTENCY))).text
    assert "Consistent; nobody’s key was given to compare" in text
    assert "An invented community would pass, too." in text


EVIL = "<script>alert(1)</script>\"'&\u202e{0}{text}\x00".replace("\x00", "")


def test_nothing_from_a_bundle_can_become_markup(tmp_path: Path) -> None:
    report: Report = told(tmp_path, edit=changing("proposal", title=EVIL))
    page = render(report)

    assert report.ok
    assert "<script" not in page
    assert "\u202e" not in page
    assert EVIL.replace("\u202e", "\\u202e") in Outline(page).text


def test_a_report_without_readable_records_is_a_page_too(tmp_path: Path) -> None:
    page = render(check(tmp_path, CONSISTENCY))
    assert "provenance_missing" in page
    assert Outline(page).open == []


def test_the_command_writes_the_page_into_a_file_or_instead_of_the_text(
    golden: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = tmp_path / "report.html"
    assert main(["verify", str(golden), "--community-key", KEY, "--html", str(path), "--language", "fr"]) == 0
    assert b"Verified:" in capsysbinary.readouterr().out
    assert 'lang="fr"' in path.read_text(encoding="utf-8")
    assert main(["verify", str(golden), "--community-key", KEY, "--html"]) == 0
    assert capsysbinary.readouterr().out.startswith(b"<!DOCTYPE html>")
    assert main(["verify", str(golden), "--community-key", KEY, "--html", str(tmp_path / "no" / "where.html")]) == 2


# --- the report signed ---


def test_a_report_can_be_signed_about_the_files_that_it_is_about(golden: Path, tmp_path: Path) -> None:
    key, signed = tmp_path / "key.pem", tmp_path / "attestation.json"
    mine = signing.generate_key(key)
    arguments = ["verify", str(golden), "--community-key", KEY, "--attest", str(signed)]

    assert main([*arguments, "--attest-key", str(key)]) == 0
    envelope = attestation.parse(signed.read_bytes())
    statement = attestation.read_statement(envelope.payload, attest.PREDICATE_TYPE)
    assert envelope.signed_by(mine)
    assert not envelope.signed_by(KEY)
    assert [name for name, _ in statement.files] == ["LICENSE", "README.md", "config.json", "model.safetensors"]
    assert statement.predicate == {"public_key": mine, "report": check(golden, TrustRoots(KEY)).to_dict()}
    assert attest.read(signed.read_bytes()).holds


def test_a_report_is_not_signed_with_a_key_that_others_may_read_or_that_is_not_named(
    golden: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, signed = tmp_path / "key.pem", tmp_path / "attestation.json"
    signing.generate_key(key)
    key.chmod(0o644)
    arguments = ["verify", str(golden), "--community-key", KEY, "--attest", str(signed)]

    assert main(arguments) == 2
    assert "--attest-key belong together" in capsys.readouterr().err
    assert main([*arguments, "--attest-key", str(key)]) == 2
    assert "can be read by other accounts" in capsys.readouterr().err
    assert not signed.exists()


def test_where_there_is_no_release_nothing_is_signed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    signing.generate_key(tmp_path / "key.pem")
    empty = tmp_path / "empty"
    empty.mkdir()
    more = ["--attest", str(tmp_path / "signed.json"), "--attest-key", str(tmp_path / "key.pem")]
    assert main(["verify", str(empty), "--consistency-only", *more]) == 2
    assert "there is no release to attest" in capsys.readouterr().err
