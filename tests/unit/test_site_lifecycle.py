"""Where a site stands, what may be done with it there, what its operator may say, and what its machines may measure."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from governance.errors import Conflict, Invalid, Refusal
from models_registry.datasets.countries import COUNTRIES
from training_jobs.scheduling import values
from training_jobs.sites import declared, lifecycle, measured
from training_jobs.sites.lifecycle import ALLOWED, SILENT_AFTER, Action, Facts, Standing

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TODAY = date(2026, 11, 21)
SECOND = timedelta(seconds=1)
bounded = settings(max_examples=200, deadline=None, derandomize=True, database=None)


def price_input(value: object, **other: object) -> dict[str, object]:
    return {"value": value, "dated": "2026-11-01", "source": "the bill", **other}


INPUTS = {
    "watts": price_input(400),
    "pue_permille": price_input(1_300),
    "tariff": price_input(25_000_000),
    "purchase": price_input(2_000_000_000_000),
    "lifetime_hours": price_input(43_800),
    "utilisation_bps": price_input(6_000),
    "operations_bps": price_input(2_000),
}
LAKE = {
    "slug": "lake",
    "name": "Lake cluster",
    "region": "FR",
    "country": "FR",
    "device_kind": "cuda",
    "devices": 8,
    "memory_bytes": 80 * 2**30,
    "currency": "EUR",
    "inputs": INPUTS,
}
WHOLE = declared.clean(LAKE, TODAY)


# --- standing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Facts(), Standing.SILENT),
        (Facts(seen_at=NOW), Standing.OPEN),
        (Facts(seen_at=NOW - SILENT_AFTER + SECOND), Standing.OPEN),
        (Facts(seen_at=NOW - SILENT_AFTER), Standing.SILENT),
        (Facts(seen_at=NOW, drained_at=NOW), Standing.DRAINING),
        (Facts(seen_at=NOW - SILENT_AFTER, drained_at=NOW), Standing.SILENT),
        (Facts(seen_at=NOW, drained_at=NOW, suspended_at=NOW), Standing.SUSPENDED),
        (Facts(seen_at=NOW, suspended_at=NOW, left_at=NOW), Standing.LEFT),
    ],
)
def test_the_first_row_that_matches_is_where_a_site_stands(facts, expected):
    assert lifecycle.standing(facts, NOW) is expected


moments = some.none() | some.integers(-10_000, 10_000).map(lambda seconds: NOW + timedelta(seconds=seconds))


@bounded
@given(some.builds(Facts, moments, moments, moments, moments), some.sampled_from(Action))
def test_every_standing_is_one_of_the_table_and_a_refusal_says_what_was_found_and_what_is_allowed(facts, action):
    found = lifecycle.standing(facts, NOW)
    if facts.left_at is not None:
        assert found is Standing.LEFT
    elif facts.suspended_at is not None:
        assert found is Standing.SUSPENDED
    else:
        heard = facts.seen_at is not None and NOW - facts.seen_at < SILENT_AFTER
        assert (found is Standing.SILENT) == (not heard)
    if found in ALLOWED[action]:
        assert lifecycle.require(action, facts, NOW) is found
        return
    with pytest.raises(Conflict) as refused:
        lifecycle.require(action, facts, NOW)
    assert refused.value.found == str(found)
    assert refused.value.allowed == sorted(map(str, ALLOWED[action]))


@bounded
@given(some.builds(Facts, moments, moments, moments, moments), some.integers(0, 10_000))
def test_time_alone_only_ever_silences(facts, seconds):
    before, after = lifecycle.standing(facts, NOW), lifecycle.standing(facts, NOW + timedelta(seconds=seconds))
    assert after in {before, Standing.SILENT}


def test_nothing_can_be_done_with_a_site_that_left_and_the_scheduler_knows_every_other_standing():
    assert not any(Standing.LEFT in allowed for allowed in ALLOWED.values())
    assert {str(each) for each in Standing} - {"left"} == {str(each) for each in values.Standing}
    assert set(ALLOWED) == set(Action)


# --- what is said -------------------------------------------------------------------------------------------------


def test_a_site_that_is_described_in_whole_is_taken_as_it_is():
    unsaid = {"hours_max": 0, "data_in": None, "data_out": None, "commons_share_bps": 10_000, "payout_address": ""}
    assert {**LAKE, **unsaid} == WHOLE
    assert declared.clean(WHOLE, TODAY) == WHOLE
    assert declared.price_of(INPUTS) > 0
    assert len(COUNTRIES) == 249


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"slug": "Lake"}, "slug"),
        ({"slug": "-"}, "slug"),
        ({"slug": "all"}, "slug"),
        ({"slug": "a" * 51}, "slug"),
        ({"name": "Lake\u202egnitteb"}, "name"),
        ({"name": " \n "}, "name"),
        ({"region": "FR/IDF"}, "region"),
        ({"country": "fr"}, "country"),
        ({"country": "XX"}, "country"),
        ({"currency": "eur"}, "currency"),
        ({"currency": "XTS"}, "currency"),
        ({"currency": ["EUR"]}, "currency"),
        ({"country": ["FR"]}, "country"),
        ({"devices": 0}, "devices"),
        ({"devices": True}, "devices"),
        ({"devices": 10**400}, "devices"),
        ({"memory_bytes": 0}, "memory_bytes"),
        ({"hours_max": -1}, "hours_max"),
        ({"data_in": "text"}, "data_in"),
        ({"data_in": ["Health Records"]}, "data_in"),
        ({"data_out": [["text"]]}, "data_out"),
        ({"data_out": ["a"] * 33}, "data_out"),
        ({"commons_share_bps": 10_001}, "commons_share_bps"),
        ({"commons_share_bps": 1_249}, "commons_share_bps"),
        ({"inputs": []}, "inputs"),
        ({"inputs": {**INPUTS, "tariff": price_input(-1)}}, "inputs.tariff.value"),
        ({"inputs": {**INPUTS, "tariff": price_input(1.5)}}, "inputs.tariff.value"),
        ({"inputs": {**INPUTS, "tariff": price_input(1, source=" ")}}, "inputs.tariff.source"),
        ({"inputs": {**INPUTS, "tariff": price_input(1, dated="2026-11-22")}}, "inputs.tariff.dated"),
        ({"inputs": {**INPUTS, "tariff": price_input(1, dated="yesterday")}}, "inputs.tariff.dated"),
        ({"inputs": {name: INPUTS[name] for name in INPUTS if name != "watts"}}, "inputs.watts"),
        ({"colour": "green"}, "colour"),
    ],
)
def test_what_no_site_can_be_is_refused_with_its_field(changes, field):
    with pytest.raises(Invalid) as refused:
        declared.clean({**LAKE, **changes}, TODAY)
    assert refused.value.field == field


def test_what_is_missing_is_named():
    with pytest.raises(Invalid) as refused:
        declared.clean({name: value for name, value in LAKE.items() if name != "memory_bytes"}, TODAY)
    assert (refused.value.code, refused.value.field) == ("missing_field", "memory_bytes")


@bounded
@given(
    some.sampled_from(declared.NAMES),
    some.none() | some.booleans() | some.integers() | some.floats() | some.text() | some.lists(some.text() | some.integers())
    | some.dictionaries(some.text(), some.integers() | some.text()),
)  # fmt: skip
def test_whatever_is_said_is_taken_or_refused(name, value):
    try:
        found = declared.clean({**LAKE, name: value}, TODAY)
    except Refusal:
        return
    assert declared.clean(found, TODAY) == found


def test_a_change_is_what_differs_and_an_input_brings_its_date_and_source():
    assert declared.changed(WHOLE, {"name": "Lake  cluster", "devices": 8}, TODAY) == {}
    dearer = price_input(30_000_000, dated="2026-11-20", source="the new bill")
    changed = declared.changed(WHOLE, {"inputs": {"tariff": dearer}, "hours_max": 24}, TODAY)
    assert changed == {"inputs": {**INPUTS, "tariff": dearer}, "hours_max": 24}
    with pytest.raises(Invalid) as refused:
        declared.changed(WHOLE, {"inputs": {"tariff": {"value": 30_000_000}}}, TODAY)
    assert refused.value.code == "input_missing"
    with pytest.raises(Conflict) as fixed:
        declared.changed(WHOLE, {"country": "US"}, TODAY)
    assert (fixed.value.code, fixed.value.found, fixed.value.allowed) == ("field_is_fixed", "US", "FR")


# --- what is measured ---------------------------------------------------------------------------------------------

SAID = {
    "device_kind": "cuda",
    "devices": 4,
    "memory_bytes": 80 * 2**30,
    "repeats": [900_000, 1_000_000, 1_200_000],
    "software": "a" * 64,
    "benchmark": 1,
}


def test_the_median_counts_and_the_least_of_all_machines():
    one = measured.believable(SAID, "cuda")
    assert one.tokens_per_second == 1_000_000
    both = [measured.Together(4, 80, 1_000), measured.Together(2, 40, 1_500)]
    assert measured.together(both) == measured.Together(6, 40, 1_000)
    assert measured.together([]) == measured.Together()
    assert [measured.speed_permille(speed) for speed in (0, 1_000, 1_999, 10**15)] == [1, 1_000, 1_999, 10**9]


@pytest.mark.parametrize(
    ("changes", "code", "found"),
    [
        ({"repeats": [10**12] * 3}, "not_believable", 10**12),
        ({"repeats": [1_000, 1_000, 0]}, "not_believable", 0),
        ({"repeats": [1_000]}, "malformed_field", 1),
        ({"devices": 65}, "not_believable", 65),
        ({"devices": 0}, "not_believable", 0),
        ({"memory_bytes": 2**50}, "not_believable", 2**50),
        ({"device_kind": "cpu"}, "other_device", "cpu"),
        ({"benchmark": 2}, "benchmark_unknown", 2),
    ],
)
def test_absurd_figures_are_refused_with_what_was_found_and_what_is_allowed(changes, code, found):
    with pytest.raises(Invalid) as refused:
        measured.believable({**SAID, **changes}, "cuda")
    assert (refused.value.code, refused.value.found) == (code, found)
    assert refused.value.allowed


def test_a_processor_is_believed_less_than_an_accelerator():
    assert measured.tokens_max("cpu") < measured.tokens_max("cuda")
