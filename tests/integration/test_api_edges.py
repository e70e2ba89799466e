"""Addresses, forms and sizes at the edge of what can be written: a clear refusal, never a 5xx, quickly."""

import gzip
import io
import json
import pickle
import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from config.demo import corpus
from governance.models import Event, Proposal
from models_registry.models import Dataset
from tests.integration.conftest import sign_in

HUGE = 10**20 - 1
NUMBERS = (2**31, 2**32, 2**63 - 1, 2**63, HUGE, 10**400)


@pytest.fixture
def alice(client, community, voters):
    """A client that is signed in as Alice."""
    sign_in(client, voters["Alice"])
    return client


def assert_refused(answer, status, code):
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json"), answer.content
    assert answer.json()["code"] == code, answer.content


# --- addresses ----------------------------------------------------------------------------------------------------

API_ADDRESSES = ("runs/{}", "runs/{}/events", "drafts/{}")
PAGES = (
    "/c/water-commons/proposals/{}/",
    "/c/water-commons/proposals/?page={}",
    "/c/water-commons/drafts/{}/",
    "/c/water-commons/drafts/{}/edit/",
    "/c/water-commons/proposals/{}/results/",
    "/runs/{}/",
    "/runs/{}/live/",
)
HUB = (
    "/hub/api/models/{}/x",
    "/hub/api/models/x/{}/revision/{}",
    "/hub/api/models/x/{}/tree/{}/{}",
    "/hub/api/models/x/y/commits/{}",
    "/hub/x/y/resolve/{}/{}",
    "/hub/{}",
    "/hub/api/models?search={}&author={}&limit={}",
)


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: f"{len(str(number))} digits")
def test_numbers_that_no_row_can_have_are_not_found(alice, number):
    for address in API_ADDRESSES:
        answer = alice.get(f"/api/v1/{address.format(number)}")
        assert answer.status_code == 404, address
        assert answer["Content-Type"] == "application/problem+json"
    for method, address in (("post", "runs/{}/cancel"), ("post", "drafts/{}/submit"), ("put", "drafts/{}")):
        body = json.dumps(draft()) if method == "put" else "{}"
        answer = getattr(alice, method)(f"/api/v1/{address.format(number)}", body, content_type="application/json")
        assert answer.status_code == 404, address
    for page in PAGES:
        assert alice.get(page.format(number)).status_code in {200, 302, 404}, page


@pytest.mark.parametrize("text", ["%00", "a%00b", "%ff", "%ed%a0%80", "１", "..%2f..", "%0a", "x" * 3000, "'%3B--"])
def test_text_that_no_address_has_is_refused_for_reading_and_writing(alice, text):
    for address in (
        "proposals/{}",
        "proposals/{}/ballots",
        "proposals/{}/ballot-message",
        "ballots/{}",
        "records/{}",
        "communities/{}",
        "datasets/{}",
        "datasets/{}/rows",
        "releases/{}",
        "runs/{}",
        "{}",
    ):
        answer = alice.get(f"/api/v1/{address.format(text)}")
        assert answer.status_code in {400, 404}, address
        assert answer["Content-Type"] == "application/problem+json"
    for address in ("proposals/{}/cancel", "proposals/{}/execute", "drafts/{}/submit", "{}"):
        for client in (alice, Client(enforce_csrf_checks=True)):
            answer = client.post(f"/api/v1/{address.format(text)}", "{}", content_type="application/json")
            assert answer.status_code in {400, 401, 403, 404}, address
            assert answer["Content-Type"] == "application/problem+json", address
    for page in (
        "/c/{}/",
        "/receipts/{}/",
        "/c/water-commons/proposals/{}/",
        "/datasets/{}/",
        "/releases/{}/",
        "/models/{}/x/",
    ):
        assert alice.get(page.format(text)).status_code in {301, 400, 404}, page
    for address in HUB:
        assert alice.get(address.format(*[text] * 3)).status_code in {200, 301, 400, 404}, address


@pytest.mark.parametrize("value", ["%00", "-1", "0", "abc", "1" * 5000, "１", "1e9", "", "%ff"])
def test_paging_takes_junk_without_falling_over(client, community, value):
    for address in ("proposals", "runs", "datasets", "rules", "models", "communities"):
        for name in ("page", "page_size"):
            answer = client.get(f"/api/v1/{address}?{name}={value}")
            assert answer.status_code in {200, 400, 404}, (address, name)
    for address in ("proposals?community=", "proposals?kind=", "proposals?state="):
        assert client.get(f"/api/v1/{address}{value}").status_code in {200, 400}
    for name in ("state", "kind", "q", "page"):
        assert client.get(f"/c/water-commons/proposals/?{name}={value}").status_code in {200, 400, 404}, name


def test_a_method_that_an_address_does_not_have_is_named(client, community):
    for method in ("put", "delete", "patch"):
        answer = getattr(client, method)("/api/v1/ballots", "{}", content_type="application/json")
        assert_refused(answer, 405, "method_not_allowed")
        assert answer["Allow"]
    assert_refused(client.get("/api/v1/kinds", headers={"accept": "text/html"}), 406, "not_acceptable")


def test_a_strangers_post_to_an_address_that_does_not_exist_is_told_so(community):
    assert_refused(Client(enforce_csrf_checks=True).post("/api/v1/nothing"), 404, "not_found")


# --- bodies -------------------------------------------------------------------------------------------------------


def draft(**changes):
    return {
        "community": "water-commons",
        "kind": "text_signal",
        "title": "A question",
        "payload": {"statement": "Yes."},
        **changes,
    }


WEIRD = [None, True, 0, -1, 2**63, 10**90, "", "x", [], [[]], {}, {"a": []}, [1, "a", None]]
RULE = {
    "slug": "equal-service",
    "title": "Equal service",
    "metric": "language_gap",
    "comparator": "at_most",
    "bound": "0.10",
    "scope": "all",
    "severity": "block",
}


def test_every_field_of_a_draft_refuses_every_other_shape(alice):
    bodies = [draft(**{name: value}) for name in draft() for value in WEIRD]
    bodies += [draft(opens_at=value) for value in WEIRD]
    bodies += [draft(voting_period_seconds=value) for value in WEIRD]
    bodies += [
        draft(kind="ethics_rule", payload={**RULE, name: value})
        for name in RULE
        for value in [*WEIRD, {"numerator": 10**30, "denominator": 1}, {"numerator": 1, "denominator": 0}]
    ]
    bodies += [draft(kind="dataset_inclusion", payload={"digest": value, "records": value}) for value in WEIRD]
    bodies += [draft(kind="model_update", payload={"spec": value}) for value in WEIRD]
    for body in bodies:
        answer = alice.post("/api/v1/drafts", json.dumps(body), content_type="application/json")
        assert answer.status_code in {201, 400, 404, 409, 422}, (body, answer.content)
        if answer.status_code == 201:
            submitted = alice.post(f"/api/v1/drafts/{answer.json()['draft']}/submit")
            assert submitted.status_code in {201, 409, 422}, (body, submitted.content)


def test_a_bound_that_no_record_can_hold_is_refused_before_the_vote(alice):
    for bound in ("999999999.999999999", {"numerator": 10**18, "denominator": 10**9 - 1}):
        body = draft(kind="ethics_rule", payload={**RULE, "bound": bound})
        answer = alice.post("/api/v1/drafts", json.dumps(body), content_type="application/json")
        assert_refused(answer, 422, "value_out_of_range")


def bodies_of_64_kb():
    size = 63_000
    yield "deep", b"[" * 15 + b"1," * (size // 2) + b"1" + b"]" * 15
    yield "numbers", b'{"a":[' + b"1e9," * (size // 4) + b"1]}"
    yield "keys", b"{" + b",".join(b'"k%d":1' % i for i in range(size // 9)) + b"}"
    yield "text", b'{"title":"' + b"x" * size + b'"}'
    yield "escapes", b'{"title":"' + b"\\u0041" * (size // 6) + b'"}'
    yield "objects", b'{"payload":[' + b"{}," * (size // 3) + b"{}]}"
    yield "spec", b'{"spec":{"' + b"_" * size + b'":1}}'


@pytest.mark.parametrize(
    ("name", "body"), list(bodies_of_64_kb()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_body_of_64_kb_costs_little(alice, name, body):
    for address in ("ballots", "drafts", "auth/verify"):
        alice.post(f"/api/v1/{address}", b"{}", content_type="application/json")
        spent = []
        for _ in range(3):
            began = time.process_time()
            answer = alice.post(f"/api/v1/{address}", body, content_type="application/json")
            spent.append(time.process_time() - began)
        assert answer.status_code in {400, 413}, answer.content
        assert min(spent) < 0.05, (name, address, spent)


def test_a_specification_of_64_kb_costs_little(alice):
    for key in ("_" * 60_000, "attn" * 15_000, "custom" * 10_000, "a_dir" * 12_000):
        body = json.dumps(draft(kind="model_update", payload={"spec": {key: 1, "base": key[:2000]}})).encode()
        spent = []
        for _ in range(3):  # the least of them: the process itself may tidy its memory meanwhile
            began = time.process_time()
            answer = alice.post("/api/v1/drafts", body, content_type="application/json")
            spent.append(time.process_time() - began)
        assert answer.status_code in {413, 422}
        assert min(spent) < 0.05, spent


def test_a_refused_sign_in_leaves_no_session_behind(client, community):
    from django.contrib.sessions.models import Session

    answer = client.post("/api/v1/auth/nonce", {"address": "0x12"}, content_type="application/json")
    assert_refused(answer, 400, "malformed_field")
    assert Session.objects.count() == 0


# --- uploads ------------------------------------------------------------------------------------------------------

ROWS = corpus.jsonl(corpus.training_rows()[:30])


def upload(client, content=ROWS, name="pairs.jsonl", **changes):
    values = {
        "community": "water-commons",
        "slug": "pairs",
        "title": "Pairs",
        "license": "CC-BY-4.0",
        "role": "training",
        "file": SimpleUploadedFile(name, content) if content is not None else "",
        **changes,
    }
    return client.post("/api/v1/datasets", {key: value for key, value in values.items() if value is not None})


UPLOADS = {
    "no file": ({"content": None, "file": None}, 400, "missing_field"),
    "text in place of the file": ({"content": None}, 400, "missing_field"),
    "an empty file": ({"content": b""}, 422, "malformed_row"),
    "a pickle": ({"content": pickle.dumps({"a": 1})}, 415, "format_not_allowed"),
    "a text pickle": ({"content": pickle.dumps({"a": 1}, protocol=0)}, 415, "format_not_allowed"),
    "gzip": ({"content": gzip.compress(ROWS)}, 415, "format_not_allowed"),
    "another name": ({"name": "pairs.parquet"}, 415, "format_not_allowed"),
    "a hidden name": ({"name": ".jsonl"}, 400, "path_forbidden"),
    "not UTF-8": ({"content": b'{"id":"\xff"}\n'}, 422, "not_utf8"),
    "a row that is no object": ({"content": b"[]\n"}, 422, "malformed_row"),
    "a line of 1 MB": ({"content": b'{"id":"' + b"x" * 1_000_000}, 413, "record_too_large"),
    "NUL in a row": (
        {
            "content": b'{"id":"\\u0000","language":"en","question":"a","answer":"b","topic":"c"}\n',
        },
        422,
        "malformed_row",
    ),
    "NUL in the title": ({"title": "a\x00b"}, 400, "malformed_field"),
    "NUL in the community": ({"community": "water-commons\x00"}, 400, "malformed_field"),
    "no title": ({"title": None}, 400, "missing_field"),
    "a title of 201": ({"title": "x" * 201}, 400, "malformed_field"),
    "a field of 2 MB": ({"title": "x" * 2_000_000}, 413, "too_large"),
    "an unknown field": ({"weight": "1"}, 400, "unknown_field"),
    "an unknown role": ({"role": "king"}, 400, "malformed_field"),
    "a slug with a slash": ({"slug": "a/b"}, 400, "malformed_field"),
    "an unknown community": ({"community": "nowhere"}, 404, "unknown_community"),
    "another digest": ({"digest": "0" * 64}, 422, "digest_mismatch"),
    "half a digest": ({"digest": "0" * 32}, 400, "malformed_field"),
}


@pytest.mark.parametrize(("changes", "status", "code"), UPLOADS.values(), ids=UPLOADS.keys())
def test_a_bad_upload_is_refused_and_leaves_nothing(alice, changes, status, code):
    refused = Event.objects.filter(kind="refused").count()
    assert_refused(upload(alice, **changes), status, code)
    assert Dataset.objects.count() == 0
    assert Event.objects.filter(kind="refused").count() == refused + 1


def test_a_good_upload_is_taken_once_and_a_path_in_its_name_means_nothing(alice):
    first, again = upload(alice, name="../../etc/pairs.jsonl"), upload(alice)
    assert (first.status_code, again.status_code) == (201, 200), first.content
    assert first.json()["digest"] == again.json()["digest"]


def test_an_upload_that_is_no_form_is_refused(alice):
    address = "/api/v1/datasets"
    assert_refused(alice.post(address, b"{}", content_type="application/json"), 415, "unsupported_media_type")
    assert_refused(alice.post(address, b"junk", content_type="multipart/form-data"), 400, "malformed")
    answer = alice.post(address, b"junk", content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400, answer.content
    assert_refused(upload(Client()), 401, "not_signed_in")
    many = {f"field{number}": "x" for number in range(2_000)}
    assert_refused(alice.post(address, many), 400, "malformed")


def test_a_strangers_upload_is_not_even_read(community):
    stream = io.BytesIO(ROWS)
    stream.name = "pairs.jsonl"
    answer = Client(enforce_csrf_checks=True).post("/api/v1/datasets", {"file": stream})
    assert_refused(answer, 401, "not_signed_in")


def test_rows_that_are_gone_from_the_disk_are_said_to_be_missing(alice):
    from models_registry.datasets.registering import dataset_path

    digest = upload(alice).json()["digest"]
    dataset_path(digest).unlink()
    assert_refused(alice.get(f"/api/v1/datasets/{digest}/rows"), 503, "dataset_unreadable")
    assert Proposal.objects.count() == 0
