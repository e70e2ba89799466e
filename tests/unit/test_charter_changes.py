"""What a charter says otherwise than another: every value that differs, and nothing else; then in words."""

from typing import Any

import pytest
from django.utils import translation

from frontend.words import charter_changes as in_words
from governance.charter import Charter
from governance.charter_changes import CharterChanges, compare
from governance.outcome import Rules
from tests.integration.commons import charter_of_members, listed

POWERS = {"Alice": 40, "Bob": 30}
DAY = 86_400
SEALING: dict[str, Any] = {
    "keyholders": [next(iter(listed({name: 1})["parameters"]["members"])) for name in ("Alice", "Bob", "Chloé")],
    "threshold": 2,
    "wait_seconds": 3_600,
}


def charter(tiers: dict[str, Any] | None = None, **parts: Any) -> Charter:
    """Return a charter of the tiers light (the default) and grave, and what `parts` says otherwise."""
    body = charter_of_members(POWERS, tiers or {"light": {}, "grave": {}}, {"governance_rules": "grave"})
    return Charter.from_body(body | parts, partial=True)


def rows(found: CharterChanges, language: str = "en") -> dict[str, list[tuple[str, str, str]]]:
    with translation.override(language):
        return {
            group.title: [(row.label, row.before, row.after) for row in group.rows] for group in in_words.groups(found)
        }


def changed(**rules: Any) -> CharterChanges:
    return compare(charter(), charter({"light": rules, "grave": {}}))


def test_two_charters_that_say_the_same_differ_in_nothing() -> None:
    found = compare(charter(), charter())
    assert found.nothing
    assert rows(found) == {}
    with translation.override("en"):
        assert len(in_words.unchanged(found)) == len(found.tiers) + 5


# every rule of a tier, with another value, and what is said of both
CASES = [
    ("proposal_threshold", "7", "1 votes", "7 votes"),
    ("voting_delay_seconds", 0, "10 seconds", "0 seconds"),
    ("voting_period_seconds", 3 * DAY, "1 minute 40 seconds", "3 days"),
    ("timelock_seconds", DAY + 1, "20 seconds", "1 day (86,401 seconds)"),
    ("execution_window_seconds", 7 * DAY, "14 days", "7 days"),
    ("late_quorum_seconds", 60, "no such rule", "1 minute"),
    ("cool_down_seconds", 3_600, "no such rule", "1 hour"),
    ("quorum_bps", 1_250, "20% of all votes", "12.5% of all votes"),
    ("quorum_basis", "delegated", "all votes", "the votes that were delegated to anybody"),
    ("quorum_votes", "5", "no such rule", "5 votes"),
    (
        "threshold_bps",
        6_667,
        "more than 50% of the votes for or against",
        "more than 66.67% of the votes for or against",
    ),
    ("support_bps", 1_000, "no such rule", "for from at least 10% of all votes"),
    ("rejection_bps", 2_500, "no such rule", "it passes unless more than 25% of all votes is against"),
    (
        "super_quorum_bps",
        6_000,
        "no such rule",
        "voting closes early once 60% of all votes is for, and everything else is reached",
    ),
]


@pytest.mark.parametrize(("rule", "value", "before", "after"), CASES, ids=[case[0] for case in CASES])
def test_each_rule_of_a_tier_is_said_with_both_values(rule: str, value: Any, before: str, after: str) -> None:
    found = rows(changed(**{rule: value}))
    assert list(found) == ["Light decisions (light)"]
    ((_label, *said),) = found["Light decisions (light)"]
    assert said == [before, after]


def test_no_rule_of_a_tier_is_without_words() -> None:
    assert set(in_words._RULES) == set(Rules.__dataclass_fields__)
    assert {case[0] for case in CASES} | {"objection_bps"} == set(Rules.__dataclass_fields__)


def test_a_change_that_rounding_would_hide_is_said_to_the_last_unit() -> None:
    """A tier that waits a second longer, or asks for a part of a token more, must not look as if it stayed."""
    before, after = (
        charter({"light": {"timelock_seconds": seconds}, "grave": {}}) for seconds in (2 * DAY, 2 * DAY + 1)
    )
    ((_label, old, new),) = rows(compare(before, after))["Light decisions (light)"]
    assert (old, new) == ("2 days", "2 days (172,801 seconds)")
    tokens = {"source": "erc20_votes", "parameters": {}}
    few, more = (
        charter({"light": {"proposal_threshold": str(10**18 + units)}, "grave": {}}, power=tokens) for units in (0, 1)
    )
    ((_label, old, new),) = rows(compare(few, more))["Light decisions (light)"]
    assert (old, new) == ("1 votes", "1.000000000000000001 votes")


def test_a_tier_that_comes_or_goes_is_listed_with_all_of_its_rules() -> None:
    before, after = charter({"light": {}, "grave": {}}), charter({"light": {}, "grave": {}, "hasty": {"quorum_bps": 1}})
    with translation.override("en"):
        (new,) = in_words.groups(compare(before, after))
        (gone,) = in_words.groups(compare(after, before))
    assert (new.mark, gone.mark) == ("new", "gone")
    assert ("Quorum", "–", "0.01% of all votes") in [(row.label, row.before, row.after) for row in new.rows]
    assert ("Quorum", "0.01% of all votes", "–") in [(row.label, row.before, row.after) for row in gone.rows]


def test_a_kind_is_compared_by_the_tier_that_decides_it() -> None:
    def of(**kinds: str) -> Charter:
        return charter(kinds={"default": "light", "governance_rules": "grave"} | kinds)

    assert compare(of(), of(poll="light")).nothing, "spelling out what the default says changes nothing"
    found = rows(compare(of(), of(governance_rules="light", poll="grave")))
    assert found["Which tier decides on what"] == [
        ("Change of the voting rules", "Grave", "Light decisions (light)"),
        ("Poll", "Light decisions (light)", "Grave"),
    ]
    (row,) = rows(compare(of(), of(default="grave", poll="light")))["Which tier decides on what"]
    assert row[0] == "Every other kind of proposal"


def test_power_second_house_council_and_key_wait_are_compared() -> None:
    house = {"name": {"en": "Donors", "fr": "Donateurs"}, **listed({"Alice": 5})}
    before = charter()
    after = charter(
        {"light": {"objection_bps": 3_000}, "grave": {}},
        power=listed({"Alice": 60, "Chloé": 1}),
        house=house,
        council={"pause_seconds_max": DAY},
        sealing=SEALING | {"tiers": ["light"], "keys_wait_seconds": 7_200},
    )
    found = rows(compare(before, after))
    assert found["Light decisions (light)"] == [("Second house", "no such rule", "stops it when 30% of it is against")]
    assert found["The council"] == [("A guardian may pause a decision for at most", "7 days", "1 day")]
    assert sorted(row[1:] for row in found["Where voting power comes from"]) == [("30", "–"), ("40", "60"), ("–", "1")]
    assert ("Name in English", "–", "Donors") in found["Second house"]
    sealed = {row[0]: row[1:] for row in found["Sealed ballots"]}
    assert sealed["Voting waits for missing keys for at most"] == ("–", "2 hours")
    assert sealed["Tiers whose ballots are sealed"] == ("–", "Light decisions (light)")
    back = rows(compare(after, before))
    assert ("Name in English", "Donors", "–") in back["Second house"]


def test_a_list_of_thousands_is_cut_and_says_by_how_much() -> None:
    many = {f"0x{number:040x}": "1" for number in range(in_words.ROWS_MAX + 7)}
    power = {"source": "fixed_list", "parameters": {"members": many}}
    nobody = {"source": "fixed_list", "parameters": {"members": {}}}
    (group,) = in_words.groups(compare(charter(power=nobody), charter(power=power)))
    assert (len(group.rows), group.left_out) == (in_words.ROWS_MAX, 7)
