"""The figures of the compute commons, in worlds that are small enough to be counted by hand."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.errors import Invalid
from tests.simulators.compute_log import DAY, FEBRUARY, HOUR, JANUARY, ComputeLog, a_year_of_computing
from training_jobs.scheduling import events
from training_jobs.scheduling.events import EnergyHow, Interruption, Outcome
from training_jobs.scheduling.values import Standing, Why
from training_jobs.transparency.figures import Entry, Log, figures, figures_of_many, jain, nearest_rank

FIVE = [f"r{number}" for number in range(5)]
SUPPRESSED = "suppressed"


def table_of(found):
    """Return the figures by (period, table, group, measure); what is suppressed as such."""
    return {
        (row.period, row.table, row.group, row.measure): SUPPRESSED if row.value is None else row.value
        for row in found.rows
    }


def shown(log):
    return table_of(figures(log.log))


def test_waiting_times_are_nearest_rank_percentiles_from_the_request_to_the_first_start():
    log = ComputeLog().admit(0, "lake", 100)
    for number in range(10):
        log.ask(0, f"m{number}", "member")
    for number in range(10):
        log.start(10 * (number + 1), f"m{number}")
    rows = shown(log)
    assert [rows["all", "requests", "member", f"wait_p{p}"] for p in (50, 90, 99)] == [50, 90, 100]
    assert rows["2026-01", "requests", "all", "wait_p50"] == 50
    assert ("all", "requests", "newcomer", "wait_p50") not in rows
    assert rows["all", "requests", "newcomer", "asked"] == 0


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([7], 50, 7), ([1, 2], 50, 1), ([1, 2, 3], 50, 2), ([15, 20, 35, 40, 50], 40, 20), ([15, 20, 35, 40, 50], 30, 20),
     ([15, 20, 35, 40, 50], 100, 50), (list(range(1, 101)), 99, 99), ([3], 1, 3)],
)  # fmt: skip
def test_the_nearest_rank_is_the_smallest_value_that_so_many_per_cent_do_not_exceed(values, percent, expected):
    assert nearest_rank(values, percent) == expected


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40).map(sorted), st.integers(1, 100))
@settings(max_examples=60, deadline=None)
def test_the_nearest_rank_is_what_its_definition_says(values, percent):
    found = nearest_rank(values, percent)
    assert sum(value <= found for value in values) * 100 >= percent * len(values)
    assert sum(value < found for value in values) * 100 < percent * len(values)


def test_what_was_refused_is_counted_with_its_reasons_and_the_share_that_was_accepted():
    log = ComputeLog().admit(0, "lake", 100)
    for number in range(20):
        log.ask(0, f"r{number}")
    for number in range(10):
        log.start(5, f"r{number}")
    for number in range(10, 20):
        log.refuse(5, f"r{number}", "no_quota" if number < 15 else "no_site")
    rows = shown(log)
    assert rows["all", "requests", "all", "asked"] == 20
    assert rows["all", "requests", "all", "refused"] == 10
    assert rows["all", "requests", "all", "acceptance"] == Fraction(1, 2)
    assert rows["2026-01", "refusals", "no_quota", "refused"] == 5
    assert rows["all", "refusals", "no_site", "refused"] == 5


def test_utilisation_is_what_was_used_of_what_was_open_by_month():
    log = ComputeLog().admit(31 * DAY - HOUR, "lake", 10)
    log.runs(31 * DAY - HOUR, FIVE, run=2 * HOUR)
    log.stand(31 * DAY + 3 * HOUR, "lake", 10, Standing.DRAINING).other(31 * DAY + 5 * HOUR)
    rows = shown(log)
    assert rows["2026-01", "use", "all", "open"] == 10 * HOUR
    assert rows["2026-01", "use", "all", "used"] == 5 * HOUR
    assert rows["2026-02", "use", "all", "open"] == 30 * HOUR
    assert rows["2026-02", "use", "all", "utilisation"] == Fraction(1, 6)
    assert rows["all", "use", "all", "utilisation"] == Fraction(1, 4)


def test_a_site_is_open_only_while_it_is_admitted_and_until_the_last_entry_of_the_log():
    log = ComputeLog().stand(0, "lake", 2).admit(HOUR, "lake", 2).remove(2 * HOUR, "lake").admit(3 * HOUR, "hill", 1)
    log.other(5 * HOUR)
    assert shown(log)["all", "use", "all", "open"] == 2 * HOUR + 2 * HOUR


def test_what_is_kept_of_few_devices_is_what_the_scheduler_keeps_whole_ones_rounded_up():
    rows = shown(ComputeLog().admit(0, "lake", 4).policy(0, 1_000).other(100 * HOUR))
    assert (rows["all", "use", "all", "open"], rows["all", "use", "reserve", "reserved"]) == (400 * HOUR, 100 * HOUR)
    rows = shown(ComputeLog().admit(0, "lake", 4).admit(0, "hill", 15).policy(0, 1_000).other(100 * HOUR))
    assert rows["all", "use", "reserve", "reserved"] == 200 * HOUR
    rows = shown(ComputeLog().admit(0, "lake", 4).policy(0, 0).other(100 * HOUR))
    assert rows["all", "use", "reserve", "reserved"] == 0


def test_the_reserve_is_kept_of_each_kind_of_devices_and_counted_where_newcomers_had_it():
    log = ComputeLog().admit(0, "lake", 12, kind="cuda").admit(0, "hill", 8, kind="cpu").policy(0, 2_500)
    log.runs(0, FIVE, "newcomer", why=Why.STARTS_IN_RESERVE)
    log.runs(HOUR, [f"lent{number}" for number in range(5)], why=Why.STARTS_ON_LENT, site="hill")
    rows = shown(log)
    assert rows["all", "use", "reserve:cuda", "reserved"] == 2 * 3 * HOUR
    assert rows["all", "use", "reserve:cpu", "reserved"] == 2 * 2 * HOUR
    assert (rows["all", "use", "reserve:cuda", "used"], rows["all", "use", "reserve:cpu", "used"]) == (3 * HOUR, 0)
    assert (rows["all", "use", "reserve:cuda", "lent"], rows["all", "use", "reserve:cpu", "lent"]) == (0, 5 * HOUR)
    assert rows["all", "use", "reserve:cuda", "utilisation"] == Fraction(3, 6), (
        "five at work had the three that are held"
    )
    assert rows["all", "use", "reserve", "reserved"] == 2 * 5 * HOUR


@pytest.mark.parametrize("why", [Why.STARTS, Why.STARTS_IN_RESERVE, Why.STARTS_OVERDUE])
def test_newcomers_have_the_reserve_while_they_are_at_work_up_to_what_is_held(why):
    log = ComputeLog().admit(0, "lake", 30, kind="cuda").policy(0, 2_000)
    for number, name in enumerate((*FIVE, "six", "seven", "eight")):
        log.ask(number, name, "newcomer").start(number * HOUR, name, why=why)
    for number, name in enumerate((*FIVE, "six", "seven", "eight")):
        log.end((8 + number) * HOUR, name)
    rows = shown(log)
    at_work = [*range(1, 9), *range(7, 0, -1)]  # in each hour
    assert rows["all", "use", "reserve:cuda", "reserved"] == 6 * 15 * HOUR
    assert rows["all", "use", "reserve:cuda", "used"] == sum(min(each, 6) for each in at_work) * HOUR
    assert rows["all", "use", "reserve", "used"] == rows["all", "use", "reserve:cuda", "used"]


def test_newcomers_have_nothing_of_the_reserve_where_none_is_held_or_the_site_takes_nothing_more():
    log = ComputeLog().admit(0, "lake", 1, kind="cuda").admit(0, "hill", 20, kind="cpu").policy(0, 2_000)
    log.runs(0, FIVE, "newcomer", site="lake")
    for name in ("six", "seven", "eight", "nine", "ten"):
        log.ask(HOUR, name, "newcomer").start(HOUR, name, "hill")
    log.stand(2 * HOUR, "hill", 20, Standing.DRAINING, kind="cpu").other(5 * HOUR)
    rows = shown(log)
    assert (rows["all", "use", "reserve:cuda", "reserved"], rows["all", "use", "reserve:cuda", "used"]) == (0, 0)
    kept = 5  # 20 % of 21, rounded up; of the only device of its kind none
    assert rows["all", "use", "reserve:cpu", "reserved"] == kept * 2 * HOUR
    assert rows["all", "use", "reserve:cpu", "used"] == 5 * HOUR


def test_the_reserve_of_a_site_that_another_community_governs_is_not_in_the_figures():
    log = (
        ComputeLog()
        .policy(0, 5_000)
        .admit(0, "lake", 8, kind="cuda", governed_by="soil")
        .admit(0, "hill", 4, kind="cuda")
    )
    log.runs(0, FIVE, "newcomer", site="lake")
    rows = shown(log.other(2 * HOUR))
    assert rows["all", "use", "all", "open"] == 2 * 12 * HOUR
    assert rows["all", "use", "reserve:cuda", "reserved"] == 2 * 2 * HOUR, "of its own four devices"
    assert (rows["all", "use", "all", "used"], rows["all", "use", "reserve:cuda", "used"]) == (5 * HOUR, 0)
    log.stand(2 * HOUR, "lake", 8, kind="cuda").other(3 * HOUR)
    assert shown(log)["all", "use", "reserve:cuda", "reserved"] == (2 * 2 + 6) * HOUR, "it governs there now"


def test_devices_of_no_kind_and_of_one_that_is_called_unknown_are_added_up():
    log = ComputeLog().policy(0, 2_000).admit(0, "lake", 10).admit(0, "hill", 10, kind="unknown")
    rows = shown(log.admit(0, "wood", 10, kind="cpu").other(HOUR))
    assert rows["all", "use", "reserve:unknown", "reserved"] == 4 * HOUR
    assert rows["all", "use", "reserve", "reserved"] == 6 * HOUR


def test_the_reserve_follows_what_is_open_and_of_which_kind():
    log = ComputeLog().admit(0, "lake", 10, kind="cuda").admit(0, "hill", 10, kind="cpu").policy(0, 2_000)
    log.stand(HOUR, "hill", 10, Standing.SILENT, kind="cpu").stand(2 * HOUR, "lake", 20, kind="rocm").other(3 * HOUR)
    rows = shown(log)
    kept = {group: rows["all", "use", group, "reserved"] for _, table, group, measure in rows if measure == "reserved"}
    assert kept == {
        "reserve": (4 + 2 + 4) * HOUR, "reserve:cuda": 4 * HOUR, "reserve:cpu": 2 * HOUR, "reserve:rocm": 4 * HOUR,
    }  # fmt: skip


def test_a_log_that_says_no_kinds_has_one_reserve():
    log = ComputeLog().admit(0, "lake", 10).other(HOUR)
    assert {row.group for row in figures(log.log).rows if row.table == "use"} == {"all", "reserve"}
    log.admit(HOUR, "hill", 10, kind="cpu").other(2 * HOUR)
    rows = shown(log)
    assert rows["all", "use", "reserve:unknown", "reserved"] == HOUR + HOUR
    assert rows["all", "use", "reserve:cpu", "reserved"] == HOUR


def test_of_several_logs_the_policy_of_the_one_that_let_a_site_in_first_holds_there():
    first = ComputeLog().policy(0, 5_000).admit(0, "lake", 8, kind="cuda").remove(2 * HOUR, "lake").other(3 * HOUR)
    second = ComputeLog().policy(0, 0).admit(HOUR, "lake", 8, kind="cuda").other(3 * HOUR)
    rows = {
        (row.period, row.table, row.group, row.measure): row.value
        for row in figures_of_many({"soil": second.log, "water": first.log}).rows
    }
    assert rows["all", "use", "all", "open"] == 3 * 8 * HOUR
    assert rows["all", "use", "reserve:cuda", "reserved"] == 2 * 4 * HOUR


def sharing(newcomers):
    """Return two logs that share a site, which the first one governs: so many newcomers of the second work there."""
    water = ComputeLog().policy(0, 5_000).admit(0, "lake", 40, kind="cuda").runs(0, FIVE, "newcomer").other(2 * HOUR)
    soil = ComputeLog().policy(0, 0).admit(0, "lake", 40, kind="cuda", governed_by="water")
    soil.runs(HOUR, [f"soil{number}" for number in range(newcomers)], "newcomer").other(2 * HOUR)
    return {"soil": soil.log, "water": water.log}


def test_of_several_logs_newcomers_of_all_have_the_reserve_of_the_one_that_governs():
    rows = table_of(figures_of_many(sharing(6)))
    assert rows["all", "use", "reserve:cuda", "reserved"] == 20 * 2 * HOUR
    assert rows["all", "use", "reserve:cuda", "used"] == (5 + 6) * HOUR


def test_few_newcomers_at_a_site_that_another_community_governs_do_not_follow_from_the_figures_of_all():
    logs = sharing(1)
    assert table_of(figures(logs["water"]))["all", "use", "reserve:cuda", "used"] == 5 * HOUR
    rows = table_of(figures_of_many(logs))
    assert {rows["all", "use", group, "used"] for group in ("reserve", "reserve:cuda")} == {SUPPRESSED}
    assert rows["all", "use", "reserve", "utilisation"] == SUPPRESSED


def test_a_request_is_counted_once_for_each_reason_that_it_was_told_and_each_month():
    log = ComputeLog().admit(0, "lake", 4)
    for name in FIVE:
        log.ask(0, name)
    for name in FIVE:
        log.waits(0, name).waits(60, name, Why.GREENER_LATER).waits(120, name)
    for name in FIVE:
        log.waits(31 * DAY, name)
    rows = shown(log)
    told = {key: value for key, value in rows.items() if key[1] == "waits"}
    assert told == {
        ("all", "waits", "all_busy", "told"): 5,
        ("all", "waits", "greener_later", "told"): 5,
        ("2026-01", "waits", "all_busy", "told"): 5,
        ("2026-01", "waits", "greener_later", "told"): 5,
        ("2026-02", "waits", "all_busy", "told"): 5,
    }


def test_a_reason_that_few_were_told_is_hidden():
    log = ComputeLog().admit(0, "lake", 4)
    for name in FIVE:
        log.ask(0, name)
    for name in FIVE[:4]:
        log.waits(0, name)
    (row, *_) = (row for row in figures(log.log).rows if row.table == "waits")
    assert (row.group, row.value) == ("all_busy", None)


def test_a_request_that_needs_more_memory_or_says_why_it_waits_is_no_stray_unless_nobody_asked():
    more = events.ComputeNeedsMore(request="a", site="lake", memory_bytes=2**40)
    log = ComputeLog().admit(0, "lake", 4).write(0, more).waits(0, "a").ask(1, "a").write(2, more).waits(3, "a")
    assert figures(log.log).strays == 2


def test_the_reserve_is_a_share_of_what_is_open_and_its_use_what_newcomers_had_of_it():
    log = ComputeLog().admit(0, "lake", 20).policy(0, 5_000)
    log.runs(0, FIVE, "newcomer", why=Why.STARTS_IN_RESERVE)
    log.runs(HOUR, [f"lent{number}" for number in range(5)], why=Why.STARTS_ON_LENT)
    rows = shown(log)
    assert rows["all", "use", "reserve", "reserved"] == 20 * HOUR
    assert rows["all", "use", "reserve", "used"] == 5 * HOUR
    assert rows["all", "use", "reserve", "lent"] == 5 * HOUR
    assert rows["all", "use", "reserve", "utilisation"] == Fraction(1, 4)


def test_the_expansion_factor_counts_all_waiting_also_after_an_interruption():
    log = ComputeLog().admit(0, "lake", 10).admit(0, "hill", 10)
    for name in FIVE:
        log.ask(0, name)
    for name in FIVE:
        log.start(100, name)
    for name in FIVE:
        log.interrupt(200, name)
    for name in FIVE:
        log.start(300, name, "hill")
    for name in FIVE:
        log.end(400, name, "hill")
    assert shown(log)["all", "requests", "member", "expansion_p50"] == Fraction(400, 200)


def test_failures_are_counted_where_they_happened():
    log = ComputeLog().admit(0, "lake", 50).admit(0, "hill", 50)
    log.runs(0, [f"a{number}" for number in range(6)], site="hill")
    for number in range(8):
        log.ask(DAY, f"b{number}").start(DAY, f"b{number}", "lake")
    for number in range(8):
        if number < 2:
            log.interrupt(DAY + 60, f"b{number}", "lake", Interruption.SITE_SILENT)
        else:
            log.end(DAY + 60, f"b{number}", "lake", Outcome.FAILED if number < 4 else Outcome.DONE)
    rows = shown(log)
    assert rows["all", "sites", "lake", "failure_share"] == Fraction(1, 2)
    assert [rows["all", "sites", "lake", name] for name in ("starts", "failed", "site_silent", "done")] == [8, 2, 2, 4]
    assert rows["all", "sites", "hill", "failure_share"] == 0
    assert rows["all", "sites", "all", "starts"] == 14


def test_what_no_machine_took_is_no_failure_of_its_site():
    log = ComputeLog().admit(0, "lake", 50)
    for number in range(6):
        log.ask(DAY, f"b{number}").start(DAY, f"b{number}", "lake")
        log.interrupt(DAY + 60, f"b{number}", "lake", Interruption.UNTAKEN)
    rows = shown(log)
    assert [rows["all", "sites", "lake", name] for name in ("starts", "untaken", "failure_share")] == [6, 6, 0]


def test_energy_says_how_it_is_known_and_unknown_energy_is_no_zero():
    log = ComputeLog().admit(0, "lake", 50)
    for how in EnergyHow:
        for number in range(5):
            log.ask(0, f"{how}{number}").start(0, f"{how}{number}")
            log.end(60, f"{how}{number}", energy=how, grams=5 if how is EnergyHow.METERED else None)
    rows = shown(log)
    assert (rows["all", "energy", "metered", "joules"], rows["all", "energy", "metered", "grams"]) == (500, 25)
    assert rows["all", "energy", "estimated", "without_grams"] == 5
    assert ("all", "energy", "unknown", "joules") not in rows
    assert ("all", "energy", "all", "joules") not in rows, "what was metered and what was estimated is not added up"
    assert rows["all", "energy", "unknown", "cost"] == 35


def test_a_price_is_noted_when_it_changes():
    log = ComputeLog().admit(0, "lake", 50)
    for number, price in enumerate((10, 10, 12, 10)):
        log.ask(number, f"r{number}").start(number, f"r{number}", price=price)
    prices = [(row.at, row.group, row.value) for row in figures(log.log).rows if row.table == "prices"]
    assert prices == [(JANUARY, "lake", 10), (JANUARY + 2, "lake", 12), (JANUARY + 3, "lake", 10)]


def test_what_happens_at_the_same_moment_happens_in_the_order_of_the_log():
    first = ComputeLog().admit(0, "lake", 10).runs(0, FIVE, run=0).other(60)
    assert shown(first)["all", "requests", "member", "wait_p99"] == 0
    assert figures(first.log).strays == 0
    turned = Log.of(reversed(first.entries))
    assert figures(turned).strays > 0


@given(st.permutations(range(6)), st.data())
@settings(max_examples=40, deadline=None)
def test_requests_that_have_nothing_to_do_with_each_other_may_come_in_any_order_at_one_moment(order, data):
    log = ComputeLog().admit(0, "lake", 50)
    for number in order:
        log.ask(0, f"r{number}", "newcomer" if number < 5 else "member")
    for number in data.draw(st.permutations(range(6))):
        log.start(60, f"r{number}")
    sorted_log = ComputeLog().admit(0, "lake", 50)
    for number in range(6):
        sorted_log.ask(0, f"r{number}", "newcomer" if number < 5 else "member")
    for number in range(6):
        sorted_log.start(60, f"r{number}")
    assert figures(log.log) == figures(sorted_log.log)


def test_an_entry_with_an_earlier_moment_than_the_one_before_it_counts_as_that_ones():
    log = ComputeLog().admit(0, "lake", 10)
    for name in FIVE:
        log.ask(100, name)
    for name in FIVE:
        log.start(50, name)
    assert shown(log)["all", "requests", "member", "wait_p99"] == 0


def test_what_cannot_be_is_counted_as_a_stray_and_left_out():
    log = ComputeLog().admit(0, "lake").start(0, "nobody").ask(0, "a").ask(1, "a").refuse(2, "a").start(3, "a")
    log.ask(4, "b").start(4, "b", "lake").end(5, "b", "hill").interrupt(6, "b", "hill").remove(7, "nowhere")
    found = figures(log.log)
    assert found.strays == 6
    assert found.size == len(log.entries)


def test_an_event_that_cannot_be_read_is_a_stray_and_the_others_count():
    log = ComputeLog().admit(0, "lake", 10)
    log.entries.append(Entry(JANUARY, "compute_requested", {"request": "a"}))
    found = figures(log.runs(0, FIVE).log)
    assert found.strays == 1
    assert table_of(found)["all", "requests", "all", "asked"] == 5


@pytest.mark.parametrize("at", [-1, 10**12, True, None])
def test_a_moment_that_is_none_is_refused(at):
    with pytest.raises((Invalid, TypeError)):
        figures(Log((Entry(at, "site_admitted", {"site": "a", "proposal_number": None}),), 1, 0))


def test_an_empty_log_has_no_figures():
    assert figures(Log.of([])).is_empty
    assert figures(ComputeLog().other(5).log).is_empty
    assert figures_of_many({}).is_empty


def test_small_groups_are_not_shown_and_neither_is_what_would_give_them_away():
    log = ComputeLog().admit(0, "lake", 50)
    log.runs(0, ["n1", "n2"], "newcomer").runs(0, [f"m{number}" for number in range(9)])
    rows = shown(log)
    assert rows["all", "requests", "newcomer", "asked"] == SUPPRESSED
    assert rows["all", "requests", "newcomer", "wait_p50"] == SUPPRESSED
    assert rows["all", "requests", "member", "started"] == SUPPRESSED
    assert rows["all", "requests", "newcomer", "share"] == SUPPRESSED
    assert rows["all", "requests", "all", "started"] == 11


def test_many_requests_of_few_people_are_a_small_group():
    log = ComputeLog().admit(0, "lake", 50)
    for number in range(10):
        log.ask(0, f"r{number}", actor="Alice" if number % 2 else "Bob").start(1, f"r{number}")
    assert shown(log)["all", "requests", "all", "started"] == SUPPRESSED


def test_a_single_small_month_takes_another_one_with_it():
    log = ComputeLog().admit(0, "lake", 50)
    log.runs(0, FIVE).runs(31 * DAY, ["small"]).runs(59 * DAY, [f"m{number}" for number in range(9)])
    rows = shown(log)
    assert rows["2026-02", "use", "all", "used"] == SUPPRESSED
    assert rows["2026-01", "use", "all", "used"] == SUPPRESSED
    assert rows["2026-03", "use", "all", "used"] == 9 * HOUR
    assert rows["all", "use", "all", "used"] == 15 * HOUR


def test_jain_is_one_for_equal_shares_and_one_of_n_for_a_single_owner():
    assert jain([4, 4, 4]) == 1
    assert jain([9, 0, 0]) == Fraction(1, 3)
    assert jain([1, 2, 3]) == Fraction(36, 42)
    assert jain([0, 0]) is None


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_jain_lies_between_one_of_n_and_one(values):
    found = jain(values)
    assert found is None or Fraction(1, len(values)) <= found <= 1


def test_communities_share_a_site_that_is_counted_once_and_fairness_is_over_what_each_had():
    water = ComputeLog().admit(0, "lake", 10).runs(0, [f"w{n}" for n in range(6)])
    soil = ComputeLog().admit(0, "lake", 8).runs(0, FIVE, run=2 * HOUR)
    rows = table_of(figures_of_many({"water": water.log, "soil": soil.log, "idle": ComputeLog().other(0).log}))
    assert rows["all", "use", "all", "open"] == 10 * 2 * HOUR
    assert rows["all", "use", "all", "used"] == 16 * HOUR
    assert rows["all", "fairness", "all", "communities"] == 2
    assert rows["all", "fairness", "all", "jain"] == Fraction((6 + 10) ** 2, 2 * (36 + 100))


def test_what_one_community_suppresses_the_whole_site_does_not_give_away():
    water = ComputeLog().admit(0, "lake", 50).runs(0, ["w1"]).runs(31 * DAY, [f"v{n}" for n in range(9)])
    soil = ComputeLog().admit(0, "lake", 50).runs(0, FIVE).runs(31 * DAY, [f"s{n}" for n in range(9)])
    assert shown(water)["2026-01", "use", "all", "used"] == SUPPRESSED
    assert shown(soil)["2026-01", "use", "all", "used"] == 5 * HOUR
    rows = table_of(figures_of_many({"water": water.log, "soil": soil.log}))
    assert rows["2026-01", "use", "all", "used"] == SUPPRESSED
    assert rows["2026-01", "fairness", "all", "jain"] == SUPPRESSED
    assert rows["all", "use", "all", "used"] == 24 * HOUR


def test_a_year_of_computing_shows_most_of_its_figures():
    found = figures(a_year_of_computing().log)
    assert found.strays == 0
    rows = table_of(found)
    assert rows["all", "requests", "newcomer", "asked"] == 4 * 12
    assert rows["all", "requests", "newcomer", "acceptance"] == Fraction(1, 2)
    assert rows["2026-01", "requests", "newcomer", "wait_p90"] == 300
    assert rows["2026-01", "refusals", "no_site", "refused"] == 6
    assert SUPPRESSED not in rows.values()
    assert found.until > FEBRUARY
