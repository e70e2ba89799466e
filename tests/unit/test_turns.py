"""Turns of writers: one after the other and in order, for SQLite files alone, and never for ever."""

import threading
import time

import pytest
from django.db import connection

from governance import turns

SECONDS_MAX = 10


@pytest.fixture
def database(tmp_path, monkeypatch):
    file = tmp_path / "database.sqlite3"
    file.touch()
    monkeypatch.setitem(connection.settings_dict, "NAME", file)
    return file


def in_threads(works):
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    return threads


def test_one_writes_at_a_time_and_who_has_just_written_does_not_come_in_between(database):
    order, first_writes, second_waits = [], threading.Event(), threading.Event()

    def twice():
        with turns.in_turn():
            first_writes.set()
            assert second_waits.wait(SECONDS_MAX)
            time.sleep(0.05)  # the other one has taken the place next to the turn by now
            order.append("first")
        with turns.in_turn():
            order.append("first again")

    def once():
        assert first_writes.wait(SECONDS_MAX)
        second_waits.set()
        with turns.in_turn():
            order.append("second")

    for thread in in_threads([twice, once]):
        thread.join(SECONDS_MAX)
    assert order == ["first", "second", "first again"]


def test_who_has_waited_long_goes_ahead(database, monkeypatch):
    monkeypatch.setattr(turns, "_SECONDS_MAX", 0.05)
    with turns.in_turn(), turns.in_turn():
        assert True


def test_a_turn_is_over_after_an_error(database):
    with pytest.raises(ValueError, match="of its own"), turns.in_turn():
        raise ValueError("of its own")
    start = time.monotonic()
    with turns.in_turn():
        assert time.monotonic() - start < turns._SECONDS_MAX / 2


def test_a_database_without_a_file_needs_no_turns(tmp_path, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "NAME", "file:memory?mode=memory&cache=shared")
    with turns.in_turn(), turns.in_turn():
        assert list(tmp_path.iterdir()) == []
