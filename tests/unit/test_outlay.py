"""What work would take of energy, carbon and money: examples worked out by hand, and what is not declared."""

from django.utils import translation
from hypothesis import given
from hypothesis import strategies as some

from frontend.words import outlay as in_words
from training_jobs.scheduling.outlay import Outlay, Place, Span, outlay

HOUR = 3_600
LAKE = Place("lake", 400, (50, 50), "file", 10_000_000, "EUR")
HILL = Place("hill", 100, (10, 200), "file", 40_000_000, "EUR")


def said(of: Outlay) -> dict[str, str]:
    with translation.override("en"):
        return {line.label: line.text for line in in_words.lines(of)}


def test_an_hour_of_a_device_takes_its_power_its_grid_and_its_price() -> None:
    found = outlay(HOUR, 10 * HOUR, [LAKE])
    # 400 W for an hour: 400 Wh; of 50 g/kWh: 20 g; at 0.10 EUR
    assert found.joules == Span(400 * HOUR, 400 * HOUR, 4_000 * HOUR, 1)
    assert found.milligrams == Span(20_000, 20_000, 200_000, 1)
    assert found.money == (("EUR", Span(10_000_000, 10_000_000, 100_000_000, 1)),)
    assert said(found) == {
        "Energy": "about 400 Wh, at most 4 kWh",
        "Carbon": "about 20 g, at most 200 g of CO₂e",
        "Money": "about 0.10\u00a0EUR, at most 1.00\u00a0EUR",
    }


def test_the_overhead_of_the_building_emits_too() -> None:
    warm = Place("warm", 400, (50, 50), "file", 10_000_000, "EUR", pue_permille=1_500)
    found = outlay(HOUR, HOUR, [warm])
    assert found.joules == Span(400 * HOUR, 400 * HOUR, 400 * HOUR, 1), "what the devices themselves take"
    assert found.milligrams == Span(30_000, 30_000, 30_000, 1)


def test_where_sites_differ_the_estimate_is_an_interval() -> None:
    found = outlay(HOUR, HOUR, [LAKE, HILL])
    assert found.joules == Span(100 * HOUR, 400 * HOUR, 400 * HOUR, 2)
    # the hill's hours ahead differ too: 0.1 kWh of 10 to 200 g
    assert found.milligrams == Span(1_000, 20_000, 20_000, 2)
    assert said(found)["Money"] == "about 0.10\u00a0EUR to 0.40\u00a0EUR, at most 0.40\u00a0EUR"
    assert said(found)["Carbon"] == "about 1 g to 20 g, at most 20 g of CO₂e"


def test_what_nobody_declared_is_not_zero() -> None:
    nothing = outlay(60, 120, [Place("")])
    assert (nothing.joules, nothing.milligrams, nothing.money) == (None, None, ())
    assert said(nothing) == {
        "Energy": "not known: no power declared",
        "Carbon": "not known: no power declared",
    }
    no_grid = outlay(60, 120, [Place("", 300)])
    assert no_grid.carbon_unknown == "no_intensity"
    assert said(no_grid)["Energy"] == "about 5 Wh, at most 10 Wh"
    assert said(no_grid)["Carbon"] == "not known: no carbon intensity of the grid is known"
    no_power = outlay(60, 120, [Place("", None, (50, 50), "declared")])
    assert no_power.carbon_unknown == "no_power"


def test_a_site_whose_grid_is_not_known_is_left_out_and_said() -> None:
    found = outlay(HOUR, HOUR, [LAKE, Place("moor", 200, None, "", 5_000_000, "EUR")])
    assert found.milligrams == Span(20_000, 20_000, 20_000, 1)
    assert said(found)["Carbon"] == "about 20 g, at most 20 g of CO₂e (known for 1 of 2 sites)"


def test_currencies_are_not_added_up() -> None:
    found = outlay(HOUR, HOUR, [LAKE, Place("island", 1, None, "", 7, "ISK")])
    assert [currency for currency, _ in found.money] == ["EUR", "ISK"]


def test_without_an_estimate_of_the_work_only_the_most_is_said() -> None:
    found = outlay(None, HOUR, [LAKE])
    assert found.joules == Span(None, None, 400 * HOUR, 1)
    assert said(found)["Energy"] == "at most 400 Wh"


def test_a_part_of_a_cent_is_a_cent() -> None:
    assert said(outlay(1, 1, [LAKE]))["Money"] == "about 0.01\u00a0EUR, at most 0.01\u00a0EUR"


@given(
    some.integers(0, 10**6),
    some.integers(0, 10**6),
    some.lists(
        some.builds(
            Place,
            some.just("a"),
            some.none() | some.integers(0, 10**5),
            some.none() | some.tuples(some.integers(0, 900), some.integers(900, 1_800)),
            some.just(""),
            some.none() | some.integers(0, 10**9),
            some.sampled_from(["EUR", "USD"]),
        ),
        min_size=1,
        max_size=5,
    ),
)
def test_a_span_is_in_order_and_more_work_never_takes_less(about: int, more: int, places: list[Place]) -> None:
    found = outlay(about, about + more, places)
    for span in [found.joules, found.milligrams, *(span for _, span in found.money)]:
        if span is not None:
            assert span.least is not None
            assert span.about is not None
            assert 0 <= span.least <= span.about <= span.most
            assert 1 <= span.places <= len(places)
