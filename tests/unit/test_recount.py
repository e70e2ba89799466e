"""The recount of audit bundles: honest ones of every method hold, and what the command says about good and bad."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from governance import eip712
from governance.eip712.ballot_digests import BallotDigests
from governance.evidence.record import Record
from governance.evidence.signing import fingerprint
from governance.recount import TrustRoots
from governance.recount.__main__ import main
from tests.simulators.audit_bundle import (
    CHOICES,
    COMMUNITY,
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

ROOT = Path(__file__).resolve().parents[2]
KEY = KeySigner(7).public_key_hex


@pytest.fixture(scope="module")
def honest():
    return everyone_once()


# --- what holds ---


@pytest.mark.parametrize("method", CHOICES)
def test_an_honest_bundle_of_every_method_holds(method):
    report = run(Poll(method=method).lines())
    assert (report.ok, report.bad, report.closed) == (True, None, True)
    assert (report.ballots, report.voters, report.census) == (7, 7, 7)
    assert report.passed is not None
    assert report.explanation


def test_totals_and_outcome_are_those_of_the_vote():
    report = run(Poll(powers={1: 30, 2: 20, 3: 10}, votes=[Vote(1, 1), Vote(2, 0), Vote(3, 2)]).lines())
    assert report.totals == {"against": "20", "for": "30", "abstain": "10"}
    assert (report.winners, report.passed) == (("for",), True)
    assert [(condition.condition, condition.found) for condition in report.conditions] == [
        ("quorum", 40),
        ("majority", 30),
    ]


def test_the_newest_ballot_of_a_voter_counts_and_the_older_ones_stay_in_the_bundle():
    votes = [
        Vote(1, 0),
        Vote(2, 1),
        Vote(1, 1, nonce=2),
        Vote(1, 2, nonce=9, reason="On reflection: « je m’abstiens » 💧"),
    ]
    report = run(Poll(votes=votes).lines())
    assert report.ok
    assert (report.ballots, report.voters) == (4, 2)
    assert report.totals == {"against": "0", "for": "12", "abstain": "11"}


def test_power_flows_along_delegations_and_one_s_own_vote_overrides():
    poll = Poll(
        powers={1: 100, 2: 50, 3: 10},
        votes=[Vote(3, 1), Vote(2, 0)],
        delegations=[Delegating(1, 3), Delegating(2, 3)],
    )
    report = run(poll.lines())
    assert report.ok
    assert report.totals == {"against": "50", "for": "110", "abstain": "0"}


def test_somebody_without_own_power_votes_with_what_was_delegated():
    report = run(Poll(powers={1: 100}, votes=[Vote(9, 1)], delegations=[Delegating(1, 9)]).lines())
    assert (report.ok, report.totals) == (True, {"against": "0", "for": "100", "abstain": "0"})


def test_a_delegation_loop_carries_nothing_and_creates_no_power():
    loop = [Delegating(1, 2), Delegating(2, 1), Delegating(1, 3, topic="model_update")]
    poll = Poll(powers={1: 100, 2: 50, 3: 10}, votes=[Vote(3, 1)], delegations=loop[:2])
    assert run(poll.lines()).totals["for"] == "10"
    poll = Poll(powers={1: 100, 2: 50, 3: 10}, votes=[Vote(3, 1)], delegations=loop)
    assert run(poll.lines()).totals["for"] == "160"  # the topic breaks the loop


def test_expired_delegations_carry_nothing():
    poll = Poll(powers={1: 100, 3: 10}, votes=[Vote(3, 1)], delegations=[Delegating(1, 3, expires_at=1_790_000_001)])
    report = run(poll.lines())
    assert (report.ok, report.totals["for"]) == (True, "10")
    assert any("0 of 1 delegations hold" in sentence for sentence in report.checked)


def test_a_late_quorum_extends_the_vote_once():
    poll = Poll(powers={1: 30, 2: 30, 3: 30}, votes=LATE_VOTES, rules=LATE)
    lines = list(poll.lines())
    report = run(lines)
    assert (report.ok, report.ballots) == (True, 3)
    tally = json.loads(lines[line_of(lines, "tally")])["body"]
    assert tally["closes_at"] == poll.census.body["opens_at"] + 599 + 120
    assert tally["extended_by"] == poll.ballots[1].digest


def test_a_super_quorum_closes_a_vote_early():
    poll = Poll(rules={"super_quorum_bps": 5_000}, votes=[Vote(number, 1) for number in range(1, 8)], closed_early=True)
    assert run(poll.lines()).ok


def test_a_second_house_is_recounted():
    poll = Poll(
        powers={1: 30, 2: 20},
        house_powers={2: 1, 8: 1, 9: 1},
        votes=[Vote(1, 1), Vote(2, 0), Vote(8, 0), Vote(9, 1)],
        rules={"objection_bps": 6_000},
        fixed_list=False,
    )
    report = run(poll.lines())
    assert (report.bad, report.passed) == (None, False)
    assert report.conditions[-1].condition == "objection"


def test_while_the_vote_is_open_the_count_so_far_is_given_and_called_so(tmp_path, capsys):
    path = tmp_path / "bundle.jsonl"
    path.write_bytes(b"".join(Poll(closed=False).lines()))
    assert main([str(path)]) == 0
    said = capsys.readouterr().out
    assert "The vote is not counted yet. The count so far:" in said
    assert "Passed, as it stands." in said
    report = run(Poll(closed=False, votes=[]).lines())
    assert (report.ok, report.closed, report.voters) == (True, False, 0)


def test_before_the_census_there_is_nothing_to_count_and_the_report_says_so(tmp_path, capsys):
    path = tmp_path / "bundle.jsonl"
    path.write_bytes(b"".join(Poll(with_census=False, votes=[], closed=False).lines()))
    assert main([str(path)]) == 0
    assert "Voting has not begun" in capsys.readouterr().out


def test_a_tally_without_a_decision_yet_holds():
    assert run(Poll(with_decision=False).lines()).ok


def test_a_vote_that_did_not_pass_holds_without_a_timelock():
    report = run(Poll(votes=[Vote(number, 0) for number in range(1, 8)]).lines())
    assert (report.ok, report.passed) == (True, False)


def test_a_compressed_bundle_gives_the_same_report(honest):
    plain, packed = run(honest), run(gzip.compress(b"".join(honest)))
    assert packed.to_dict() == plain.to_dict()
    assert plain.ok


def test_the_trusted_key_its_fingerprint_and_the_community_are_recognised(honest):
    community = Record.from_bytes(honest[2][:-1])
    assert run(honest, trust=TrustRoots(KEY)).ok
    assert run(honest, trust=TrustRoots(fingerprint(KEY), community.digest)).ok
    assert bad(honest, trust=TrustRoots("ab" * 32)) == (3, "key_untrusted")
    assert bad(honest, trust=TrustRoots(None, "ab" * 32)) == (3, "community_untrusted")


def test_what_was_not_checked_is_said(honest):
    report = run(honest)
    assert any("log contains every ballot" in sentence for sentence in report.not_checked)
    assert any("--community-key" in sentence for sentence in report.not_checked)
    trusted = run(Poll(fixed_list=False).lines(), trust=TrustRoots(KEY))
    assert any("at block 100" in sentence for sentence in trusted.not_checked)
    assert not any("--community-key" in sentence for sentence in trusted.not_checked)


# --- the quick digest against the general one ---


@given(
    choice=st.integers(0, 255)
    | st.lists(st.integers(1, 9), max_size=5)
    | st.dictionaries(st.text("019"), st.integers(0)),
    reason=st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=60),
    nonce=st.integers(0, 2**53 - 1),
    number=st.integers(1, 50),
    proposal=st.binary(min_size=32, max_size=32),
)
def test_the_digests_of_a_vote_are_those_of_single_ballots(choice, reason, nonce, number, proposal):
    assume(not isinstance(choice, dict) or max(choice.values(), default=0) < 2**53)
    address = wallet(number).address
    quick = BallotDigests(COMMUNITY, proposal.hex()).digest(bytes.fromhex(address[2:]), choice, reason, nonce)
    domain = {name: COMMUNITY[name] for name in ("chain_id", "token", "instance")}
    said = {"voter": address, "choice": choice, "reason": reason, "nonce": nonce}
    assert quick == eip712.ballot_digest(**domain, community="water", proposal=f"0x{proposal.hex()}", **said)


# --- the command ---


def test_the_command_names_the_first_bad_line(honest, tmp_path, capsys):
    path = tmp_path / "bundle.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join(honest)))
    assert main([str(path), "--community-key", KEY]) == 0
    assert "Holds: all 16 lines." in capsys.readouterr().out
    place = line_of(honest, "ballot")
    changed = honest[place].replace(b'"choice":1', b'"choice":0')
    path.write_bytes(b"".join([*honest[:place], changed, *honest[place + 1 :]]))
    assert main([str(path)]) == 1
    assert f"Does NOT hold. Line {place + 1}: signature_wrong" in capsys.readouterr().out
    assert main([str(path), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["holds"], report["bad"]["line"], report["bad"]["code"]) == (False, place + 1, "signature_wrong")


def test_the_command_says_what_it_cannot_read(honest, tmp_path, capsys):
    path = tmp_path / "bundle.jsonl"
    assert main([str(path)]) == 2
    path.write_bytes(b"".join(honest))
    assert main([str(path), "--limit", "100"]) == 2
    assert main(["\0"]) == 2
    assert capsys.readouterr().err.count("cannot be read") == 3


def test_a_bundle_cannot_steer_the_terminal(tmp_path, capsys):
    path = tmp_path / "bundle.jsonl"
    path.write_bytes(b"".join(forged(on("proposal", {"title": "\x1b[2J\u202e"}))))
    assert main([str(path)]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_the_command_works_where_there_is_no_django(honest, tmp_path):
    path = tmp_path / "bundle.jsonl"
    path.write_bytes(b"".join(honest))
    code = (
        "import sys\n"
        "for name in ('django', 'web3', 'requests', 'rest_framework', 'celery'): sys.modules[name] = None\n"
        "from governance.recount.__main__ import main\n"
        f"sys.exit(main([{str(path)!r}]))\n"
    )
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)
    assert (finished.returncode, finished.stderr) == (0, "")
