"""What a bot takes of a run of several members: only what it knows, and only where the site may send it."""

from dataclasses import replace
from typing import Any

import pytest

from training_jobs.bot.places import problem, unable
from training_jobs.bot.remote import assignment_of
from training_jobs.supervisor import Assignment, Meeting, PlatformUnreachable

SITE = "https://commons.example"
MEETING = Meeting("https://relay.example:8443", "abc.def", "01-3")
SINGLE: dict[str, Any] = {"strategy": "single", "topology": None}
SEVERAL: dict[str, Any] = {"strategy": "dilocox", "topology": {"workers": 2}}
CPU = {"devices": [{"kind": "cpu"}], "cpus": 2}
GRAPHICS = {"devices": [{"kind": "cuda"}], "cpus": 64}
ASSIGNED = Assignment(
    1, 3, SEVERAL, "train", [], "0" * 64, {"1" * 64: ["refusal"]}, 60, 60, 15, slot=1, exchange=MEETING
)
ANSWER: dict[str, Any] = {
    "run_id": 1,
    "fence": 3,
    "spec": SEVERAL,
    "phase": "train",
    "metrics": [],
    "suite": "0" * 64,
    "further": {"1" * 64: ["refusal"]},
    "device_seconds": 60,
    "lease_seconds": 60,
    "heartbeat_seconds": 15,
    "slot": 1,
    "exchange": vars(MEETING),
}


def test_the_seat_that_a_claim_gives_is_read() -> None:
    assert assignment_of(ANSWER) == ASSIGNED
    assert assignment_of({**ANSWER, "slot": 0, "exchange": None}) == replace(ASSIGNED, slot=0, exchange=None)


@pytest.mark.parametrize(
    "change",
    [
        {"slot": -1},
        {"slot": "1"},
        {"slot": True},
        {"slot": None},
        {"slot": 1.0},
        {"exchange": []},
        {"exchange": "https://relay.example"},
        {"exchange": {}},
        {"exchange": {"url": 1, "ticket": "a", "member": "b"}},
        {"exchange": {"url": "https://a", "ticket": None, "member": "b"}},
    ],
)
def test_a_seat_that_is_none_is_an_answer_that_cannot_be_read(change: dict[str, Any]) -> None:
    with pytest.raises(PlatformUnreachable):
        assignment_of({**ANSWER, **change})


@pytest.mark.parametrize(
    ("assignment", "spec"),
    [
        (ASSIGNED, SEVERAL),
        (replace(ASSIGNED, slot=0), SEVERAL),
        (replace(ASSIGNED, slot=0, phase="evaluate", exchange=None), SEVERAL),
        (replace(ASSIGNED, slot=0, exchange=None), SINGLE),
        (replace(ASSIGNED, slot=0, exchange=None), {"strategy": "ddp", "topology": {"workers": 4}}),
    ],
)
def test_a_seat_of_the_approved_run_is_taken(assignment: Assignment, spec: dict[str, Any]) -> None:
    assert problem(assignment, spec, SITE) == ""


@pytest.mark.parametrize(
    ("change", "spec"),
    [
        ({"slot": 2}, SEVERAL),
        ({"slot": 1, "exchange": None}, SINGLE),
        ({"slot": 1, "exchange": None}, {"strategy": "ddp", "topology": {"workers": 4}}),
        ({"slot": 0}, SINGLE),
        ({"exchange": None}, SEVERAL),
        ({"phase": "evaluate", "exchange": None}, SEVERAL),
        ({"slot": 0, "phase": "evaluate"}, SEVERAL),
    ],
)
def test_a_seat_that_the_votes_do_not_know_is_refused(change: dict[str, Any], spec: dict[str, Any]) -> None:
    assert problem(replace(ASSIGNED, **change), spec, SITE)


@pytest.mark.parametrize(
    "url",
    [
        "https://relay.example",
        "https://relay.example/relay",
        "http://127.0.0.1:8000",
        "http://localhost",
        "http://[::1]:1",
    ],
)
def test_a_relay_over_tls_or_on_this_machine_is_taken(url: str) -> None:
    assert problem(replace(ASSIGNED, exchange=replace(MEETING, url=url)), SEVERAL, SITE) == ""


@pytest.mark.parametrize(
    "url",
    [
        "",
        "relay.example",
        "http://relay.example",
        "http://10.0.0.1:8443",
        "http://127.0.0.1.evil.example",
        "ftp://relay.example",
        "file:///etc/passwd",
        "https://",
        "https://user@relay.example",
        "https://relay.example?ticket=1",
        "https://relay.example#a",
        "https://relay.example:0",
        "https://relay.example:99999",
        "https://relay.example/\r\nHost: x",
        "https://relay.example/é",
        "//relay.example",
    ],
)
def test_a_ticket_does_not_go_where_others_can_read_it(url: str) -> None:
    assert problem(replace(ASSIGNED, exchange=replace(MEETING, url=url)), SEVERAL, SITE)


def test_a_site_on_this_machine_may_have_its_relay_in_the_clear() -> None:
    inside = replace(ASSIGNED, exchange=replace(MEETING, url="http://10.77.0.1:8443"))
    assert problem(inside, SEVERAL, SITE)
    assert problem(inside, SEVERAL, "http://127.0.0.1:8000") == ""


@pytest.mark.parametrize(
    "change", [{"ticket": ""}, {"ticket": "a" * 1_001}, {"ticket": "a\r\nb"}, {"ticket": "é"}, {"member": "../a"}]
)
def test_names_and_tickets_that_are_none_are_refused(change: dict[str, Any]) -> None:
    assert problem(replace(ASSIGNED, exchange=replace(MEETING, **change)), SEVERAL, SITE)


@pytest.mark.parametrize(
    ("spec", "machine", "takes"),
    [
        (SINGLE, CPU, True),
        (SEVERAL, CPU, True),
        ({"strategy": "diloco", "topology": {"workers": 9}}, CPU, True),
        ({"strategy": "ddp", "topology": {"workers": 2}}, CPU, True),
        ({"strategy": "ddp", "topology": {"workers": 3}}, CPU, False),
        ({"strategy": "ddp", "topology": {"workers": 2}}, GRAPHICS, False),
        ({"strategy": "swarm", "topology": {"workers": 2}}, GRAPHICS, False),
    ],
)
def test_what_a_machine_cannot_do_it_leaves_to_others(spec: dict[str, Any], machine: Any, takes: bool) -> None:
    assert (unable(spec, machine) == "") is takes
