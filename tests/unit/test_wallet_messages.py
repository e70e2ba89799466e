"""What a contract wallet is asked, what is believed of the answer, and what its owners sign."""

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from governance.errors import Invalid
from governance.wallets import safes
from governance.wallets.asking import SIGNATURE_BYTES_MAX, Asked, Verdict, answered, asked_of, question

WALLET = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
OWNER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
OTHER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
DIGEST = bytes(range(32))
ASKED = {"block_hash": "0x" + "ab" * 32, "block_number": 7, "kind": "erc1271"}


def words(*numbers: int) -> str:
    return "0x" + "".join(f"{number:064x}" for number in numbers)


def test_owners_sign_what_an_independent_encoder_makes_of_the_message() -> None:
    message = safes.safe_message(31337, WALLET, DIGEST)
    key = Account.create()
    signed = Account.sign_message(encode_typed_data(full_message=message), key.key)
    assert signed.message_hash == safes.safe_digest(31337, WALLET, DIGEST)
    assert safes.safe_digest(31337, OTHER, DIGEST) != safes.safe_digest(31337, WALLET, DIGEST)


def test_signatures_are_put_together_by_owner_and_an_approval_has_its_own_form() -> None:
    together = safes.put_together({OWNER: "0x" + "11" * 65, OTHER: ""})
    assert together == "0x" + "00" * 12 + OTHER[2:].lower() + "00" * 32 + "01" + "11" * 65


@pytest.mark.parametrize(
    "answer",
    [None, "0x", words(32), words(32, 2, int(OWNER, 16)), words(32, 1, 1 << 200), words(32, 2, 5, 5), words(32, 0)],
)
def test_what_does_not_name_owners_names_nobody(answer: str | None) -> None:
    assert safes.owners_in(answer) is None


def test_owners_are_read_in_their_checksummed_spelling() -> None:
    assert safes.owners_in(words(32, 2, int(OWNER, 16), int(OTHER, 16))) == (OWNER, OTHER)


@pytest.mark.parametrize(
    "signature",
    [
        "0xAB",
        "ab",
        "0xabc",
        "0x" + "00" * (SIGNATURE_BYTES_MAX + 1),
        "0x" + "6492" * 16,
        "0x" + "ff" * 96 + "6492" * 16,
    ],
)
def test_what_no_wallet_can_be_asked_about_is_refused(signature: str) -> None:
    with pytest.raises(Invalid, match="signature_invalid"):
        question(WALLET, DIGEST, signature)


def test_an_answer_is_two_words_and_nothing_else() -> None:
    assert answered(words(1, 2)) == (Verdict.VALID, "eip7702")
    assert answered(words(2, 0)) == (Verdict.NO_CODE, "")
    for strange in (None, 1, "0x", words(1), words(1, 1, 1), words(1, 0), words(1, 9), words(0, 1), words(6, 1)):
        with pytest.raises(ValueError, match=r"needed|kind|valid"):
            answered(strange)


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {**ASKED, "more": 1},
        {**ASKED, "kind": "eoa"},
        {**ASKED, "kind": ["erc1271"]},
        {**ASKED, "block_number": True},
        {**ASKED, "block_number": -1},
        {**ASKED, "block_hash": "0x" + "AB" * 32},
    ],
)
def test_a_record_says_of_its_wallet_exactly_this_much(body: object) -> None:
    assert asked_of(body) is None
    assert asked_of(ASKED) == Asked("erc1271", 7, "0x" + "ab" * 32)
    assert Asked("erc1271", 7, "0x" + "ab" * 32).to_body() == ASKED
