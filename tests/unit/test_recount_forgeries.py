"""Attacks on audit bundles: every forgery is noticed, and named with its line and what is wrong with it."""

import gzip

import pytest

from governance.evidence.canonical import canonical_bytes
from governance.evidence.record import Record
from governance.recount import Unreadable
from tests.simulators.audit_bundle import (
    LATE,
    LATE_VOTES,
    Delegating,
    Poll,
    Vote,
    bad,
    everyone_once,
    forged,
    line_of,
    on,
    run,
    wallet,
)
from tests.simulators.golden_parts import KeySigner


@pytest.fixture(scope="module")
def honest():
    return everyone_once()


# --- attacks on the bytes ---


def test_a_flipped_bit_anywhere_in_any_line_is_noticed_there_or_where_it_is_summed_up(honest):
    assert len(honest) == 16
    for place, line in enumerate(honest):
        step = max(1, len(line) // 60)
        for position in range(place % step, len(line), step):
            flipped = line[:position] + bytes([line[position] ^ 1]) + line[position + 1 :]
            report = run([*honest[:place], flipped, *honest[place + 1 :]])
            assert not report.ok, (place, position, line[position : position + 20])
            assert report.bad.line >= 1


def test_every_line_that_is_dropped_is_missed(honest):
    for place in range(len(honest)):
        if b'"kind":"decision"' in honest[place]:
            continue  # a decision may not be there yet
        assert not run(honest[:place] + honest[place + 1 :]).ok, place


def test_every_line_that_is_repeated_is_refused_where_it_stands(honest):
    for place in range(len(honest)):
        report = run(honest[: place + 1] + honest[place:])
        assert (report.ok, report.bad.line) == (False, place + 2)


def test_a_bundle_that_ends_early_is_refused_wherever_it_is_cut(honest):
    data = b"".join(honest)
    for end in range(0, len(data) - 1, 97):
        assert not run(data[:end]).ok


def test_lines_in_another_order_are_refused(honest):
    ballots = [line_of(honest, "ballot", nth) for nth in range(3)]
    for first in range(len(honest) - 1):
        if first in ballots and first + 1 in ballots:
            continue  # ballots of different voters: only the log knows which one came first
        swapped = list(honest)
        swapped[first], swapped[first + 1] = swapped[first + 1], swapped[first]
        assert not run(swapped).ok, first


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda line: line.replace(b'"nonce":1', b'"nonce": 1'), "not_canonical"),
        (lambda line: line.replace(b'"nonce":1', b'"nonce":1.0'), "malformed_json"),
        (lambda line: line.replace(b'"nonce":1', b'"nonce":"1"'), "body_wrong"),
        (lambda line: line.replace(b'"nonce":1', b'"nonce":true'), "body_wrong"),
        (lambda line: line.replace(b'"nonce":1,', b'"nonce":0,"nonce":1,'), "duplicate_key"),
        (lambda line: line.replace(b'"nonce":1,', b'"more":1,"nonce":1,'), "body_wrong"),
        (lambda line: line.replace(b'"nonce":1', b'"nonce":9007199254740993'), "nonce_wrong"),
        (lambda line: line.replace(b'"reason":""', b'"reason":"\\u0000"'), "forbidden_character"),
        (lambda line: line.replace(b'"reason":""', b'"reason":"\\ud800"'), "forbidden_character"),
        (lambda line: line.replace(b'"reason":""', b'"reason":"\\u0041"'), "not_canonical"),
        (lambda line: line.replace(b'"reason":""', b'"reason":"\xff"'), "malformed_json"),
        (lambda line: line.replace(b'"reason":""', b'"reason":"Bribed."'), "signature_wrong"),
        (lambda line: line.replace(b'"reason":""', b'"reason":' + b"[" * 50_000), "too_deep"),
        (lambda line: line.replace(b'"reason":""', b'"reason":"' + b"x" * 2_000_000 + b'"'), "line_too_long"),
        (lambda line: line.replace(b'"choice":', b'"choice":1'), "choice_invalid"),
        (lambda line: line.replace(b'"choice":', b'"choice":-'), "choice_invalid"),
        (lambda line: line.replace(b'"voter":"0x', b'"voter":"0X'), "subject_wrong"),
        (lambda line: line.replace(b'"version":1', b'"version":2'), "entry_misplaced"),
        (lambda line: line.replace(b'"kind":"ballot"', b'"kind":"vote"'), "entry_misplaced"),
        (lambda line: line.replace(b'"signature":"0x', b'"signature":"0X'), "signature_wrong"),
        (lambda line: line.replace(b"\n", b"\r\n"), "not_canonical"),
        (lambda line: line.replace(b"\n", b" \n"), "not_canonical"),
        (lambda line: b"\n" + line, "malformed_json"),
    ],
)
def test_a_ballot_in_another_spelling_is_refused_with_the_reason(change, code):
    lines = list(Poll(votes=[Vote(1, 2), Vote(2, 1)]).lines())
    place = line_of(lines, "ballot")
    changed = change(lines[place])
    assert changed != lines[place]
    found = bad([*lines[:place], changed, *lines[place + 1 :]])
    assert found == (place + 1, code) or (changed[0:1] == b"\n" and found[0] == place + 1)


# --- attacks by whoever runs the server ---


def swap(lines, first, second):
    lines = list(lines)
    lines[first], lines[second] = lines[second], lines[first]
    return lines


def test_a_ballot_that_is_left_out_is_missed_in_the_tally(honest):
    tally = line_of(honest, "tally")
    for nth in range(3):
        place = line_of(honest, "ballot", nth)
        assert bad(honest[:place] + honest[place + 1 :])[0] == tally


def test_a_replayed_ballot_is_refused_where_it_stands(honest):
    place = line_of(honest, "ballot")
    assert bad([*honest[: place + 1], honest[place], *honest[place + 1 :]]) == (place + 2, "nonce_wrong")


def test_an_older_ballot_that_is_put_after_the_newer_one_is_refused():
    lines = list(Poll(votes=[Vote(1, 0), Vote(1, 1, nonce=2)]).lines())
    first, second = line_of(lines, "ballot", 0), line_of(lines, "ballot", 1)
    assert bad(swap(lines, first, second)) == (second + 1, "nonce_wrong")


def test_a_ballot_of_another_vote_cannot_be_spliced_in(honest):
    other = list(Poll(powers={1: 31, 2: 20, 3: 10}, votes=[Vote(2, 0, nonce=5)]).lines())
    place = line_of(honest, "ballot", 2) + 1
    spliced = other[line_of(other, "ballot")]
    assert bad([*honest[:place], spliced, *honest[place:]]) == (place + 1, "parent_wrong")
    moved = Record.from_bytes(spliced[:-1])
    proposal = Record.from_bytes(honest[3][:-1]).digest
    moved = Record.make("ballot", f"ballot:{proposal}/{moved.body['voter']}", moved.body, [proposal])
    lines = [*honest[:place], moved.canonical() + b"\n", *honest[place:]]
    assert bad(lines) == (place + 1, "signature_wrong")


def test_a_ballot_signed_with_another_key_is_refused():
    stranger = wallet(40)

    def resign(body):
        body["signature"] = stranger.sign(b"\x11" * 32)

    lines = forged(on("ballot", resign))
    assert bad(lines) == (line_of(lines, "ballot") + 1, "signature_wrong")


@pytest.mark.parametrize("name", ["power", "house_power"])
def test_a_ballot_with_more_power_than_in_the_census_is_refused(name):
    lines = forged(on("ballot", {name: "1000"}))
    assert bad(lines) == (line_of(lines, "ballot") + 1, "power_wrong")


def test_a_voter_who_is_not_in_the_census_is_refused():
    lines = list(Poll(powers={1: 10}, votes=[Vote(1, 1), Vote(2, 1)]).lines())
    assert bad(lines) == (line_of(lines, "ballot", 1) + 1, "voter_unknown")


@pytest.mark.parametrize("cast_after", [-1, 600, 10_000])
def test_a_ballot_outside_of_the_vote_is_refused(cast_after):
    lines = list(Poll(votes=[Vote(1, 1), Vote(2, 1, after_seconds=cast_after)]).lines())
    assert bad(lines) == (line_of(lines, "ballot", 1) + 1, "ballot_outside_voting")


def more_power(body):
    if body["voter"] == wallet(1).address:
        body["power"] = "999"


def everybody_more(body):
    body["power"] = str(int(body["power"]) * 3)


@pytest.mark.parametrize(
    ("edit", "facts", "code"),
    [
        (on("entry", more_power), {}, "census_total_wrong"),
        (on("entry", {"power": "0"}), {}, "power_wrong"),
        (on("entry", {"power": "07"}), {}, "entry_malformed"),
        (on("entry", {"power": "-7"}), {}, "entry_malformed"),
        (on("entry", {"power": "7" * 79}), {}, "entry_malformed"),
        (on("entry", {"voter": wallet(1).address}), {}, "order_wrong"),
        (on("entry", lambda body: body.update(voter=body["voter"].lower())), {}, "address_checksum"),
        (on("entry", {"voter": "0x12"}), {}, "entry_malformed"),
        (on("entry", {"more": "1"}), {}, "entry_malformed"),
        (on("census", {"root": "ab" * 32}), {}, "census_root_wrong"),
        (on("census", {"total": "1"}), {}, "census_total_wrong"),
        (on("census", {"house_total": "1"}), {}, "census_house_total_wrong"),
        (on("census", {"count": 8}), {}, "census_count_wrong"),
        (on("census", {"delegations_root": "ab" * 32}), {}, "census_delegations_root_wrong"),
        (on("census", {"delegation_count": 1}), {}, "census_delegation_count_wrong"),
        (on("census", lambda body: body.update(opens_at=body["opens_at"] - 60)), {}, "opened_early"),
        (on("census", lambda body: body.update(closes_at=body["closes_at"] - 60)), {}, "period_wrong"),
        (on("census", lambda body: body.update(closes_at=body["closes_at"] + 60)), {}, "period_wrong"),
        (on("census", lambda body: body.update(computed_at=body["opens_at"] + 1)), {}, "census_late"),
        (on("census", {"more": 1}), {}, "body_wrong"),
    ],
)
def test_a_forged_census_is_refused(edit, facts, code):
    assert bad(forged(edit, **facts))[1] == code


def test_a_census_that_gives_more_than_the_listed_power_is_refused():
    def edit(kind, body):
        if kind == "entry":
            body["power"] = {wallet(1).address: "40", wallet(2).address: "10"}[body["voter"]]

    lines = forged(edit, powers={1: 30, 2: 20})
    assert bad(lines) == (line_of(lines, "census") + 1, "power_wrong")


def test_a_census_of_more_power_than_exists_is_refused():
    def edit(kind, body):
        if kind == "proposal":
            body["snapshot"]["total_supply"] = "97"

    lines = forged(edit, fixed_list=False)
    assert bad(lines) == (line_of(lines, "census") + 1, "supply_exceeded")


def test_a_longer_voting_period_is_allowed():
    def longer(body):
        body["rules"]["voting_period_seconds"] = 700
        body["closes_at"] = body["opens_at"] + 700

    assert run(forged(on("proposal", longer))).ok


def rule(name, value):
    return on("proposal", lambda body: body.update(rules=body["rules"] | {name: value}))


def snapshot(**values):
    return on("proposal", lambda body: body.update(snapshot=body["snapshot"] | values))


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (rule("quorum_bps", 1), "rules_wrong"),
        (rule("threshold_bps", 9_000), "rules_wrong"),
        (rule("timelock_seconds", 0), "rules_wrong"),
        (rule("late_quorum_seconds", 60), "rules_wrong"),
        (rule("voting_period_seconds", 599), "rules_wrong"),
        (rule("voting_period_seconds", 700), "period_wrong"),
        (rule("quorum_basis", "delegated"), "rules_wrong"),
        (on("proposal", {"tier": "light"}), "tier_wrong"),
        (on("proposal", {"kind": "note"}), "tier_wrong"),
        (on("proposal", {"method_version": "0"}), "method_wrong"),
        (on("proposal", {"tie_rule": "coin"}), "method_wrong"),
        (on("proposal", {"choices": ["for", "against", "for"]}), "rules_wrong"),
        (on("proposal", {"seats": 2}), "rules_wrong"),
        (on("proposal", {"number": 2}), "subject_wrong"),
        (on("proposal", lambda body: body.update(opens_at=body["opens_at"] - 1)), "delay_shortened"),
        (on("proposal", lambda body: body.update(closes_at=body["closes_at"] - 1)), "period_wrong"),
        (on("proposal", {"more": 1}), "body_wrong"),
        (on("proposal", {"nonce": "1"}), "body_wrong"),
        (snapshot(source={"name": "friends", "version": "1", "parameters": {}}), "source_wrong"),
        (snapshot(house={}), "house_wrong"),
        (snapshot(more=1), "snapshot_wrong"),
    ],
)
def test_a_proposal_with_other_rules_than_its_tier_is_refused(edit, code):
    poll = Poll(edit=edit, votes=[], closed=False)
    assert bad(poll.lines()) == (4, code)


def test_an_unknown_method_is_refused(honest):
    proposal = Record.from_bytes(honest[3][:-1])
    changed = Record.make("proposal", proposal.subject, {**proposal.body, "method": "coin"}, proposal.parents)
    header = canonical_bytes({"bundle": "commonweights-audit", "version": 1, "proposal": changed.digest}) + b"\n"
    assert bad([header, *honest[1:3], changed.canonical() + b"\n", *honest[4:]]) == (4, "method_unknown")


def test_a_proposal_of_another_charter_or_community_is_refused(honest):
    other = list(Poll(rules={"quorum_bps": 1}).lines())
    assert bad([honest[0], other[1], *honest[2:]]) == (4, "parent_wrong")
    assert bad([*honest[:2], other[2], *honest[3:]]) == (4, "parent_wrong")
    assert bad([other[0], *honest[1:]]) == (4, "digest_wrong")


# --- attacks on the end of the vote ---


def closing(**values):
    return on("tally", values)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"totals": {"against": "0", "for": "99", "abstain": "0"}}, "tally_totals_wrong"),
        ({"winners": ["against"]}, "tally_winners_wrong"),
        ({"ballots_root": "ab" * 32}, "tally_ballots_root_wrong"),
        ({"ballot_count": 8}, "tally_ballot_count_wrong"),
        ({"ballot_count": True}, "tally_ballot_count_wrong"),
        ({"quorum_power": "1"}, "tally_quorum_power_wrong"),
        ({"house": {}}, "tally_house_wrong"),
        ({"closes_at": 1_790_000_700}, "tally_closes_at_wrong"),
        ({"extended_by": "ab" * 32}, "tally_extended_by_wrong"),
        ({"closed_at": 1_790_000_100}, "counted_early"),
        ({"closed_early": True}, "tally_closes_at_wrong"),
        ({"closed_early": True, "closes_at": 1_790_000_661, "closed_at": 1_790_000_661}, "closed_early_wrong"),
        ({"more": 1}, "body_wrong"),
    ],
)
def test_a_forged_tally_is_refused(values, code):
    lines = forged(closing(**values))
    assert bad(lines) == (line_of(lines, "tally") + 1, code)


def test_a_vote_without_a_super_quorum_cannot_be_closed_early():
    lines = forged(lambda _kind, _body: None, closed_early=True)
    assert bad(lines) == (line_of(lines, "tally") + 1, "closed_early_wrong")


def test_a_vote_closed_early_has_no_later_ballot():
    votes = [Vote(number, 1, after_seconds=10 * number) for number in range(1, 8)]
    edit = on("tally", lambda body: body.update(closed_at=body["closed_at"] - 1, closes_at=body["closes_at"] - 1))
    lines = forged(edit, rules={"super_quorum_bps": 5_000}, votes=votes, closed_early=True)
    assert bad(lines) == (line_of(lines, "tally") + 1, "counted_early")


def test_a_ballot_after_a_forged_extension_is_refused():
    votes = [*LATE_VOTES, Vote(1, 0, nonce=2, after_seconds=900)]
    lines = list(Poll(powers={1: 30, 2: 30, 3: 30}, votes=votes, rules=LATE).lines())
    assert bad(lines) == (line_of(lines, "ballot", 3) + 1, "ballot_outside_voting")


def test_another_order_cannot_avoid_or_make_an_extension():
    lines = list(Poll(powers={1: 30, 2: 30, 3: 30}, votes=LATE_VOTES, rules=LATE).lines())
    first, second = line_of(lines, "ballot", 0), line_of(lines, "ballot", 1)
    assert not run(swap(lines, first, second)).ok
    lines = forged(on("tally", {"extended_by": None}), powers={1: 30, 2: 30, 3: 30}, votes=LATE_VOTES, rules=LATE)
    assert bad(lines) == (line_of(lines, "tally") + 1, "tally_extended_by_wrong")


def later(name, seconds):
    return lambda body: body.update({name: body[name] + seconds})


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"passed": False}, "decision_wrong"),
        ({"conditions": []}, "decision_wrong"),
        ({"queued_at": 1}, "queued_early"),
        ({"queued_at": None}, "queued_early"),
        (later("eta", -1), "timelock_wrong"),
        (later("expires_at", 1), "timelock_wrong"),
        (later("decided_at", -1), "decided_wrong"),
        ({"more": 1}, "body_wrong"),
    ],
)
def test_a_forged_decision_is_refused(change, code):
    lines = forged(on("decision", change))
    assert bad(lines) == (line_of(lines, "decision") + 1, code)


def test_what_did_not_pass_cannot_be_queued():
    votes = [Vote(number, 0) for number in range(1, 8)]
    change = {"queued_at": 1_790_000_700, "eta": 1_790_001_000, "expires_at": 1_790_087_400}
    lines = forged(on("decision", change), votes=votes)
    assert bad(lines) == (line_of(lines, "decision") + 1, "not_passed")


# --- attacks on delegations ---


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"share_bps": 5_000}, "signature_wrong"),
        ({"delegate": wallet(3).address}, "signature_wrong"),
        ({"topic": "model_update"}, "signature_wrong"),
        ({"expires_at": 1_900_000_000}, "signature_wrong"),
        ({"delegate": wallet(3).address.lower()}, "address_checksum"),
        ({"made_at": 1_790_000_061}, "delegation_late"),
        ({"more": 1}, "body_wrong"),
    ],
)
def test_a_forged_delegation_is_refused(change, code):
    lines = forged(on("delegation", change), delegations=[Delegating(1, 2)])
    assert bad(lines) == (5, code)


def test_nobody_gives_away_more_than_everything():
    poll = Poll(delegations=[Delegating(1, 2, share_bps=6_000), Delegating(1, 3, share_bps=6_000)])
    assert bad(poll_lines_without_counting(poll)) == (6, "delegation_shares")


def poll_lines_without_counting(poll):
    """Return the first lines only: what cannot be counted cannot be finished either."""
    header = {"bundle": "commonweights-audit", "version": 1, "proposal": poll.proposal.digest}
    records = (poll.charter, poll.community, poll.proposal, *poll.signed_delegations)
    return [canonical_bytes(header) + b"\n", *(record.canonical() + b"\n" for record in records)]


# --- the log's checkpoint, and what is no bundle ---


def test_a_checkpoint_of_another_key_is_refused(honest):
    impostor = list(Poll(powers={1: 30, 2: 20, 3: 10}, release_key=KeySigner(8)).lines())
    assert bad([*honest[:-1], impostor[-1]]) == (len(honest), "signature_missing")


def test_nothing_follows_the_checkpoint(honest):
    assert bad([*honest, b"\n"]) == (len(honest) + 1, "entry_misplaced")


@pytest.mark.parametrize("data", [b"", b"\n", b"{}\n", b"not json\n", b"\x00" * 100, b"[]\n", b'{"bundle":1}\n'])
def test_what_does_not_begin_with_a_header_is_refused_at_line_1(data):
    assert bad(data)[0] == 1


@pytest.mark.parametrize("data", [b"\x1f\x8b", b"\x1f\x8b\x08\x00junk" * 9])
def test_damaged_compression_cannot_be_read(data):
    with pytest.raises(Unreadable):
        run(data)


def test_a_bundle_that_unpacks_to_more_than_allowed_is_not_read(honest):
    bomb = gzip.compress(b"x" * 50_000_000)
    with pytest.raises(Unreadable, match="--limit"):
        run(bomb, limit_bytes=1_000)
    assert run(honest, limit_bytes=len(b"".join(honest))).ok
    with pytest.raises(Unreadable):
        run(honest, limit_bytes=len(b"".join(honest)) - 1)
