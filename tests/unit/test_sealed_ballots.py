"""Sealing: any threshold of keyholders opens the same, fewer open nothing, a flipped bit or another seal is void."""

import json
import subprocess
from itertools import combinations
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from governance.charter import Charter
from governance.outcome import InvalidRules
from governance.sealed import __main__ as command
from governance.sealed import box, shares
from governance.sealed.box import Context, SealError, Void
from governance.sealed.opening import VOID, Keys, content_of
from governance.tally import method_named
from tests.integration.commons import charter_of_members
from tests.simulators.wallets import wallet

SECRETS = {place: bytes([place]) * 32 for place in range(1, 6)}
VOTER = "0x" + "Cd" * 20
SEEDS = st.binary(min_size=32, max_size=32)
BUNDLE = Path(__file__).resolve().parents[2] / "frontend/static/built/sealing.js"


def context_of(threshold: int = 3, count: int = 5, **other: str) -> Context:
    names = {"proposal": "0x" + "ab" * 32, "voter": VOTER} | other
    keys = tuple(box.public_key_of(SECRETS[place]) for place in range(1, count + 1))
    return Context(threshold=threshold, public_keys=keys, **names)


@given(SEEDS, st.integers(1, 5), st.data())
def test_any_threshold_of_shares_gives_the_secret(secret, threshold, data):
    coefficients = [data.draw(SEEDS) for _ in range(threshold - 1)]
    parts = dict(enumerate(shares.split(secret, coefficients, 5), 1))
    for places in combinations(parts, threshold):
        assert shares.combine({place: parts[place] for place in places}) == secret


@given(SEEDS, st.binary(max_size=box.CONTENT_BYTES_MAX))
def test_what_is_sealed_is_opened_by_whichever_keyholders_come(seed, content):
    context = context_of()
    sealed = box.seal(content, context, seed)
    assert len(sealed) == context.length
    assert box.from_text(box.to_text(sealed)) == sealed
    for places in ((1, 2, 3), (3, 4, 5), (1, 3, 5, 2)):
        assert box.unseal(sealed, context, {place: SECRETS[place] for place in places}) == content
    with pytest.raises(SealError):
        box.unseal(sealed, context, {1: SECRETS[1], 2: SECRETS[2]})


@given(st.data())
def test_a_flipped_bit_is_void_for_all_alike(data):
    context = context_of(2, 3)
    sealed = bytearray(box.seal(b"{}", context, b"s" * 32))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    for places in combinations((1, 2, 3), 2):
        with pytest.raises(Void):
            box.unseal(bytes(sealed), context, {place: SECRETS[place] for place in places})


def test_a_ballot_whose_shares_tell_two_stories_is_void_whoever_opens_it():
    """Attack: the first two keyholders would open one ballot, the others another, so that keyholders choose the count."""
    context = context_of(2, 3)
    one, other = (box.seal(content, context, seed) for content, seed in ((b"1", b"a" * 32), (b"2", b"b" * 32)))
    start, size = 1 + 32, 48
    for mixed in (
        one[: start + 2 * size] + other[start + 2 * size : start + 3 * size] + one[start + 3 * size :],
        one[: start + 3 * size] + other[start + 3 * size :],
    ):
        for places in combinations((1, 2, 3), 2):
            with pytest.raises(Void):
                box.unseal(mixed, context, {place: SECRETS[place] for place in places})


@pytest.mark.parametrize("other", [{"voter": "0x" + "Ce" * 20}, {"proposal": "0x" + "ac" * 32}, {"threshold": 3}])
def test_a_sealed_ballot_fits_no_other_voter_proposal_or_threshold(other):
    sealed = box.seal(b"1", context_of(2), b"s" * 32)
    with pytest.raises(Void):
        box.unseal(sealed, context_of(**{"threshold": 2, **other}), SECRETS)


@pytest.mark.parametrize("choice", [0, 1, {"1": 3}, [2, 1]])
def test_the_length_tells_nothing(choice):
    lengths = {len(box.seal(content_of(choice, text), context_of(), b"s" * 32)) for text in ("", "é" * 300)}
    assert lengths == {context_of().length}
    with pytest.raises(SealError):
        content_of(choice, "é" * 600)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"choice":1}',
        b'{"choice":9,"reason":""}',
        b'{"choice":1,"choice":0,"reason":""}',
        b'{"choice":1,"reason":7}',
        b'{"choice":"void","reason":""}',
        b'{"choice":null,"reason":""}',
    ],
)
def test_a_content_that_chooses_nothing_is_void(content):
    context = context_of(2, 3)
    keys = Keys("ab" * 32, 2, context.public_keys, SECRETS)
    sealed = box.seal(content, context, b"s" * 32)
    assert keys.opened(VOTER, sealed, method_named("governor"), 3) == (VOID, "")


@pytest.mark.parametrize(
    "key", [bytes(32), bytes([1, *bytes(31)]), b"\xff" * 32, bytes(31), (2**255 - 19).to_bytes(32, "little")]
)
def test_a_key_that_keeps_no_secret_is_refused(key):
    assert not box.is_usable_public_key(key)


def test_a_void_ballot_weighs_nothing_in_any_method():
    for name in ("governor", "basic", "single-choice", "approval", "weighted", "quadratic", "ranked-choice", "stv"):
        count = method_named(name).count([(VOID, 5)], 3)
        assert (count.cast, len(count.invalid)) == (0, 1), name


def test_the_browser_seals_byte_for_byte_alike():
    choice, reason, seed = {"10": 3, "2": 1}, "Parce que « l’eau » 🌊", b"s" * 32
    context = context_of()
    keys = [key.hex() for key in context.public_keys]
    given_to = {"proposal": context.proposal, "voter": VOTER, "threshold": 3, "keys": keys}
    script = (
        f"const {{ seal, secretOf }} = await import({json.dumps(BUNDLE.as_uri())});"
        f"const sealed = seal({json.dumps(choice)}, {json.dumps(reason)}, {json.dumps(given_to)}, new Uint8Array(32).fill(115));"
        'console.log(JSON.stringify([sealed.text, sealed.digest, secretOf("0x" + "11".repeat(65))]));'
    )
    told = subprocess.run(["node", "--input-type=module", "-e", script], capture_output=True, text=True, check=True)
    text, digest, pair = json.loads(told.stdout)
    expected = box.seal(content_of(choice, reason), context, seed)
    assert (text, digest) == (box.to_text(expected), box.digest_of(expected))
    public = X25519PrivateKey.from_private_bytes(bytes.fromhex(pair["secret"])).public_key().public_bytes_raw()
    assert pair["publicKey"] == public.hex()


def test_the_command_makes_keys_and_seals_for_them(tmp_path, capsys):
    keys = []
    for place in (1, 2):
        file = tmp_path / f"{place}"
        assert command.main(["new-key", str(file)]) == 0
        assert file.stat().st_mode & 0o777 == 0o600
        keys.append(capsys.readouterr().out.strip())
        assert command.main(["new-key", str(file)]) == 2  # never over an older one
        capsys.readouterr()
        assert command.main(["public", str(file)]) == 0
        assert capsys.readouterr().out.strip() == keys[-1]
    answer = tmp_path / "sealing.json"
    answer.write_text(json.dumps({"threshold": 2, "keyholders": [{"key": key} for key in keys]}))
    asked = ["seal", str(answer), "--proposal", "0x" + "ab" * 32, "--voter", VOTER, "--choice", "1", "--reason", "So."]
    assert command.main(asked) == 0
    told = json.loads(capsys.readouterr().out)
    context = Context("0x" + "ab" * 32, VOTER, 2, tuple(map(bytes.fromhex, keys)))
    secrets = {place: bytes.fromhex((tmp_path / f"{place}").read_text().strip()) for place in (1, 2)}
    assert box.unseal(box.from_text(told["sealed"]), context, secrets) == b'{"choice":1,"reason":"So."}'


HOLDERS = [wallet(name).address for name in ("Alice", "Bob", "Emma")]
SECTION = {"keyholders": HOLDERS, "threshold": 2, "wait_seconds": 60, "tiers": ["secret"]}


def charter(section, **rules):
    body = charter_of_members({"Alice": 1}, {"secret": rules, "open": {}}, {"governance_rules": "open"})
    return Charter.from_body({**body, "sealing": section}, partial=True)


def test_a_charter_says_which_tiers_are_sealed():
    read = charter(SECTION)
    assert Charter.from_body(read.to_body()).to_body() == read.to_body()
    assert read.sealing_of("text_signal") is not None
    waits = charter({**SECTION, "keys_wait_seconds": 30}).sealing_of("text_signal")
    assert waits is not None
    assert [waits.may_go_on_without(seconds) for seconds in (29, 30)] == [False, True]
    assert not read.sealing_of("text_signal").may_go_on_without(10**9), "without a limit all keys are waited for"
    assert read.sealing_of("governance_rules") is None
    open_one = charter_of_members({"Alice": 1})
    assert "sealing" not in Charter.from_body(open_one, partial=True).to_body()


@pytest.mark.parametrize(
    ("section", "rules"),
    [
        ({**SECTION, "threshold": 1}, {}),
        ({**SECTION, "threshold": 4}, {}),
        ({**SECTION, "keyholders": [HOLDERS[0]] * 2}, {}),
        ({**SECTION, "keyholders": [name.lower() for name in HOLDERS]}, {}),
        ({**SECTION, "tiers": ["open"]}, {}),
        ({**SECTION, "tiers": ["nowhere"]}, {}),
        ({**SECTION, "wait_seconds": 0}, {}),
        ({**SECTION, "wait_seconds": True}, {}),
        ({**SECTION, "keys_wait_seconds": 0}, {}),
        ({**SECTION, "keys_wait_seconds": None}, {}),
        ({**SECTION, "more": 1}, {}),
        (SECTION, {"late_quorum_seconds": 5}),
        (SECTION, {"super_quorum_bps": 9_000}),
    ],
)
def test_a_charter_under_which_sealing_means_nothing_is_refused(section, rules):
    with pytest.raises(InvalidRules):
        charter(section, **rules)
