"""The week of the commons: which week is meant, and bars in lanes, so that none hides another."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend import week_picture
from governance.errors import Malformed
from training_jobs.commons import timetable
from training_jobs.commons.timetable import Bar, Use

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def bar(since: int, until: int, name: str = "run:1") -> Bar:
    """Return a bar of so many hours from now."""
    begins, ends = NOW + since * HOUR, NOW + until * HOUR
    return Bar("lake", "Lake", Use.VOTED, name, begins, ends, 1, begins)


def test_a_week_is_that_of_iso_8601() -> None:
    week = timetable.week_named("2026-W47", NOW)
    assert (week.since.isoformat(), week.until.isoformat()) == (
        "2026-11-16T00:00:00+00:00",
        "2026-11-23T00:00:00+00:00",
    )
    assert timetable.week_named("", NOW) == week
    assert (week.before.name, week.after.name) == ("2026-W46", "2026-W48")
    assert timetable.week_named("2026-W53", NOW).after.name == "2027-W01"


@pytest.mark.parametrize(
    "text", ["2026-W54", "2025-W53", "2026-W00", "2026-47", "x", "9999-W52", "0001-W01", "２０２６-W47"]
)
def test_what_is_no_week_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        timetable.week_named(text, NOW)
    assert (refused.value.code, refused.value.field) == ("malformed_week", "week")
    assert "2026-W47" in str(refused.value.allowed)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), max_size=12))
def test_two_bars_of_one_lane_never_overlap_and_no_lane_is_wasted(spans: list[tuple[int, int]]) -> None:
    laid, lanes = timetable.in_lanes([bar(since, since + long, f"run:{n}") for n, (since, long) in enumerate(spans)])
    assert len(laid) == len(spans)
    for one in laid:
        for other in laid:
            if one.name < other.name and one.lane == other.lane:
                assert one.until <= other.since or other.until <= one.since
    busiest = max((sum(each.since <= one.since < each.until for each in laid) for one in laid), default=0)
    assert lanes == busiest


def test_what_reaches_beyond_the_week_ends_at_its_edge_and_minutes_can_be_seen() -> None:
    week = timetable.week_named("", NOW)
    laid, lanes = timetable.in_lanes([bar(-400, 400), bar(0, 0)])
    line = timetable.Line(None, None, laid, lanes)  # type: ignore[arg-type]  # the picture looks at the bars alone
    strip = week_picture.strips([line], week, 1)[0]
    assert (strip.bars[0].x, strip.bars[0].width) == ("0.000%", "100.000%")
    assert strip.bars[1].width == "0.200%"
    assert strip.bars[0].y != strip.bars[1].y
    assert strip.height >= max(each.y + week_picture.LANE for each in strip.bars)


def test_what_has_no_room_in_the_picture_is_counted() -> None:
    laid, lanes = timetable.in_lanes([bar(0, 5, f"run:{n}") for n in range(20)])
    line = timetable.Line(None, None, laid, lanes)  # type: ignore[arg-type]  # as above
    strip = week_picture.strips([line], timetable.week_named("", NOW), 1)[0]
    assert len(strip.bars) == week_picture.LANES_MAX
    assert strip.left_out == 20 - week_picture.LANES_MAX
