"""Datasets that come in over the API: in one request, in parts, from an address, from a repository; and row by row."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import base64
import hashlib
import io
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from config import sweeper
from config.demo import corpus
from governance import clock
from governance.evidence import merkle
from governance.models import Event
from models_registry.datasets import intakes, registering, taking_in, uploads
from models_registry.models import Dataset, DatasetIntake, DatasetUpload
from tests.integration.conftest import NOON
from tests.integration.hub_site import artifacts, serving
from tests.integration.pages_story import signed_in
from tests.integration.test_hub_clients import included
from tests.simulators.file_site import Site, file, redirect

ROWS = [dict(row) for row in corpus.training_rows()[:60]]
DATA = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)
DIGEST = hashlib.sha256(b"".join(sorted(corpus.jsonl(ROWS).splitlines(keepends=True)))).hexdigest()
SAID = {"community": "gardens", "slug": "rows", "title": "Rows", "license": "CC-BY-4.0", "role": "training"}


@pytest.fixture
def site(artifacts, list_community):
    return list_community()


@pytest.fixture
def alice(site):
    client = Client()
    signed_in(client, site.wallet("Alice"))
    return client


@pytest.fixture
def files():
    found = Site()
    yield found
    found.close()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def assert_refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    return answer.json()


def announce(client: Client, data: bytes = DATA, **changes: Any) -> Any:
    values = {"community": "gardens", "name": "rows.jsonl", "size": len(data), "sha256": sha256(data), **changes}
    return client.post("/api/v1/datasets/uploads", values, content_type="application/json")


def send(client: Client, upload: int, data: bytes, first: int, total: int, **headers: str) -> Any:
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    return client.put(
        f"/api/v1/datasets/uploads/{upload}",
        data,
        content_type="application/octet-stream",
        headers={
            "Content-Range": f"bytes {first}-{first + len(data) - 1}/{total}",
            "Content-Digest": f"sha-256=:{digest}:",
            **headers,
        },
    )


def ask(client: Client, **source: Any) -> Any:
    return client.post("/api/v1/datasets/intakes", {**SAID, **source}, content_type="application/json")


def told(client: Client, intake: int) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(f"/api/v1/datasets/intakes/{intake}").json()
    return answer


def nothing_left() -> bool:
    folder = registering.datasets_folder()
    left = [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []
    return not left and not Dataset.objects.exists()


# --- in parts -----------------------------------------------------------------------------------------------------


def test_a_file_in_parts_becomes_a_dataset(alice):
    upload = announce(alice).json()
    assert (upload["received"], upload["size"]) == (0, len(DATA))
    assert announce(alice).json()["id"] == upload["id"]
    for first in range(0, len(DATA), 4000):
        answer = send(alice, upload["id"], DATA[first : first + 4000], first, len(DATA))
        assert answer.json()["received"] == min(first + 4000, len(DATA)), answer.content
    assert alice.get(f"/api/v1/datasets/uploads/{upload['id']}").json()["received"] == len(DATA)

    asked = ask(alice, upload=upload["id"])
    assert (asked.status_code, asked.json()["state"]) == (202, "planned"), asked.content
    assert ask(alice, upload=upload["id"]).json()["id"] == asked.json()["id"]
    assert intakes.due(clock.now()) == [asked.json()["id"]]

    taking_in.take_in(asked.json()["id"])
    done = told(alice, asked.json()["id"])
    assert (done["state"], done["dataset"], done["error"]) == ("done", DIGEST, None)
    assert Dataset.objects.get().registered_by == alice.get("/api/v1/auth/session").json()["address"]
    assert not DatasetUpload.objects.exists()
    assert not any((registering.datasets_folder() / ".uploads").iterdir())
    taking_in.take_in(asked.json()["id"])
    assert told(alice, asked.json()["id"]) == done


@pytest.mark.parametrize(
    ("first", "data", "headers", "status", "code"),
    [
        (1, DATA[1:101], {}, 409, "offset_wrong"),
        (0, DATA[:100], {"Content-Digest": "sha-256=:" + "A" * 43 + "=:"}, 422, "digest_mismatch"),
        (0, DATA[:100], {"Content-Digest": ""}, 400, "malformed_digest"),
        (0, DATA[:100], {"Content-Digest": "sha-256=abc"}, 400, "malformed_digest"),
        (0, DATA[:100], {"Content-Digest": "md5=:" + "A" * 43 + "=:"}, 400, "malformed_digest"),
        (0, DATA[:100], {"Content-Range": ""}, 400, "malformed_range"),
        (0, DATA[:100], {"Content-Range": "bytes 0-99/100"}, 409, "upload_differs"),
        (0, DATA[:100], {"Content-Range": f"bytes 0-98/{len(DATA)}"}, 400, "length_wrong"),
        (0, DATA[:100], {"Content-Range": f"bytes 99-0/{len(DATA)}"}, 400, "malformed_range"),
        (0, DATA[:100], {"Content-Range": f"bytes 0-{2**40}/{2**41}"}, 413, "too_large"),
        (0, DATA[:100], {"Content-Range": "bytes */100"}, 400, "malformed_range"),
    ],
)
def test_a_part_that_does_not_fit_is_refused_and_can_be_sent_again(first, data, headers, status, code, alice):
    upload = announce(alice).json()["id"]
    assert_refused(send(alice, upload, data, first, len(DATA), **headers), status, code)
    assert alice.get(f"/api/v1/datasets/uploads/{upload}").json()["received"] == 0
    assert send(alice, upload, DATA, 0, len(DATA)).json()["received"] == len(DATA)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"name": "../rows.jsonl"}, 400, "path_forbidden"),
        ({"name": "/etc/passwd"}, 400, "path_forbidden"),
        ({"name": "rows.zip"}, 415, "format_not_allowed"),
        ({"name": "rows.pkl"}, 415, "format_not_allowed"),
        ({"size": 0}, 400, "malformed_field"),
        ({"size": -1}, 400, "malformed_field"),
        ({"size": 10**12}, 413, "too_large"),
        ({"size": 10**30}, 400, "malformed_field"),
        ({"size": "many"}, 400, "malformed_field"),
        ({"sha256": "0" * 63}, 400, "malformed_field"),
        ({"sha256": "A" * 64}, 400, "malformed_field"),
        ({"community": "nowhere"}, 404, "unknown_community"),
        ({"weight": 1}, 400, "unknown_field"),
    ],
)
def test_an_announcement_that_is_refused_leaves_nothing(changes, status, code, alice):
    assert_refused(announce(alice, **changes), status, code)
    assert not DatasetUpload.objects.exists()


def test_an_upload_belongs_to_who_announced_it(site, alice):
    upload = announce(alice).json()["id"]
    bob = Client()
    signed_in(bob, site.wallet("Bob"))
    for answer in (
        bob.get(f"/api/v1/datasets/uploads/{upload}"),
        send(bob, upload, DATA, 0, len(DATA)),
        bob.delete(f"/api/v1/datasets/uploads/{upload}"),
        ask(bob, upload=upload),
        alice.get("/api/v1/datasets/uploads/999"),
    ):
        assert_refused(answer, 404, "unknown_upload")
    assert_refused(announce(Client()), 401, "not_signed_in")
    assert_refused(Client().get(f"/api/v1/datasets/uploads/{upload}"), 401, "not_signed_in")


def test_what_a_member_may_send_is_limited_and_expires(alice, settings):
    settings.DATASET_UPLOAD_BYTES_PER_MEMBER = len(DATA) + 50
    upload = announce(alice).json()["id"]
    send(alice, upload, DATA[:100], 0, len(DATA))
    assert_refused(announce(alice, DATA[:60]), 413, "quota_exceeded")
    later = clock.now() + timedelta(seconds=settings.DATASET_UPLOAD_SECONDS)
    assert uploads.settle(clock.now()) == 0
    assert uploads.settle(later) == 1
    assert nothing_left()
    assert_refused(send(alice, upload, DATA[100:], 100, len(DATA)), 404, "unknown_upload")
    assert announce(alice, DATA[:60]).status_code == 200


def test_what_a_killed_process_left_is_cleared_up_after_a_while(alice):
    with registering.work_folder() as at_work:
        left = registering.datasets_folder() / ".work" / "left"
        left.mkdir()
        (left / "sent").write_bytes(DATA)
        assert uploads.settle(clock.now()) == 0
        os.utime(left, (0, 0))
        assert uploads.settle(clock.now()) == 1
        assert at_work.is_dir()
    assert nothing_left()


def test_an_upload_can_be_given_up(alice):
    upload = announce(alice).json()["id"]
    send(alice, upload, DATA[:100], 0, len(DATA))
    assert alice.delete(f"/api/v1/datasets/uploads/{upload}").status_code == 204
    assert nothing_left()


def test_half_a_file_and_another_file_are_not_taken_in(alice):
    upload = announce(alice).json()["id"]
    send(alice, upload, DATA[:100], 0, len(DATA))
    assert_refused(ask(alice, upload=upload), 409, "upload_unfinished")
    other = announce(alice, DATA, sha256="0" * 64).json()["id"]
    send(alice, other, DATA, 0, len(DATA))
    assert_refused(ask(alice, upload=other), 422, "digest_mismatch")
    assert not DatasetIntake.objects.exists()
    assert alice.get(f"/api/v1/datasets/uploads/{other}").json()["received"] == 0


def test_a_broken_file_in_parts_is_refused_with_its_line_and_leaves_nothing(alice):
    broken = DATA + b"nonsense\n"
    upload = announce(alice, broken).json()["id"]
    send(alice, upload, broken, 0, len(broken))
    intake = ask(alice, upload=upload).json()["id"]
    taking_in.take_in(intake)
    refused = told(alice, intake)
    assert (refused["state"], refused["error"]["code"], refused["dataset"]) == ("refused", "malformed_row", None)
    assert "line 61" in refused["error"]["detail"]
    assert nothing_left()
    assert Event.objects.filter(kind="dataset_refused").count() == 1


def test_a_large_file_in_one_request_is_read_by_a_worker(alice, settings):
    settings.DATASET_REQUEST_BYTES_MAX = 1000
    answer = alice.post("/api/v1/datasets", {**SAID, "file": SimpleUploadedFile("rows.jsonl", DATA)})
    assert (answer.status_code, answer.json()["state"]) == (202, "planned"), answer.content
    taking_in.take_in(answer.json()["id"])
    assert told(alice, answer.json()["id"])["dataset"] == DIGEST
    settings.DATASET_BYTES_MAX = 2000
    again = alice.post("/api/v1/datasets", {**SAID, "file": SimpleUploadedFile("rows.jsonl", DATA)})
    assert_refused(again, 413, "decoded_too_large")
    assert not DatasetUpload.objects.exists()


# --- in one request -----------------------------------------------------------------------------------------------


def test_a_csv_with_a_mapping_is_the_same_dataset_as_json_lines(alice):
    table = "key,lang,prompt,reply,about\n" + "".join(
        ",".join('"' + row[name].replace('"', '""') + '"' for name in ("id", "language", "question", "answer", "topic"))
        + "\n"
        for row in ROWS
    )
    columns = "id:key,language:lang,question:prompt,answer:reply,topic:about"
    form = {**SAID, "columns": columns, "file": SimpleUploadedFile("rows.csv", table.encode())}
    answer = alice.post("/api/v1/datasets", form)
    assert (answer.status_code, answer.json()["digest"]) == (201, DIGEST), answer.content
    body = answer.json()
    leaves = registering.dataset_path(DIGEST).read_bytes().splitlines()
    assert body["records_root"] == merkle.root(leaves)
    assert [shard["sha256"] for shard in body["shards"]] == [DIGEST]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"columns": "question"}, 422, "columns_invalid"),
        ({"columns": "question:nowhere"}, 422, "columns_invalid"),
        ({"dialect": "pipe"}, 400, "malformed_field"),
        ({"language": "de"}, 400, "malformed_field"),
        ({"topic": "a\0b"}, 400, "malformed_field"),
    ],
)
def test_a_reading_that_does_not_fit_is_refused(changes, status, code, alice):
    csv = b"id,language,question,answer,topic\na,en,When?,At dawn.,water\n"
    answer = alice.post("/api/v1/datasets", {**SAID, "file": SimpleUploadedFile("rows.csv", csv), **changes})
    assert_refused(answer, status, code)
    assert nothing_left()


# --- from elsewhere -----------------------------------------------------------------------------------------------


def test_a_file_at_an_address_is_fetched_by_a_worker(alice, files, settings):
    settings.DATASET_FETCH_HOSTS = [f"127.0.0.1:{files.port}"]
    files.answers["/start"] = redirect("/data/rows.jsonl")
    files.answers["/data/rows.jsonl"] = file(DATA)
    address = f"http://127.0.0.1:{files.port}/start"
    asked = ask(alice, url=address, sha256=sha256(DATA), name="rows.jsonl")
    assert asked.status_code == 202, asked.content
    assert files.asked == []
    again = ask(alice, url=address, sha256=sha256(DATA), name="rows.jsonl")
    assert again.json()["id"] == asked.json()["id"]
    taking_in.take_in(asked.json()["id"])
    assert told(alice, asked.json()["id"])["dataset"] == DIGEST
    assert [path for path, _ in files.asked] == ["/start", "/data/rows.jsonl"]


@pytest.mark.parametrize(
    ("answer", "code", "state"),
    [
        (file(b"other"), "digest_mismatch", "refused"),
        (file(b"", 404), "fetch_refused", "refused"),
        (file(b"", 503), "fetch_refused", "waiting"),
        (redirect("http://127.0.0.1:9/rows.jsonl"), "url_forbidden", "refused"),
        (redirect("https://169.254.169.254/rows.jsonl"), "url_forbidden", "refused"),
        (file(DATA, Content_Encoding="gzip"), "fetch_refused", "refused"),
    ],
)
def test_what_lies_elsewhere_and_does_not_fit_is_refused(answer, code, state, alice, files, settings):
    settings.DATASET_FETCH_HOSTS = [f"127.0.0.1:{files.port}"]
    files.answers["/rows.jsonl"] = answer
    intake = ask(alice, url=f"http://127.0.0.1:{files.port}/rows.jsonl", sha256=sha256(DATA)).json()["id"]
    taking_in.take_in(intake)
    found = told(alice, intake)
    assert (found["state"], found["error"]["code"]) == (state, code)
    assert nothing_left()


@pytest.mark.parametrize(
    ("source", "status", "code"),
    [
        ({"url": "http://example.org/a.jsonl", "sha256": "0" * 64}, 422, "url_forbidden"),
        ({"url": "http://169.254.169.254/a.jsonl", "sha256": "0" * 64}, 422, "url_forbidden"),
        ({"url": "file:///etc/passwd", "sha256": "0" * 64}, 422, "url_forbidden"),
        ({"url": "https://me:secret@example.org/a.jsonl", "sha256": "0" * 64}, 422, "url_forbidden"),
        ({"url": "https://example.org/a.zip", "sha256": "0" * 64}, 415, "format_not_allowed"),
        ({"url": "https://example.org/", "sha256": "0" * 64}, 400, "path_forbidden"),
        (
            {"url": "https://example.org/..%2F..%2Fa.jsonl", "sha256": "0" * 64, "name": "../a.jsonl"},
            400,
            "path_forbidden",
        ),
        ({"url": "https://example.org/a.jsonl"}, 400, "missing_field"),
        ({"url": "https://example.org/a.jsonl", "sha256": "main"}, 400, "malformed_field"),
        ({"repository": "a/b", "revision": "main"}, 422, "revision_not_pinned"),
        ({"repository": "a/b"}, 400, "missing_field"),
        ({"repository": "a", "revision": "0" * 40}, 422, "malformed_field"),
        ({"repository": "../b", "revision": "0" * 40}, 422, "malformed_field"),
        ({"repository": "a/b", "revision": "0" * 40, "files": ["../rows.jsonl"]}, 422, "path_forbidden"),
        ({"repository": "a/b", "revision": "0" * 40, "files": ["rows.py"]}, 422, "format_not_allowed"),
        ({"repository": "a/b", "revision": "0" * 40, "files": ["data.pkl"]}, 422, "format_not_allowed"),
        ({}, 400, "malformed_field"),
        ({"upload": 1, "url": "https://example.org/a.jsonl"}, 400, "malformed_field"),
        ({"upload": 1, "sha256": "0" * 64}, 400, "unknown_field"),
        ({"upload": 999}, 404, "unknown_upload"),
    ],
)
def test_a_source_that_is_none_is_refused_at_once(source, status, code, alice):
    assert_refused(ask(alice, **source), status, code)
    assert not DatasetIntake.objects.exists()


def test_a_commit_of_a_repository_is_the_same_dataset(site, alice, settings):
    """Our own hub stands for the Hugging Face Hub: it speaks the same API to stock clients."""
    known = included(site, ROWS)
    with serving() as endpoint:
        settings.HUGGING_FACE_ENDPOINT = endpoint
        intake = ask(alice, repository="gardens/pairs", revision=known.digest[:40]).json()["id"]
        taking_in.take_in(intake)
    found = told(alice, intake)
    assert (found["state"], found["error"], found["dataset"]) == ("done", None, known.digest)


def test_only_so_many_intakes_are_under_way_for_one_member(alice):
    for number in range(intakes.OPEN_MAX):
        assert ask(alice, url=f"https://example.org/{number}.jsonl", sha256="0" * 64).status_code == 202
    assert_refused(ask(alice, url="https://example.org/more.jsonl", sha256="0" * 64), 403, "too_many_intakes")


def test_who_may_not_propose_may_not_ask(site):
    source = {"url": "https://example.org/a.jsonl", "sha256": "0" * 64}
    assert_refused(ask(Client(), **source), 401, "not_signed_in")
    stranger = Client()
    signed_in(stranger, site.wallet("Emma"))
    assert_refused(ask(stranger, **source), 403, "below_threshold")
    assert_refused(announce(stranger), 403, "below_threshold")
    assert nothing_left()


# --- row by row ---------------------------------------------------------------------------------------------------


def test_each_row_can_be_proven_by_anybody(alice):
    digest = alice.post("/api/v1/datasets", {**SAID, "file": SimpleUploadedFile("rows.jsonl", DATA)}).json()["digest"]
    stranger = Client()
    root = stranger.get(f"/api/v1/datasets/{digest}").json()["records_root"]
    for number in (1, 2, 31, 60):
        proof = stranger.get(f"/api/v1/datasets/{digest}/records/{number}").json()
        leaf = proof["canonical"].encode()
        assert json.loads(leaf) == proof["row"]
        assert hashlib.sha256(b"\0" + leaf).hexdigest() == proof["leaf_hash"]
        assert (proof["leaf_index"], proof["records"], proof["records_root"]) == (number - 1, 60, root)
        assert merkle.verify_inclusion(leaf, number - 1, 60, proof["path"], root)


@pytest.mark.parametrize("number", ["0", "61", "99999999999999999999", "-1", "x"])
def test_a_row_that_is_not_there_is_not_proven(number, alice):
    digest = alice.post("/api/v1/datasets", {**SAID, "file": SimpleUploadedFile("rows.jsonl", DATA)}).json()["digest"]
    assert alice.get(f"/api/v1/datasets/{digest}/records/{number}").status_code == 404


def test_rows_that_were_changed_on_the_disk_are_not_proven(alice):
    digest = alice.post("/api/v1/datasets", {**SAID, "file": SimpleUploadedFile("rows.jsonl", DATA)}).json()["digest"]
    path = registering.dataset_path(digest)
    path.write_bytes(path.read_bytes().replace(b"a", b"e", 1))
    path.with_suffix(".tree").unlink()
    assert_refused(alice.get(f"/api/v1/datasets/{digest}/records/5"), 503, "dataset_unreadable")
