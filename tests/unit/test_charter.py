"""The charter: tiers, kinds and sources of power as one document, read strictly in both of its forms."""

from typing import Any

import pytest

from governance.charter import BACKED, PAUSE_SECONDS_MAX, TIERS_MAX, Charter, draft_digest
from governance.outcome import InvalidRules, Rules

RULES = {
    "quorum_bps": 2_000,
    "threshold_bps": 5_000,
    "proposal_threshold": "1",
    "voting_delay_seconds": 10,
    "voting_period_seconds": 100,
    "timelock_seconds": 20,
    "execution_window_seconds": 1_000,
}
HOUSE = {"name": {"en": "Contributors", "fr": "Contributeurs"}, "source": "fixed_list", "parameters": {"members": {}}}


def body(**changes: Any) -> dict[str, Any]:
    """Return a charter of two tiers as people write it."""
    return {
        "tiers": {"light": RULES, "grave": {**RULES, "threshold_bps": 6_667}},
        "kinds": {"default": "light", "governance_rules": "grave"},
        "power": {"source": "fixed_list", "parameters": {"members": {}}},
        "house": None,
        "council": {"pause_seconds_max": 3_600},
        **changes,
    }


def read(**changes: Any) -> Charter:
    return Charter.from_body(body(**changes), partial=True)


def test_a_kind_has_the_rules_of_its_tier_and_every_other_kind_those_of_the_default():
    charter = read()
    assert charter.tier_of("governance_rules") == "grave"
    assert charter.rules_of("governance_rules").threshold_bps == 6_667
    assert charter.tier_of("text_signal") == charter.tier_of("default") == "light"
    assert charter.rules_of("text_signal") == Rules.from_partial(RULES)


def test_the_frozen_form_names_every_rule_and_is_read_back_strictly():
    charter = read(house=HOUSE)
    frozen = charter.to_body()
    assert Charter.from_body(frozen) == charter
    assert Charter.from_body(frozen, partial=True) == charter
    assert frozen["tiers"]["light"] == Rules.from_partial(RULES).to_body()
    with pytest.raises(InvalidRules) as refusal:
        Charter.from_body(body())
    assert refusal.value.field == "tiers.light.rules"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"extra": 1}, "charter"),
        ({"tiers": {}}, "tiers"),
        ({"tiers": []}, "tiers"),
        ({"tiers": {f"tier{number}": RULES for number in range(TIERS_MAX + 1)}}, "tiers"),
        ({"tiers": {"Light": RULES}}, "tiers"),
        ({"tiers": {"": RULES}}, "tiers"),
        ({"tiers": {"l" * 41: RULES}}, "tiers"),
        ({"tiers": {"light\n": RULES}}, "tiers"),
        ({"tiers": {"light": 5}, "kinds": {"default": "light"}}, "tiers.light.rules"),
        ({"tiers": {"light": {**RULES, "quorum_bps": 0}}, "kinds": {"default": "light"}}, "tiers.light.quorum_bps"),
        ({"kinds": {}}, "kinds"),
        ({"kinds": ["default"]}, "kinds"),
        ({"kinds": {"default": "heavy"}}, "kinds.default"),
        ({"kinds": {"default": "light", "poll": None}}, "kinds.poll"),
        ({"kinds": {"default": "light", "poll": ["light"]}}, "kinds.poll"),
        ({"power": None}, "power"),
        ({"power": {"source": "fixed_list"}}, "power"),
        ({"power": {"source": ["fixed_list"], "parameters": {}}}, "power.source"),
        ({"power": {"source": "fixed_list", "parameters": [[]]}}, "power.parameters"),
        ({"power": {"source": "fixed_list", "parameters": 5}}, "power.parameters"),
        ({"house": 5}, "house"),
        ({"house": {**HOUSE, "name": "Contributors"}}, "house.name"),
        ({"house": {**HOUSE, "name": {"en": "Contributors"}}}, "house.name"),
        ({"house": {**HOUSE, "name": {"en": "Contributors", "fr": ""}}}, "house.name.fr"),
        ({"house": {**HOUSE, "name": {"en": ["C"], "fr": "C"}}}, "house.name.en"),
        ({"house": {**HOUSE, "source": None}}, "house.source"),
        ({"house": {**HOUSE, "parameters": "members"}}, "house.parameters"),
        ({"council": {}}, "council"),
        ({"council": {"pause_seconds_max": -1}}, "council.pause_seconds_max"),
        ({"council": {"pause_seconds_max": True}}, "council.pause_seconds_max"),
        ({"council": {"pause_seconds_max": "60"}}, "council.pause_seconds_max"),
        ({"council": {"pause_seconds_max": PAUSE_SECONDS_MAX + 1}}, "council.pause_seconds_max"),
        ({"tiers": {"light": {**RULES, "objection_bps": 5_000}}, "kinds": {"default": "light"}}, "house"),
    ],
    ids=str,
)
def test_a_charter_by_which_nobody_could_live_is_refused_by_name(changes, field):
    with pytest.raises(InvalidRules) as refusal:
        read(**changes)
    assert refusal.value.field == field


@pytest.mark.parametrize("found", [None, [], 5, "charter"])
def test_what_is_no_object_is_no_charter(found):
    with pytest.raises(InvalidRules):
        Charter.from_body(found, partial=True)


def test_a_tier_may_let_the_second_house_object_where_there_is_one():
    tiers = {"light": {**RULES, "objection_bps": 5_000}}
    charter = read(tiers=tiers, kinds={"default": "light"}, house=HOUSE)
    assert charter.rules_of("poll").objection_bps == 5_000


DRAFT = {
    "number": 7,
    "author": "0xA",
    "kind": "text_signal",
    "title": "A question",
    "text": "Because.",
    "payload": {"statement": "Yes."},
    "method": "governor",
    "choices": ["against", "for", "abstain"],
    "seats": 1,
}


@pytest.mark.parametrize("name", BACKED)
def test_a_co_signer_backs_one_draft_and_every_word_of_it(name):
    changed = {**DRAFT, name: 8 if isinstance(DRAFT[name], int) else "something else"}
    assert draft_digest(changed) != draft_digest(DRAFT)


def test_what_is_no_part_of_a_draft_changes_nothing_for_its_co_signers():
    assert draft_digest({**DRAFT, "submitted_at": 1, "rules": {}, "sponsors": []}) == draft_digest(DRAFT)
