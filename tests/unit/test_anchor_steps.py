"""The rule for the next step with a digest that is to be posted: once, whatever became of the transactions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.anchoring.check import Anchored, Answer, Wanted, ask_anchor, code_hash
from governance.anchoring.kinds import kind_word
from governance.anchoring.steps import REPLACE_SECONDS, Next, Seen, Sent, Step, next_step

MOST = 10**12
FEE = 5 * 10**9
times = st.integers(0, 2**40)


def seen(final: int = 0, newest: int = 0, nonce: int = 7, fee: int = FEE) -> Seen:
    return Seen(final, newest, nonce, fee)


def test_the_first_transaction_goes_out_under_the_next_number_at_the_price_of_the_chain() -> None:
    assert next_step(None, seen(), MOST) == Next(Step.SEND, 7, FEE)


@given(
    final=times,
    newest=times,
    nonce=st.integers(0, 9),
    sent=st.none() | st.builds(Sent, st.integers(0, 9), times, times),
)
def test_what_is_posted_is_never_sent_again(final: int, newest: int, nonce: int, sent: Sent | None) -> None:
    found = next_step(sent, seen(final, newest, nonce), MOST)
    assert (found.step in {Step.CONFIRM, Step.SEEN}) is bool(final or newest)
    assert (found.step is Step.CONFIRM) is bool(final)


@given(sent=st.builds(Sent, st.integers(0, 9), st.integers(0, MOST), times), nonce=st.integers(0, 9))
def test_two_transactions_never_have_a_chance_at_once(sent: Sent, nonce: int) -> None:
    found = next_step(sent, seen(nonce=nonce), 10**30)
    if found.step is Step.SEND and sent.nonce >= nonce:
        assert sent.seconds_ago >= REPLACE_SECONDS
        assert found.nonce == nonce
        if sent.nonce == nonce:
            assert found.fee_wei * 8 > sent.fee_wei * 9, "nodes refuse a replacement that is not an eighth dearer"


def test_while_a_transaction_is_young_nothing_happens() -> None:
    assert next_step(Sent(7, FEE, REPLACE_SECONDS - 1), seen(), MOST) == Next(Step.WAIT)


@given(fee=st.integers(MOST + 1, 2**60), sent=st.none() | st.builds(Sent, st.just(7), times, st.just(10**6)))
def test_the_limit_of_the_fee_holds_for_replacements_too(fee: int, sent: Sent | None) -> None:
    assert next_step(sent, seen(fee=fee), MOST).step is Step.TOO_DEAR


def test_a_kind_is_spelled_as_the_contract_has_it() -> None:
    assert bytes.fromhex(kind_word("ballots")) == b"ballots" + bytes(25)


def test_a_post_before_the_count_is_told_as_one() -> None:
    early = Anchored(Wanted("the ballots", "ballots", "00" * 32, since=1_000), 900).sentence()
    assert "100 s BEFORE" in early
    assert "40 s after" in Anchored(Wanted("the ballots", "ballots", "00" * 32, since=1_000), 1_040).sentence()


def test_silence_is_no_answer_and_no_answer_is_not_a_yes() -> None:
    wanted = [Wanted("the release", "release", "00" * 32)]
    answer = ask_anchor("http://127.0.0.1:9", "0x" + "12" * 20, wanted)
    assert (answer.asked, answer.holds) == (False, False)
    assert answer.lines()[0].startswith("Anchor not checked")
    assert Answer(asked=True, says="", found=(Anchored(wanted[0], None),)).holds is False


@pytest.mark.parametrize("address", ["", "0x12", "vitalik.eth", "0x" + "zz" * 20])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="40 hex digits"):
        ask_anchor("http://127.0.0.1:9", address, [])


@pytest.mark.parametrize("code", ["0x", "", None, "0xzz", 12, "60"])
def test_what_is_no_code_has_no_hash(code: object) -> None:
    assert code_hash(code) == ""
