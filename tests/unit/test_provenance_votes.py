"""The votes behind a release: attacks on census, delegations, sponsors, charters and the end of voting are found.

Somebody who holds the bundle only rewrites its lines; an operator with the release key builds everything again, and is
missing nothing but the wallets of the members.
"""

import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from governance.counting import Roll, Terms
from governance.evidence.canonical import canonical_bytes
from governance.evidence.record import Record
from models_registry.provenance import bundle, votes
from models_registry.provenance.entries import CensusEntry, HeldDelegation
from models_registry.provenance.verify import check
from tests.simulators import golden_bundle
from tests.simulators.attacks import CONSISTENCY, changing, changing_with, failures, lines, put, told
from tests.simulators.golden_bundle import VOTE, Story


def test_every_line_of_a_long_file_has_one_spelling_and_it_is_canonical(golden: Path) -> None:
    for name, reader in (("census.jsonl", CensusEntry.from_bytes), ("delegations.jsonl", HeldDelegation.from_bytes)):
        for line in lines(golden, name):
            read: CensusEntry | HeldDelegation = reader(line[:-1])
            assert read.canonical() + b"\n" == line == canonical_bytes(json.loads(line)) + b"\n"


def test_a_leaf_of_the_census_is_the_canonical_entry_without_the_proposal(golden: Path) -> None:
    for entry in bundle.read(golden).census:
        powers = {"power": str(entry.power), "house_power": str(entry.house_power)}
        assert entry.leaf() == canonical_bytes({**powers, "voter": entry.voter})


# --- attacks on who could vote, and with whose power --------------------------------------------------------


@pytest.mark.parametrize(
    ("attack", "code"),
    [
        (lambda census: [raised(census[0]), *census[1:]], "census_wrong"),
        (lambda census: census[1:], "census_wrong"),
        (lambda census: [*census[:-1]], "census_wrong"),
        (lambda census: [census[0].replace(b'"voter":"0x', b'"voter":"0x00'), *census], "census_malformed"),
        (lambda census: [census[1], census[0], *census[2:]], "order_wrong"),
        (lambda census: [census[0], *census], "duplicate_record"),
        (lambda census: [census[0], raised(census[0]), *census[1:]], "voter_twice"),
        (lambda census: [census[0].lower(), *census[1:]], "census_malformed"),
        (lambda census: [census[0].replace(b'"power":"', b'"power":"0'), *census[1:]], "census_malformed"),
        (lambda census: [census[0].replace(b'"house_power":"0"', b'"house_power":"1"'), *census[1:]], "census_wrong"),
    ],
)
def test_attack_census_rewritten(release: Path, attack: Callable[[list[bytes]], list[bytes]], code: str) -> None:
    """Whoever holds the bundle only cannot give anybody other power, take it, add anybody or reorder them."""
    put(release, "census.jsonl", attack(lines(release, "census.jsonl")))

    assert code in failures(check(release, CONSISTENCY))[3]


def raised(line: bytes) -> bytes:
    return line.replace(b'"power":"', b'"power":"1', 2).replace(b'"house_power":"1', b'"house_power":"')


def test_attack_census_entry_of_another_proposal(release: Path) -> None:
    census = lines(release, "census.jsonl")
    put(release, "census.jsonl", [census[0].replace(b'"proposal":"', b'"proposal":"' + b"ab" * 32)[:-64], *census])
    assert "census_malformed" in failures(check(release, CONSISTENCY))[3]
    other = json.loads(census[0]) | {"proposal": "ab" * 32}
    put(release, "census.jsonl", [canonical_bytes(other) + b"\n", *census])

    assert failures(check(release, CONSISTENCY)) == {3: {"census_foreign"}}


def test_attack_more_power_than_exists_with_everything_built_again(tmp_path: Path) -> None:
    def inflated(_number: int, census: list[CensusEntry]) -> list[CensusEntry]:
        return [replace(entry, power=entry.power * 2) for entry in census]

    found = failures(told(tmp_path, census_edit=inflated))
    assert found[3] == {"supply_exceeded", "power_wrong"}, "the ballots say another power than the census"


def test_attack_voter_left_out_of_the_census_with_everything_built_again(tmp_path: Path) -> None:
    def without_the_last(_number: int, census: list[CensusEntry]) -> list[CensusEntry]:
        return [entry for entry in census if entry.voter != golden_bundle.voters()[2].address]

    assert failures(told(tmp_path, census_edit=without_the_last)) == {3: {"power_wrong"}}


def test_attack_voices_in_the_second_house_that_its_list_does_not_have(tmp_path: Path) -> None:
    def more_voices(_number: int, census: list[CensusEntry]) -> list[CensusEntry]:
        return [replace(entry, house_power=entry.house_power * 5) for entry in census]

    assert failures(told(tmp_path, census_edit=more_voices))[3] == {"supply_exceeded", "power_wrong"}


def test_attack_members_without_any_power_in_the_census(tmp_path: Path) -> None:
    def with_nobody(_number: int, census: list[CensusEntry]) -> list[CensusEntry]:
        nobody = replace(census[0], voter="0x" + "00" * 20, power=0, house_power=0)
        return [nobody, *census]

    assert failures(told(tmp_path, census_edit=with_nobody)) == {3: {"census_malformed"}}


def test_attack_delegation_dropped_repeated_or_reordered(release: Path) -> None:
    held = lines(release, "delegations.jsonl")
    for changed, code in (
        (held[1:], "delegations_wrong"),
        ([held[0], *held], "duplicate_record"),
        ([held[1], held[0], *held[2:]], "order_wrong"),
        ([line.replace(b'"share_bps":10000', b'"share_bps":9999') for line in held], "signature_wrong"),
        ([held[0].replace(b'"proposal":"', b'"proposal": "'), *held[1:]], "delegation_malformed"),
    ):
        put(release, "delegations.jsonl", changed)
        assert code in failures(check(release, CONSISTENCY))[3]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"share_bps": 9_999}, "signature_wrong"),
        ({"expires_at": 1}, "signature_wrong"),
        ({"topic": ""}, "signature_wrong"),
        ({"delegate": golden_bundle.voters()[2].address}, "signature_wrong"),
        ({"nonce": 9}, "signature_wrong"),
        ({"made_at": 2**40}, "delegation_late"),
        ({"delegator": "0x" + "00" * 20}, "subject_wrong"),
    ],
)
def test_attack_forged_delegation_with_everything_built_again(
    tmp_path: Path, change: dict[str, Any], code: str
) -> None:
    assert code in failures(told(tmp_path, trusts=((3, 0, 5_000),), edit=changing("delegation", **change)))[3]


def test_attack_delegation_of_another_community(tmp_path: Path) -> None:
    def elsewhere(kind: str, parents: tuple[str, ...]) -> tuple[str, ...]:
        return ("ab" * 32,) if kind == "delegation" else parents

    assert failures(told(tmp_path, parents_edit=elsewhere)) == {3: {"delegation_foreign"}}


def claiming(power: int) -> Callable[[str, dict[str, Any]], None]:
    """Return an edit that adds power to those who are for."""

    def claim(body: dict[str, Any]) -> None:
        body["totals"]["for"] = str(int(body["totals"]["for"]) + power)

    return changing_with("tally", claim)


def test_attack_weight_given_twice(tmp_path: Path) -> None:
    """Two delegations of everything, each truly signed: neither carries anything, whatever the operator counts."""

    class Doubling(Story):
        def roll(self, terms: Terms, proposal: Record) -> Roll:
            return replace(super().roll(terms, proposal), edges=())

    golden_bundle.build(tmp_path, Doubling(trusts=((3, 0, 10_000), (3, 1, 10_000))))
    assert failures(check(tmp_path, CONSISTENCY)) == {3: {"delegation_shares"}}
    golden_bundle.build(tmp_path, Doubling(trusts=((3, 0, 10_000), (3, 1, 10_000)), edit=claiming(80 * VOTE)))
    assert "totals_wrong" in failures(check(tmp_path, CONSISTENCY))[4]


def test_attack_looped_delegations_that_make_power(tmp_path: Path) -> None:
    """In a circle nobody decides: the power in it stays unused, and a tally that uses it is found."""
    circle = ((3, 4, 10_000), (4, 3, 10_000))
    assert told(tmp_path / "true", trusts=circle).ok

    report = told(tmp_path / "forged", trusts=circle, edit=claiming(70 * VOTE))
    assert failures(report) == {4: {"totals_wrong"}}


def test_attack_expired_delegation_counted(tmp_path: Path) -> None:
    expired = changing("signed delegation", expires_at=golden_bundle.START)
    assert failures(told(tmp_path / "listed", edit=expired)) == {3: {"delegation_idle"}}

    def counted(kind: str, body: dict[str, Any]) -> None:
        expired(kind, body)
        claiming(55 * VOTE)(kind, body)

    assert failures(told(tmp_path / "forged", edit=counted))[4] == {"totals_wrong"}


@pytest.mark.parametrize(
    ("sponsors", "code"), [((1, 1), "sponsor_twice"), ((0,), "sponsor_twice"), ((), "threshold_missed")]
)
def test_attack_threshold_reached_with_one_person_twice(tmp_path: Path, sponsors: tuple[int, ...], code: str) -> None:
    assert code in failures(told(tmp_path, sponsors=sponsors))[3]


def test_attack_sponsor_of_another_draft(tmp_path: Path) -> None:
    first: list[str] = []

    def replayed(body: dict[str, Any]) -> None:
        first.append(body["sponsors"][0]["signature"])
        body["sponsors"][0]["signature"] = first[0]

    assert failures(told(tmp_path, edit=changing_with("sponsors", replayed))) == {3: {"signature_wrong"}}


# --- attacks on the rules -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threshold_bps", 5_001),
        ("quorum_bps", 1),
        ("objection_bps", 9_999),
        ("cool_down_seconds", 1),
        ("support_bps", 1),
    ],
)
def test_attack_other_rules_than_those_of_the_charter(tmp_path: Path, name: str, value: int) -> None:
    """The voters signed them, but only the community as a whole changes its rules."""

    def other(body: dict[str, Any]) -> None:
        if body["kind"] == "ethics_rule":
            body["rules"][name] = value

    assert failures(told(tmp_path, edit=changing_with("proposal", other)))[5] >= {"rules_changed"}


def test_a_vote_may_last_longer_than_the_charter_asks_and_never_shorter(tmp_path: Path) -> None:
    def lasting(seconds: int) -> Callable[[str, dict[str, Any]], None]:
        def change(body: dict[str, Any]) -> None:
            body["rules"]["voting_period_seconds"] += seconds
            body["closes_at"] += seconds

        return changing_with("proposal", change)

    assert told(tmp_path / "longer", edit=lasting(500)).ok
    assert failures(told(tmp_path / "shorter", edit=lasting(-1))) == {5: {"rules_changed"}}


def test_attack_tier_swapped(tmp_path: Path) -> None:
    assert failures(told(tmp_path, edit=changing("proposal", tier="careful"))) == {5: {"tier_wrong"}}


def test_attack_older_charter_after_it_was_replaced(tmp_path: Path) -> None:
    assert told(tmp_path / "true", charter_number=0).ok

    def old_one_for_the_spec(number: int, charters: list[Record]) -> Record:
        return charters[0] if number == 3 else charters[-1]

    report = told(tmp_path / "forged", charter_number=0, charter_edit=old_one_for_the_spec)
    assert failures(report) == {6: {"charter_outdated"}}


def test_attack_charter_from_the_future(tmp_path: Path) -> None:
    assert failures(told(tmp_path, charter_number=8)) == {6: {"charter_late"}}


def test_attack_charter_that_nobody_voted_for(tmp_path: Path) -> None:
    def longer_pause(kind: str, body: dict[str, Any]) -> None:
        if kind == "charter" and body["tiers"]["standard"]["timelock_seconds"] == 400:
            body["council"]["pause_seconds_max"] = 99

    assert failures(told(tmp_path / "other", edit=longer_pause)) == {2: {"charter_not_approved"}}
    harmless = changing_with(
        "proposal", lambda body: body.update(kind=body["kind"].replace("governance_rules", "text"))
    )
    assert failures(told(tmp_path / "kind", edit=harmless))[2] == {"kind_changed"}


def test_attack_second_founding_charter(tmp_path: Path) -> None:
    def unfounded(kind: str, parents: tuple[str, ...]) -> tuple[str, ...]:
        return () if kind == "charter" else parents

    assert "charter_wrong" in failures(told(tmp_path, parents_edit=unfounded))[2]


def test_attack_power_from_another_source_than_the_charter_names(tmp_path: Path) -> None:
    source = {"name": "generous", "version": "1", "parameters": {}}
    report = told(tmp_path, edit=changing_with("proposal", lambda body: body["snapshot"].update(source=source)))

    assert failures(report) == {5: {"source_changed"}}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"method_version": "0"}, "method_unknown"),
        ({"tie_rule": "the author decides"}, "tie_rule_wrong"),
        ({"choices": ["for", "against", "abstain"]}, "choices_wrong"),
        ({"choices": ["yes", "no", "abstain"]}, "choices_wrong"),
    ],
)
def test_attack_another_way_of_counting(tmp_path: Path, change: dict[str, Any], code: str) -> None:
    story = Story(edit=changing_with("proposal", lambda body: body.update(change) if body["number"] == 1 else None))
    if "yes" not in change.get("choices", ()):
        golden_bundle.build(tmp_path, story)
        assert failures(check(tmp_path, CONSISTENCY))[4] == {code}
        return
    # Names that no rule can read have no outcome to tell; the proposal alone is enough to be refused.
    golden_bundle.build(tmp_path)
    records = bundle.read(tmp_path).records
    proposals = [r for r in records if r.kind == "proposal"]
    census = next(r for r in records if r.kind == "census")
    forged = Record.make("proposal", proposals[0].subject, {**proposals[0].body, **change}, proposals[0].parents)
    assert votes._terms(forged, census, "")[1] is not None


def test_attack_second_house_ignored(tmp_path: Path) -> None:
    """Two of three contributors object to the rule; the power of the others would have been enough."""
    report = told(tmp_path / "true", choices=(1, 0, 0))
    assert failures(report) == {5: {"not_passed"}}

    def ignored(body: dict[str, Any]) -> None:
        body["passed"] = True
        body["conditions"] = [condition for condition in body["conditions"] if condition["condition"] != "objection"]

    lying = told(tmp_path / "forged", choices=(1, 0, 0), edit=changing_with("decision", ignored))
    assert failures(lying)[5] >= {"decision_wrong", "not_passed"}


def test_attack_choice_typed_in_another_way(tmp_path: Path) -> None:
    """A wallet shows and signs 1 and [1] differently; one is never taken for the other."""

    def listed(body: dict[str, Any]) -> None:
        body["choice"] = [body["choice"]] if body["choice"] == 1 else body["choice"]

    assert failures(told(tmp_path / "list", edit=changing_with("ballot", listed)))[3] >= {"signature_wrong"}

    def split(body: dict[str, Any]) -> None:
        if isinstance(body["choice"], dict):
            body["choice"] = {code: int(amount) // 10**9 for code, amount in body["choice"].items()}

    found = failures(told(tmp_path / "map", edit=changing_with("ballot", split)))
    assert found[3] == {"signature_wrong"}


@pytest.mark.parametrize("spelled", ["{0}/1", "0{0}", "{0}.0", "+{0}"])
def test_attack_totals_in_another_spelling(tmp_path: Path, spelled: str) -> None:
    def respelled(body: dict[str, Any]) -> None:
        body["totals"]["for"] = spelled.format(body["totals"]["for"])

    assert failures(told(tmp_path, edit=changing_with("tally", respelled))).keys() <= {1, 2, 4}
    assert not check(tmp_path, CONSISTENCY).ok


def test_attack_tally_of_the_census_of_another_proposal(tmp_path: Path) -> None:
    censuses: list[str] = []

    def first_census(kind: str, parents: tuple[str, ...]) -> tuple[str, ...]:
        if kind != "tally":
            return parents
        censuses.append(parents[1])
        return (parents[0], censuses[0])

    assert failures(told(tmp_path, parents_edit=first_census))[2] >= {"tally_spliced"}


# --- attacks on when voting closed --------------------------------------------------------------------------


def closing(kind_of_change: Callable[[dict[str, Any]], None], **rules: int) -> Callable[[str, dict[str, Any]], None]:
    """Return an edit of when votes closed, under rules with something more in every tier."""

    def edit(kind: str, body: dict[str, Any]) -> None:
        if kind == "rules":
            for tier in body["tiers"].values():
                tier.update(rules)
        if kind == "ballot" and "late_quorum_seconds" in rules:
            body["cast_at"] += 580  # of 600 seconds
        if kind == "closing":
            kind_of_change(body)

    return edit


def test_a_vote_whose_quorum_came_late_closes_later(tmp_path: Path) -> None:
    extended: list[object] = []
    report = told(tmp_path, edit=closing(lambda body: extended.append(body["extended_by"]), late_quorum_seconds=100))

    assert report.ok
    assert len(extended) == 4
    assert None not in extended


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda body: body.update(closes_at=body["closes_at"] + 1), "closing_wrong"),
        (lambda body: body.update(closes_at=body["closes_at"] - 1), "closing_wrong"),
        (lambda body: body.update(extended_by=None), "closing_wrong"),
        (lambda body: body.update(extended_by="ab" * 32, closes_at=body["closes_at"] + 100), "closing_wrong"),
    ],
)
def test_attack_forged_extension(tmp_path: Path, change: Callable[[dict[str, Any]], None], code: str) -> None:
    assert code in failures(told(tmp_path, edit=closing(change, late_quorum_seconds=100)))[6]


def test_attack_extension_that_the_rules_do_not_know(tmp_path: Path) -> None:
    def longer(body: dict[str, Any]) -> None:
        body.update(extended_by="ab" * 32, closes_at=body["closes_at"] + 50)

    assert failures(told(tmp_path, edit=closing(longer)))[6] == {"extension_wrong", "closing_wrong"}


def early(body: dict[str, Any]) -> None:
    body.update(closed_early=True, closes_at=body["closes_at"] - 100)


def test_a_vote_may_close_early_once_enough_are_for(tmp_path: Path) -> None:
    def without_house(kind: str, body: dict[str, Any]) -> None:
        closing(early, super_quorum_bps=5_000, objection_bps=0)(kind, body)

    assert told(tmp_path, edit=without_house).ok


def test_attack_forged_early_close(tmp_path: Path) -> None:
    assert failures(told(tmp_path / "no rule", edit=closing(early))) == {6: {"closed_early_wrong"}}
    too_few = closing(early, super_quorum_bps=9_000, objection_bps=0)
    assert failures(told(tmp_path / "too few", edit=too_few)) == {6: {"closed_early_wrong"}}
    hidden = closing(lambda body: body.update(closes_at=body["closes_at"] - 100))
    assert failures(told(tmp_path / "unsaid", edit=hidden)) == {6: {"closing_wrong"}}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda body: body.update(opens_at=body["opens_at"] - 1, closes_at=body["closes_at"] - 1), "opened_early"),
        (lambda body: body.update(closes_at=body["closes_at"] - 1), "period_wrong"),
        (lambda body: body.update(computed_at=body["opens_at"] + 1), "census_late"),
    ],
)
def test_attack_voting_opened_on_an_unfinished_census(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], code: str
) -> None:
    assert code in failures(told(tmp_path, edit=changing_with("census", change)))[6]


def test_voting_opens_later_where_the_census_took_longer(tmp_path: Path) -> None:
    def slow(body: dict[str, Any]) -> None:
        body.update({name: body[name] + 60 for name in ("opens_at", "closes_at", "computed_at")})

    def later(kind: str, body: dict[str, Any]) -> None:
        changing_with("census", slow)(kind, body)
        if kind == "ballot":
            body["cast_at"] += 60

    assert told(tmp_path, edit=later).ok


# --- size ---------------------------------------------------------------------------------------------------


def test_a_member_who_did_not_vote_costs_no_memory(tmp_path: Path) -> None:
    few, many = (peak_bytes(tmp_path / str(members), members) for members in (0, 20_000))

    assert many < few + 200_000


def peak_bytes(folder: Path, members: int) -> int:
    """Return the memory that checking a release takes at most, where so many more people could have voted."""

    def crowd(number: int, census: list[CensusEntry]) -> list[CensusEntry]:
        silent = [replace(census[0], voter=f"0x{place:040d}", power=1) for place in range(members)]
        return [*silent, *census] if number == 1 else census

    story = golden_bundle.plain_story()
    story.census_edit = crowd
    golden_bundle.build(folder, story)
    del story
    tracemalloc.start()
    try:
        assert check(folder, CONSISTENCY).ok
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
