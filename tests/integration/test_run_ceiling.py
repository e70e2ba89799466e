"""More money for a run: it stopped at its voted ceiling, a vote raises it, and it goes on from its last checkpoint."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

from datetime import timedelta

import pytest
from django.test import Client

from governance import services as governance
from governance.clock import now as clock
from governance.errors import Conflict, Refusal
from governance.kinds import kind_named
from governance.models import Account, Event, Proposal
from governance.portability.exporting import export_community
from governance.portability.importing import import_community
from tests.integration.books import EURO, balances, wrong
from tests.integration.conftest import AGAINST, FOR, decided, pass_, vote
from tests.integration.exports import empty, instance
from tests.integration.machines import description, report
from tests.integration.paid_runs import CENT, ordered, take
from tests.integration.shared_sites import MINUTE, allotted, kinds, request_named, seen, told
from tests.integration.sharing_story import sharing, told_reviews, valley
from tests.integration.sharing_story import wrong as everything_wrong
from tests.simulators import tiny_model
from training_jobs import fsck, selectors, services, supervisor, worker
from training_jobs.commons import allotting, asking_more, ceilings
from training_jobs.ledger import services as ledger
from training_jobs.models import Allotment, LedgerHold, RaisedCeiling, Run, Site

STEPPING = "tests.simulators.stepping_trainer"
HOUR = timedelta(hours=1)


def stop_at_ceiling(run, now, minutes=60, step=7):
    """Let a run work until its ceiling, and stop with a checkpoint; return when it stopped."""
    seen(now, "lake", "hill")
    assert allotting.allot(now) == 1
    _site, lease = take(run, now)
    given = allotted(f"run:{run.pk}")
    Allotment.objects.in_force().update(until=now + 10 * HOUR)  # so that nothing but the money ends it
    now += minutes * MINUTE
    assert services.heartbeat(lease, now) == "pause"
    said = [{"event": "step", "step": step, "steps": 40, "loss": "1.5"}, {"event": "checkpoint", "step": step}]
    services.stream(lease, said, now)
    services.stopped(lease, now)
    Allotment.objects.filter(pk=given.pk).update(until=given.until)
    return now


def asked(run, amount, **changes):
    return {"proposal": run.proposal.number, "amount": amount, **changes}


@pytest.fixture
def stopped(ordered):
    """A run that stopped at its ceiling of ten cents with the checkpoint of step 7, and when it did."""
    run = ordered("0.1", EURO, device_seconds=7_200)
    return run, stop_at_ceiling(run, run.created_at)


@pytest.fixture
def more(propose, voters):
    """Let a vote give a run more money."""

    def decide(run, amount, now):
        return pass_(propose("run_ceiling", asked(run, amount), author="Bob", now=now), voters)

    return decide


def broken(community):
    """Return what fsck finds, but for the budget that tests fill without an event."""
    found = [f"{each.table} {each.what}" for each in fsck.check_one(community)]
    return [each for each in found if not each.endswith(" event")]


# --- the whole way ------------------------------------------------------------------------------------------------


def test_a_run_goes_on_from_its_checkpoint_and_never_costs_more_than_the_new_ceiling(
    community, stopped, more, tmp_path
):
    run, now = stopped
    executed = more(run, "0.15", now)
    (raised,) = RaisedCeiling.objects.all()
    assert (raised.run, raised.proposal, raised.ceiling) == (run, executed, 15 * CENT)
    found = balances(community)
    assert (found["budget:general EUR"], found["held:runs EUR"]) == (85 * CENT, 5 * CENT)
    assert request_named(f"run:{run.pk}").ceiling == 15 * CENT
    assert run.spec_record.body["budget"]["money"]["amount"] == "0.1", "what was voted first stays"
    (event,) = Event.objects.filter(kind="run_ceiling_raised")
    said = {"decision": executed.number, "amount": "0.15", "before": "0.10", "currency": "EUR"}
    assert (event.proposal, event.data) == (run.proposal, {"run": run.pk, **said})
    assert broken(community) == []
    now += 5 * MINUTE
    seen(now, "lake", "hill")
    assert allotting.allot(now) == 1, "it waits for a site no longer because of its money"
    _site, lease = take(run, now)
    assert selectors.run_detail(run.pk, now).checkpoint == 7, "where it goes on"
    given = allotted(f"run:{run.pk}")
    Allotment.objects.in_force().update(until=now + 10 * HOUR)
    assert services.heartbeat(lease, now + 29 * MINUTE) == "continue"
    assert services.heartbeat(lease, now + 30 * MINUTE) == "pause"
    services.trained(lease, description(tiny_model.write(tmp_path / "made")), "none", now + 40 * MINUTE)
    services.judge(lease, report(run), now + 50 * MINUTE)
    Allotment.objects.filter(pk=given.pk).update(until=given.until)
    held = LedgerHold.objects.get()
    assert (held.ceiling, held.spent) == (15 * CENT, 15 * CENT), "what goes beyond is not paid"
    found = balances(community)
    assert (found["budget:general EUR"], found["held:runs EUR"]) == (85 * CENT, 0)
    assert sum(amount for name, amount in found.items() if name.startswith("site_credit")) == 15 * CENT
    assert broken(community) == []


def test_the_trainer_itself_begins_at_the_step_where_the_money_ran_out(
    community,
    ordered,
    more,
    stand_in,
    settings,
    monkeypatch,
    client,
):
    for name in ("TRAINER", "EVALUATOR"):
        monkeypatch.setattr(supervisor, name, STEPPING)
    settings.HOME_SITE, settings.HEARTBEAT_SECONDS, settings.RUN_ATTEMPTS_MAX = "lake", 1, 1
    run = ordered("0.01", EURO, device_seconds=100)
    lake = Site.objects.get(slug="lake")
    stand_in(run, "steps=4000 seconds=0.05 every=100000")
    now = clock()
    seen(now, "lake")
    Allotment.objects.create(  # five seconds of it are paid for
        request=request_named(f"run:{run.pk}"),
        site=lake,
        allotted_at=now,
        until=now + HOUR,
        price=720 * CENT,
        why="starts_now",
    )
    worker.work(run.pk, "first")
    left = selectors.run_detail(run.pk, clock()).checkpoint
    assert left > 3
    assert kinds(community)[-1] == "interrupted"
    assert told(community)[-1]["why"] == "ceiling"
    more(run, "0.9", clock() - 10 * MINUTE)
    stand_in(run, f"steps={left + 40} seconds=0.05")
    seen(clock(), "lake", "hill")
    assert allotting.allot(clock()) == 1
    Allotment.objects.in_force().update(site=lake)
    worker.work(run.pk, "second")
    run.refresh_from_db()
    assert run.verdict
    (resumed,) = run.events.filter(kind="resumed")
    assert resumed.data["step"] == left
    held = LedgerHold.objects.get()
    assert CENT < held.spent < held.ceiling == 90 * CENT
    assert run.version is not None
    page = client.get(f"/releases/{run.version.revision}/").content.decode()
    assert "Up to 0.90\N{NO-BREAK SPACE}EUR in place of 0.01\N{NO-BREAK SPACE}EUR" in page


def test_a_ceiling_is_raised_twice_and_the_author_hears_of_each_stop(community, stopped, more):
    run, now = stopped
    more(run, "0.15", now)
    now = stop_at_ceiling(run, now + 5 * MINUTE, minutes=30, step=12)
    more(run, "0.20", now)
    assert [each.after.text for each in ceilings.raises_of(run)] == ["0.15", "0.20"]
    assert [each.before.text for each in ceilings.raises_of(run)] == ["0.10", "0.15"]
    told_of = Event.objects.filter(kind="run_at_ceiling").order_by("pk")
    assert [each.data["amount"] for each in told_of] == ["0.10", "0.15"]
    found = balances(community)
    assert (found["budget:general EUR"], found["held:runs EUR"]) == (80 * CENT, 5 * CENT)
    assert request_named(f"run:{run.pk}").ceiling == 20 * CENT
    assert broken(community) == []
    services.cancel(run.pk, run.proposal.author, now + 5 * MINUTE)
    found = balances(community)
    assert (found["budget:general EUR"], found["held:runs EUR"]) == (85 * CENT, 0), "what is left goes back"
    assert broken(community) == []


def test_a_run_that_is_at_work_simply_goes_on(community, ordered, more):
    run = ordered("0.1", EURO, device_seconds=7_200)
    now = run.created_at
    assert allotting.allot(now) == 1
    _site, lease = take(run, now)
    Allotment.objects.in_force().update(until=now + 10 * HOUR)
    more(run, "0.15", now + 30 * MINUTE)
    assert services.heartbeat(lease, now + 60 * MINUTE) == "continue"
    assert services.heartbeat(lease, now + 90 * MINUTE) == "pause"
    assert not Event.objects.filter(kind="run_at_ceiling").exists()


def test_the_places_of_a_run_share_the_new_ceiling(community, stopped, more):
    run, now = stopped
    first = request_named(f"run:{run.pk}")
    done = type(first).objects.create(
        community=community, name=f"run:{run.pk}/1", origin="voted", member=first.member, run=run, slot=1,
        requested_at=first.requested_at, waiting_since=first.waiting_since, devices=1, memory_bytes=0, seconds=60,
        ceiling=5 * CENT, ended_at=now, outcome="done",
    )  # fmt: skip
    more(run, "0.20000001", now)
    first.refresh_from_db()
    done.refresh_from_db()
    assert (first.ceiling, done.ceiling) == (10 * CENT + 1, 5 * CENT), "who is done keeps what there was"
    assert ceilings.shares(7, 3) == [3, 2, 2]


# --- what a vote does not do --------------------------------------------------------------------------------------


def test_a_vote_that_is_lost_changes_nothing(community, stopped, propose, voters):
    run, now = stopped
    before = balances(community)
    proposal = propose("run_ceiling", asked(run, "0.5"), now=now)
    for name in ("Alice", "Bob"):
        vote(proposal, voters[name], AGAINST)
    assert governance.close_voting(proposal.pk, proposal.closes_at).passed is False
    assert balances(community) == before
    assert not RaisedCeiling.objects.exists()
    now += 5 * MINUTE
    seen(now, "lake", "hill")
    assert allotting.allot(now) == 0
    assert broken(community) == []


def test_what_ended_or_was_spent_meanwhile_is_not_raised(community, stopped, propose, voters):
    run, now = stopped
    first, second, third = (propose("run_ceiling", asked(run, amount), now=now) for amount in ("0.9", "0.8", "0.95"))
    for proposal in (first, second, third):
        for name in ("Alice", "Bob"):
            vote(proposal, voters[name], FOR)
    decided(first)
    with pytest.raises(Refusal, match="not_more"):
        decided(second)
    services.cancel(run.pk, run.proposal.author, now + 5 * MINUTE)
    with pytest.raises(Conflict, match="run_is_over"):
        decided(third)
    assert RaisedCeiling.objects.count() == 1
    assert Proposal.objects.get(pk=third.pk).executed_at is None
    assert broken(community) == []


def test_money_that_the_budget_no_longer_has_is_not_promised(community, stopped, propose, voters):
    run, now = stopped
    payload = asked(run, "0.9")
    proposal = propose("run_ceiling", payload, now=now)
    for name in ("Alice", "Bob"):
        vote(proposal, voters[name], FOR)
    ledger.hold(community, "other", 50 * CENT, "EUR", now)
    with pytest.raises(Conflict, match="account_exhausted"):
        decided(proposal)
    assert not RaisedCeiling.objects.exists()
    ledger.release(community, "other", now)
    decided(Proposal.objects.get(pk=proposal.pk))
    assert RaisedCeiling.objects.get().ceiling == 90 * CENT


def test_what_cannot_be_raised_cannot_be_proposed(community, stopped):
    run, _now = stopped
    kind, sound = kind_named("run_ceiling"), asked(run, "0.5")
    for change, code in (
        ({"proposal": 99}, "unknown_run"),
        ({"proposal": "x"}, "unknown_run"),
        ({"proposal": True}, "unknown_run"),
        ({"proposal": {"number": 1}}, "unknown_run"),
        ({"proposal": 10**30}, "unknown_run"),
        ({"amount": "0.1"}, "not_more"),
        ({"amount": "0.05"}, "not_more"),
        ({"amount": "1.2"}, "account_exhausted"),
        ({"amount": "much"}, "malformed_amount"),
        ({"amount": 5}, "malformed_amount"),
        ({"amount": None}, "malformed_amount"),
        ({"currency": "USD"}, "run_differs"),
        ({"record": "0" * 64}, "run_differs"),
        ({"extra": 1}, "unknown_field"),
    ):
        with pytest.raises(Refusal) as refused:
            kind.clean(community, {**sound, **change})
        assert refused.value.code == code, change
    frozen = kind.clean(community, sound)
    assert frozen == kind.clean(community, frozen)
    assert frozen == {
        "proposal": run.proposal.number, "record": run.proposal.record_id, "currency": "EUR", "before": "0.10",
        "amount": "0.50",
    }  # fmt: skip
    for change, code in (
        ({"trained_at": clock()}, "run_is_trained"),
        ({"deadline_at": run.created_at}, "deadline_passed"),
        ({"failed_at": clock()}, "run_is_over"),
        ({"canceled_at": clock()}, "run_is_over"),
    ):
        kept = Run.objects.values().get(pk=run.pk)
        Run.objects.filter(pk=run.pk).update(**change)
        with pytest.raises(Conflict, match=code):
            kind.clean(community, sound)
        Run.objects.filter(pk=run.pk).update(**kept)
    run.attempts.update(device_seconds=7_200)
    with pytest.raises(Conflict, match="budget_used_up"):
        kind.clean(community, sound)


def test_a_run_that_no_ceiling_limits_is_refused(community, run):
    with pytest.raises(Conflict, match="no_ceiling"):
        kind_named("run_ceiling").clean(community, asked(run, "5"))


# --- what people see ----------------------------------------------------------------------------------------------


def test_voters_read_what_was_voted_used_and_left(community, stopped):
    run, _now = stopped
    kind = kind_named("run_ceiling")
    payload = kind.clean(community, asked(run, "0.25"))
    assert "may cost 0.25 EUR in place of 0.10 EUR" in kind.describe(payload)
    assert {fact.label: fact.text for fact in kind.facts(payload)} == {
        "Approved by the proposal": f"{run.proposal.number} · {run.proposal.title}",
        "Voted until now": "0.10 EUR",
        "Used until now": "0.10 EUR",
        "Left of what was voted": "0.00 EUR",
        "Steps done": "7 of 40",
        "It goes on from": "the checkpoint of step 7",
        "Device-seconds": "3600 left; this vote adds none",
        "New ceiling": "0.25 EUR",
        "Cost": "up to 0.15 EUR more",
    }


def test_the_page_says_what_to_do_and_a_member_asks_for_more_in_one_step(stopped, voters, propose, client):
    run, now = stopped
    seen(clock(), "lake", "hill")
    page = client.get(f"/runs/{run.pk}/").content.decode()
    assert "The 0.10\N{NO-BREAK SPACE}EUR that were voted pay for no more time at any site." in page
    assert page.index("pay for no more time") < page.index('id="run-live"'), "what is asked stands first"
    assert "Make the draft" not in page, "members sign in first"
    bob = voters["Bob"].address
    made = asking_more.propose(run.pk, "0.40", bob, now)
    assert (made.kind, made.payload["amount"]) == ("run_ceiling", "0.40")
    again = asking_more.propose(run.pk, " 0.50 ", bob, now)
    assert (again.pk, again.payload["amount"]) == (made.pk, "0.50")
    client.force_login(Account.objects.get_or_create(address=bob)[0])
    answer = client.post(f"/runs/{run.pk}/more/", {"amount": "0.60"})
    assert answer.status_code == 302
    assert Proposal.objects.get(pk=made.pk).payload["amount"] == "0.60"
    assert client.post(f"/runs/{run.pk}/more/", {"amount": "lots"}).status_code == 422
    assert "More money: " in client.get(answer.headers["Location"]).content.decode()
    form = client.get("/c/water-commons/propose/run_ceiling/")
    assert f"{run.proposal.title}: 0.10 EUR" in form.content.decode()
    vote_on = propose("run_ceiling", asked(run, "0.5"), now=clock())
    assert f"/proposals/{vote_on.number}/" in client.get(f"/runs/{run.pk}/").content.decode()


def test_the_page_of_the_run_names_each_raise_and_its_vote(stopped, more, client):
    run, now = stopped
    executed = more(run, "0.25", now)
    page = client.get(f"/runs/{run.pk}/").content.decode()
    assert "Up to 0.25\N{NO-BREAK SPACE}EUR in place of 0.10\N{NO-BREAK SPACE}EUR" in page
    assert f"/proposals/{executed.number}/" in page


def test_a_member_proposes_it_in_the_editor_and_by_the_api(community, stopped, voters):
    run, _now = stopped
    client = Client()
    client.force_login(Account.objects.get_or_create(address=voters["Bob"].address)[0])
    answers = {"proposal": str(run.proposal.number), "amount": "0.3", "proposal_title": "Go on", "proposal_text": ""}
    made = client.post(f"/c/{community.slug}/propose/run_ceiling/", answers)
    assert made.status_code == 302, made.content.decode()
    assert Proposal.objects.get(title="Go on").payload["amount"] == "0.30"
    wrong_ones = {**answers, "amount": "0.1"}
    refused = client.post(f"/c/{community.slug}/propose/run_ceiling/", wrong_ones)
    assert refused.status_code == 422
    assert 'href="#field-amount"' in refused.content.decode()


# --- fsck ---------------------------------------------------------------------------------------------------------


def test_fsck_finds_a_raise_that_nobody_voted_for(community, stopped, more):
    run, now = stopped
    more(run, "0.25", now)
    RaisedCeiling.objects.update(ceiling=30 * CENT)
    found = " ".join(broken(community))
    assert "training_jobs_raisedceiling ceiling" in found
    assert "training_jobs_computerequest ceiling" in found
    RaisedCeiling.objects.all().delete()
    found = " ".join(broken(community))
    assert "governance_proposal more money for a run" in found
    assert "training_jobs_computerequest ceiling" in found
    assert "training_jobs_ledgerhold raised by" in " ".join(wrong(community))


def test_a_raise_moves_with_its_community(sharing, tmp_path):
    template = empty(tmp_path / "empty.sqlite3")
    limits = {**sharing.update["spec"]["budget"], "money": {"amount": "1", "currency": "EUR"}}
    sharing.update = {"spec": {**sharing.update["spec"], "budget": limits}}
    run = sharing.run()
    sharing.passed("run_ceiling", asked(run, "2.5"), author="Bob")
    at_home = balances(sharing.commons.community)
    assert at_home["held:runs EUR"] == 250 * CENT
    assert everything_wrong(sharing.commons.community) == []
    export_community("valley", tmp_path / "out", sharing.now)
    with instance(tmp_path / "other", template):
        community = import_community(tmp_path / "out", sharing.now).community
        raised = RaisedCeiling.objects.get()
        payload = raised.proposal.payload
        assert (raised.ceiling, raised.run.proposal.record_id) == (250 * CENT, payload["record"])
        assert raised.run.requests.get().ceiling == 250 * CENT
        assert balances(community) == at_home
        assert everything_wrong(community) == []
        assert kind_named("run_ceiling").facts(payload)[0].text.endswith(run.proposal.title)
