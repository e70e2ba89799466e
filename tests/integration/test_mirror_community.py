"""A mirror of another site's community: follows, resumes, serves the same answers, and refuses what does not verify."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.test import Client

from governance import log
from governance.errors import Conflict
from governance.evidence import checkpoint, merkle
from governance.evidence.record import Record as RecordValue
from governance.evidence.signing import FileSigner, generate_key
from governance.keys import release_signer
from governance.mirroring import follow as following
from governance.mirroring.follow import begin, follow
from governance.mirroring.source import ANSWER_BYTES_MAX, SourceError
from governance.models import Event, Mirror, MirroredDocument, Record
from models_registry.other_site import HttpSource
from tests.integration.conftest import NOON
from tests.integration.hub_site import serving
from tests.simulators.file_site import Site

MANIFEST = b'{"files":[],"version":1}'
LOG = "/api/v1/communities/gardens/log"
MODEL, REVISION = "commons/garden-helper", "a" * 40
MANIFEST_AT = f"/hub/{MODEL}/resolve/{REVISION}/provenance/manifest.json"


class Served:
    """A site that answers in this process; a test may put another answer in the place of the one of a path."""

    def __init__(self) -> None:
        self.instead: dict[str, Callable[[bytes], bytes]] = {MANIFEST_AT: lambda _body: MANIFEST}
        self.asked: list[str] = []
        self._client = Client()

    def get(self, path: str) -> bytes:
        self.asked.append(path)
        answer = self._client.get(path)
        changed = next((change for start, change in self.instead.items() if path.startswith(start)), None)
        if changed is None and answer.status_code != 200:
            raise SourceError("absent", f"{path}: {answer.status_code}")
        return answer.content if changed is None else changed(answer.content)


@pytest.fixture
def commons(list_community: Any, at: Any) -> Any:
    """A community with a log of some entries, one of which leads to a release."""
    at(NOON)
    made = list_community({"Alice": 60, "Bob": 40})
    grow(made, 9)
    release = RecordValue.make(
        "release", "garden-helper", {"model": MODEL, "revision": REVISION, "manifest_sha256": sha256(MANIFEST)}
    )
    canonical = release.canonical().decode()
    Record.objects.create(digest=release.digest, kind="release", subject=release.subject, canonical=canonical)
    grow(made, 1, {"release": release.digest, "files": "f" * 64})
    log.publish_checkpoint(made.community.pk, NOON)
    return made


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def grow(commons: Any, count: int, data: dict[str, str] | None = None) -> None:
    events = [
        Event(community_id=commons.community.pk, at=NOON, kind="noted", actor="", data=data or {"n": number})
        for number in range(count)
    ]
    log.append(commons.community.pk, events)


def begun(source: Served, key: str = "") -> Mirror:
    return begin("copy", "https://gardens.example", "gardens", source, NOON, key=key)


def size_of(commons: Any) -> int:
    commons.community.refresh_from_db()
    return int(commons.community.log_size)


def test_a_mirror_follows_and_answers_as_the_site_does(client: Client, commons: Any) -> None:
    mirror = begun(Served())
    first = follow(mirror, Served(), NOON)
    assert (mirror.size, mirror.detail, mirror.stopped) == (size_of(commons), "", "")
    assert (first.entries, first.refused) == (mirror.size, 0)
    middle = mirror.size - 2
    for path in (
        LOG,
        f"{LOG}/entries?start=2&count=5",
        f"{LOG}/inclusion?position=3&size={mirror.size}",
        f"{LOG}/consistency?old={middle}&new={mirror.size}",
        f"/api/v1/records/{commons.community.record_id}",
    ):
        there, here = client.get(path), client.get(f"/mirror/copy{path}")
        assert (here.status_code, here.json()) == (200, there.json()), path
    assert client.get(f"/mirror/copy{MANIFEST_AT}").content == MANIFEST
    status = client.get("/mirror/copy/status").json()
    assert (status["size"], status["key_was_given"], status["refused"]) == (mirror.size, False, [])
    page = client.get("/mirror/copy/").content.decode()
    assert mirror.public_key in page
    assert "https://gardens.example" in page
    assert client.post("/mirror/copy" + LOG).status_code == 405
    assert client.get("/mirror/other/").status_code == client.get("/mirror/other/status").status_code == 404


def test_a_round_that_was_interrupted_goes_on_where_it_stopped(commons: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "ENTRIES_PER_PAGE", 4)
    source, mirror = Served(), begun(Served())

    def broken(_body: bytes) -> bytes:
        raise SourceError("unreachable", "the line is cut")

    source.instead[f"{LOG}/entries?start=8"] = broken
    follow(mirror, source, NOON)
    assert (mirror.size, mirror.detail) == (8, "unreachable: the line is cut")
    assert not mirror.checkpoints.exists(), "a checkpoint is shown once all that it signs is here"
    del source.instead[f"{LOG}/entries?start=8"]
    source.asked.clear()
    follow(mirror, source, NOON)
    assert (mirror.size, mirror.detail) == (size_of(commons), "")
    assert not [path for path in source.asked if "start=0" in path]
    grow(commons, 3)
    log.publish_checkpoint(commons.community.pk, NOON)
    assert follow(mirror, source, NOON).entries == 3
    assert mirror.checkpoints.count() == 2


def note_of(commons: Any, size: int, root: str, signer: Any = None) -> bytes:
    body = checkpoint.Checkpoint(log.origin_of(commons.community), size, root)
    note = checkpoint.sign(body, signer or release_signer(commons.community.slug))
    return json.dumps({"size": size, "checkpoint": note}).encode()


@pytest.mark.parametrize(("more", "code"), [(0, "forked"), (-2, "forked"), (5, "not_consistent")])
def test_a_log_that_forks_is_followed_no_further_and_both_states_are_kept(
    client: Client, commons: Any, more: int, code: str
) -> None:
    source, mirror = Served(), begun(Served())
    follow(mirror, source, NOON)
    kept = mirror.size
    other = [f'{{"n":{number}}}'.encode() for number in range(kept + more)]
    source.instead[f"{LOG}/consistency"] = lambda _body: json.dumps(
        {"proof": merkle.consistency_proof(other, kept)}
    ).encode()
    source.instead[LOG] = lambda _body: note_of(commons, kept + more, merkle.root(other))
    follow(mirror, source, NOON)
    assert (mirror.size, mirror.stopped) == (kept, code)
    assert [each.forked for each in mirror.checkpoints.order_by("id")] == [False, True]
    with pytest.raises(Conflict):
        follow(mirror, Served(), NOON)
    assert client.get(f"/mirror/copy{LOG}").json() == client.get(LOG).json(), "what was here is still served"
    page = client.get("/mirror/copy/").content.decode()
    assert "This mirror has stopped" in page
    assert 'class="callout callout--no" role="alert"' in page, "it must not be overlooked"
    assert 'href="https://gardens.example/c/gardens/"' in page, "where the community itself is found"


def test_a_checkpoint_of_another_key_brings_nothing(commons: Any, tmp_path: Any) -> None:
    generate_key(tmp_path / "stranger")
    source, mirror = Served(), begun(Served())
    source.instead[LOG] = lambda _body: note_of(commons, 3, "0" * 64, FileSigner(tmp_path / "stranger"))
    follow(mirror, source, NOON)
    assert (mirror.size, mirror.stopped) == (0, "")
    assert "signature_missing" in mirror.detail
    Mirror.objects.all().delete()
    mirror = begun(Served(), key=FileSigner(tmp_path / "stranger").public_key_hex)
    follow(mirror, Served(), NOON)
    assert (mirror.size, mirror.key_was_given) == (0, True)
    assert "signature_missing" in mirror.detail


def test_entries_that_were_not_signed_are_not_kept(commons: Any) -> None:
    source, mirror = Served(), begun(Served())
    source.instead[f"{LOG}/entries"] = lambda body: body.replace(b"noted", b"voted")
    follow(mirror, source, NOON)
    assert mirror.size == mirror.entries.count() == 0
    assert "not those that were signed" in mirror.detail


def test_documents_that_are_not_what_their_digest_says_are_named_and_not_served(client: Client, commons: Any) -> None:
    source, mirror = Served(), begun(Served())
    charter = client.get(f"/api/v1/records/{commons.community.charter_id}").content
    record = f"/api/v1/records/{commons.community.record_id}"
    source.instead |= {record: lambda _body: charter, MANIFEST_AT: lambda _body: MANIFEST + b" "}
    done = follow(mirror, source, NOON)
    assert (done.refused, mirror.size) == (2, size_of(commons))
    assert client.get(f"/mirror/copy{record}").status_code == 404
    assert client.get(f"/mirror/copy{MANIFEST_AT}").status_code == 404
    refused = {each["sha256"] for each in client.get("/mirror/copy/status").json()["refused"]}
    assert refused == {commons.community.record_id, sha256(MANIFEST)}
    assert sha256(MANIFEST + b" ") in client.get("/mirror/copy/").content.decode()
    absent = MirroredDocument.objects.get(sha256="f" * 64)
    assert absent.state == MirroredDocument.State.ABSENT, "many digests in a log name files"
    follow(mirror, Served(), NOON)
    assert client.get(f"/mirror/copy{record}").status_code == 200, "what verifies later is kept"


def test_an_endless_body_ends_the_round() -> None:
    site = Site()

    def endless(request: Any) -> None:
        request.send_response(200)
        request.end_headers()
        for _ in range(ANSWER_BYTES_MAX // 1_000_000 + 20):
            request.wfile.write(b" " * 1_000_000)

    site.answers["/x"] = endless
    try:
        source = HttpSource(f"http://127.0.0.1:{site.port}", f"127.0.0.1:{site.port}")
        with pytest.raises(SourceError) as refused:
            source.get("/x")
    finally:
        site.close()
    assert refused.value.code == "too_large"


def test_the_command_follows_over_http_a_host_that_the_operator_allows(
    commons: Any, capsys: Any, settings: LazySettings
) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
    with serving() as hub:
        address = hub.removesuffix("/hub")
        with pytest.raises(CommandError, match="https"):
            call_command("mirror_community", address, "gardens")
        with pytest.raises(CommandError, match="absent"):
            call_command("mirror_community", address, "nobody", allow=address.removeprefix("http://"))
        call_command("mirror_community", address, "gardens", name="copy", allow=address.removeprefix("http://"))
    mirror = Mirror.objects.get(slug="copy")
    said = capsys.readouterr().out
    assert f"{mirror.size} entries ({mirror.size} new)" in said
    assert f"The key {mirror.public_key} is taken as the site told it" in said
    assert mirror.size == size_of(commons)
