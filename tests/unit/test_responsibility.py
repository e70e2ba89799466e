"""Who answers for a release, read from its records: votes by power, the override for ever, and what the card says."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from models_registry import card, card_answering
from models_registry.responsibility import Responsibility, responsibility
from tests.simulators.golden_bundle import Story, guarded_story, overridden_story


def told(tmp_path: Path, story: Story) -> Responsibility:
    story.write(tmp_path)
    by_kind = {record.kind: record for record in story.records.values()}
    return responsibility(story.records, by_kind["run"], by_kind["evaluation"])


def card_of(story: Story) -> str:
    digests = {record.kind: record.digest for record in story.records.values()}
    facts = card.Facts("commons/water-assistant", 1, "W", "E", "Apache-2.0", digests["run"], digests["evaluation"])
    return card.render(facts, story.records)


def promising(kind: str, body: dict[str, Any]) -> None:
    """Let the vote on the training promise two things, of which one was kept."""
    if kind == "proposal" and body["kind"] == "model_update":
        body["payload"]["promises"] = [
            {"metric": "accuracy", "comparator": "at_least", "bound": "0.5"},
            {"metric": "accuracy", "comparator": "at_most", "bound": "0.5"},
            {"metric": "beauty", "comparator": "at_least", "bound": "1"},
        ]


def test_votes_are_named_by_power_and_number_and_authors_by_their_address(tmp_path: Path) -> None:
    story = Story()
    found = told(tmp_path, story)
    tallies = {r.body["ballot_count"] for r in story.records.values() if r.kind == "tally"}
    assert {vote.ballots for vote in found.approved} <= tallies
    assert all(vote.support is None or 0 <= vote.support <= 1 for vote in found.approved)
    assert isinstance(found.training.support, Fraction)
    assert found.training.kind == "model_update"
    assert found.training.author.startswith("0x")
    assert [vote.number for vote in found.approved] == sorted((v.number for v in found.approved), reverse=True)
    assert found.overridden is None
    assert found.guardians == ()
    voters = {member.address for member in story.members} - {v.author for v in found.approved}
    names = {found.training.author, *(each for vote in found.approved for each in vote.sponsors)}
    assert not (voters - names) & set(str(found).split("'")), "nobody is named for how they voted"


def test_guardians_who_had_to_sign_are_named(tmp_path: Path) -> None:
    assert told(tmp_path, guarded_story()).guardians


def test_an_override_is_said_with_its_vote_its_rules_and_its_reason(tmp_path: Path) -> None:
    story = overridden_story()
    found = told(tmp_path, story)
    assert found.overridden is not None
    assert not found.accepted
    assert found.overridden.vote.kind == "verdict_override"
    assert found.overridden.rules == ("answers-stay-right",)
    text = card_of(story)
    for words in card_answering.WORDS.values():
        assert f"| {words['overridden']} | answers-stay-right" in text.replace("\\", "")
        assert found.overridden.reason in text.replace("\\", "")


def test_the_card_says_what_was_promised_and_what_was_delivered_in_both_languages(tmp_path: Path) -> None:
    story = Story(edit=promising)
    story.write(tmp_path)
    english, french = card_of(story).replace("\\", "").split("## Français")
    assert "| accuracy | at least 0.5 | 0.9 | kept |" in english
    assert "| accuracy | at most 0.5 | 0.9 | not kept |" in english
    assert "| beauty | at least 1 | – | not kept |" in english
    assert "| accuracy | au moins 0,5 | 0,9 | tenu |" in french


def test_a_card_without_promises_has_no_such_table(tmp_path: Path) -> None:
    story = Story()
    story.write(tmp_path)
    assert "Promised and delivered" not in card_of(story)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_both_languages_have_the_same_words(language: str) -> None:
    other = card_answering.WORDS["fr" if language == "en" else "en"]
    assert set(card_answering.WORDS[language]) == set(other)
