"""Seats of a run of several machines: taken once, lost and taken over, left and done; only the lead hands a model over."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import hashlib
import secrets
from datetime import timedelta

import pytest

from governance.clock import now as clock
from governance.clock import unix
from tests.integration.conftest import pass_
from tests.integration.machines import Machine, description, files_below, model_in, rows
from tests.integration.test_runner_protocol import (
    _own_folder,
    browser,
    finish,
    machine,
    other,
    register,
)
from tests.moments import just_past
from training_jobs import seats, services
from training_jobs.exchange import tickets
from training_jobs.lifecycle import State
from training_jobs.models import Run, RunEvent

MINUTE = timedelta(minutes=1)
RELAY = "https://relay.example:8443"
TOPOLOGY = {"workers": 3, "local_steps": 2, "outer_learning_rate": "0.7", "outer_momentum": "0.6"}


@pytest.fixture
def secret(settings, tmp_path):
    """A relay that the site knows, and what the two share."""
    file = tmp_path / "relay-secret"
    file.write_bytes(secrets.token_bytes(32))
    settings.RELAY_URL, settings.RELAY_SECRET_FILE = RELAY, file
    settings.RUN_STRATEGIES = ["single", "diloco", "dilocox"]
    return file.read_bytes()


@pytest.fixture
def order(secret, update, propose, voters):
    """Order a run of so many machines."""

    def ordered(workers=3, **changes):
        several = {"strategy": "diloco", "topology": {**TOPOLOGY, "workers": workers}, **changes}
        lately = clock() - 10 * MINUTE  # a deadline counts from the execution, and machines go by the real clock
        pass_(propose("model_update", {"spec": {**update["spec"], **several}}, now=lately), voters)
        return Run.objects.order_by("-pk").first()

    return ordered


@pytest.fixture
def several(order):
    """A run of three machines that a vote has ordered."""
    return order()


@pytest.fixture
def third(browser):
    """One machine more."""
    return Machine(register(browser, "tower")["token"])


def place(assignment):
    """Return what every call of a machine says of its lease."""
    return {"fence": assignment["fence"], "slot": assignment["slot"]}


def beat(machine, run, assignment):
    return machine.post(f"runs/{run.pk}/heartbeat", place(assignment)).json()["answer"]


def let_lapse(seat):
    """Let the lease of a seat run out, as if nobody had been heard of since its claim."""
    type(seat).objects.filter(pk=seat.pk).update(lease_expires_at=just_past())


def live(run):
    return run.attempts.filter(ended_at__isnull=True)


# --- who gets which place -----------------------------------------------------------------------------------------


def test_the_first_machine_leads_and_the_others_are_members_who_meet_at_the_relay(
    several, machine, other, third, secret
):
    assert [seat.slot for seat in several.seats.all()] == [1, 2]
    offered, given = [], []
    for each in (machine, other, third):
        offered += [(row["run"], row["seat"]) for row in each.get("work").json()["runs"]]
        given.append(each.claim(several))
    assert offered == [(several.pk, "lead"), (several.pk, "member"), (several.pk, "member")]
    assert [(each["slot"], each["fence"], each["phase"]) for each in given] == [
        (0, 1, "train"),
        (1, 1, "train"),
        (2, 1, "train"),
    ]
    for each in given:
        exchange = each["exchange"]
        ticket = tickets.read(exchange["ticket"], secret, unix(clock()))
        assert (exchange["url"], exchange["member"]) == (RELAY, ticket.member)
        assert ticket.run == f"{several.community.record_id[:16]}-{several.pk}"
        assert (ticket.slot, ticket.fence, ticket.workers) == (each["slot"], each["fence"], 3)
        assert abs(ticket.expires - unix(clock()) - 7 * 24 * 3600) < 60
        assert each["spec"] == several.spec_record.body


def test_a_ticket_ends_with_the_deadline_of_its_run(order, machine, secret):
    run = order(deadline_seconds=24 * 3600)
    ticket = tickets.read(machine.claim(run)["exchange"]["ticket"], secret, unix(clock()))
    assert ticket.expires == unix(run.deadline_at)


def test_a_run_of_one_machine_has_no_seats_and_meets_nobody(run, machine, other):
    assert machine.claim(run)["exchange"] is None
    assert (run.seats.count(), other.get("work").json()) == (0, {"runs": []})


def test_one_seat_goes_to_one_of_two_machines(order, machine, other, third):
    run = order(workers=2)
    machine.claim(run)
    assert other.claim(run)["slot"] == 1
    before = rows()
    late = third.post(f"runs/{run.pk}/claim")
    assert (late.status_code, late.json()["code"]) == (409, "not_claimable")
    assert third.get("work").json() == {"runs": []}
    assert rows() == before


def test_a_machine_has_one_place_of_a_run(several, machine, other):
    lead, member = machine.claim(several), other.claim(several)
    Run.objects.update(lease_expires_at=just_past())  # the lead's place is free, and not for who has another one
    for each, assignment in ((machine, lead), (other, member)):
        if each is other:
            assert each.get("work").json() == {"runs": []}
            assert each.post(f"runs/{several.pk}/claim").json()["code"] == "not_claimable"
        assert beat(each, several, assignment) == "continue"
    assert machine.post(f"runs/{several.pk}/claim").json()["code"] == "not_claimable"
    assert live(several).count() == 2


def test_nobody_is_a_member_before_there_is_a_lead_or_after_the_model_is_made(order, machine, other, tmp_path):
    run = order()
    first = machine.claim(run)
    assert machine.post(f"runs/{run.pk}/stopped", place(first)).status_code == 200
    assert other.get("work").json()["runs"][0]["seat"] == "lead"
    lead = other.claim(run)
    assert (lead["slot"], lead["fence"]) == (0, 2)
    told = other.upload(run, lead["fence"], model_in(tmp_path / "model"))
    body = {"fence": lead["fence"], "description": told, "isolation": "none"}
    assert other.post(f"runs/{run.pk}/trained", body).status_code == 200
    assert machine.get("work").json() == {"runs": []}
    assert machine.post(f"runs/{run.pk}/claim").json()["code"] == "not_claimable"


def test_without_a_relay_a_run_of_several_machines_waits(several, machine, settings):
    before = rows()
    settings.RELAY_URL = ""
    assert machine.get("work").json() == {"runs": []}
    refused = machine.post(f"runs/{several.pk}/claim")
    assert (refused.status_code, refused.json()["code"]) == (503, "no_relay")
    settings.RELAY_URL, settings.RELAY_SECRET_FILE = RELAY, "/nowhere"
    assert machine.post(f"runs/{several.pk}/claim").json()["code"] == "no_relay"
    assert rows() == before
    assert Run.objects.get().state(clock()) == State.QUEUED


# --- a seat that is lost ------------------------------------------------------------------------------------------


def test_a_silent_members_seat_goes_to_the_next_one_and_the_old_one_writes_nothing(order, machine, other, third):
    run = order(workers=2)
    machine.claim(run)
    old = other.claim(run)
    let_lapse(run.seats.get())
    new = third.claim(run)
    assert (new["slot"], new["fence"]) == (1, 2)
    before = rows()
    assert beat(other, run, old) == "stale"
    path = f"runs/{run.pk}"
    for refused in (
        other.post(f"{path}/events", {**place(old), "events": [{"event": "step"}]}),
        other.post(f"{path}/fail", {**place(old), "code": "crash", "detail": "", "permanent": False}),
        other.post(f"{path}/stopped", place(old)),
        other.post(f"{path}/took-part", {**place(old), "description": {}}),
        other.get(f"{path}/files?fence={old['fence']}&slot=1"),
        # nor with the number of the one who has it now
        other.post(f"{path}/events", {**place(new), "events": [{"event": "step"}]}),
        other.post(f"{path}/took-part", {**place(new), "description": {}}),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "stale_lease")
    assert rows() == before
    outcomes = run.attempts.filter(slot=1).values_list("number", "outcome")
    assert list(outcomes) == [(1, "lost"), (2, "")]
    assert beat(third, run, new) == "continue"


def test_a_lease_that_ran_out_and_that_nobody_took_may_be_prolonged(order, machine, other):
    run = order(workers=2)
    machine.claim(run)
    member = other.claim(run)
    let_lapse(run.seats.get())
    assert beat(other, run, member) == "continue"
    assert run.seats.get().is_held(clock())


def test_members_go_on_while_the_lead_is_lost_and_new_ones_may_join(several, machine, other, third):
    lead, member = machine.claim(several), other.claim(several)
    Run.objects.update(lease_expires_at=just_past())
    several.refresh_from_db()
    assert several.state(clock()) == State.STALLED
    assert beat(other, several, member) == "continue"
    heir = third.claim(several)
    assert (heir["slot"], heir["fence"]) == (0, 2)
    assert beat(machine, several, lead) == "stale"
    Run.objects.update(lease_expires_at=just_past())
    joined = machine.claim(several)
    assert joined["slot"] == 2, "the last attempt at the lead is left to the machines of others; a seat is not"


def test_a_member_may_join_while_the_lead_is_silent(several):
    now = clock()
    services.claim(several.pk, "first", now)
    later = now + 2 * MINUTE
    lease = seats.claim(several.pk, "second", later)
    assert (lease.slot, lease.fence) == (1, 1)
    assert seats.claim(several.pk, "first", later) is None, "the lead's place stays its until somebody takes it"


def test_a_member_that_fails_does_not_fail_the_run_and_keeps_only_itself_away(order, machine, other, third, settings):
    run = order(workers=2)
    lead = machine.claim(run)
    for attempt in range(1, settings.RUN_ATTEMPTS_MAX):
        member = other.claim(run)
        assert member["fence"] == attempt
        body = {**place(member), "code": "crash", "detail": "it broke", "permanent": False}
        for _ in range(2):
            assert other.post(f"runs/{run.pk}/fail", body).status_code == 200
        assert third.post(f"runs/{run.pk}/claim").json()["code"] == "not_claimable", "the seat rests"
        seat = run.seats.get()
        assert timedelta(0) < seat.retry_at - clock() <= timedelta(seconds=5 * 2 ** (attempt - 1))
        run.seats.update(retry_at=None)
    assert other.get("work").json() == {"runs": []}
    assert other.post(f"runs/{run.pk}/claim").json()["code"] == "tried_enough"
    run.refresh_from_db()
    assert (run.state(clock()), run.failure) == (State.RUNNING, "")
    assert beat(machine, run, lead) == "continue"
    assert third.claim(run)["fence"] == settings.RUN_ATTEMPTS_MAX


def test_attempts_of_members_use_up_none_of_the_leads(order, machine, other, settings):
    run = order(workers=2)
    now = clock()
    services.claim(run.pk, "lead", now)
    for number in range(settings.RUN_ATTEMPTS_MAX + 2):
        lease = seats.claim(run.pk, f"machine {number}", now)
        services.fail(lease, "crash", "", now, permanent=True)
        run.seats.update(retry_at=None)
    services.fail(services.Lease(run.pk, 1), "crash", "", now, permanent=False)
    run.refresh_from_db()
    assert run.state(now) == State.WAITING
    Run.objects.update(retry_at=None)
    assert machine.claim(run)["slot"] == 0


def test_a_machine_that_says_it_can_never_do_a_run_is_offered_no_seat_of_it(order, machine, other):
    run = order(workers=2)
    machine.claim(run)
    member = other.claim(run)
    body = {**place(member), "code": "lora_not_applicable", "detail": "", "permanent": True}
    assert other.post(f"runs/{run.pk}/fail", body).status_code == 200
    run.seats.update(retry_at=None)
    assert other.get("work").json() == {"runs": []}
    assert other.post(f"runs/{run.pk}/claim").json()["code"] == "given_up"
    assert Run.objects.get().failed_at is None


def test_a_seat_that_is_given_back_is_free_at_once(order, machine, other, third):
    run = order(workers=2)
    machine.claim(run)
    member = other.claim(run)
    for _ in range(2):
        assert other.post(f"runs/{run.pk}/stopped", place(member)).status_code == 200
    assert run.attempts.get(slot=1).outcome == "released"
    assert third.claim(run)["fence"] == 2


# --- the files of a member ----------------------------------------------------------------------------------------


def test_a_late_member_gets_the_leads_newest_checkpoint_and_keeps_it(several, machine, other, third):
    lead = machine.claim(several)
    early = other.claim(several)
    for step in (7, 9, 11):
        _leave_checkpoint(machine, several, lead["fence"], step)
        if step == 9:
            late = third.claim(several)
    assert _checkpoints(other, several, early) == set()
    assert _checkpoints(third, several, late) == {"00000009"}
    listed = third.get(f"runs/{several.pk}/files?fence=1&slot=2").json()["files"]
    (weights,) = [file for file in listed if file["path"].endswith("state.safetensors")]
    sent = third.get(f"runs/{several.pk}/files/{weights['path']}?fence=1&slot=2")
    assert hashlib.sha256(b"".join(sent.streaming_content)).hexdigest() == weights["sha256"]
    assert {name for name in files_below(several) if name.startswith("1/checkpoints/00000007")} == set()
    assert third.post(f"runs/{several.pk}/stopped", place(late)).status_code == 200
    assert not any(name.startswith("seat-2/") for name in files_below(several))


def _leave_checkpoint(machine, run, fence, step):
    files = []
    for name, data in (("state.safetensors", b"weights %d" % step), ("state.json", b'{"a":%d}' % step)):
        assert machine.put(run, fence, data).status_code == 201
        files.append({"path": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()})
    manifest = {"step": step, "code_digest": "1" * 64, "environment": {}, "files": files}
    manifest["spec"] = hashlib.sha256(run.spec_record.canonical_body()).hexdigest()
    assert machine.post(f"runs/{run.pk}/checkpoint", {"fence": fence, "manifest": manifest}).status_code == 200


def _checkpoints(machine, run, assignment):
    query = f"fence={assignment['fence']}&slot={assignment['slot']}"
    listed = machine.get(f"runs/{run.pk}/files?{query}").json()["files"]
    assert any(file["path"].startswith("inputs/base/") for file in listed)
    return {file["path"].split("/")[1] for file in listed if file["path"].startswith("checkpoints/")}


# --- a share that is done -----------------------------------------------------------------------------------------


def test_a_share_is_done_once_and_its_model_is_held_against_the_leads(several, machine, other, third, tmp_path):
    lead, before, after = (each.claim(several) for each in (machine, other, third))
    path = f"runs/{several.pk}"
    same = description(model_in(tmp_path / "model"))
    another = {**description(model_in(tmp_path / "another", seed=2)), "tokens": 32}
    for _ in range(2):
        assert other.post(f"{path}/took-part", {**place(before), "description": same}).status_code == 200
    changed = other.post(f"{path}/took-part", {**place(before), "description": another})
    assert (changed.status_code, changed.json()["code"]) == (409, "already_took_part")
    assert not RunEvent.objects.filter(kind__in=("agrees", "differs")).exists(), "the lead is not done"
    assert beat(other, several, before) == "stale"
    assert other.post(f"{path}/claim").json()["code"] == "not_claimable", "a share that is done is nobody's any more"
    told = machine.upload(several, lead["fence"], tmp_path / "model")
    body = {"fence": lead["fence"], "description": told, "isolation": "none"}
    assert machine.post(f"{path}/trained", body).status_code == 200
    assert third.post(f"{path}/took-part", {**place(after), "description": another}).status_code == 200
    found = RunEvent.objects.filter(kind__in=("agrees", "differs")).values_list("slot", "kind")
    assert list(found) == [(1, "agrees"), (2, "differs")]
    shown = machine.http.get(f"/api/v1/{path}").json()
    assert [(seat["slot"], seat["agrees"]) for seat in shown["seats"]] == [(1, True), (2, False)]
    finish(machine, several, lead["fence"], told)
    several.refresh_from_db()
    assert several.verdict == "accepted", "a difference is a finding, and what is judged is the lead's"
    assert sorted(several.attempts.values_list("slot", "outcome")) == [
        (0, "finished"),
        (1, "finished"),
        (2, "finished"),
    ]
    assert several.seats.get(slot=1).description == same


def test_a_member_hands_over_nothing_that_only_the_lead_may(several, machine, other, tmp_path):
    machine.claim(several)
    member = other.claim(several)
    path, told = f"runs/{several.pk}", description(model_in(tmp_path / "model"))
    before, files = rows(), files_below(several)
    calls = {
        "trained": {"description": told, "isolation": "none"},
        "evaluated": {"report": {}},
        "checkpoint": {"manifest": {}},
    }
    for call, body in calls.items():
        refused = other.post(f"{path}/{call}", {"fence": member["fence"], **body})
        assert (refused.status_code, refused.json()["code"]) == (409, "stale_lease"), call
        named = other.post(f"{path}/{call}", {**place(member), **body})
        assert (named.status_code, named.json()["code"]) == (400, "unknown_field"), call
    assert other.put(several, member["fence"], b"bytes").json()["code"] == "stale_lease"
    assert (rows(), files_below(several)) == (before, files)
