"""What a machine may say of its seat that it should not: refused with a clear code, and no row or file more than before."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import json

import pytest

from tests.integration.machines import description, files_below, model_in
from tests.integration.machines import rows as rows_of_runners
from tests.integration.strangers import BEYOND, NO_NUMBERS
from tests.integration.test_runner_protocol import _own_folder, browser, machine, other, register
from tests.integration.test_seats import order, place, secret, several, third
from training_jobs.models import Seat

PROBLEM = "application/problem+json"
# As JSON, so that what Python could not say can stand there.
SLOTS = {
    "negative": "-1",
    "the first that no run has": "64",
    "huge": "99999999999999999999",
    "text": '"1"',
    "a fraction": "1.0",
    "true": "true",
    "null": "null",
    "a list": "[1]",
    "an object": "{}",
    "NaN": "NaN",
    "a full-width digit": '"１"',
}
CALLS = {
    "heartbeat": {},
    "events": {"events": [{"event": "step"}]},
    "fail": {"code": "crash", "detail": "", "permanent": False},
    "stopped": {},
    "took-part": {"description": {}},
}


@pytest.fixture
def member(several, machine, other):
    """A run with a lead, and the machine in its first seat with its assignment."""
    machine.claim(several)
    return several, other, other.claim(several)


def state():
    """Return all that a refusal must leave as it was."""
    return rows_of_runners(), list(Seat.objects.order_by("pk").values())


def refused(answer, codes, before, statuses=(400,)):
    assert answer.status_code in statuses, (answer.status_code, answer.content)
    assert answer.headers["Content-Type"] == PROBLEM
    assert answer.json()["code"] in codes, answer.json()
    assert state() == before


def test_a_slot_that_is_none_is_refused_by_every_call(member):
    run, machine, given = member
    for slot in SLOTS.values():
        for call, body in CALLS.items():
            before = state()
            text = json.dumps({"fence": given["fence"], **body})[:-1] + f',"slot":{slot}}}'
            answer = machine.post(f"runs/{run.pk}/{call}", text)
            refused(answer, {"malformed_field", "malformed_json", "number_out_of_range"}, before)
    assert files_below(run) == []


def test_a_slot_that_this_run_does_not_have_is_not_found(member):
    run, machine, given = member
    for slot in (3, 63):
        for call, body in CALLS.items():
            before = state()
            answer = machine.post(f"runs/{run.pk}/{call}", {"fence": given["fence"], "slot": slot, **body})
            refused(answer, {"unknown_seat"}, before, (404,))
        for path in ("files", "files/spec.json"):
            answer = machine.get(f"runs/{run.pk}/{path}?fence=1&slot={slot}")
            refused(answer, {"unknown_seat"}, state(), (404,))


def test_a_run_of_one_machine_has_no_seat_to_speak_of(run, machine):
    fence = machine.claim(run)["fence"]
    for call, body in CALLS.items():
        before = state()
        answer = machine.post(f"runs/{run.pk}/{call}", {"fence": fence, "slot": 1, **body})
        refused(answer, {"unknown_seat"}, before, (404,))


def test_a_slot_in_an_address_is_a_number(member):
    run, machine, _ = member
    for slot in [value for value in (*NO_NUMBERS, *BEYOND) if value.isprintable()] + ["64"]:
        for path in ("files", "files/spec.json"):
            before = state()
            answer = machine.http.get(f"/api/v1/runner/runs/{run.pk}/{path}", {"fence": 1, "slot": slot})
            refused(answer, {"malformed_field"}, before)


def test_the_seat_of_another_machine_opens_nothing(member, third):
    run, machine, given = member
    second = third.claim(run)
    for stranger, wanted in ((third, given), (machine, second), (machine, {"fence": given["fence"], "slot": 0})):
        before = state()
        assert stranger.post(f"runs/{run.pk}/heartbeat", place(wanted)).json() == {"answer": "stale"}
        for call in ("events", "fail", "stopped", "took-part"):
            if call == "took-part" and not wanted["slot"]:
                continue
            answer = stranger.post(f"runs/{run.pk}/{call}", {**place(wanted), **CALLS[call]})
            refused(answer, {"stale_lease"}, before, (409,))
        answer = stranger.get(f"runs/{run.pk}/files?fence={wanted['fence']}&slot={wanted['slot']}")
        refused(answer, {"stale_lease"}, before, (409,))


def test_the_lead_has_no_share_to_be_done_with(several, machine):
    fence = machine.claim(several)["fence"]
    before = state()
    for slot in ({"slot": 0}, {}):
        answer = machine.post(f"runs/{several.pk}/took-part", {"fence": fence, "description": {}, **slot})
        refused(answer, {"malformed_field", "missing_field"}, before)


TOLD = {
    "nothing": lambda told: {},
    "no files": lambda told: {name: value for name, value in told.items() if name != "files"},
    "files as text": lambda told: {**told, "files": "model"},
    "a path outside": lambda told: {**told, "files": [{**told["files"][0], "path": "../x"}]},
    "a digest that is none": lambda told: {**told, "files": [{**told["files"][0], "sha256": "x"}]},
    "tokens as text": lambda told: {**told, "tokens": "64"},
    "negative steps": lambda told: {**told, "steps": -1},
    "no trace": lambda told: {**told, "trace_sha256": None},
    "what a preview made": lambda told: {**told, "preview": True},
}


def test_a_share_that_cannot_be_read_is_not_done(member, tmp_path):
    run, machine, given = member
    told = description(model_in(tmp_path / "model"))
    for change in TOLD.values():
        before = state()
        answer = machine.post(f"runs/{run.pk}/took-part", {**place(given), "description": change(told)})
        refused(answer, {"malformed_result", "preview_not_a_result"}, before, (422,))
    for text in ("1.5", "[]", '"x"', "null", '{"a":1e400}', '{"a":1,"a":1}', '{"a":"\\ud800"}'):
        before = state()
        answer = machine.post(
            f"runs/{run.pk}/took-part", f'{{"fence":{given["fence"]},"slot":{given["slot"]},"description":{text}}}'
        )
        assert 400 <= answer.status_code < 500, answer.content
        assert state() == before
    assert machine.post(f"runs/{run.pk}/took-part", {**place(given), "description": told}).status_code == 200


def test_a_machine_does_not_say_for_the_site_that_models_agree(member):
    run, machine, given = member
    for kind in ("took_part", "agrees", "differs", "claimed"):
        before = state()
        body = {**place(given), "events": [{"event": "step"}, {"event": kind}]}
        refused(machine.post(f"runs/{run.pk}/events", body), {"event_reserved"}, before, (422,))


def test_a_place_has_a_last_word_of_its_own(member, machine, monkeypatch):
    run, second, given = member
    monkeypatch.setattr("training_jobs.runners.work.EVENTS_PER_ATTEMPT_MAX", 3)
    body = {**place(given), "events": [{"event": "step"}] * 2}
    assert second.post(f"runs/{run.pk}/events", body).status_code == 200
    refused(second.post(f"runs/{run.pk}/events", body), {"too_many_events"}, state(), (422,))
    lead = {"fence": 1, "events": [{"event": "step"}] * 2}
    assert machine.post(f"runs/{run.pk}/events", lead).status_code == 200
