"""What a machine may send that it should not: each refused with a clear code, and no row or file more than before."""

import hashlib
import json

import pytest
from django.test import Client
from safetensors.numpy import save_file

from governance.models import Account
from tests.integration.machines import HELLO, Machine, files_below, model_in, report, rows
from tests.integration.strangers import JUNK, NO_NUMBERS
from tests.integration.test_runner_protocol import _own_folder, browser, machine, other, register  # noqa: F401

PROBLEM = "application/problem+json"
ZERO = "0" * 64


@pytest.fixture
def claimed(run, machine, tmp_path):  # noqa: F811
    """A machine with a run, the fencing number of its claim, and a model in a folder."""
    return machine, run, machine.claim(run)["fence"], model_in(tmp_path / "model")


def refused(answer, code, before, run=None, files=None):
    """Hold a refusal against what is expected, and against what it left."""
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.content)
    assert answer.headers["Content-Type"] == PROBLEM
    problem = answer.json()
    assert problem["code"] in ({code} if isinstance(code, str) else code), problem
    assert rows() == before
    if run is not None:
        assert files_below(run) == (files or [])


# --- tokens and scopes --------------------------------------------------------------------------------------------

HEADERS = {
    "none": "",
    "another scheme": "Basic cwr_" + "a" * 43,
    "no scheme": "cwr_" + "a" * 43,
    "two tokens": "Bearer cwr_{0} cwr_{0}",
    "too short": "Bearer cwr_" + "a" * 42,
    "too long": "Bearer cwr_" + "a" * 44,
    "no prefix": "Bearer " + "a" * 47,
    "foreign characters": "Bearer cwr_" + "é" * 43,
    "a star": "Bearer cwr_" + "*" * 43,
    "a long one": "Bearer " + "a" * 7_000,
    "an SQL quote": "Bearer cwr_' OR 1=1 --",
    "a percent": "Bearer %00",
}


def test_no_header_that_is_not_a_token_opens_anything(db):
    for header in HEADERS.values():
        before = rows()
        for method, path in (
            ("get", "work"),
            ("post", "hello"),
            ("post", "runs/1/claim"),
            ("put", f"runs/1/uploads/{ZERO}"),
        ):
            answer = getattr(Client(headers={"Authorization": header}), method)(f"/api/v1/runner/{path}")
            assert (answer.status_code, answer.json()["code"]) == (401, "token_rejected")
        assert rows() == before


# --- registering --------------------------------------------------------------------------------------------------

REGISTRATIONS = {
    "no name": {"name": ""},
    "a name of spaces": {"name": "   "},
    "a name with a line feed": {"name": "a\n"},
    "a name with a tag": {"name": "<b>"},
    "a name of 81": {"name": "a" * 81},
    "a number for a name": {"name": 7},
    "an unknown scope": {"scopes": ["runs:claim", "admin"]},
    "no scope": {"scopes": []},
    "a scope as text": {"scopes": "runs:claim"},
    "a scope that is a list": {"scopes": [["runs:claim"]]},
    "no days": {"days": 0},
    "too many days": {"days": 366},
    "days as text": {"days": "90"},
    "days as true": {"days": True},
    "an extra field": {"owner": "0x" + "11" * 20},
    "no community": {"community": ""},
    "a NUL": {"community": "a\x00"},
    "an unknown community": {"community": "no-such"},
    "a community of 51": {"community": "a" * 51},
    "a list for a community": {"community": ["water-commons"]},
}


def test_a_registration_that_cannot_be_meant_makes_no_runner(browser):  # noqa: F811
    for change in REGISTRATIONS.values():
        before = rows()
        body = {"community": "water-commons", "name": "laptop", **change}
        answer = browser.post("/api/v1/runners", json.dumps(body), content_type="application/json")
        codes = {"malformed_field", "unknown_field", "unknown_community", "forbidden_character", "missing_field"}
        refused(answer, codes, before)


def test_a_name_that_is_taken_and_one_machine_too_many_are_refused(browser, monkeypatch):  # noqa: F811
    register(browser)
    before = rows()
    body = {"community": "water-commons", "name": "laptop"}
    refused(browser.post("/api/v1/runners", body, content_type="application/json"), "name_taken", before)
    monkeypatch.setattr("training_jobs.runners.services.RUNNERS_PER_MEMBER_MAX", 1)
    body["name"] = "another"
    refused(browser.post("/api/v1/runners", body, content_type="application/json"), "too_many_runners", before)


# --- hello --------------------------------------------------------------------------------------------------------

DEVICE = HELLO["devices"][0]
GREETINGS = {
    "another protocol": {"protocol": 2},
    "a protocol as text": {"protocol": "1"},
    "no processors": {"cpus": 0},
    "negative memory": {"memory_bytes": -1},
    "a memory beyond JSON": {"memory_bytes": 2**53},
    "a fraction": {"memory_bytes": 1.5},
    "speed as text": {"speed_tokens_per_second": "fast"},
    "isolation in capitals": {"isolation": "BUBBLEWRAP"},
    "isolation as markup": {"isolation": "<script>"},
    "no isolation": {"isolation": ""},
    "devices as text": {"devices": "cpu"},
    "a device as text": {"devices": ["cpu"]},
    "a device without a kind": {"devices": [{"name": "x", "memory_bytes": 1}]},
    "a device with more": {"devices": [{**DEVICE, "secret": 1}]},
    "a device with a long name": {"devices": [{**DEVICE, "name": "x" * 121}]},
    "a device of many words": {"devices": [{**DEVICE, "kind": "two words"}]},
    "too many devices": {"devices": [DEVICE] * 65},
    "an extra field": {"root": True},
    "null": {"cpus": None},
    "a nested list": {"devices": [[DEVICE]]},
}


def test_a_greeting_that_cannot_be_meant_changes_nothing(machine):  # noqa: F811
    from training_jobs.models import Runner

    machine.post("hello", HELLO)
    for change in GREETINGS.values():
        before = rows()
        codes = {"malformed_field", "unknown_field", "missing_field", "protocol_unsupported", "malformed_json"}
        refused(machine.post("hello", {**HELLO, **change}), codes, before)
        assert Runner.objects.get().capabilities == HELLO


# --- bodies of every call -----------------------------------------------------------------------------------------

BODIES = {
    "nothing": b"",
    "not JSON": b"{",
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "a duplicate key": b'{"fence":1,"fence":1}',
    "a fence as text": b'{"fence":"1"}',
    "a fence of zero": b'{"fence":0}',
    "a negative fence": b'{"fence":-1}',
    "a huge fence": b'{"fence":99999999999999999999}',
    "a fraction": b'{"fence":1.0}',
    "true": b'{"fence":true}',
    "a full-width digit": '{"fence":"１"}'.encode(),
    "not UTF-8": b'{"fence":\xff}',
    "a byte order mark": b'\xef\xbb\xbf{"fence":1}',
    "a NUL": b'{"fence":1,"a":"\\u0000"}',
    "a lone surrogate": b'{"fence":1,"a":"\\ud800"}',
    "too deep": b'{"fence":' + b"[" * 60 + b"]" * 60 + b"}",
    "NaN": b'{"fence":NaN}',
    "an unknown field": b'{"fence":1,"force":true}',
    "two megabytes": b'{"fence":1,"x":"' + b"a" * 2_000_000 + b'"}',
}
CALLS = ("heartbeat", "events", "checkpoint", "trained", "evaluated", "fail", "stopped")


def test_no_call_takes_a_body_that_it_cannot_read(claimed):
    machine, run, _, _ = claimed  # noqa: F811
    for body in BODIES.values():
        for call in CALLS:
            before = rows()
            answer = machine.post(f"runs/{run.pk}/{call}", body)
            assert answer.status_code in {400, 413}, (call, answer.content)
            refused(answer, answer.json()["code"], before, run)


def test_a_run_that_does_not_exist_is_not_found(machine):  # noqa: F811
    before = rows()
    for number in (0, 99, 2**31, 2**63, 10**30, "x", "-1", "1.0", "１", "%00", "..%2f"):
        for call in CALLS:
            answer = machine.post(f"runs/{number}/{call}", {"fence": 1, "events": []})
            assert answer.status_code in {400, 404}, (call, answer.content)
        for path in ("claim", "proof", "files?fence=1", f"uploads/{ZERO}?fence=1"):
            answer = machine.http.get(f"/api/v1/runner/runs/{number}/{path}")
            assert answer.status_code in {404, 405}
    assert rows() == before


# --- events -------------------------------------------------------------------------------------------------------

EVENTS = {
    "text": "step",
    "a list of text": ["step"],
    "a fraction": [{"event": "step", "loss": 1.5}],
    "a number beyond JSON": [{"event": "step", "loss": 2**60}],
    "an exponent": '[{"event":"step","loss":1e400}]',
    "infinity": '[{"event":"step","loss":Infinity}]',
    "too many": [{"event": "step"}] * 501,
    "null": None,
    "an object": {"event": "step"},
    "null in a list": [None],
}


def test_events_that_no_trainer_says_are_not_kept(claimed):
    machine, run, fence, _ = claimed  # noqa: F811
    for events in EVENTS.values():
        before = rows()
        text = events if isinstance(events, str) and events.startswith("[") else json.dumps(events)
        answer = machine.post(f"runs/{run.pk}/events", f'{{"fence":{fence},"events":{text}}}')
        codes = {"malformed_field", "malformed_json", "number_out_of_range"}
        refused(answer, codes, before, run)


def test_a_machine_does_not_speak_for_the_site(claimed):
    machine, run, fence, _ = claimed  # noqa: F811
    before = rows()
    for kind in ("given_up", "judged", "trained", "claimed", "release_refused"):
        body = {"fence": fence, "events": [{"event": "step"}, {"event": kind, "runner": 99, "verdict": "accepted"}]}
        refused(machine.post(f"runs/{run.pk}/events", body), "event_reserved", before, run)


def test_an_attempt_has_a_last_word(claimed, monkeypatch):
    machine, run, fence, _ = claimed  # noqa: F811
    monkeypatch.setattr("training_jobs.runners.work.EVENTS_PER_ATTEMPT_MAX", 2)
    before = rows()
    body = {"fence": fence, "events": [{"event": "step"}] * 2}
    refused(machine.post(f"runs/{run.pk}/events", body), "too_many_events", before, run)


# --- uploads ------------------------------------------------------------------------------------------------------

RANGES = {
    "none": "",
    "no unit": "0-3/4",
    "another unit": "items 0-3/4",
    "backwards": "bytes 3-0/4",
    "beyond the end": "bytes 0-4/4",
    "an unknown total": "bytes 0-3/*",
    "an unknown range": "bytes */4",
    "negative": "bytes -1-3/4",
    "two": "bytes 0-1/4, bytes 2-3/4",
    "huge": "bytes 0-3/99999999999999999999",
    "a gap": "bytes 4-7/8",
    "a full-width digit": "bytes 0-3/４",
    "spaces": "bytes  0-3/4 ",
    "another length": "bytes 0-7/8",
}


def test_a_range_that_is_none_stores_nothing(claimed):
    machine, run, fence, _ = claimed  # noqa: F811
    for header in RANGES.values():
        before = rows()
        codes = {"malformed_range", "offset_wrong", "length_wrong"}
        answer = machine.put(run, fence, b"1234", content_range=header or " ")
        refused(answer, codes, before)
        assert [name for name in files_below(run) if _path(run, name).stat().st_size] == []


def _path(run, name):
    from django.conf import settings

    return settings.RUNS_DIR / str(run.pk) / name


DIGESTS = ["x", "0" * 63, "0" * 65, "A" * 64, "..", "%2e%2e%2f" + "0" * 55, "０" * 64, "0" * 63 + "g", "0" * 63 + "%0a"]


def test_a_name_that_is_no_digest_stores_nothing(claimed):
    machine, run, fence, _ = claimed  # noqa: F811
    before = rows()
    for name in DIGESTS:
        refused(machine.put(run, fence, b"1234", name), {"malformed_field", "not_found"}, before, run)


def test_bytes_that_are_not_what_they_are_called_are_gone(claimed, settings):
    machine, run, fence, _ = claimed  # noqa: F811
    before = rows()
    refused(machine.put(run, fence, b"1234", ZERO), "digest_mismatch", before, run)
    refused(machine.put(run, fence, b"1234", content_type="application/json"), "unsupported_media_type", before, run)
    refused(
        machine.put(run, fence, b"1234", content_type="multipart/form-data; boundary=x"),
        "unsupported_media_type",
        before,
        run,
    )
    settings.RUN_UPLOAD_BYTES_MAX = 3
    refused(machine.put(run, fence, b"1234"), "quota_exceeded", before, run)
    settings.RUN_UPLOAD_BYTES_MAX = 10
    assert machine.put(run, fence, b"12", ZERO, "bytes 0-1/8").status_code == 202
    refused(machine.put(run, fence, b"1234"), "quota_exceeded", before, run, [f"1/uploads/{ZERO}.8"])
    refused(machine.put(run, fence, b"34", ZERO, "bytes 2-3/9"), "upload_differs", before, run, [f"1/uploads/{ZERO}.8"])
    big = machine.put(run, fence, b"1", content_range=f"bytes 0-{40 * 2**20}/{50 * 2**20}")
    refused(big, "too_large", before, run, [f"1/uploads/{ZERO}.8"])


def test_a_fence_in_an_address_is_a_number(claimed):
    machine, run, _, _ = claimed  # noqa: F811
    before = rows()
    for fence in [value for value in NO_NUMBERS if value.isprintable()] + ["0", "2147483648"]:
        answer = machine.http.get(f"/api/v1/runner/runs/{run.pk}/files", {"fence": fence})
        refused(answer, "malformed_field", before, run)


PATHS = [
    "../../../etc/passwd",
    "inputs/base/../../x",
    "/etc/passwd",
    "inputs",
    "artifact/config.json",
    "%00",
    "a" * 3_000,
]


def test_no_path_leads_out_of_the_list_of_files(claimed):
    machine, run, fence, _ = claimed  # noqa: F811
    for path in PATHS:
        answer = machine.http.get(f"/api/v1/runner/runs/{run.pk}/files/{path}?fence={fence}")
        assert (answer.status_code, answer.json()["code"]) in {(404, "unknown_file"), (404, "not_found")}


# --- results ------------------------------------------------------------------------------------------------------


def without(name):
    return lambda told: {key: value for key, value in told.items() if key != name}


def first_file(**change):
    return lambda told: {**told, "files": [{**told["files"][0], **change}, *told["files"][1:]]}


TOLD = {
    "no files": without("files"),
    "files as text": lambda told: {**told, "files": "config.json"},
    "a file not uploaded": first_file(sha256=ZERO),
    "another size": first_file(size=1),
    "a size as text": first_file(size="1"),
    "a negative size": first_file(size=-1),
    "a path outside": first_file(path="../config.json"),
    "an absolute path": first_file(path="/etc/passwd"),
    "a folder": first_file(path="sub/config.json"),
    "a backslash": first_file(path="sub\\config.json"),
    "a NUL in a path": first_file(path="config.json\u0001"),
    "a pickle": first_file(path="pytorch_model.bin"),
    "a program": first_file(path="run.py"),
    "a file twice": lambda told: {**told, "files": [told["files"][0], *told["files"]]},
    "one more key": first_file(mode="0777"),
    "in another order": lambda told: {**told, "files": told["files"][::-1]},
    "no weights": lambda told: {**told, "files": [file for file in told["files"] if "safetensors" not in file["path"]]},
    "an empty list": lambda told: {**told, "files": []},
    "steps as text": lambda told: {**told, "steps": "2"},
    "negative tokens": lambda told: {**told, "tokens": -1},
    "a code digest that is none": lambda told: {**told, "code_digest": "mine"},
    "an environment of numbers": lambda told: {**told, "environment": {"python": 3}},
    "no trace": without("trace_sha256"),
    "a fraction": lambda told: {**told, "tokens": 1.5},
}


def test_a_description_that_is_not_of_these_files_is_not_taken_over(claimed):
    machine, run, fence, folder = claimed  # noqa: F811
    told = machine.upload(run, fence, folder)
    staged, before = files_below(run), rows()
    for change in TOLD.values():
        body = {"fence": fence, "description": change(told), "isolation": "none"}
        answer = machine.post(f"runs/{run.pk}/trained", body)
        refused(answer, answer.json()["code"], before, run, staged)
        assert answer.status_code in {400, 422}
    run.refresh_from_db()
    assert run.run_record is None
    assert machine.post(f"runs/{run.pk}/stopped", {"fence": fence}).status_code == 200
    assert files_below(run) == []


def weights_with_nan(folder):
    import numpy as np

    save_file({"w": np.array([1.0, float("nan")], dtype="float32")}, folder / "model.safetensors", {"format": "pt"})


def weights_that_are_none(folder):
    (folder / "model.safetensors").write_bytes(b"PK\x03\x04 a zip with a pickle")


def code_in_the_config(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "evil--evil.Model"}}))


def one_byte(folder):
    (folder / "tokenizer.json").write_bytes(b"{")


MODELS = {
    "weights that are not finite": weights_with_nan,
    "weights that are no safetensors": weights_that_are_none,
    "a config that asks for code": code_in_the_config,
    "a tokenizer that is no JSON": one_byte,
}


def test_a_model_that_may_harm_its_users_is_not_taken_over(claimed, tmp_path):
    machine, run, fence, _ = claimed  # noqa: F811
    for name, spoil in MODELS.items():
        folder = model_in(tmp_path / name)
        spoil(folder)
        told = machine.upload(run, fence, folder)
        staged, before = files_below(run), rows()
        answer = machine.post(f"runs/{run.pk}/trained", {"fence": fence, "description": told, "isolation": "none"})
        refused(answer, answer.json()["code"], before, run, staged)


REPORTS = {
    "nothing": lambda _report: {},
    "another suite": lambda told: {**told, "suite": ZERO},
    "no suite": without("suite"),
    "no candidate": without("candidate"),
    "a candidate as a list": lambda told: {**told, "candidate": []},
    "a metric as a number": lambda told: {**told, "candidate": {"language_gap": 0}},
    "a fraction": lambda told: {**told, "samples": 1.5},
    "no samples": without("samples"),
    "negative samples": lambda told: {**told, "samples": -1},
    "a digest that is none": lambda told: {**told, "samples_sha256": "3"},
}


def test_a_report_that_cannot_be_read_is_not_judged(claimed):
    machine, run, fence, folder = claimed  # noqa: F811
    told = machine.upload(run, fence, folder)
    machine.post(f"runs/{run.pk}/trained", {"fence": fence, "description": told, "isolation": "none"})
    kept, before = files_below(run), rows()
    for change in REPORTS.values():
        answer = machine.post(f"runs/{run.pk}/evaluated", {"fence": fence, "report": change(report(run))})
        assert answer.status_code != 200, (change(report(run)), answer.content)
        refused(answer, answer.json()["code"], before, run, kept)
        run.refresh_from_db()
        assert run.verdict == ""


def test_a_report_without_a_usable_measure_of_a_rule_publishes_nothing(claimed):
    """What a rule asks for and nobody measured counts against the model, as everywhere."""
    machine, run, fence, folder = claimed  # noqa: F811
    told = machine.upload(run, fence, folder)
    machine.post(f"runs/{run.pk}/trained", {"fence": fence, "description": told, "isolation": "none"})
    spoiled = {**report(run), "candidate": {"language_gap": {"numerator": 0, "denominator": 0, "samples": 2}}}
    answer = machine.post(f"runs/{run.pk}/evaluated", {"fence": fence, "report": spoiled})
    assert (answer.status_code, answer.json()["verdict"]) == (200, "rejected")


def test_a_report_before_the_model_is_refused(claimed):
    machine, run, fence, _ = claimed  # noqa: F811
    before = rows()
    answer = machine.post(f"runs/{run.pk}/evaluated", {"fence": fence, "report": report(run)})
    refused(answer, "record_missing", before, run)


FAILURES = {
    "no code": {"code": ""},
    "a code of words": {"code": "it broke"},
    "a code in capitals": {"code": "OOM"},
    "a long code": {"code": "a" * 61},
    "a code with a line feed": {"code": "oom\n"},
    "a code as a number": {"code": 7},
    "a detail as a list": {"detail": []},
    "a long detail": {"detail": "x" * 8_001},
    "permanent as text": {"permanent": "yes"},
    "permanent as a number": {"permanent": 1},
    "one more field": {"give_up": True},
}


def test_a_failure_that_cannot_be_read_ends_nothing(claimed):
    machine, run, fence, _ = claimed  # noqa: F811
    for change in FAILURES.values():
        before = rows()
        body = {"fence": fence, "code": "crash", "detail": "", "permanent": False, **change}
        refused(machine.post(f"runs/{run.pk}/fail", body), {"malformed_field", "unknown_field"}, before, run)
        assert machine.post(f"runs/{run.pk}/heartbeat", {"fence": fence}).json() == {"answer": "continue"}


CHECKPOINTS = {
    "nothing": lambda _told: {},
    "a step as text": lambda told: {**told, "step": "7"},
    "a negative step": lambda told: {**told, "step": -1},
    "a huge step": lambda told: {**told, "step": 10**9},
    "another specification": lambda told: {**told, "spec": ZERO},
    "no files": lambda told: {**told, "files": []},
    "files as text": lambda told: {**told, "files": "state.json"},
    "a file not uploaded": first_file(sha256=ZERO),
    "another size": first_file(size=9),
    "a path outside": first_file(path="../state.json"),
    "a hidden file": first_file(path=".state.json"),
    "the manifest itself": first_file(path="manifest.json"),
    "a program": first_file(path="state.py"),
    "a file twice": lambda told: {**told, "files": told["files"] * 2},
    "one more key": lambda told: {**told, "note": "x"},
}


def test_a_checkpoint_that_is_none_is_not_kept(claimed):
    machine, run, fence, _ = claimed  # noqa: F811
    data = b"weights"
    machine.put(run, fence, data)
    for change in CHECKPOINTS.values():
        told = {
            "step": 7,
            "spec": hashlib.sha256(run.spec_record.canonical_body()).hexdigest(),
            "code_digest": ZERO,
            "environment": {},
            "files": [{"path": "state.safetensors", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}],
        }
        staged, before = files_below(run), rows()
        answer = machine.post(f"runs/{run.pk}/checkpoint", {"fence": fence, "manifest": change(told)})
        refused(answer, answer.json()["code"], before, run, staged)
        assert answer.status_code == 422


def test_junk_at_every_address_of_a_machine_is_refused_and_never_an_error(claimed):
    machine, run, _, _ = claimed  # noqa: F811
    before = rows()
    for junk in JUNK:
        for call in CALLS:
            body = junk.encode("utf-8", "surrogatepass")
            assert machine.post(f"runs/{run.pk}/{call}", body).status_code in {400, 413}
    assert rows() == before
    assert files_below(run) == []


def test_a_machine_is_nobody_elsewhere_even_with_its_owners_session(claimed, browser):  # noqa: F811
    """A session does not add to a token, nor a token to a session."""
    machine, run, _, _ = claimed  # noqa: F811
    machine.http.force_login(Account.objects.get_or_create(address="0x" + "11" * 20)[0])
    assert machine.get("work").status_code == 200
    assert browser.get(f"/api/v1/runner/runs/{run.pk}/proof").status_code == 401
    assert Machine("cwr_" + "a" * 43).get("work").status_code == 401
