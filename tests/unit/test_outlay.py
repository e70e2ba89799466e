"""What work would take of energy, carbon and money: examples worked out by hand, and what is not declared."""

from django.utils import translation
from hypothesis import given
from hypothesis import strategies as some

from frontend.words import outlay as in_words
from training_jobs.before_vote import BeforeVote
from training_jobs.ledger.estimates import Forecast
from training_jobs.scheduling.outlay import Outlay, Place, Span, outlay
from training_jobs.scheduling.prices import Coverage, Estimate

HOUR = 3_600
LAKE = Place("lake", 400, grams_per_kwh=(50, 50), grid="file", price=10_000_000, currency="EUR")
HILL = Place("hill", 100, grams_per_kwh=(10, 200), grid="file", price=40_000_000, currency="EUR")
ONE = (HOUR, HOUR)


def told(of: Outlay, likely: tuple[int, int] | None = ONE, most: int = HOUR, runs: int = 12) -> BeforeVote:
    low, high = likely or (0, most)
    estimate = Estimate(high, low, high, 8_000, likely is not None, runs, 9)
    return BeforeVote(Forecast(high, most, estimate, Coverage(2, 3, 8_000), runs, False), of)


def said(of: Outlay, likely: tuple[int, int] | None = ONE, most: int = HOUR) -> dict[str, list[str]]:
    with translation.override("en"):
        return {name: list(cells) for name, cells in in_words.table(told(of, likely, most)).rows}


def test_an_hour_of_a_device_takes_its_power_its_grid_and_its_price() -> None:
    found = outlay(ONE, 10 * HOUR, [LAKE])
    # 400 W for an hour: 400 Wh; of 50 g/kWh: 20 g; at 0.10 EUR
    assert found.joules == Span(400 * HOUR, 400 * HOUR, 4_000 * HOUR, 1)
    assert found.milligrams == Span(20_000, 20_000, 200_000, 1)
    assert found.money == (("EUR", Span(10_000_000, 10_000_000, 100_000_000, 1)),)
    assert said(found, most=10 * HOUR) == {
        "Device-seconds": ["3,600", "36,000"],
        "Energy": ["400 Wh", "4 kWh"],
        "Carbon": ["20 g of CO₂e", "200 g of CO₂e"],
        "Money": ["0.10\u00a0EUR", "1.00\u00a0EUR"],
    }


def test_the_least_is_the_low_end_at_the_least_rate_and_the_most_of_it_the_high_end_at_the_highest() -> None:
    found = outlay((HOUR, 3 * HOUR), 10 * HOUR, [LAKE, HILL])
    assert found.joules == Span(100 * HOUR, 1_200 * HOUR, 4_000 * HOUR, 2)
    # the hill's hours ahead differ too: 0.1 kWh of 10 to 200 g
    assert found.milligrams == Span(1_000, 60_000, 200_000, 2)
    assert found.money == (("EUR", Span(10_000_000, 120_000_000, 400_000_000, 2)),)
    assert said(found, (HOUR, 3 * HOUR), 10 * HOUR)["Carbon"] == ["1 g of CO₂e to 60 g of CO₂e", "200 g of CO₂e"]


def test_a_voted_ceiling_in_money_is_the_most_that_is_paid() -> None:
    found = outlay((HOUR, 3 * HOUR), 10 * HOUR, [LAKE, HILL], {"EUR": 50_000_000})
    assert found.money == (("EUR", Span(10_000_000, 50_000_000, 50_000_000, 2)),)
    assert outlay(None, 10 * HOUR, [LAKE], {"ISK": 1}).money == (("EUR", Span(None, None, 100_000_000, 1)),)


def test_the_overhead_of_the_building_emits_too() -> None:
    warm = Place("warm", 400, grams_per_kwh=(50, 50), grid="file", pue_permille=1_500)
    found = outlay(ONE, HOUR, [warm])
    assert found.joules == Span(400 * HOUR, 400 * HOUR, 400 * HOUR, 1), "what the devices themselves take"
    assert found.milligrams == Span(30_000, 30_000, 30_000, 1)


def test_what_nobody_declared_is_not_zero() -> None:
    nothing = outlay((60, 60), 120, [Place("")])
    assert (nothing.joules, nothing.milligrams, nothing.money) == (None, None, ())
    assert said(nothing, (60, 60), 120) == {
        "Device-seconds": ["60", "120"],
        "Energy": ["not known: no power declared", "—"],
        "Carbon": ["not known: no power declared", "—"],
    }
    no_grid = outlay((60, 60), 120, [Place("", 300)])
    assert no_grid.carbon_unknown == "no_intensity"
    assert said(no_grid, (60, 60), 120)["Energy"] == ["5 Wh", "10 Wh"]
    assert said(no_grid, (60, 60), 120)["Carbon"] == ["not known: no carbon intensity of the grid is known", "—"]
    no_power = outlay((60, 60), 120, [Place("", None, grams_per_kwh=(50, 50), grid="declared")])
    assert no_power.carbon_unknown == "no_power"


def test_a_site_whose_grid_is_not_known_is_left_out_and_said() -> None:
    found = outlay(ONE, HOUR, [LAKE, Place("moor", 200, price=5_000_000, currency="EUR")])
    assert found.milligrams == Span(20_000, 20_000, 20_000, 1)
    with translation.override("en"):
        assert "Carbon: known for 1 of 2 sites." in in_words.notes(told(found))


def test_it_is_said_of_each_site_whether_its_power_was_metered_or_is_declared() -> None:
    with translation.override("en"):
        notes = in_words.notes(told(outlay(ONE, HOUR, [Place("lake", 310, metered=5), Place("hill", 100)])))
    assert notes == [
        "Power of a device as machines metered it at: lake (310 W, of 5 attempts).",
        "Power as it is declared by: hill.",
    ]


def test_currencies_are_not_added_up() -> None:
    found = outlay(ONE, HOUR, [LAKE, Place("island", 1, price=7, currency="ISK")])
    assert [currency for currency, _ in found.money] == ["EUR", "ISK"]


def test_with_too_few_past_runs_only_the_most_is_said_and_how_many_lack() -> None:
    found = outlay(None, HOUR, [LAKE])
    assert found.joules == Span(None, None, 400 * HOUR, 1)
    assert said(found, None)["Energy"] == ["400 Wh"]
    with translation.override("en"):
        assert in_words.table(told(found, None)).columns == ["At most"]
        (text,) = in_words.past(told(found, None, runs=4).seconds)
    assert text.startswith("There are 4 comparable past runs, and what is likely is known from 9 on")


def test_it_is_said_how_often_the_interval_held() -> None:
    with translation.override("en"):
        level, held = in_words.past(told(outlay(ONE, HOUR, [LAKE])).seconds)
    assert level == "Likely: by 12 past runs of this community on the same machines, 80% end within."
    assert held == "Of 3 comparable past runs, 2 lay within such an interval of those before them."


def test_a_part_of_a_cent_is_a_cent() -> None:
    assert said(outlay((1, 1), 1, [LAKE]), (1, 1), 1)["Money"] == ["0.01\u00a0EUR", "0.01\u00a0EUR"]


@given(
    some.integers(0, 10**6),
    some.integers(0, 10**6),
    some.lists(
        some.builds(
            Place,
            some.just("a"),
            some.none() | some.integers(0, 10**5),
            some.just(0),
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
    found = outlay((about // 2, about), about + more, places)
    for span in [found.joules, found.milligrams, *(span for _, span in found.money)]:
        if span is not None:
            assert span.low is not None
            assert span.high is not None
            assert 0 <= span.low <= span.high <= span.most
            assert 1 <= span.places <= len(places)
