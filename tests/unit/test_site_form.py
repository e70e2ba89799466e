"""What an operator writes about a site comes back as it was written, exactly; what is no number is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend import site_forms
from governance.errors import Malformed
from tests.integration.site_places import INPUTS
from training_jobs.models import Site


@given(st.integers(0, 10**15), st.sampled_from([0, 2, 3, 6, 9]))
def test_a_number_that_was_written_reads_as_itself(value: int, places: int) -> None:
    assert site_forms.scaled("tariff", site_forms.unscaled(value, places), places) == value


@pytest.mark.parametrize("text", ["", "-1", "1e3", "1.2.3", "0.0000001", "∞", "１", "1 000", "9" * 17, "."])
def test_what_is_no_such_number_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        site_forms.scaled("tariff_value", text, 6)
    assert (refused.value.code, refused.value.field) == ("malformed_number", "tariff_value")


def test_a_comma_is_a_point_and_zeros_after_it_change_nothing() -> None:
    assert site_forms.scaled("pue", "1,25", 3) == site_forms.scaled("pue", "1.2500000", 3) == 1_250


def test_a_site_is_written_as_it_would_be_read() -> None:
    site = Site(
        slug="lake", name="Lake cluster", region="FR", country="FR", device_kind="cpu", devices=4,
        memory_bytes=16 * 2**30, inputs=INPUTS, data_in=["public"], data_out=[], commons_share_bps=3_333,
    )  # fmt: skip
    found = site_forms.read(site_forms.written(site))
    assert {name: found[name] for name in found} == {name: getattr(site, name) for name in found}
    assert found["data_out"] == [], "none is not any"
    assert site_forms.read({**site_forms.written(site), "data_in": " "})["data_in"] is None


def test_a_refusal_is_beside_its_field() -> None:
    assert site_forms.field_of("inputs.tariff.dated") == "tariff_dated"
    assert site_forms.field_of("inputs.tariff") == "tariff_value"
    assert site_forms.field_of("devices") == "devices"
    assert site_forms.field_of("inputs") == ""
