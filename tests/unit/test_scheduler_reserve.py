"""How many devices of each kind are reserved: the share rounded up, each kind its part of it, and none of them whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training_jobs.scheduling.reserve import reserved
from training_jobs.scheduling.values import BPS

POOLS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 60))
SHARES = st.integers(0, BPS - 1)


@pytest.mark.parametrize(
    ("devices", "share_bps", "expected"),
    [
        ({"a": 10}, 1_000, {"a": 1}),
        ({"a": 11}, 1_000, {"a": 2}),
        ({"a": 2}, 1_000, {"a": 1}),
        ({"a": 1}, 9_000, {"a": 0}),
        ({"a": 40, "b": 40}, 1_000, {"a": 4, "b": 4}),
        ({"a": 30, "b": 12}, 1_000, {"a": 4, "b": 1}),
        ({"a": 4, "b": 4}, 1_000, {"a": 1, "b": 0}),
        ({"a": 4, "b": 5}, 1_000, {"a": 0, "b": 1}),
        ({"a": 9, "b": 1}, 5_000, {"a": 5, "b": 0}),
        ({"a": 1, "b": 1}, 5_000, {"a": 0, "b": 0}),
        ({"a": 3, "b": 0}, 5_000, {"a": 2, "b": 0}),
        ({"a": 3, "b": 2}, 0, {"a": 0, "b": 0}),
        ({"a": 3, "b": 1}, BPS, {"a": 3, "b": 1}),
        ({}, 1_000, {}),
    ],
)
def test_the_share_is_rounded_up_and_divided_by_largest_remainder(devices, share_bps, expected):
    assert reserved(devices, share_bps) == expected


@given(POOLS, SHARES)
def test_together_it_is_the_share_rounded_up_but_for_what_would_be_all_of_a_kind(devices, share_bps):
    total, found = sum(devices.values()), reserved(devices, share_bps)
    whole = min(-(-total * share_bps // BPS), max(total - 1, 0))
    most = sum(min(-(-whole * count // total), count - 1) for count in devices.values() if count)
    assert sum(found.values()) == min(whole, most)
    if all(count != 1 for count in devices.values()) and share_bps <= BPS // 2:
        assert sum(found.values()) == whole


@given(POOLS, SHARES)
def test_each_kind_keeps_its_part_to_less_than_one_device_and_never_all(devices, share_bps):
    total, found = sum(devices.values()), reserved(devices, share_bps)
    whole = min(-(-total * share_bps // BPS), max(total - 1, 0))
    assert found.keys() == devices.keys()
    for kind, count in devices.items():
        assert found[kind] == 0 or found[kind] < count
        assert not total or abs(found[kind] * total - whole * count) < total


@given(POOLS, SHARES, SHARES)
def test_a_higher_share_never_reserves_less(devices, one, other):
    low, high = sorted((one, other))
    assert sum(reserved(devices, low).values()) <= sum(reserved(devices, high).values())


@given(POOLS, SHARES, st.randoms(use_true_random=False))
def test_the_order_in_which_kinds_are_told_does_not_matter(devices, share_bps, draw):
    mixed = draw.sample(list(devices.items()), len(devices))
    assert reserved(dict(mixed), share_bps) == reserved(devices, share_bps)
