"""Charts as the server draws them: grids that people can read, lines that stay inside, refusals of the rest."""

import re
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from django.template.loader import render_to_string
from django.utils import translation

from frontend.charts import Axis, BadChart, Mark, Series, draw, loss_curve, spark, ticks

X, Y = Axis("Step", form="whole"), Axis("Loss")


def points_of(path):
    return [(Decimal(x), Decimal(y)) for x, y in re.findall(r"[ML]([\d.-]+) ([\d.-]+)", path)]


def texts(row):
    return [tick.text for tick in row]


# --- grids --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rough", "nice"),
    [("0.03", "0.05"), ("1", "1"), ("1.1", "2"), ("3", "5"), ("6", "10"), ("0.00011", "0.0002"), ("7e30", "1e31")],
)
def test_steps_of_a_grid_are_one_two_or_five_times_a_power_of_ten(rough, nice):
    assert ticks.nice_step(Decimal(rough)) == Decimal(nice)


@pytest.mark.parametrize(("low", "high"), [("0", "3.31"), ("-7", "12"), ("1e-9", "3e-9"), ("99999", "100001")])
def test_the_grid_encloses_the_values_with_few_lines(low, high):
    found = ticks.linear(Decimal(low), Decimal(high), 4)
    assert found[0] <= Decimal(low) < Decimal(high) <= found[-1]
    assert 2 <= len(found) <= 7


def test_a_grid_of_steps_has_whole_numbers_alone():
    assert ticks.whole(Decimal(1), Decimal(3), 4) == [1, 2, 3]
    assert ticks.whole(Decimal(1), Decimal(180), 4) == [50, 100, 150]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [("0.02", "30", ["0.01", "0.1", "1", "10", "100"]), ("3", "4", ["2", "5"]), ("1", "10", ["1", "2", "5", "10"])],
)
def test_a_logarithmic_grid_has_powers_of_ten_and_2_and_5_where_they_are_few(low, high, expected):
    assert ticks.logarithmic(Decimal(low), Decimal(high)) == [Decimal(each) for each in expected]


def test_a_grid_of_time_has_hours_and_days_as_people_count_them():
    noon = Decimal(1_763_726_400)  # 21 November 2025, 12:00 UTC
    assert all(each % 3600 == 0 for each in ticks.of_time(noon, noon + 4 * 3600, 4))
    assert all(each % 86400 == 0 for each in ticks.of_time(noon, noon + 9 * 86400, 4))
    assert len(ticks.of_time(noon, noon + 400 * 86400, 4)) <= 5


# --- values that are odd ------------------------------------------------------------------------------------------


def test_nothing_to_draw_is_no_chart():
    assert draw([], x=X, y=Y) is None
    assert draw([Series("a", [])], x=X, y=Y) is None
    assert draw([Series("a", [(1, None)])], x=X, y=Y) is None
    assert loss_curve((), 10) is None
    assert spark([1]) is None


def test_one_point_is_a_dot_inside_the_frame():
    chart = draw([Series("a", [(7, 3)])], x=X, y=Y)
    (dot,) = chart.lines[0].dots
    assert chart.left < dot[0] < chart.right
    assert chart.top < dot[1] < chart.bottom


@pytest.mark.parametrize("value", [0, 5, -5, Decimal("1e-30"), Decimal("1e300"), Fraction(1, 3)])
def test_a_constant_is_a_level_line_between_the_edges(value):
    chart = draw([Series("a", [(1, value), (2, value)])], x=X, y=Y)
    (_, first), (_, second) = points_of(chart.lines[0].path)
    assert first == second
    assert chart.top <= first <= chart.bottom


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("where", ["x", "y", "band", "mark"])
def test_what_is_not_a_number_is_refused(value, where):
    odd = Decimal(value)
    points = [(1, 1), (odd if where == "x" else 2, odd if where == "y" else 2)]
    band = [(1, 0, odd)] if where == "band" else []
    marks = [Mark(odd, "m")] if where == "mark" else []
    with pytest.raises(BadChart):
        draw([Series("a", points, band=band)], x=X, y=Y, marks=marks)


def test_points_out_of_order_or_twice_at_one_place_are_refused():
    for at in (1, 0):
        with pytest.raises(BadChart, match="not in order"):
            draw([Series("a", [(1, 1), (at, 2)])], x=X, y=Y)


def test_zero_has_no_place_on_a_logarithmic_axis():
    with pytest.raises(BadChart, match="logarithmic"):
        draw([Series("a", [(1, 0), (2, 1)])], x=X, y=Axis("Loss", log=True))


def test_more_lines_than_can_be_told_apart_are_refused():
    with pytest.raises(BadChart, match="at most 8"):
        draw([Series(str(n), [(1, n)]) for n in range(9)], x=X, y=Y)


def test_huge_and_tiny_values_stay_inside_and_their_labels_short():
    for size in (Decimal("1e400"), Decimal("1e-400")):
        chart = draw([Series("a", [(1, size), (2, 3 * size)])], x=X, y=Y)
        assert all(chart.top <= y <= chart.bottom for _, y in points_of(chart.lines[0].path))
        assert all(len(label) < 15 for label in texts(chart.rows))


def test_a_chart_keeps_its_letters_inside_the_picture():
    chart = draw([Series("a", [(1, 123_456_789), (2, 987_654_321)])], x=X, y=Y)
    longest = max(map(len, texts(chart.rows)))
    assert chart.left >= longest * 9


def test_the_last_label_of_an_axis_of_time_ends_inside_the_picture():
    moments = [(1_763_726_400, 1), (1_763_726_408, 2)]
    chart = draw([Series("a", moments)], x=Axis("Time", form="time"), y=Y)
    *others, last = chart.columns
    assert [tick.at_end for tick in others] == [False] * len(others)
    assert last.at_end
    assert f'x="{chart.width}" y="{chart.bottom + 22}" text-anchor="end"' in render_to_string(
        "parts/line_chart.html", {"chart": chart}
    )


def test_labels_of_an_axis_of_time_do_not_meet():
    names = ["In favour", "Against", "Abstention"]
    series = [Series(name, [(1_763_726_400, 1), (1_763_726_408, 123_456_789)]) for name in names]
    chart = draw(series, x=Axis("Time", form="time"), y=Y)
    assert len(chart.columns) >= 2
    for earlier, later in pairwise(chart.columns):
        assert later.at - earlier.at >= len(later.text) * 10


def test_a_lone_moment_stands_among_days():
    chart = draw([Series("a", [(1_761_955_200, 1)])], x=Axis("Time", form="time"), y=Y)  # 1 November 2025, 00:00 UTC
    assert any("1 Nov" in text for text in texts(chart.columns))
    assert not any("23:59" in text for text in texts(chart.columns))


# --- lines --------------------------------------------------------------------------------------------------------


def test_a_missing_value_breaks_the_line_and_is_empty_in_the_table():
    chart = draw([Series("a", [(1, 1), (2, 2), (3, None), (4, 2), (5, 1)])], x=X, y=Y)
    assert chart.lines[0].path.count("M") == 2
    assert chart.table[2] == ("3", [""])
    assert chart.lines[0].places.split()[2] == "-"


def test_a_line_of_steps_has_right_angles_alone():
    chart = draw([Series("a", [(1, 1), (2, 5)], steps=True)], x=X, y=Y)
    assert re.fullmatch(r"M[\d.]+ [\d.]+H[\d.]+V[\d.]+", chart.lines[0].path)


def test_a_band_and_a_threshold_find_room_on_the_axis():
    chart = draw([Series("a", [(1, 5), (2, 6)], band=[(1, 1, 9), (2, 2, 20)])], x=X, y=Y, marks=[Mark(-4, "least")])
    assert chart.lines[0].band.endswith("Z")
    assert texts(chart.rows)[0] == "\N{MINUS SIGN}10"
    assert chart.top <= chart.marks[0].at <= chart.bottom


def test_several_lines_are_told_apart_without_colour_and_their_names_do_not_meet():
    chart = draw([Series(name, [(1, 1), (2, 2 + n / Decimal(100))]) for n, name in enumerate("abc")], x=X, y=Y)
    heights = sorted(line.short_y for line in chart.lines)
    assert all(lower - upper >= 20 for upper, lower in pairwise(heights))
    assert [line.short for line in chart.lines] == ["a", "b", "c"]
    html = render_to_string("parts/line_chart.html", {"chart": chart})
    assert [f"chart__series--{n}" in html for n in range(3)] == [True] * 3


def test_a_logarithmic_axis_gives_each_decade_the_same_height():
    chart = draw([Series("a", [(1, 1), (2, 10), (3, 100), (4, 1000)])], x=X, y=Axis("Loss", log=True))
    heights = [y for _, y in points_of(chart.lines[0].path)]
    apart = {round(first - second) for first, second in pairwise(heights)}
    assert len(apart) == 1


def test_fixed_ends_stay_where_they_are():
    shares = Axis("Share", form="share", low=0, high=1)
    chart = draw([Series("a", [(1, Fraction(1, 3)), (2, Fraction(2, 3))])], x=X, y=shares)
    assert texts(chart.rows)[0] == "0%"
    assert texts(chart.rows)[-1] == "100%"
    assert chart.lines[0].texts == ("33.33%", "66.67%")


# --- words --------------------------------------------------------------------------------------------------------


def test_a_chart_says_in_a_sentence_where_it_went_in_both_languages():
    line = Series("Loss", [(1, Decimal("3.25")), (90, Decimal("0.4")), (1800, Decimal("0.5"))])
    says = draw([line], x=X, y=Y).says
    assert says == "Loss: from 3.25 at step 1 to 0.5 at step 1,800; lowest 0.4, highest 3.25."
    with translation.override("fr"):
        assert "0,5" in draw([line], x=X, y=Y).says


def test_very_small_numbers_are_written_as_powers_of_ten():
    chart = draw([Series("a", [(1, Decimal("0.0002")), (2, Decimal("0.00005"))])], x=X, y=Axis("Rate", from_zero=True))
    assert chart.lines[0].texts == ("2\u00a0×\u00a010⁻⁴", "5\u00a0×\u00a010⁻⁵")


def test_the_picture_has_a_name_no_style_and_its_table_the_same_values():
    line = Series('<b>"Loss"</b>', [(1, 3), (2, 2)])
    chart = draw([line, Series("Other", [(1, 1)])], x=X, y=Y, marks=[Mark(2, "Half & half")])
    html = render_to_string("parts/line_chart.html", {"chart": chart})
    assert 'role="img" aria-label="&lt;b&gt;' in html
    assert "style=" not in html
    assert "<b>" not in html
    assert "Half &amp; half</title>" in html
    table = render_to_string("parts/chart_table.html", {"chart": chart, "title": "All of it"})
    assert "<caption>All of it</caption>" in table
    assert table.count("<tr>") == 3
    assert "—" in table  # no value there


def test_places_are_written_with_points_whatever_the_language():
    chart = draw([Series("a", [(1, Decimal("0.5")), (3, Decimal("1.7"))])], x=X, y=Y, marks=[Mark(1, "m")])
    with translation.override("fr"):
        html = render_to_string("parts/line_chart.html", {"chart": chart})
    assert not re.search(r' (?:[xyr][12]?|c[xy]|d)="[^"]*,', html)


def test_a_spark_ends_where_its_values_end():
    falling = spark([Decimal(9), Decimal(5), Decimal(1)])
    assert falling.last_y > 20
    assert len(points_of(spark(list(range(1000))).path)) == 40
    assert spark([4, 4]).last_y == 16
