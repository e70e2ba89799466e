"""A real run in the books: its voted ceiling in money is held, attempts are paid from it, and the rest goes back."""

import pytest

from governance.clock import now as clock
from governance.errors import Conflict
from tests.integration.books import EURO, HOLDER, balances, wrong
from tests.integration.conftest import pass_
from training_jobs import spec as specs
from training_jobs.ledger import booking, estimates, runs
from training_jobs.models import Attempt, LedgerEntry, Run, Site

SITE = Site(slug="grid", operator=HOLDER)


@pytest.fixture
def run(update, propose, voters):
    """A run that may cost five euros."""
    update["spec"]["budget"] = {**update["spec"]["budget"], "money": {"amount": "5", "currency": "EUR"}}
    pass_(propose("model_update", update), voters)
    return Run.objects.select_related("spec_record", "community", "proposal").get()


def fill(run, amount):
    line = booking.Line(booking.OUT, booking.budget_named("general"), "EUR", amount)
    booking.book(run.community, booking.Booking("opened", "for-tests", [line], run.proposal), clock())


def test_a_run_is_paid_from_its_voted_ceiling_and_never_above_it(run):
    now, left = clock(), runs.seconds_left
    assert (runs.hold_ceiling(run, now), runs.release_rest(run, now), left(run, EURO, 1)) == (None, None, None)
    fill(run, 8 * EURO)
    assert runs.hold_ceiling(run, now) == runs.hold_ceiling(run, now)
    assert runs.seconds_left(run, 3 * EURO, 2) == 3_000
    attempts = [
        Attempt.objects.create(run=run, number=number, owner="m", started_at=now, ended_at=now, device_seconds=3_600)
        for number in (1, 2)
    ]
    for attempt in (*attempts, *attempts):
        runs.settle_attempt(attempt, SITE, 3 * EURO, now)
    assert runs.seconds_left(run, 3 * EURO, 1) == 0
    runs.release_rest(run, now)
    found = balances(run.community)
    assert (found["site_credit:grid EUR"], found["budget:general EUR"], found["held:runs EUR"]) == (
        5 * EURO,
        3 * EURO,
        0,
    )
    assert found[f"contribution_credit:{HOLDER} device-second"] == 3_600 + 2_400
    assert [entry.kind for entry in LedgerEntry.objects.order_by("number")] == [
        "opened",
        "held",
        "settled",
        "settled",
        "released",
    ]
    assert [each for each in wrong(run.community) if "event" not in each] == []


def test_a_run_does_not_begin_where_the_budget_is_too_small(run):
    fill(run, 4 * EURO)
    with pytest.raises(Conflict, match="account_exhausted"):
        runs.hold_ceiling(run, clock())
    assert runs.held_for(run) is None


def test_a_run_that_was_judged_calibrates_the_next_estimate(run):
    spec = specs.from_payload(run.spec_record.body)
    assert estimates.forecast(run.community, spec).estimate.runs == 0
    Run.objects.update(judged_at=clock())
    for number, seconds in ((1, 3), (2, 4)):
        Attempt.objects.create(
            run=run, number=number, owner="m", started_at=clock(), ended_at=clock(), device_seconds=seconds
        )
    (past,) = estimates.past_runs(run.community)
    assert past.metered == 7
    said = estimates.forecast(run.community, spec)
    assert (said.estimate.calibrated, said.estimate.runs, said.estimate.high) == (False, 1, spec.device_seconds)
    assert said.estimate.expected == past.estimated
    assert (said.coverage.held, said.coverage.tried) == (0, 0)
