"""The supervisor of a run with several members: join before the child, leave after it, in every way out."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.faults.runs_site import STEPPING, alive, until
from tests.integration.trainer_runs import make_base, make_run
from tests.simulators import tiny_model
from tests.testbed.platforms import Attempt, MemoryPlatform, platform_of
from tests.testbed.sites import RUN, SECRET, serving, ticket_of, url_of
from training_jobs import checkpoints, meeting, runner, supervisor
from training_jobs.exchange import tickets
from training_jobs.exchange.line import Line
from training_jobs.exchange.relay import Relay
from training_jobs.exchange.rounds import Rules
from training_jobs.runner import Limits
from training_jobs.supervisor import Meeting

# The first round waits for nobody; later ones wait for every member that has joined, however slow.
RULES = Rules(workers=2, quorum=1, live_seconds=600, straggler_seconds=600, first_seconds=0)
ROUND_STEPS = 20
TOPOLOGY: dict[str, Any] = {
    "workers": 2,
    "local_steps": ROUND_STEPS,
    "outer_learning_rate": "0.7",
    "outer_momentum": "0.6",
    "rank": 0,
    "bits": 8,
    "delay": 0,
    "adaptive": False,
    "aggregation": "mean",
}
DELAYED = {**TOPOLOGY, "rank": 8, "bits": 4, "delay": 1, "adaptive": True}
LONG = "steps=4000 seconds=0.05 every=100000"
REACHED_SECONDS_MAX = 15


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    with serving(tmp_path / "relay", RULES) as serving_relay:
        yield serving_relay


@pytest.fixture
def stepping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the stepping trainer stand in for the real one."""
    monkeypatch.setattr(supervisor, "TRAINER", STEPPING)
    monkeypatch.setattr(runner, "CODE_FOLDERS", (*runner.CODE_FOLDERS, "tests"))


def meeting_at(url: str, name: str, fence: int = 1, seconds: int = 3_600) -> Meeting:
    ticket = ticket_of(name, 2, fence, seconds=seconds)
    return Meeting(url, tickets.issue(ticket, SECRET), ticket.member)


def members_of(tmp_path: Path) -> list[str]:
    """Return who has a seat now, as the relay knows it."""
    return sorted(json.loads((tmp_path / "relay" / RUN / "members.json").read_bytes())["members"])


def simulated(tmp_path: Path, words: str) -> MemoryPlatform:
    """Prepare a run of the stepping trainer."""
    prepared = tmp_path / "prepared"
    base = tiny_model.write(prepared / "inputs" / "base")
    config = base / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "simulate": words}))
    spec = {"strategy": "diloco", "evaluation": {"suite": "0" * 64}, "budget": {"device_seconds": 600}}
    (prepared / "spec.json").write_text(json.dumps(spec))
    return platform_of(prepared, tmp_path / "kept")


def started(platform: MemoryPlatform, tmp_path: Path, place: Meeting, **options: Any) -> Attempt:
    spec = json.loads((platform.prepared / "spec.json").read_text())
    attempt = Attempt(platform, tmp_path / "attempts" / place.member, spec, place, **options)
    attempt.start()
    return attempt


def at_work(platform: MemoryPlatform, tmp_path: Path, place: Meeting, **options: Any) -> Attempt:
    attempt = started(platform, tmp_path, place, **options)
    until(lambda: len(platform.heard("step")) >= 2)
    return attempt


@pytest.mark.parametrize(("strategy", "topology"), [("diloco", TOPOLOGY), ("dilocox", DELAYED)])
def test_a_late_member_goes_on_from_the_leads_checkpoint_and_ends_with_the_same_weights(
    tmp_path: Path, relay: Relay, strategy: str, topology: dict[str, Any]
) -> None:
    base = make_base(tmp_path / "base")
    several: dict[str, Any] = {"strategy": strategy, "topology": topology, "epochs": 30, "checkpoint_steps": 7}
    prepared = make_run(base, tmp_path / "prepared", **several)
    (prepared / "evaluation.json").unlink()
    lead, lost = platform_of(prepared, tmp_path / "kept"), meeting_at(url_of(relay), "b")
    with closing(Line(lost.url, lost.ticket, None)) as line:
        assert line.request("POST", "/join")[0] == 200  # and is never heard of again: the lead waits for it in round 1
    leading = started(lead, tmp_path, meeting_at(url_of(relay), "a"))
    until(lambda: max(checkpoints.steps_in(tmp_path / "kept"), default=0) > ROUND_STEPS)
    until((leading.folder / "exchange" / "waiting").exists)
    late = platform_of(prepared, tmp_path / "kept")
    attending = started(late, tmp_path, meeting_at(url_of(relay), "b", fence=2), slot=1)
    assert (attending.ended().how, late.said) == ("done", ["took_part"])
    assert (leading.ended().how, {*lead.said}) == ("done", {"checkpoint", "trained", "evaluated"})

    assert late.description["files"] == lead.description["files"]
    (resumed,) = late.heard("resumed")
    assert resumed["step"] > 0
    first = int(json.loads((attending.folder / "exchange" / "from.json").read_bytes())["round"])
    assert first > 0, "what the checkpoint has applied was not fetched again"
    assert 0 < late.description["tokens"] < lead.description["tokens"]
    steps = [json.loads(line)["step"] for line in (attending.folder / "trace.jsonl").read_text().splitlines()]
    assert steps[0] > resumed["step"], "its trace is of its own steps"
    took_part = [
        [entry["member"] for entry in json.loads(path.read_bytes())["members"]]
        for path in sorted((tmp_path / "relay" / RUN / "rounds").glob("*/round.json"))
    ]
    assert took_part[:2] == [["00-1"], ["00-1"]]
    assert took_part[2:] == [["00-1", "01-2"]] * (len(took_part) - 2)
    assert members_of(tmp_path) == []


@pytest.mark.usefixtures("stepping")
@pytest.mark.parametrize(("answer", "how"), [("cancel", "canceled"), ("pause", "paused")])
def test_a_stop_reaches_the_child_in_time_and_the_relay_hears_of_it(
    tmp_path: Path, relay: Relay, answer: str, how: str
) -> None:
    lead = simulated(tmp_path, LONG)
    attempt = at_work(lead, tmp_path, meeting_at(url_of(relay), "a"))
    assert members_of(tmp_path) == ["00-1"]
    lead.answer = answer
    began = time.monotonic()
    assert attempt.ended().how == how
    assert time.monotonic() - began < REACHED_SECONDS_MAX
    assert not alive(attempt.folder)
    assert members_of(tmp_path) == []
    assert lead.said == (["stopped"] if answer == "cancel" else ["checkpoint", "stopped"])


@pytest.mark.usefixtures("stepping")
def test_a_member_hands_over_no_checkpoint_and_does_not_evaluate(tmp_path: Path, relay: Relay) -> None:
    member = simulated(tmp_path, "steps=30 seconds=0.02 every=5")
    attempt = started(member, tmp_path, meeting_at(url_of(relay), "b"), slot=1)
    assert attempt.ended().how == "done"
    assert member.said == ["took_part"]
    assert member.description["steps"] == 30


@pytest.mark.usefixtures("stepping")
def test_whose_seat_was_taken_over_ends_at_once_and_says_nothing_more(tmp_path: Path, relay: Relay) -> None:
    lead = simulated(tmp_path, LONG)
    older = at_work(lead, tmp_path, meeting_at(url_of(relay), "a"))
    newer = at_work(platform_of(lead.prepared, tmp_path / "other"), tmp_path, meeting_at(url_of(relay), "a", fence=2))
    assert older.ended(30).how == "stale"
    assert not alive(older.folder)
    assert lead.said == []
    assert members_of(tmp_path) == ["00-2"]
    newer.leaves.set()
    assert newer.ended(30).how == "released"


@pytest.mark.usefixtures("stepping")
def test_a_ticket_that_ends_leaves_a_checkpoint_for_the_attempt_that_gets_the_next_one(
    tmp_path: Path, relay: Relay
) -> None:
    lead = simulated(tmp_path, LONG)
    attempt = at_work(lead, tmp_path, meeting_at(url_of(relay), "a", seconds=12))
    outcome = attempt.ended(60)
    assert (outcome.how, outcome.code, lead.failure) == ("failed", "ticket_expired", ("ticket_expired", False))
    assert lead.said == ["checkpoint", "fail"]


@pytest.mark.usefixtures("stepping")
def test_a_ticket_that_opens_nothing_ends_the_attempt_before_it_begins(tmp_path: Path, relay: Relay) -> None:
    lead = simulated(tmp_path, LONG)
    forged = Meeting(url_of(relay), tickets.issue(ticket_of("a", 2), b"x" * 32), "00-1")
    assert started(lead, tmp_path, forged).ended(30).code == "ticket_forged"
    assert (lead.said, lead.failure, lead.events) == (["fail"], ("ticket_forged", False), [])


@pytest.mark.usefixtures("stepping")
def test_while_the_relay_does_not_answer_the_platform_is_heard(tmp_path: Path) -> None:
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(8)  # takes connections, and never answers
        lead = simulated(tmp_path, LONG)
        attempt = started(lead, tmp_path, meeting_at(f"http://127.0.0.1:{hole.getsockname()[1]}", "a"))
        lead.answer = "cancel"
        began = time.monotonic()
        assert attempt.ended(30).how == "canceled"
        assert time.monotonic() - began < REACHED_SECONDS_MAX
        assert (lead.said, lead.events) == (["stopped"], [])


@pytest.mark.usefixtures("stepping")
def test_a_relay_that_never_answers_ends_the_attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meeting, "JOIN_SECONDS_MAX", 1.0)
    lead = simulated(tmp_path, LONG)
    assert started(lead, tmp_path, meeting_at("http://127.0.0.1:9", "a")).ended(30).code == "exchange_silent"
    assert lead.failure == ("exchange_silent", False)


@pytest.mark.usefixtures("stepping")
def test_who_waits_for_others_is_not_ended_for_making_no_progress_and_who_hangs_is(
    tmp_path: Path, relay: Relay
) -> None:
    lead = simulated(tmp_path, "steps=20 seconds=0.02 every=100 then=waiting")
    limits = Limits(no_progress_seconds=4)
    attempt = started(lead, tmp_path, meeting_at(url_of(relay), "b"), slot=1, limits=limits)
    assert attempt.ended(60).how == "done"
    hung = simulated(tmp_path / "hung", "steps=20 seconds=0.02 every=100 then=silence")
    attempt = started(hung, tmp_path / "hung", meeting_at(url_of(relay), "a"), limits=limits)
    assert attempt.ended(60).code == "no_progress"
