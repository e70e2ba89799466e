"""The quick way to read a ballot line accepts nothing that the thorough way refuses, and reads the same."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.evidence import merkle
from governance.evidence.canonical import CanonicalError, canonical_bytes
from governance.evidence.record import Record
from models_registry.provenance import ballot_lines
from models_registry.provenance.ballot_lines import BallotLine

PROPOSAL, VOTER = "ab" * 32, "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
CHOICES = st.one_of(
    st.integers(-2, 300),
    st.booleans(),
    st.text(max_size=3),
    st.lists(st.one_of(st.integers(0, 9), st.text(max_size=3), st.lists(st.integers(), max_size=2)), max_size=3),
    st.dictionaries(
        st.text('"\\a},:house_power', max_size=8), st.one_of(st.integers(0, 9), st.text(max_size=8)), max_size=3
    ),
)
REASONS = st.one_of(st.just(""), st.text(max_size=12), st.just("Parce que « l’eau » manque."))


def ballot(**changes: Any) -> dict[str, Any]:
    body = {
        "voter": VOTER,
        "choice": 1,
        "reason": "",
        "nonce": 1,
        "power": "10",
        "house_power": "0",
        "signature": f"0x{'12' * 65}",
        "cast_at": 1_790_000_000,
    }
    return {**body, **changes}


def line_of(body: dict[str, Any], **changes: Any) -> bytes:
    record = {"kind": "ballot", "version": 1, "subject": f"ballot:{PROPOSAL}/{body['voter']}", "parents": [PROPOSAL]}
    return canonical_bytes({**record, "body": body, **changes})


@given(
    choice=CHOICES, reason=REASONS, nonce=st.integers(-1, 2**53 - 1), power=st.sampled_from(["0", "7", "07", "-1", ""])
)
def test_both_ways_read_the_same(choice: Any, reason: str, nonce: int, power: str) -> None:
    try:
        line = line_of(ballot(choice=choice, reason=reason, nonce=nonce, power=power))
    except CanonicalError:
        return
    agree(line)


@given(place=st.integers(0, 600), put=st.binary(max_size=3), gone=st.integers(0, 3))
def test_what_the_quick_way_accepts_the_thorough_way_accepts(place: int, put: bytes, gone: int) -> None:
    line = line_of(ballot(reason="Because.", choice={"0": "3", "1": 4}))
    agree(line[:place] + put + line[place + gone :])


def agree(line: bytes) -> None:
    quickly = ballot_lines._quickly(line)
    if quickly is None:
        return
    thorough = ballot_lines._slowly(line)
    assert quickly == thorough
    assert canonical_bytes(Record.from_bytes(line).to_dict()) == quickly.canonical()


@pytest.mark.parametrize("choice", [0, 2, [1, 0], {"0": "5", "1": 6}])
def test_what_ballots_usually_say_is_read_quickly(choice: Any) -> None:
    line = line_of(ballot(choice=choice, reason="Je m’en remets aux riverains."))
    found = ballot_lines._quickly(line)
    assert found == BallotLine(PROPOSAL, None, ballot(choice=choice, reason="Je m’en remets aux riverains."), line)


@pytest.mark.parametrize(
    "line",
    [
        line_of(ballot(), kind="vote"),
        line_of(ballot(), version=2),
        line_of(ballot(nonce=-1)),
        line_of(ballot(choice=True)),
        line_of(ballot(choice="for")),
        line_of(ballot(power="01")),
        line_of({**ballot(), "more": 1}),
        line_of(ballot()).replace(b'"nonce":1', b'"nonce":01'),
        line_of(ballot()).replace(b'"nonce":1', b'"nonce":9007199254740992'),
        line_of(ballot()).replace(b'"choice":1', b'"choice":9007199254740992'),
        line_of(ballot()).replace(b'"choice":1', b'"choice":{"a":1,"a":1}'),
        line_of(ballot()).replace(b",", b", "),
        line_of(ballot()).replace(b'"reason":""', b'"reason":"\xff"'),
        b"",
    ],
)
def test_what_is_no_ballot_is_refused(line: bytes) -> None:
    with pytest.raises(CanonicalError):
        BallotLine.from_bytes(line)


def test_a_subject_of_another_voter_is_kept_to_be_told() -> None:
    assert BallotLine.from_bytes(line_of(ballot(), subject="ballot:x")).subject == "ballot:x"
    assert BallotLine.from_bytes(line_of(ballot(), parents=[])).proposal == ""


@pytest.mark.parametrize("count", [1, 2, 1_023, 1_024, 1_025, 2_047, 2_048, 3_000, 4_096])
def test_a_root_made_in_blocks_is_the_root(count: int) -> None:
    hashes = [hashlib.sha256(b"%d" % number).digest() for number in range(count)]
    assert merkle.root_of_hashes(iter(hashes)) == slowly(hashes).hex()


def slowly(hashes: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, as it is written."""
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + slowly(hashes[:split]) + slowly(hashes[split:])).digest()
