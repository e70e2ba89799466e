"""A hidden suite was committed before the vote and opened after the model was fixed: both verifiers find every lie."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from governance.evidence.canonical import digest
from models_registry.hidden_suites.commitment import commit, commitment_in, name_of, names_a_suite, opens
from models_registry.provenance.verify import TrustRoots, check
from tests.simulators import golden_bundle
from tests.simulators.golden_bundle import KeySigner, Story
from tests.simulators.golden_parts import HIDDEN_ROWS, SALT, START, commitment_body

TRUSTED = TrustRoots(release_key=KeySigner(7).public_key_hex)
OTHER = "9" * 64
COMMAND = Path(__file__).parents[2] / "frontend" / "static" / "js" / "verifier" / "cli.mjs"
Edit = Callable[[str, dict[str, Any]], None]


def codes(folder: Path) -> set[str]:
    return {problem.code for finding in check(folder, TRUSTED).findings for problem in finding.problems}


def codes_of_the_other(folder: Path) -> set[str]:
    command = ["node", str(COMMAND), str(folder), "--community-key", KeySigner(7).public_key_hex, "--json"]
    said = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    return {problem["code"] for finding in said["findings"] for problem in finding["problems"]}


def told(folder: Path, **facts: Any) -> Path:
    golden_bundle.build(folder, Story(hidden=True, **facts))
    return folder


def changing(record: str, /, **values: object) -> Edit:
    return lambda found, body: body.update(values) if found == record else None


def test_a_release_measured_on_a_suite_that_was_hidden_verifies_in_both(tmp_path: Path) -> None:
    folder = told(tmp_path)

    assert check(folder, TRUSTED).verified
    assert codes_of_the_other(folder) == set()


def test_a_changed_rule_on_a_hidden_suite_verifies(tmp_path: Path) -> None:
    assert check(told(tmp_path, rule_changed=True), TRUSTED).verified


LIES: dict[str, tuple[Edit, str]] = {
    "other rows than were committed": (changing("opening", digest=OTHER), "opening_wrong"),
    "another salt": (changing("opening", salt=OTHER), "opening_wrong"),
    "another suite": (changing("opening", commitment=OTHER), "opening_wrong"),
    "fewer rows than were committed": (changing("commitment", records=9), "opening_wrong"),
    "another licence": (changing("commitment", license="MIT"), "opening_wrong"),
    "another language": (changing("commitment", languages=["en"]), "opening_wrong"),
    "another kind of rows": (changing("commitment", kind="text"), "opening_wrong"),
    "another commitment than the rows give": (changing("commitment", commitment=OTHER), "opening_wrong"),
    "a rule on another hidden suite": (changing("rule payload", suite=name_of(OTHER)), "commitment_spliced"),
    "a rule on an open suite": (changing("rule payload", suite=OTHER), "commitment_spliced"),
    "committed after voting opened": (changing("commitment", committed_at=START + 90_000), "committed_late"),
    "opened before the model was fixed": (changing("opening", opened_at=START + 90_059), "opened_early"),
    "opened after the keeper's time": (changing("opening", opened_at=START + 90_060 + 3_601), "opened_late"),
    "opened at no moment": (changing("opening", opened_at="soon"), "record_malformed"),
    "a salt that is none": (changing("opening", salt="0" * 63), "record_malformed"),
    "a keeper that is nobody": (changing("commitment", keeper="me"), "record_malformed"),
    "no rows": (changing("commitment", records=0), "opening_wrong"),
}


@pytest.mark.parametrize("lie", LIES)
def test_every_lie_about_a_hidden_suite_is_found_by_both(tmp_path: Path, lie: str) -> None:
    edit, code = LIES[lie]
    folder = told(tmp_path, edit=edit)

    assert code in codes(folder), lie
    assert code in codes_of_the_other(folder), lie


def test_a_suite_that_nobody_opened_refuses_and_nothing_measured_on_it_counts(tmp_path: Path) -> None:
    story = Story(hidden=True)
    openings: list[str] = []

    def edit(kind: str, parents: tuple[str, ...]) -> tuple[str, ...]:
        opening = {record.digest for record in story.records.values() if record.kind == "opening"}
        openings.extend(opening & set(parents))
        return tuple(parent for parent in parents if parent not in opening)

    story.parents_edit = edit
    golden_bundle.build(tmp_path, story)

    found = codes(tmp_path)

    assert openings
    assert {"suite_changed", "verdict_wrong"} <= found
    assert {"suite_changed", "verdict_wrong"} <= codes_of_the_other(tmp_path)


def test_a_rule_that_rests_on_no_commitment_is_found(tmp_path: Path) -> None:
    story = Story(hidden=True)

    def edit(kind: str, parents: tuple[str, ...]) -> tuple[str, ...]:
        commitments = {record.digest for record in story.records.values() if record.kind == "commitment"}
        return tuple(parent for parent in parents if kind != "rule" or parent not in commitments)

    story.parents_edit = edit
    golden_bundle.build(tmp_path, story)

    assert "commitment_spliced" in codes(tmp_path)
    assert "commitment_spliced" in codes_of_the_other(tmp_path)


def test_the_commitment_is_the_digest_that_the_page_says() -> None:
    public = {"kind": "dialogue", "languages": ["en", "fr"], "license": "CC-BY-4.0", "records": 10}
    written = {"commits": "commonweights hidden suite 1", "digest": HIDDEN_ROWS, "salt": SALT, **public}

    found = commit(
        digest=HIDDEN_ROWS, salt=SALT, kind="dialogue", records=10, languages=["fr", "en"], license="CC-BY-4.0"
    )

    assert found == digest(written)
    assert opens(commitment_body("0x" + "1" * 40), HIDDEN_ROWS, SALT)
    assert not opens(commitment_body("0x" + "1" * 40), HIDDEN_ROWS, OTHER)
    assert not opens(commitment_body("0x" + "1" * 40), None, SALT)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "hidden:",
        "hidden:abc",
        f"hidden:{'A' * 64}",
        f"Hidden:{OTHER}",
        f"hidden:{OTHER} ",
        f"hidden: {OTHER}",
        7,
        None,
    ],
)
def test_what_names_no_hidden_suite_is_not_taken_for_one(name: object) -> None:
    assert commitment_in(name) is None
    assert not names_a_suite(name)
