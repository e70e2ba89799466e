"""Why a request waits, in words: every code of the scheduler has whole sentences, in both languages."""

import re
from datetime import UTC, datetime

import pytest
from django.utils import translation

from frontend import words
from frontend.words import waiting
from training_jobs import failures
from training_jobs.commons import allotments, requests
from training_jobs.ledger.currencies import DEVICE_SECOND
from training_jobs.models.ledger import ACCOUNT_KINDS, ENTRY_KINDS
from training_jobs.models.spot_checks import DOUBTS, OUTCOMES
from training_jobs.scheduling.events import Interruption
from training_jobs.scheduling.values import Wait, Why
from training_jobs.sites.lifecycle import Standing

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NOON = int(NOW.timestamp())
HOUR = 3_600
KNOWN = {"site": "lake", "price": 320_000_000, "ceiling": 200_000_000, "before": "run:7/1", "devices": 2}


def said(why: Why, language: str = "en", **data: int | str) -> str:
    """Return the words of a wait that is expected to end at 15:20, give or take 40 minutes."""
    expected = None if why in {Why.NO_SITE_FITS, Why.TOO_DEAR, Why.TRIED_AGAIN} else NOON + 3 * HOUR + 1_200
    with translation.override(language):
        return waiting.waiting_words(Wait("run:9", why, expected, 2_400, data), NOW, {"lake": "Lake cluster"})


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("why", Why)
def test_every_reason_has_whole_sentences_with_all_that_is_known_and_with_nothing(why: Why, language: str) -> None:
    for data in ({}, {"until": NOON + 2 * HOUR}, KNOWN, {**KNOWN, "until": NOON + 2 * HOUR}):
        text = said(why, language, **data)
        assert text.endswith("."), text
        assert "%" not in text
        assert "None" not in text.replace("None of those", "")
        assert not re.search(r"\s{2}|\s\.", text), text


def test_no_two_reasons_read_the_same() -> None:
    assert len({said(why, **KNOWN) for why in Why}) == len(Why)
    assert set(waiting.WAITS) == set(Why)
    assert set(waiting.UNTIL) <= set(Why)


def test_what_is_known_of_a_wait_is_in_its_words() -> None:
    assert said(Why.RESERVED, until=NOON + 2 * HOUR) == (
        "Waits for: the reserved share of newcomers until 14:00\u00a0UTC. What is free is kept for them. "
        "Expected start: 15:20\u00a0UTC, give or take 40 minutes."
    )
    assert "held for run 7, machine 2." in said(Why.BEHIND_OTHERS, **KNOWN)
    of_others = {**KNOWN, "before_of": "orchards"}
    assert "held for run 7, machine 2 of orchards." in said(Why.BEHIND_OTHERS, **of_others)
    assert "would cost up to 320, and its ceiling is 200" in said(Why.TOO_DEAR, **KNOWN)
    assert "Nobody can say yet" in said(Why.NO_SITE_FITS)
    assert said(Why.STARTS, **KNOWN) == "Begins now at Lake cluster."
    assert "22 Nov 2026, 13:00\u00a0UTC" in said(Why.ALL_BUSY, until=NOON + 25 * HOUR), "another day is named"


def test_requests_are_called_as_people_call_them() -> None:
    with translation.override("en"):
        named = [waiting.request_name(name) for name in ("run:12", "run:12/1", "preview:7", "other")]
    assert named == ["run 12", "run 12, machine 2", "preview 7", "other"]


def test_every_state_of_sites_allotments_and_books_has_a_word() -> None:
    ends = {"", allotments.ENDED, *map(str, Interruption)}
    assert ends <= set(waiting.ALLOTMENT_ENDS), ends - set(waiting.ALLOTMENT_ENDS)
    assert set(waiting.SITE_STANDINGS) == set(map(str, Standing))
    assert set(waiting.SPOT_CHECKS) == set(OUTCOMES)
    assert set(waiting.DOUBTS) == set(DOUBTS)
    assert set(words.TABLES["account_kind"]) == set(ACCOUNT_KINDS)
    assert set(words.TABLES["entry_kind"]) == set(ENTRY_KINDS)


def test_amounts_are_written_with_their_currency_and_the_separators_of_the_language() -> None:
    with translation.override("en"):
        assert words.books.amount(123_450_000_000, "EUR") == "1,234.50\u00a0EUR"
        assert words.books.amount(-7_200, DEVICE_SECOND) == "\N{MINUS SIGN}7,200 device-seconds"
    with translation.override("fr"):
        assert words.books.amount(50_000_000, "EUR") == "0,50\u00a0EUR"


@pytest.mark.parametrize(("language", "price"), [("en", "3.20\u00a0EUR"), ("fr", "3,20\u00a0EUR")])
def test_where_the_currency_is_known_amounts_are_said_in_it(language: str, price: str) -> None:
    with translation.override(language):
        text = waiting.waiting_words(Wait("run:9", Why.TOO_DEAR, None, 0, KNOWN), NOW, None, "EUR")
    assert price in text
    assert "such as cents" not in text


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_the_log_says_of_a_wait_is_told_in_words(language: str) -> None:
    with translation.override(language):
        for why in waiting.TOLD:
            said_so = {"request": "run:7", "why": str(why), "expected": None, "plus_minus": 0}
            text = waiting.told_words("compute_waits", said_so, NOW)
            assert text.startswith({"en": "Run 7", "fr": "Entraînement 7"}[language])
            assert text.endswith(".")
        for reason in (*waiting.REFUSED, "some_other_code"):
            assert waiting.told_words("compute_refused", {"request": "run:7/1", "reason": reason}, NOW).endswith(".")


def test_every_reason_to_wait_or_to_be_refused_has_words() -> None:
    assert set(waiting.TOLD) == {why for why in Why if not why.startswith("starts")}
    reasons = {requests.NO_SITES, requests.QUOTA, requests.NO_MONEY, requests.DAILY_LIMIT, *requests.UNCOMPUTABLE}
    assert set(waiting.REFUSED) == reasons
    assert set(failures.FAILURES) >= requests.UNCOMPUTABLE


def test_a_wait_in_the_log_has_its_expected_start_and_a_broken_entry_has_no_words() -> None:
    said_so = {"request": "run:7", "why": "reserved", "expected": NOON + 3 * HOUR + 1_200, "plus_minus": 2_400}
    assert waiting.told_words("compute_waits", said_so, NOW) == (
        "Run 7: Waits for: the reserved share of newcomers. Expected start: 15:20\u00a0UTC, give or take 40 minutes."
    )
    refused = {"request": "door:quota/99", "reason": "quota"}
    assert waiting.told_words("compute_refused", refused, NOW) == (
        "A request that was not taken in: The member’s own quota for a week was used."
    )
    assert waiting.told_words("compute_waits", {"request": 7}, NOW) == ""
    assert waiting.told_words("vote_cast", said_so, NOW) == ""
