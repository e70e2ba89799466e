"""`verify --status`: what a stranger learns of a release today, from an honest site, a lying one, and a silent one."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from governance import log
from governance.evidence import checkpoint, log_tree
from governance.models import Checkpoint, Event, Proposal
from governance.services import note
from models_registry import release_status, status_check
from models_registry.models import Version
from models_registry.provenance.__main__ import alone
from tests.integration import golden_site
from tests.integration.golden_site import KEY, NOON
from tests.integration.hub_site import artifacts, serving
from tests.simulators.golden_bundle import KeySigner

VERIFIED, FAILED, UNREADABLE, NOT_MADE, STOPPED = 0, 1, 2, 3, 4
REASON = "It names a neighbour."


@pytest.fixture
def version(db: None, artifacts: Path, at: Callable[[datetime], None]) -> Version:
    at(NOON)
    return golden_site.released()


def publish(version: Version, signer: KeySigner | None = None) -> None:
    """Sign the present state of the log, as the sweeper does."""
    community = type(version.model.community).objects.get(pk=version.model.community_id)
    state = checkpoint.Checkpoint(
        log.origin_of(community), community.log_size, log_tree.root(community.log_size, log.reader(community.pk))
    )
    text = checkpoint.sign(state, signer or KeySigner(7))
    Checkpoint.objects.filter(community=community).delete()
    Checkpoint.objects.create(community=community, size=community.log_size, note=text, at=NOON)


def withdraw(version: Version) -> None:
    community = version.model.community
    proposal = Proposal.objects.create(
        community=community, number=99, author="0x1", kind="release_withdrawal", title="No"
    )
    version.withdrawn_at, version.withdrawn_reason, version.withdrawal = NOON, REASON, proposal
    version.save()
    note("release_withdrawn", NOON, proposal=proposal, revision=version.revision, reason=REASON)


def pause(version: Version) -> None:
    version.paused_by, version.paused_reason, version.paused_until = "0x1", REASON, NOON + timedelta(days=7)
    version.save()
    note("release_paused", NOON, community=version.model.community, revision=version.revision, reason=REASON)


def asked(version: Version, url: str, *more: str) -> int:
    return alone([str(golden_site.folder_of(version)), "--community-key", KEY, "--status", url, *more])


@contextmanager
def answering(status: int, body: bytes, **headers: str) -> Iterator[str]:
    """Give the address of a site that answers everything with this."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def said(version: Version, **changes: Any) -> bytes:
    """Return what the site answers, with changes."""
    fresh = Version.objects.select_related("model__community").get(pk=version.pk)
    return json.dumps(release_status.status_of(fresh, NOON) | changes).encode()


def test_both_sides_know_the_same_events_and_standings() -> None:
    assert set(status_check.SHOWS) == set(release_status.EVENTS)
    assert tuple(map(str, release_status.Standing)) == status_check.STANDINGS
    assert status_check.ENTRIES_MAX >= release_status.ENTRIES_MAX


def test_a_release_that_is_handed_out_is_so_by_the_word_of_the_site(version: Version, capsys: Any) -> None:
    note("version_released", NOON, community=version.model.community, revision=version.revision)
    publish(version)
    with serving() as endpoint:
        assert asked(version, endpoint) == VERIFIED
    told = capsys.readouterr().out
    assert "Status: current: handed out, as 127.0.0.1 says; nobody can prove that nothing is left out" in told
    assert "proved in the log" not in told


@pytest.mark.parametrize(("stop", "standing"), [(withdraw, "withdrawn"), (pause, "paused")])
def test_a_stopped_release_holds_and_is_said_to_be_stopped_with_the_proof(
    version: Version, capsys: Any, stop: Callable[[Version], None], standing: str
) -> None:
    stop(version)
    publish(version)
    with serving() as endpoint:
        assert asked(version, endpoint) == STOPPED
        text = capsys.readouterr().out
        assert asked(version, endpoint.removesuffix("/hub"), "--json") == STOPPED
    data = json.loads(capsys.readouterr().out)
    assert "Verified: commons/water-assistant version 1" in text
    assert f"Status: {standing}: " in text
    assert REASON in text
    assert "proved in the log of 1 entries" in text
    assert data["verified"] is True
    assert (data["status"]["standing"], data["status"]["proved"]) == (standing, True)


def test_a_site_that_denies_what_its_own_log_shows_is_not_believed(version: Version, capsys: Any) -> None:
    withdraw(version)
    publish(version)
    with answering(200, said(version, standing="current", reason="")) as url:
        assert asked(version, url) == STOPPED
    assert "says current, its own log says that it was withdrawn" in capsys.readouterr().out


def test_a_stop_that_the_log_does_not_show_is_told_without_a_proof(version: Version, capsys: Any) -> None:
    with answering(200, said(version, standing="paused", reason=REASON)) as url:
        assert asked(version, url) == STOPPED
    assert "proved in the log" not in capsys.readouterr().out


def test_not_asked_is_never_passed(version: Version, capsys: Any) -> None:
    assert alone([str(golden_site.folder_of(version)), "--community-key", KEY]) == VERIFIED
    assert "Status" not in capsys.readouterr().out
    assert alone([str(golden_site.folder_of(version)), "--community-key", KEY, "--json"]) == VERIFIED
    assert "status" not in json.loads(capsys.readouterr().out)
    for url in ("http://127.0.0.1:9", "http://127.0.0.1:9/"):
        assert asked(version, url) == NOT_MADE
        assert "Status: not asked: no answer from 127.0.0.1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (404, b'{"code": "unknown_release"}', {}),
        (302, b"", {"Location": "http://127.0.0.1:9/"}),
        (200, b"<html>", {}),
        (200, b"[]", {}),
        (200, b"{}", {}),
        (200, b'{"standing": "splendid"}', {}),
        (200, b"[" * 100_000, {}),
        (200, b" " * (status_check.ANSWER_BYTES_MAX + 1), {}),
        (500, b"", {}),
        (204, b"", {}),
    ],
)
def test_an_answer_that_is_none_is_not_asked(
    version: Version, capsys: Any, status: int, body: bytes, headers: dict[str, str]
) -> None:
    with answering(status, body, **headers) as url:
        assert asked(version, url) == NOT_MADE
    assert "Status: not asked" in capsys.readouterr().out


@pytest.mark.parametrize(
    "changes",
    [
        {"release": "ab" * 32},
        {"release": None},
        {"reason": None},
        {"until": "soon"},
        {"entries": None},
        {"entries": [7]},
        {"entries": [{}]},
        {"entries": [{"position": 0, "leaf": "{}", "proof": []}]},
        {"entries": [{"position": True, "leaf": "{}", "proof": ["x"]}]},
        {"checkpoint": "no checkpoint"},
        {"checkpoint": 7},
        {"rests_on_stopped": 7},
    ],
)
def test_an_answer_about_something_else_or_without_its_proofs_is_not_asked(
    version: Version, capsys: Any, changes: dict[str, Any]
) -> None:
    withdraw(version)
    note("text", NOON, community=version.model.community)
    publish(version)
    with answering(200, said(version, **changes)) as url:
        assert asked(version, url) == NOT_MADE
    assert "Status: not asked" in capsys.readouterr().out


def test_a_log_under_another_key_is_not_the_communitys(version: Version, capsys: Any) -> None:
    withdraw(version)
    publish(version, KeySigner(8))
    with answering(200, said(version)) as url:
        assert asked(version, url) == NOT_MADE
    assert "the log's checkpoint does not hold" in capsys.readouterr().out


def test_a_release_that_does_not_hold_is_not_asked_about(version: Version, capsys: Any) -> None:
    folder = golden_site.folder_of(version)
    (folder / "provenance" / "records.jsonl").write_bytes(b"{}\n")
    with serving() as endpoint:
        assert asked(version, endpoint) == FAILED
    assert "Status: not asked: rests on check" in capsys.readouterr().out


@pytest.mark.parametrize("url", ["ftp://commons.example", "commons.example", "http://", "https://me:secret@host/"])
def test_what_is_no_address_of_a_site_is_refused(version: Version, capsys: Any, url: str) -> None:
    assert asked(version, url) == UNREADABLE
    assert "cannot be read: the address of a site" in capsys.readouterr().err


def test_words_of_a_stranger_cannot_steer_the_terminal(version: Version, capsys: Any) -> None:
    with answering(200, said(version, standing="paused", reason="\x1b[2JBad\nVerified")) as url:
        assert asked(version, url) == STOPPED
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "\nVerified\n" not in told


# --- who answers, read from the records ---------------------------------------------------------------------------


def test_page_api_and_card_say_who_answers_for_a_release(version: Version) -> None:
    told = Client().get(f"/api/v1/releases/{version.revision}/accountability").json()
    found = told["responsibility"]
    assert told["promises"] == []
    assert found["overridden"] is None
    assert found["incidents_page"] == "https://commons.example/c/water/incidents/"
    assert found["training"]["ballots"] > 0
    numerator, denominator = map(int, found["training"]["support"].split("/"))
    assert 0 < numerator <= denominator
    page = Client().get(f"/releases/{version.revision}/").content.decode()
    card = (golden_site.folder_of(version) / "README.md").read_text()
    assert "Who answers for it" in page
    for said_of_it in (found["training"]["title"], found["key_fingerprint"]):
        assert said_of_it in page
    assert card, "the golden card is its own; tests/unit/test_card.py reads ours"
    assert "Whom to ask" in page
