"""Seats that many ask for at once, on SQLite and on PostgreSQL: each goes to one, and nobody has two."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

from governance.clock import now as clock
from tests.integration.test_races import at_once, db, server, template
from tests.integration.test_seats import order, secret
from tests.moments import just_past
from training_jobs import seats, services
from training_jobs.models import Run


def test_ten_workers_that_ask_at_once_get_one_lead_and_each_seat_once(order):
    run = order(workers=4)

    def take(number):
        return services.claim(run.pk, f"worker {number}", clock()) or seats.claim(run.pk, f"worker {number}", clock())

    at_once(10, take)
    at_once(10, take)
    assert sorted(run.attempts.values_list("slot", "number")) == [(slot, 1) for slot in range(4)]
    owners = [Run.objects.get().lease_owner, *run.seats.values_list("lease_owner", flat=True)]
    assert len(set(owners)) == 4
    assert (services.due(clock()), services.settle(clock())) == ([], [])
    run.seats.filter(slot=2).update(lease_expires_at=just_past())
    assert services.due(clock()) == [run.pk]
    Run.objects.update(canceled_at=clock(), canceled_by="somebody")
    assert services.settle(clock()) == [run.pk]
    assert list(run.attempts.exclude(outcome="").values_list("slot", "outcome")) == [(2, "lost")]


def test_a_lapsed_seat_goes_to_one_of_many_and_its_late_heartbeat_comes_too_late_or_in_time(order):
    run = order(workers=2)
    services.claim(run.pk, "lead", clock())
    old = seats.claim(run.pk, "old", clock())
    run.seats.update(lease_expires_at=just_past())

    def ask(number):
        return seats.claim(run.pk, f"worker {number}", clock()) if number else services.heartbeat(old, clock())

    answer, *leases = at_once(8, ask)
    taken = [lease for lease in leases if lease is not None]
    seat = run.seats.get()
    if taken:
        assert [(lease.fence, lease.slot) for lease in taken] == [(2, 1)]
        assert services.heartbeat(old, clock()) == "stale"
    else:
        assert (answer, seat.lease_owner) == ("continue", "old")
    assert run.attempts.filter(slot=1, ended_at__isnull=True).count() == 1


def test_a_share_that_is_told_many_times_at_once_is_done_once(order):
    run = order(workers=2)
    services.claim(run.pk, "lead", clock())
    lease = seats.claim(run.pk, "member", clock())
    told = {
        "files": [{"path": "model.safetensors", "size": 3, "sha256": "1" * 64}],
        "steps": 2,
        "tokens": 64,
        "code_digest": "1" * 64,
        "environment": {},
        "trace_sha256": "2" * 64,
    }
    at_once(6, lambda _: seats.took_part(lease, told, clock()))
    assert run.events.filter(kind="took_part").count() == 1
    assert run.attempts.get(slot=1).outcome == "finished"
