"""Small groups stay hidden: whoever adds and subtracts all that is shown learns the size of none.

The attacker here is not the code under test: it writes down every equation between published figures as a matrix and
looks, with singular values, for unknowns that have one solution only.
"""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from tests.simulators.compute_log import DAY, ComputeLog
from training_jobs.scheduling.events import EnergyHow
from training_jobs.scheduling.values import Why
from training_jobs.transparency.figures import figures, figures_of_many
from training_jobs.transparency.suppression import SMALL, Size, Sum, Table, determined, hide

MONTHS = 3
REQUESTS = {"requests", "refusals"}
KINDS, OUTCOMES = ("newcomer", "member"), ("started", "refused", "open")
ADDITIVE = {
    ("requests", "requests"), ("refusals", "requests"), ("energy", "requests"), ("energy", "joules"), ("energy", "micro-units"), ("sites", "parts"),
    ("use", "device-seconds"),
}  # fmt: skip
CAPACITY = {("use", "open"), ("use", "reserved")}  # shown always
asked = st.tuples(
    st.integers(0, MONTHS - 1),
    st.sampled_from(KINDS),
    st.sampled_from(["lake", "hill", "lake", "hill", "no_quota", "no_site", "open"]),
    st.integers(0, 12),
    st.sampled_from(list(EnergyHow)),
)
worlds = st.lists(asked, max_size=45)


def world(wishes, governed_by=""):
    log = ComputeLog().admit(0, "lake", 100, kind="cuda", governed_by=governed_by)
    log.admit(0, "hill", 100, kind="cpu", governed_by=governed_by)
    for number, (month, who, what, person, how) in enumerate(sorted(wishes, key=lambda wish: wish[0])):
        at, name = month * 31 * DAY + 60 * number, f"r{number}"
        log.ask(at, name, who, actor=f"person {person}")
        if what in {"lake", "hill"}:
            mostly = Why.STARTS_IN_RESERVE if who == "newcomer" else Why.STARTS_ON_LENT
            why = mostly if person % 2 else Why.STARTS
            log.start(at, name, what, why).end(at + 60, name, what, energy=how)
        elif what != "open":
            log.refuse(at, name, what)
    return log.other(100 * DAY).log


def additive(found):
    """Return what adds up, by (table, period, group, measure); None where it is suppressed. Absent is nothing."""
    return {
        (row.table, row.period, row.group, row.measure): row.value
        for row in found.rows
        if (row.table, row.unit) in ADDITIVE and (row.table, row.measure) not in CAPACITY
    }


def equations(published):
    """Yield (total, parts): what everybody knows to add up among the figures of one log."""
    groups = {(table, group, measure) for table, _, group, measure in published}
    periods = sorted({period for _, period, _, _ in published})
    months = [period for period in periods if period != "all"]
    for table, group, measure in groups:
        yield (table, "all", group, measure), [(table, month, group, measure) for month in months]
    for period in periods:
        for who in (*KINDS, "all"):
            yield ("requests", period, who, "asked"), [("requests", period, who, outcome) for outcome in OUTCOMES]
        for outcome in (*OUTCOMES, "asked"):
            yield ("requests", period, "all", outcome), [("requests", period, who, outcome) for who in KINDS]
        reasons = [("refusals", period, group, measure) for table, group, measure in groups if table == "refusals"]
        yield ("requests", period, "all", "refused"), reasons
        for measure in ("ended", "cost"):
            yield ("energy", period, "all", measure), [("energy", period, str(how), measure) for how in EnergyHow]
        for measure in ("used", "lent"):
            of_kinds = [("use", period, f"reserve:{kind}", measure) for kind in ("cuda", "cpu")]
            yield ("use", period, "reserve", measure), of_kinds
        for measure in {measure for table, _, measure in groups if table == "sites"}:
            yield ("sites", period, "all", measure), [("sites", period, site, measure) for site in ("lake", "hill")]


def given_away(published, known_equations):
    """Return the suppressed figures that the equations leave one value only."""
    blocks = {}  # figures of different tables and measures never meet in an equation
    for total, parts in known_equations:
        table, measure = total[-4], total[-1]
        block = "requests" if table in {"requests", "refusals"} else (table, measure)
        signed = ((total, -1), *((part, 1) for part in parts))
        unknown = frozenset((key, sign) for key, sign in signed if key in published and published[key] is None)
        if unknown:
            blocks.setdefault(block, set()).add(unknown)
    return [key for block in blocks.values() for key in _determined(block)]


def _determined(rows):
    unknown = sorted({key for row in rows for key, _ in row})
    matrix = np.zeros((len(rows), len(unknown)))
    for number, row in enumerate(rows):
        for key, sign in row:
            matrix[number, unknown.index(key)] += sign
    _, sizes, directions = np.linalg.svd(matrix)
    moves = np.abs(directions[int((sizes > 1e-9).sum()) :]).sum(axis=0)
    return [key for key, moved in zip(unknown, moves, strict=True) if moved < 1e-9]


@given(worlds)
@settings(max_examples=80, deadline=None)
def test_subtraction_gives_no_suppressed_figure_away(wishes):
    published = additive(figures(world(wishes)))
    assert given_away(published, equations(published)) == []


def follows_exactly(published, known_equations):
    """Return the suppressed figures that have one value, given that no figure is below nothing (linear programmes)."""
    keys = sorted(key for key, value in published.items() if value is None)
    rows, sides = [], []
    for total, parts in known_equations:
        row = np.zeros(len(keys))
        known = 0
        for key, sign in ((total, -1), *((part, 1) for part in parts)):
            if key in published and published[key] is None:
                row[keys.index(key)] += sign
            else:
                known += sign * published.get(key, 0)
        if row.any():
            rows.append(row)
            sides.append(-known)
    found = []
    for number, key in enumerate(keys):
        ends = [
            linprog(sign * np.eye(len(keys))[number], A_eq=np.array(rows), b_eq=sides, bounds=(0, None)).fun
            for sign in (1, -1)
        ]
        if None not in ends and abs(ends[0] + ends[1]) < 1e-6:
            found.append((key, round(ends[0])))
    return found


def of(month, who, what, count, first=0):
    return [(month, who, what, first + number, EnergyHow.METERED) for number in range(count)]


def test_a_total_that_is_shown_as_nothing_gives_no_small_group_of_another_month_away():
    wishes = [
        *of(0, "newcomer", "lake", 2),
        *of(0, "newcomer", "no_quota", 6, 10),
        *of(0, "newcomer", "open", 2, 20),
        *of(0, "member", "lake", 2, 30),
        *of(0, "member", "no_quota", 2, 40),
        *of(0, "member", "open", 5, 50),
        *of(1, "newcomer", "lake", 3, 60),
        *of(1, "newcomer", "no_quota", 9, 70),
        *of(1, "newcomer", "open", 2, 80),
    ]
    published = {key: value for key, value in additive(figures(world(wishes))).items() if key[0] in REQUESTS}
    known = [each for each in equations(published) if each[0][0] in REQUESTS]
    assert [each for each in follows_exactly(published, known) if 0 < each[1] < SMALL] == []


@given(
    st.lists(
        st.tuples(
            st.integers(0, 1),
            st.sampled_from(KINDS),
            st.sampled_from(["lake", "no_quota", "open"]),
            st.sampled_from([1, 2, 5, 9]),
        ),
        max_size=7,
    )
)
@settings(max_examples=25, deadline=None)
def test_that_nothing_is_below_nothing_gives_no_small_group_away(groups):
    wishes = [wish for number, each in enumerate(groups) for wish in of(*each, first=100 * number)]
    published = {key: value for key, value in additive(figures(world(wishes))).items() if key[0] in REQUESTS}
    known = [each for each in equations(published) if each[0][0] in REQUESTS]
    assert [each for each in follows_exactly(published, known) if 0 < each[1] < SMALL] == []


@given(worlds, worlds, worlds)
@settings(max_examples=30, deadline=None)
def test_subtracting_the_figures_of_communities_from_those_of_the_site_gives_nothing_away(first, second, third):
    logs = {f"c{number}": world(each) for number, each in enumerate((first, second, third))}
    each = {name: additive(figures(log)) for name, log in logs.items()}
    each["site"] = additive(figures_of_many(logs))
    published = {(name, *key): value for name, found in each.items() for key, value in found.items()}
    known = [
        ((name, *total), [(name, *part) for part in parts])
        for name, found in each.items()
        for total, parts in equations(found)
    ]
    keys = {key for found in each.values() for key in found}
    known += [(("site", *key), [(name, *key) for name in logs]) for key in keys]
    assert given_away(published, known) == []


@given(worlds, worlds)
@settings(max_examples=40, deadline=None)
def test_few_newcomers_at_sites_that_another_community_governs_do_not_follow_from_all_figures(governing, other):
    """Only the figures of all count them in the reserve: what they had is those without what the first community had."""
    logs = {"c0": world(governing), "c1": world(other, "c0")}
    whole, first = (
        {key: value for key, value in additive(found).items() if key[0] == "use" and key[3] == "used"}
        for found in (figures_of_many(logs), figures(logs["c0"]))
    )
    keys = {key for key in {*whole, *first} if key[2].startswith("reserve")}
    people = {}
    for month, who, site, person, _ in other:
        if who == "newcomer" and site in {"lake", "hill"}:
            kind = "cuda" if site == "lake" else "cpu"
            for period in ("all", f"2026-{month + 1:02}"):
                for group in ("reserve", f"reserve:{kind}"):
                    people.setdefault(("use", period, group, "used"), []).append(person)
    secret = dict.fromkeys(people)
    published = {
        (name, *key): value
        for name, found in (("site", whole), ("c0", first), ("c1", secret))
        for key, value in found.items()
    }
    known = [
        ((name, *total), [(name, *part) for part in parts])
        for name, found in (("site", whole), ("c0", first), ("c1", secret))
        for total, parts in equations(found)
    ]
    known += [(("site", *key), [("c0", *key), ("c1", *key)]) for key in keys]
    small = {("c1", *key) for key, had in people.items() if min(len(had), len(set(had))) < SMALL}
    assert small.isdisjoint(given_away(published, known))


@given(worlds)
@settings(max_examples=40, deadline=None)
def test_no_shown_group_of_requests_is_small(wishes):
    people = {}
    for month, who, what, person, _ in wishes:
        outcome = "started" if what in {"lake", "hill"} else "open" if what == "open" else "refused"
        for group in (who, "all"):
            for measure in (outcome, "asked"):
                people.setdefault((group, measure), {}).setdefault(month, []).append(person)
    shown = {
        (row.group, row.measure, row.period): row.value
        for row in figures(world(wishes)).rows
        if row.table == "requests" and row.unit == "requests"
    }
    for (group, measure), by_month in people.items():
        everybody = [person for persons in by_month.values() for person in persons]
        for period, persons in [("all", everybody), *((f"2026-{m + 1:02}", found) for m, found in by_month.items())]:
            is_small = len(persons) < SMALL or len(set(persons)) < SMALL
            assert shown[group, measure, period] in ({None} if is_small else {None, len(persons)})


def test_the_attacker_finds_what_is_not_protected():
    """Secondary suppression is what holds: without it, the attacker of these tests wins."""
    wishes = [(0, "newcomer", "lake", 1, EnergyHow.METERED)] * 2 + [
        (0, "member", "lake", number, EnergyHow.METERED) for number in range(9)
    ]
    published = additive(figures(world(wishes)))
    naive = {
        key: (9 if key[2] == "member" else None) if value is None and key[0] == "requests" else value
        for key, value in published.items()
    }
    assert ("requests", "all", "newcomer", "started") in given_away(naive, equations(naive))


def test_elimination_finds_a_value_that_follows_from_several_equations_together():
    sums = [Sum("a", ("x", "y")), Sum("b", ("y", "z")), Sum("c", ("x", "z"))]
    assert determined({"x", "y", "z"}, sums) == {"x", "y", "z"}
    assert determined({"x", "y"}, sums[:1]) == set()
    assert determined({"x", "y", "a"}, sums) == {"x", "y", "a"}


def test_company_is_the_cell_with_the_fewest_requests_that_has_any():
    sizes = {"small": Size(2, 2), "none": Size(), "ten": Size(10, 10), "six": Size(6, 6), "sum": Size(18, 18)}
    table = Table({"all": sizes}, (Sum("sum", ("small", "none", "ten", "six")),))
    assert {cell for _, cell in hide(table).cells} == {"small", "six"}


def test_what_is_precious_is_hidden_last():
    sizes = {"small": Size(2, 2), "dear": Size(6, 6), "sum": Size(8, 8)}
    table = Table({"all": sizes}, (Sum("sum", ("small", "dear")),), frozenset({"dear"}))
    assert {cell for _, cell in hide(table).cells} == {"small", "sum"}


def test_nothing_is_hidden_where_nothing_is_small():
    sizes = {"a": Size(5, 5), "b": Size(), "sum": Size(5, 5)}
    assert hide(Table({"all": sizes}, (Sum("sum", ("a", "b")),))).cells == frozenset()


def test_hidden_cells_are_rows_without_a_value_so_that_everybody_sees_that_something_is_missing():
    wishes = [(0, "newcomer", "no_quota", 1, EnergyHow.METERED)]
    found = Counter(row.value is None for row in figures(world(wishes)).rows if row.table == "refusals")
    assert found == {True: 2}
