"""Where rows may go by what sites say of kinds of data: the two rules, and laws that hold for whatever they say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import Invalid
from models_registry.datasets import data_kinds
from training_jobs.commons.data_bounds import ENTERS, LEAVES, NOWHERE, Place, barred, kept_in, rows

HEALTH_FR = rows(["health"], "FR")
KINDS = st.frozensets(st.sampled_from(["public", "health", "personal", "unclassified"]), max_size=3)
COUNTRIES = st.sampled_from(["FR", "DE", "CH"])
PLACES = st.builds(Place, st.sampled_from(["lake", "hill", "sea"]), COUNTRIES, st.none() | KINDS, st.none() | KINDS)
ROWS = st.builds(rows, KINDS, st.just("") | COUNTRIES)


def test_rows_enter_a_site_whose_list_has_every_kind_of_theirs():
    lake = Place("lake", "FR", data_in=frozenset({"public", "health"}))
    assert barred(lake, [HEALTH_FR], []) is None
    found = barred(lake, [rows(["health", "personal"], ""), rows(["licensed"], "")], [])
    assert found is not None
    assert (found.rule, found.by, found.kinds) == (ENTERS, "lake", ("licensed", "personal"))


def test_what_nobody_classified_enters_only_where_it_is_named_or_where_there_is_no_list():
    unsaid = [rows([], "")]
    assert barred(Place("lake", "FR"), unsaid, []) is None
    assert barred(Place("lake", "FR", data_in=frozenset({"public"})), unsaid, []) is not None
    assert barred(Place("lake", "FR", data_in=frozenset({"unclassified"})), unsaid, []) is None


def test_the_strictest_site_of_a_country_keeps_rows_in_it():
    open_one = Place("alp", "FR")
    strict = Place("lake", "FR", data_out=frozenset({"public"}))
    german = Place("hill", "DE")
    assert kept_in(german, [HEALTH_FR], [open_one, german]) is None
    found = kept_in(german, [HEALTH_FR], [open_one, strict, german])
    assert found is not None
    assert (found.rule, found.by, found.kinds, found.country) == (LEAVES, "lake", ("health",), "FR")
    assert kept_in(open_one, [HEALTH_FR], [open_one, strict]) is None, "within the country nothing leaves it"
    assert kept_in(german, [rows(["public"], "FR")], [strict]) is None, "what the list names leaves"
    assert kept_in(german, [rows(["health"], "")], [strict]) is None, "of rows that are kept nowhere nothing is known"
    assert kept_in(german, [rows(["health"], "CH")], [strict]) is None, "a site speaks for its own country"
    assert kept_in(NOWHERE, [HEALTH_FR], [strict]) is not None, "a machine of no site stands in no known country"


@given(PLACES, st.lists(ROWS, max_size=4), st.lists(PLACES, max_size=4), PLACES)
def test_one_more_site_or_dataset_never_opens_a_place(place, data, admitted, other):
    """More rules and more data only bar more."""
    if barred(place, data, admitted) is not None:
        assert barred(place, data, [*admitted, other]) is not None
        assert barred(place, [*data, HEALTH_FR], admitted) is not None


@given(PLACES, st.lists(ROWS, max_size=4), st.lists(PLACES, max_size=4))
def test_the_order_of_sites_and_a_place_without_a_list_in_the_right_country_change_nothing(place, data, admitted):
    found, turned = barred(place, data, admitted), barred(place, data, admitted[::-1])
    assert (found is None) == (turned is None)
    at_home = [each for each in data if each.country in {"", place.country}]
    assert barred(Place(place.slug, place.country), at_home, admitted) is None


@given(PLACES, st.lists(ROWS, max_size=4), st.lists(PLACES, max_size=4))
def test_whatever_is_barred_is_barred_by_a_rule_that_somebody_said(place, data, admitted):
    found = barred(place, data, admitted)
    if found is None:
        return
    of_data = frozenset().union(*(each.kinds for each in data))
    assert found.kinds
    assert set(found.kinds) <= of_data
    if found.rule == ENTERS:
        assert place.data_in is not None
        assert not set(found.kinds) & place.data_in
    else:
        assert found.country != place.country
        assert any(
            site.slug == found.by and site.country == found.country and site.data_out is not None for site in admitted
        )


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        ([], []),
        ("", []),
        ("health, personal,health", ["health", "personal"]),
        (["public", "our-own_kind"], ["our-own_kind", "public"]),
    ],
)
def test_kinds_are_read_from_a_list_and_from_a_text(said, kinds):
    assert data_kinds.read_data_kinds(said) == kinds


@pytest.mark.parametrize("said", [["Health"], "health records", [7], {"health": 1}, [f"k{n}" for n in range(9)], 3])
def test_what_is_no_kind_is_refused(said):
    with pytest.raises(Invalid) as refused:
        data_kinds.read_data_kinds(said)
    assert refused.value.field == "data_kinds"


def test_a_country_has_two_capital_letters_of_the_list():
    assert [data_kinds.read_country(each) for each in ("", "FR")] == ["", "FR"]
    for wrong in ("fr", "France", "XX", None):
        with pytest.raises(Invalid):
            data_kinds.read_country(wrong)


def test_records_have_only_what_was_said():
    assert data_kinds.said([], "") == {}
    assert data_kinds.said(["health"], "FR") == {"data_kinds": ["health"], "country": "FR"}
