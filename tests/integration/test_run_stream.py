"""Streams of changes from the real web server: bounded, taken up again, and given back when somebody goes away."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30


class Site:
    """A running web server, and the file that its stream is about."""

    def __init__(self, folder, **environment):
        self.subject = folder / "subject"
        self.say("one")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "config.web", "--bind", f"127.0.0.1:{self.port}", "--threads", "6"],
            cwd=ROOT,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "tests.simulators.streaming_site",
                "COMMONWEIGHTS_TEST_FOLDER": str(folder / "data"),
                "STREAM_SUBJECT": str(self.subject),
                **environment,
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually(self.answers)

    def say(self, text):
        fresh = self.subject.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self.subject)

    def answers(self):
        try:
            return self.count() is not None
        except OSError:
            return False

    def count(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", "/count/")
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def listen(self, seen="", last=None):
        return Listener(self.port, seen, last)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


class Listener:
    """A browser that has a stream open."""

    def __init__(self, port, seen, last):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        headers = {} if last is None else {"Last-Event-ID": last}
        self.connection.request("GET", f"/events/?seen={seen}", headers=headers)
        self.socket = self.connection.sock
        self.answer = self.connection.getresponse()

    def message(self):
        """Return the next message as its fields; comments and the time to retry are passed over."""
        fields = {}
        while line := self.answer.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if name in {"id", "event", "data"}:
                fields[name] = value
            if not line.strip() and fields:
                return fields
        return None

    def leave(self):
        self.answer.close()
        self.connection.close()


def eventually(holds, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    running = Site(tmp_path_factory.mktemp("streams"), COMMONWEIGHTS_LIVE_STREAMS="3")
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def nobody_listens(request):
    if "site" in request.fixturenames:
        site = request.getfixturevalue("site")
        eventually(lambda: site.count()["streams"] == 0)
        site.say("one")


def test_a_listener_is_told_at_once_and_again_when_something_changes(site):
    listener = site.listen()
    assert listener.answer.status == 200
    assert listener.answer.headers["Content-Type"] == "text/event-stream"
    assert listener.answer.headers["Cache-Control"] == "no-store"
    assert listener.answer.headers["Content-Encoding"] is None
    first = listener.message()
    assert (first["id"], first["event"], json.loads(first["data"])) == (
        "one",
        "changed",
        {"seen": "one", "over": False},
    )
    site.say("two")
    began = time.monotonic()
    assert listener.message()["id"] == "two"
    assert time.monotonic() - began < 3
    listener.leave()


@pytest.mark.parametrize("how", ["in the address", "as the last event"])
def test_what_a_page_has_seen_already_is_not_told_again(site, how):
    listener = site.listen(seen="one") if how == "in the address" else site.listen(seen="older", last="one")
    site.say("two")
    assert listener.message()["id"] == "two"
    listener.leave()


def test_what_was_missed_between_two_streams_is_told_by_the_next(site):
    listener = site.listen(seen="one")
    listener.leave()
    site.say("two")
    again = site.listen(last="one")
    assert again.message()["id"] == "two"
    again.leave()


def test_who_finds_no_place_is_told_to_ask_and_the_site_answers_everybody_meanwhile(site):
    listeners = [site.listen() for _ in range(3)]
    assert {each.answer.status for each in listeners} == {200}
    refused = site.listen()
    assert (refused.answer.status, refused.answer.headers["Retry-After"]) == (503, "4")
    assert site.count()["streams"] == 3
    for each in [*listeners, refused]:
        each.leave()


def test_the_place_of_somebody_who_went_away_is_free_within_seconds(site):
    before = site.count()["threads"]
    for _ in range(2):
        listeners = [site.listen() for _ in range(3)]
        listeners[0].message()
        listeners[1].socket.shutdown(socket.SHUT_RDWR)  # a connection that breaks
        for each in listeners:
            each.leave()
        eventually(lambda: site.count()["streams"] == 0, 8)
    assert site.count()["threads"] <= max(before, 1) + 6
    again = site.listen()
    assert again.answer.status == 200
    again.leave()


def test_a_stream_of_what_is_over_says_so_and_ends_and_is_not_opened_again(site):
    site.say("two-over")
    listener = site.listen(seen="one")
    assert json.loads(listener.message()["data"])["over"] is True
    assert listener.message() is None
    again = site.listen(last="two-over")
    assert again.answer.status == 204
    for each in (listener, again):
        each.leave()


def test_a_stream_ends_after_its_time_and_tells_when_to_come_back(tmp_path):
    site = Site(tmp_path, COMMONWEIGHTS_LIVE_STREAM_SECONDS="2")
    try:
        listener = site.listen()
        began = time.monotonic()
        said = listener.answer.read().decode()
        assert 1 < time.monotonic() - began < 8
        assert "retry: 2000" in said
        listener.leave()
        eventually(lambda: site.count()["streams"] == 0, 5)
    finally:
        site.stop()


def test_no_streams_at_all_is_a_setting_too(tmp_path):
    site = Site(tmp_path, COMMONWEIGHTS_LIVE_STREAMS="0")
    try:
        listener = site.listen()
        assert listener.answer.status == 503
        listener.leave()
    finally:
        site.stop()


def test_stopping_the_server_does_not_wait_for_streams(tmp_path):
    site = Site(tmp_path)
    listener = site.listen()
    assert listener.message()["id"] == "one"
    began = time.monotonic()
    site.stop()
    assert time.monotonic() - began < 10
    listener.leave()
