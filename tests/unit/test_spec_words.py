"""A specification in words: amounts are written as the reader's language writes them."""

import pytest
from django.utils import translation

from training_jobs.spec_words import money


@pytest.mark.parametrize(("language", "expected"), [("en", "5.00 EUR"), ("fr", "5,00 EUR")])
def test_money_has_the_decimal_sign_of_the_language(language: str, expected: str) -> None:
    with translation.override(language):
        assert money({"amount": "5", "currency": "EUR"}) == expected
