"""An attestation as bytes: what the verifier makes is read, and whatever else a stranger may send is refused."""

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from governance.evidence.canonical import canonical_bytes
from models_registry.provenance import attest, attestation
from models_registry.provenance.attestation import FormatError
from models_registry.provenance.verify import TrustRoots, check
from tests.simulators.golden_bundle import KeySigner

MINE = KeySigner(50)
FILES = (("config.json", "ab" * 32), ("model.safetensors", "cd" * 32))


@pytest.fixture(scope="module")
def predicate(golden: Path) -> dict[str, Any]:
    report = check(golden, TrustRoots(KeySigner(7).public_key_hex)).to_dict()
    return {"public_key": MINE.public_key_hex, "report": report}


def signed(predicate: Any, kind: str = attest.PREDICATE_TYPE) -> bytes:
    return attestation.signed(attestation.statement(FILES, kind, predicate), [MINE])


def changed(predicate: dict[str, Any], change: Callable[[dict[str, Any]], Any]) -> bytes:
    copy = json.loads(json.dumps(predicate))
    change(copy)
    return signed(copy)


def test_what_the_verifier_makes_is_read_with_key_files_and_report(golden: Path, predicate: dict[str, Any]) -> None:
    report = check(golden, TrustRoots(KeySigner(7).public_key_hex))
    found = attest.read(attest.attested(report, FILES, MINE))
    assert found.holds
    assert (found.public_key, found.files, found.report) == (MINE.public_key_hex, FILES, predicate["report"])
    assert (found.outcome, found.rerun) == (attest.Outcome.VERIFIED, attest.Rerun.NOT_MADE)


def test_a_file_with_a_name_that_is_no_text_can_be_reported(release: Path) -> None:
    name = b"model\xff.bin"
    Path(os.fsdecode(os.fsencode(release) + b"/" + name)).write_bytes(b"")
    report = check(release, TrustRoots(consistency_only=True))
    found = attest.read(attest.attested(report, FILES, MINE))
    assert found.outcome is attest.Outcome.FAILED
    assert any("model\\udcff.bin" in finding["place"] for finding in found.report["findings"])


def failing(report: dict[str, Any], number: int) -> None:
    report["findings"][number - 1] |= {
        "status": "failed", "code": "bytes_differ", "problem_count": 1,
        "problems": [{"code": "bytes_differ", "place": "x", "detail": "y"}],
    }  # fmt: skip


# What a report of the verifier never says: form first, then contradictions.
WRONG: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no key": lambda p: p.pop("public_key"),
    "a key of small order": lambda p: p.update(public_key="00" * 32),
    "a key in upper case": lambda p: p.update(public_key=p["public_key"].upper()),
    "a key that is a number": lambda p: p.update(public_key=5),
    "something beside the report": lambda p: p.update(note="me, too"),
    "no report": lambda p: p.update(report=None),
    "a report that is a list": lambda p: p.update(report=[]),
    "another key in the report": lambda p: p["report"].update(score=10),
    "a report without trust": lambda p: p["report"].pop("trust"),
    "a digest that is none": lambda p: p["report"].update(release="the newest"),
    "a version that is text": lambda p: p["report"].update(version="1"),
    "a negative version": lambda p: p["report"].update(version=-1),
    "verified in words": lambda p: p["report"].update(verified="yes"),
    "no findings": lambda p: p["report"].update(findings=[]),
    "a check left out": lambda p: p["report"]["findings"].pop(3),
    "a check twice": lambda p: p["report"]["findings"].append(p["report"]["findings"][0]),
    "checks in another order": lambda p: p["report"]["findings"].reverse(),
    "a status of their own": lambda p: p["report"]["findings"][0].update(status="excellent"),
    "a code with markup": lambda p: p["report"]["findings"][0].update(code="<b>passed</b>"),
    "a code of another status": lambda p: p["report"]["findings"][0].update(code="digest_mismatch"),
    "a title that is an object": lambda p: p["report"]["findings"][0].update(title={}),
    "failed without a problem": lambda p: p["report"]["findings"][0].update(status="failed"),
    "passed with a problem": lambda p: p["report"]["findings"][0].update(
        problems=[{"code": "x", "place": "", "detail": ""}], problem_count=1
    ),
    "a problem of another form": lambda p: p["report"]["findings"][0].update(problems=["x"], problem_count=1),
    "more problems than are listed": lambda p: p["report"]["findings"][0].update(problem_count=3),
    "consistent although a check failed": lambda p: failing(p["report"], 8),
    "not consistent although all holds": lambda p: p["report"].update(consistent=False, verified=False),
    "not verified although all holds": lambda p: p["report"].update(verified=False),
    "verified although nobody was trusted": lambda p: p["report"].update(
        trust={"release_key": None, "community": None, "consistency_only": True}
    ),
    "trust and no trust at once": lambda p: p["report"]["trust"].update(consistency_only=True),
    "trained again, and not how": lambda p: p["report"]["findings"][11].update(status="passed", code="passed"),
    "an offline check not made": lambda p: p["report"]["findings"][4].update(status="not_checked", code="not_checked"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_report_that_the_verifier_cannot_make_is_refused_with_what_is_wrong(
    name: str, predicate: dict[str, Any]
) -> None:
    with pytest.raises(FormatError) as refused:
        attest.read(changed(predicate, WRONG[name]))
    assert refused.value.kind == "malformed"
    assert len(refused.value.detail) > 20


def envelopes(good: bytes) -> dict[str, bytes]:
    value = json.loads(good)
    payload = base64.b64decode(value["payload"])
    return {
        "nothing": b"",
        "no JSON": b"attestation",
        "not UTF-8": b"\xff\xfe",
        "a number": b"5",
        "null": b"null",
        "an array": b"[]",
        "a float": b'{"payload":1.5}',
        "deeper than anything": b"[" * 10_000,
        "a line feed at the end": good + b"\n",
        "spaces": json.dumps(value).encode(),
        "a byte order mark": b"\xef\xbb\xbf" + good,
        "a key twice": good[:-1] + b',"payload":""}',
        "cut": good[:-1],
        "the payload alone": payload,
        "no signature": canonical_bytes({**value, "signatures": []}),
        "a hundred signatures": canonical_bytes({**value, "signatures": value["signatures"] * 100}),
        "a keyid that is none": canonical_bytes({**value, "signatures": [{"keyid": "me", "sig": "AA=="}]}),
        "base64 of another spelling": canonical_bytes({**value, "payload": value["payload"].rstrip("=") + "===="}),
        "another payload type": canonical_bytes({**value, "payloadType": "text/plain"}),
        "a field more": canonical_bytes({**value, "note": ""}),
        "a payload that is not canonical": canonical_bytes(
            {**value, "payload": base64.b64encode(json.dumps(json.loads(payload)).encode()).decode()}
        ),
    }


def test_no_other_bytes_are_an_attestation(predicate: dict[str, Any]) -> None:
    for name, data in envelopes(signed(predicate)).items():
        with pytest.raises(FormatError):
            attest.read(data)
            pytest.fail(name)


def test_a_statement_of_a_release_is_no_attestation(golden: Path, predicate: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match="predicate"):
        attest.read((golden / "provenance" / "statement.json").read_bytes())
    with pytest.raises(FormatError, match="predicate"):
        attest.read(signed(predicate, "urn:commonweights:verification:2"))


def test_every_changed_byte_of_the_signature_or_the_payload_ends_it(predicate: dict[str, Any]) -> None:
    good = json.loads(signed(predicate))
    signature = bytearray(base64.b64decode(good["signatures"][0]["sig"]))
    for place in range(len(signature)):
        signature[place] ^= 1
        entry = {**good["signatures"][0], "sig": base64.b64encode(signature).decode()}
        assert not attest.read(canonical_bytes({**good, "signatures": [entry]})).holds
        signature[place] ^= 1
    other = changed(predicate, lambda p: p["report"]["findings"][0].update(evidence="something else"))
    moved = {**json.loads(other), "signatures": good["signatures"]}
    assert not attest.read(canonical_bytes(moved)).holds
