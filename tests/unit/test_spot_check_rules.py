"""The draw cannot be steered, comparisons condemn only what differs, and one bad checker condemns nobody."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from training_jobs.spot_checks import draw, rules
from training_jobs.spot_checks.comparison import compare
from training_jobs.spot_checks.rules import Found, Verdict
from training_jobs.trainer import sketch

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
CLASS = {"code_digest": "c" * 64, "environment": {"device": "cpu"}}
ELSEWHERE = {"code_digest": "c" * 64, "environment": {"device": "another"}}
FILES = [{"path": "state.safetensors", "size": 4, "sha256": "a" * 64}]
CLAIMED: dict[str, Any] = {"files": FILES, "losses": ["2.000000", "1.000000"], **CLASS}


def found(**changes: Any) -> dict[str, Any]:
    return {**CLAIMED, "sketch": None, **changes}


def test_neither_side_alone_says_which_slice_is_drawn():
    """Whatever end a site hands over, roots that it does not know draw every slice about as often; so do ends for a root."""
    taken_by_roots = [
        draw.least({number: draw.seed("", f"end {number}", f"root {root}") for number in range(4)})
        for root in range(400)
    ]
    taken_by_ends = [
        draw.least({number: draw.seed("", f"end {number} {tried}", "root") for number in range(4)})
        for tried in range(400)
    ]
    for taken in (taken_by_roots, taken_by_ends):
        assert all(60 <= taken.count(number) <= 140 for number in range(4)), taken
    assert draw.seed("a", "b", "root") != draw.seed("b", "a", "root")


def test_as_many_attempts_are_checked_as_the_rate_says():
    seeds = [draw.seed("", str(number), "root") for number in range(2_000)]
    assert not any(draw.is_checked(seed, 0) for seed in seeds)
    assert all(draw.is_checked(seed, draw.BPS) for seed in seeds)
    assert 140 <= sum(draw.is_checked(seed, 1_000) for seed in seeds) <= 260


def test_within_one_class_of_machine_every_bit_counts():
    assert compare(CLAIMED, found(), 4).outcome == "equal"
    other = compare(CLAIMED, found(files=[{**FILES[0], "sha256": "b" * 64}]), 4)
    assert other.outcome == "differs"
    assert other.evidence["files"] == [{"path": "state.safetensors", "claimed": "a" * 64, "found": "b" * 64}]
    told = compare(CLAIMED, found(losses=["2.000000", "1.000001"]), 4)
    assert (told.outcome, told.evidence["losses"]) == (
        "differs",
        [{"step": 6, "claimed": "1.000000", "found": "1.000001"}],
    )


@pytest.mark.parametrize(
    ("losses", "outcome"),
    [
        (["2.050000", "0.960000"], "within"),
        (["2.200000", "1.000000"], "differs"),
        (["NaN", "1.000000"], "differs"),
        (["9" * 41, "1.000000"], "differs"),
    ],
)
def test_across_classes_losses_may_differ_a_little(losses, outcome):
    assert compare(CLAIMED, found(losses=losses, files=[], **ELSEWHERE), 4).outcome == outcome


def test_across_classes_nothing_is_said_without_a_loss():
    silent = {**CLAIMED, "losses": []}
    assert compare(silent, found(**ELSEWHERE), 4).outcome == "not_possible"


def test_weights_are_compared_across_classes_by_the_way_that_they_went(tmp_path):
    draw_numbers = np.random.default_rng(5)
    start = draw_numbers.normal(size=3_000).astype(np.float32)
    way = draw_numbers.normal(size=3_000).astype(np.float32) / 100
    other = draw_numbers.normal(size=3_000).astype(np.float32) / 100

    def sketched(name: str, weights: Any) -> Any:
        save_file({"weight/a": weights, "optimizer/a": weights * 0}, tmp_path / name)
        return sketch.of_file(tmp_path / name, "5" * 64, "weight/")

    ends = sketched("start", start), sketched("end", start + way)
    near = compare(CLAIMED, found(sketch=sketched("near", start + way + other / 20), **ELSEWHERE), 4, ends)
    never_moved = compare(CLAIMED, found(sketch=ends[0], **ELSEWHERE), 4, ends)
    elsewhere = compare(CLAIMED, found(sketch=sketched("far", start + other), **ELSEWHERE), 4, ends)
    assert [each.outcome for each in (near, never_moved, elsewhere)] == ["within", "differs", "differs"]
    assert sketch.of_file(tmp_path / "end", "6" * 64, "weight/") != ends[1]
    assert sketch.of_file(tmp_path / "end", "5" * 64, "none/") is None


def of(outcome: str, checker: str, result: str = "x", environment: str = "e") -> Found:
    return Found(outcome, checker, environment, result)


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ([of("equal", "a")], Verdict()),
        ([of("within", "a")], Verdict()),
        ([of("not_possible", "a")], Verdict()),
        ([of("differs", "a")], Verdict(again=True)),
        ([of("differs", "a"), of("not_possible", "b")], Verdict(again=True)),
        ([of("differs", "a"), *[of("not_possible", "b")] * 3], Verdict()),
        ([of("differs", "a"), of("equal", "b")], Verdict(alone="a")),
        ([of("differs", "a"), of("differs", "b")], Verdict(site_lies=True)),
        ([of("differs", "a"), of("differs", "b", "y", "f")], Verdict(site_lies=True)),
        ([of("differs", "a"), of("differs", "b", "y")], Verdict(again=True)),
    ],
)
def test_a_site_lies_when_two_others_agree_that_it_does(checks, said):
    assert rules.verdict(checks) == said


def test_three_doubts_in_a_week_are_enough():
    ages = [timedelta(days=days) for days in (0, 1, 6)]
    assert rules.is_enough([NOON - age for age in ages], NOON)
    assert not rules.is_enough([NOON - age for age in ages[:2]], NOON)
    assert not rules.is_enough([*(NOON - age for age in ages[:2]), NOON - timedelta(days=7)], NOON)


def test_a_machine_is_believed_three_times_its_measured_speed_over_enough_steps():
    allowed = rules.speed_max(2_000, 2, 36, 18)
    assert allowed == 12_000, "a larger model is no faster than the reference"
    assert rules.speed_max(2_000, 2, 9, 18) == 24_000, "a smaller one may be, in proportion"
    assert rules.is_too_fast(12_001, 1, 20, allowed)
    assert not rules.is_too_fast(12_000, 1, 20, allowed)
    assert not rules.is_too_fast(12_001, 1, 19, allowed)
    assert rules.is_too_fast(12_001, 0, 20, allowed)
