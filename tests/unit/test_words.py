"""Words: every key that the other apps can hand to a page has its word, and powers keep the decimals of their source."""

import re
from fractions import Fraction
from pathlib import Path

import pytest
from django.utils import translation

from frontend import numbers, words
from frontend.flow import flow
from frontend.words.counts import SENTENCES
from frontend.words.events import EVENTS
from frontend.words.proposals import CONDITIONS, PROPOSAL_STATES
from frontend.words.votes import METHODS, SOURCES, TIE_RULES
from governance import tally
from governance.lifecycle import State
from governance.outcome import Rules
from governance.power import SOURCES as POWER_SOURCES
from governance.selectors.results import Results, results
from governance.tally import sentences

ROOT = Path(__file__).resolve().parents[2]
APPS = ("governance", "models_registry", "training_jobs")
# What workers note about one run, not about a community.
OF_RUNS = frozenset(
    {
        "claimed",
        "started",
        "finished",
        "trained",
        "evaluating",
        "evaluated",
        "not_measured",
        "judged",
        "stopped",
        "failed",
    }
)


def test_every_method_tie_rule_state_and_source_has_a_word() -> None:
    assert set(METHODS) == set(tally.METHODS)
    assert {method.tie_rule for method in tally.METHODS.values()} <= set(TIE_RULES)
    assert set(PROPOSAL_STATES) == set(State)
    assert set(SOURCES) == set(POWER_SOURCES)


def test_every_sentence_of_a_count_has_a_translation_with_the_same_values() -> None:
    assert set(SENTENCES) == set(sentences.SENTENCES)
    for key, english in sentences.SENTENCES.items():
        for language in ("en", "fr"):
            with translation.override(language):
                said = str(SENTENCES[key])
            assert set(re.findall(r"%\((\w+)\)s", said)) == set(re.findall(r"{(\w+)}", english)), (key, language)


def test_every_condition_has_a_word() -> None:
    source = "".join((ROOT / "governance" / name).read_text() for name in ("outcome.py", "counting.py"))
    assert set(re.findall(r'Condition\("(\w+)"', source)) == set(CONDITIONS)


def test_every_event_of_a_log_has_a_word() -> None:
    noted = set()
    for path in (path for app in APPS for path in (ROOT / app).rglob("*.py")):
        noted |= set(
            re.findall(r'\b(?:note|note_once|_event|everywhere)\(\s*(?:\w+(?:\.\w+)?, )?"(\w+)"', path.read_text())
        )
    assert noted - OF_RUNS <= set(EVENTS), noted - OF_RUNS - set(EVENTS)


@pytest.mark.parametrize(
    ("units", "decimals", "shown"),
    [(1_234_567, 0, "1,234,567"), (0, 0, "0"), (15 * 10**17, 18, "1.5"), (1, 18, "less than 0.01"), (7, 1, "0.7")],
)
def test_powers_are_shown_with_the_decimals_of_their_source(units: int, decimals: int, shown: str) -> None:
    with translation.override("en"):
        assert numbers.power(units, decimals=decimals) == shown


def test_a_choice_that_an_author_wrote_is_shown_as_written() -> None:
    assert words.choice("for", binary=False).label == "for"
    assert words.choice("well-being_first", binary=False).label == "well-being_first"
    with translation.override("fr"):
        assert str(words.choice("for", binary=True).label) == "Pour"


def test_rules_that_are_off_are_not_mentioned_and_a_poll_has_no_majority() -> None:
    rules = Rules(2_000, 5_000, 10, 60, 600, 60, 600)
    with translation.override("en"):
        labels = [rule.label for rule in words.rules(rules, 0)]
        assert "Majority" in labels
        assert not {"Support", "Second house", "Early end", "Late quorum", "Cool-down"} & set(labels)
        assert "Majority" not in [rule.label for rule in words.rules(rules, 0, binary=False)]
        optimistic = Rules(0, 5_000, 10, 60, 600, 60, 600, rejection_bps=1_000, quorum_basis="delegated")
        lines = {rule.label: rule.text for rule in words.rules(optimistic, 0)}
        assert "Quorum" not in lines
        assert lines["Rejection"] == (
            "it passes unless more than 10% of the votes that were delegated to anybody is against"
        )


def _counted(*rounds: tuple[int, ...]) -> Results:
    names = [f"choice {index}" for index in range(len(rounds[0]))]
    body = {
        "choices": names,
        "totals": {name: str(Fraction(score)) for name, score in zip(names, rounds[-1], strict=True)},
        "conditions": [],
        "cast": str(sum(rounds[0])),
        "ballot_count": 3,
        "invalid_count": 0,
        "passed": True,
        "final": True,
        "winners": [],
        "house": None,
        "pairwise": [],
        "explanation": [{"key": "tie", "values": {"choices": "1, 2", "score": "7/2"}}],
        "rounds": [
            {"number": number, "scores": [str(score) for score in scores], "elected": [], "eliminated": [],
             "transferred": [], "exhausted": "0"}
            for number, scores in enumerate(rounds, start=1)
        ],
    }  # fmt: skip
    return results(body, {"total_supply": "100", "source": {"name": "fixed_list"}, "house": None})


def test_the_picture_of_rounds_has_a_bar_for_each_power_and_bands_that_pass_on() -> None:
    drawn = flow(_counted((40, 35, 25), (40, 60, 0)))
    assert drawn is not None
    assert len(drawn.bars) == 5
    assert [band.passes for band in drawn.bands].count(True) == 1
    assert flow(_counted((40, 35, 25))) is None
    assert flow(_counted((0, 0), (0, 0))) is None


def test_an_explanation_names_choices_and_an_unknown_key_is_still_readable() -> None:
    with translation.override("en"):
        said = words.told("tie", {"choices": "1, 2", "score": "7/2"}, {0: "Wells", 1: "Rain"}, 0, binary=False)
        assert said == "Wells, Rain have equally much, 3 votes. The rule for this: no winner."
        rough = words.told("tie", {"choices": "1", "score": "≈3.142857"}, {0: "Wells"}, 0, binary=False)
        assert "≈\u00a03 votes" in rough
        assert words.told("new_key", {"choice": "2"}, {0: "a", 1: "b"}, 0, binary=False) == "new key: b"
