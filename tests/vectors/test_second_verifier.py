"""The verifier in JavaScript against the one in Python: they share no code and no library, and must say the same.

Whole releases, good and damaged at random: the same verdict, and the same status for each numbered check, without
exception. And what the JavaScript one computes itself against libsecp256k1, OpenSSL and the C keccak.
"""

import hashlib
import random
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import coincurve
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sha3 import keccak_256

from governance import eip712
from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads
from governance.evidence.signing import fingerprint, is_usable_public_key, signature_holds
from models_registry.provenance.verify import OFFLINE_CHECKS, NoTrustRoot, TrustRoots, check
from tests.simulators import golden_bundle, golden_modes
from tests.simulators.forgeries import FORGERIES
from tests.simulators.golden_bundle import KeySigner, Story
from tests.vectors.batch import ask_all

PEER = "verifier_peer.mjs"
COMMAND = Path(__file__).parents[2] / "frontend" / "static" / "js" / "verifier" / "cli.mjs"
STORIES = {
    "long": Story,
    "plain": golden_bundle.plain_story,
    "guarded": golden_bundle.guarded_story,
    "sealed": golden_modes.sealed_story,
    "by contract": golden_modes.contract_story,
    "overridden": lambda: golden_bundle.overridden_story(rule_changed=True, rules=("first", "second")),
}
FORGED = ("long", "guarded", "sealed", "by contract")
OF_EACH_FORGERY = 30
AT_ONCE = 50  # a peer has a minute
FOUNDING = KeySigner(7).public_key_hex
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_L = 2**252 + 27742317777372353535851937790883648493
# The points whose order divides 8, and spellings of them that are not reduced.
SMALL_ORDER = (
    "01" + "00" * 31,
    "ec" + "ff" * 30 + "7f",
    "00" * 32,
    "00" * 31 + "80",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ed" + "ff" * 30 + "7f",
    "ee" + "ff" * 30 + "7f",
    "01" + "00" * 30 + "80",
)


def question(folder: Path, **trust: Any) -> dict[str, Any]:
    return {"op": "check", "folder": str(folder), **(trust or {"consistency_only": True})}


def statuses(report: dict[str, Any]) -> dict[int, str]:
    return {finding["number"]: finding["status"] for finding in report["findings"]}


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("releases")
    for name, tell in STORIES.items():
        golden_bundle.build(folder / name, tell())
    return {name: folder / name for name in STORIES}


# --- whole releases -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STORIES)
def test_a_good_release_gives_the_same_report_but_for_the_words(releases: dict[str, Path], name: str) -> None:
    ours = check(releases[name], TrustRoots(release_key=FOUNDING)).to_dict()
    (theirs,) = ask_all(PEER, [question(releases[name], key=FOUNDING)])
    assert ours["verified"]
    assert theirs["verified"]
    for report in (ours, theirs):
        report.pop("tool")
        for finding in report["findings"]:
            finding.pop("evidence")
    assert theirs == ours


def test_both_know_the_founding_key_the_key_in_force_and_the_community(releases: dict[str, Path]) -> None:
    founding, in_force = FOUNDING, KeySigner(8).public_key_hex
    community = "".join(
        hashlib.sha256(line).hexdigest()
        for line in (releases["guarded"] / "provenance" / "records.jsonl").read_bytes().splitlines()
        if b'"kind":"community"' in line
    )
    tried = [
        TrustRoots(release_key=founding),
        TrustRoots(release_key=fingerprint(founding)),
        TrustRoots(release_key=in_force),
        TrustRoots(release_key=fingerprint(in_force)),
        TrustRoots(community=community),
        TrustRoots(release_key=founding, community=community),
        TrustRoots(release_key=KeySigner(9).public_key_hex),
        TrustRoots(community="ab" * 32),
        TrustRoots(release_key=founding, community="ab" * 32),
    ]
    folder = releases["guarded"]
    answers = ask_all(PEER, [question(folder, key=root.release_key, community=root.community) for root in tried])
    assert [answer["verified"] for answer in answers] == [True] * 6 + [False] * 3
    for roots, answer in zip(tried, answers, strict=True):
        ours = check(folder, roots).to_dict()
        assert (ours["verified"], ours["findings"][9]["code"]) == (answer["verified"], answer["findings"][9]["code"])


def test_both_refuse_to_judge_when_nobody_is_trusted(releases: dict[str, Path]) -> None:
    with pytest.raises(NoTrustRoot) as refused:
        check(releases["long"], TrustRoots())
    (answer,) = ask_all(PEER, [question(releases["long"], key="")])
    assert answer == {"refused": "no_trust_root", "fingerprint": refused.value.found}


def forged(releases: dict[str, Path], folder: Path) -> list[tuple[str, Path]]:
    """Write many damaged releases; return what was done to each."""
    made = []
    for forge in FORGERIES:
        for number in range(OF_EACH_FORGERY):
            source = random.Random(f"{forge.__name__} {number}")
            target = folder / f"{forge.__name__}-{number}"
            shutil.copytree(releases[source.choice(FORGED)], target, symlinks=True)
            forge(source, target)
            made.append((forge.__name__, target))
    return made


def test_damaged_releases_fail_in_the_same_checks_with_the_same_verdict(
    releases: dict[str, Path], tmp_path: Path
) -> None:
    made = forged(releases, tmp_path)
    asked = [question(folder) for _, folder in made]
    answers = [answer for at in range(0, len(asked), AT_ONCE) for answer in ask_all(PEER, asked[at : at + AT_ONCE])]
    failed: Counter[int] = Counter()
    still_good = 0
    for (deed, folder), theirs in zip(made, answers, strict=True):
        ours = check(folder, TrustRoots(consistency_only=True)).to_dict()
        assert "findings" in theirs, (deed, folder.name, theirs)
        assert statuses(theirs) == statuses(ours), (deed, folder.name)
        assert theirs["consistent"] == ours["consistent"]
        assert theirs["release_key_fingerprint"] == ours["release_key_fingerprint"]
        failed.update(number for number, status in statuses(ours).items() if status == "failed")
        still_good += ours["consistent"]
    # Otherwise too little was damaged, or all of it, and agreement means little.
    assert set(failed) == set(range(1, OFFLINE_CHECKS + 1))
    assert 0 < still_good < len(made) / 3


def test_the_command_has_the_exit_codes_of_the_other_one(releases: dict[str, Path], tmp_path: Path) -> None:
    def status(*arguments: str) -> int:
        return subprocess.run(["node", str(COMMAND), *arguments], capture_output=True, check=False).returncode

    good = str(releases["long"])
    assert status(good, "--community-key", FOUNDING) == 0
    assert status(good, "--consistency-only", "--json") == 0
    assert status(good, "--community-key", "ab" * 32) == 1
    assert status(good) == 2
    assert status(good, "--community-key", "not hex") == 2
    assert status(good, "--community-key", FOUNDING, "--consistency-only") == 2
    assert status(str(tmp_path / "nothing"), "--consistency-only") == 2
    assert status(good, "--no-such-option") == 2


# --- what it computes itself ----------------------------------------------------------------------------------------


def test_hashes_of_every_length_and_in_two_parts_are_those_of_openssl_and_keccak() -> None:
    source = random.Random(1)
    pieces = [source.randbytes(length) for length in [*range(300), 1_000, 4_096, 100_001]]
    questions = [{"op": "hashes", "data": data.hex(), "cut": source.randrange(len(data) + 1)} for data in pieces]
    for data, answer in zip(pieces, ask_all(PEER, questions), strict=True):
        assert answer == {
            "sha256": hashlib.sha256(data).hexdigest(),
            "streamed": hashlib.sha256(data).hexdigest(),
            "sha512": hashlib.sha512(data).hexdigest(),
            "keccak256": keccak_256(data).hexdigest(),
        }


def recoveries(source: random.Random) -> list[tuple[bytes, str]]:
    """Return digests and signatures: good ones, and each damaged in some way."""
    made = []
    edges = (0, 1, 2, N // 2, N // 2 + 1, N - 1, N, N + 1, 2**256 - 1)
    for number in range(1_000):
        key = coincurve.PrivateKey(source.randrange(1, N).to_bytes(32, "big"))
        digest = (
            source.choice([source.randbytes(32), bytes(32), b"\xff" * 32]) if number % 20 == 0 else source.randbytes(32)
        )
        signed = key.sign_recoverable(digest, hasher=None)
        r, s, v = int.from_bytes(signed[:32], "big"), int.from_bytes(signed[32:64], "big"), signed[64] + 27
        deed = number % 8
        if deed == 1:
            s, v = N - s, v ^ 7  # the other signature of the same key
        elif deed == 2:
            r = source.choice(edges)
        elif deed == 3:
            s = source.choice(edges)
        elif deed == 4:
            v = source.choice([0, 1, 26, 29, 30, 255])
        elif deed == 5:
            r = source.randrange(2**256)
        made.append((digest, f"0x{r:064x}{s:064x}{v:02x}"))
    good = made[0][1]
    strange = [
        "",
        "0x",
        good[2:],
        good.upper(),
        good + "00",
        good[:-2],
        good.replace("0x", "0X"),
        " " + good,
        good + "\n",
    ]
    return made + [(made[0][0], text) for text in strange]


def test_signers_are_those_that_libsecp256k1_recovers_and_odd_spellings_have_none() -> None:
    cases = recoveries(random.Random(2))
    answers = ask_all(PEER, [{"op": "recover", "digest": digest.hex(), "signature": text} for digest, text in cases])
    known = 0
    for (digest, text), answer in zip(cases, answers, strict=True):
        try:
            expected = eip712.recover(digest, eip712.parse_signature(text)).lower()
            known += 1
        except eip712.Eip712Error:
            expected = None
        assert answer["address"] == expected, text
    assert 400 < known < 900


def ed25519_cases(source: random.Random) -> list[tuple[str, bytes, bytes]]:
    made = []
    for number in range(240):
        private = Ed25519PrivateKey.from_private_bytes(source.randbytes(32))
        key = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        data = source.randbytes(source.randrange(200))
        signature = private.sign(data)
        deed = number % 6
        if deed == 1:
            data += b"x"
        elif deed == 2:
            s = int.from_bytes(signature[32:], "little") + ED25519_L
            signature = signature[:32] + s.to_bytes(32, "little")
        elif deed == 3:
            signature = source.randbytes(64)
        elif deed == 4:
            key = source.randbytes(32)
        elif deed == 5:
            signature = signature[: source.randrange(64)]
        made.append((key.hex(), signature, data))
    # Under a key of small order, signatures hold that nobody made: R the neutral point, s zero.
    return (
        made
        + [(key, bytes.fromhex("01" + "00" * 63), b"anything") for key in SMALL_ORDER]
        + [("AB" * 32, bytes(64), b"")]
    )


def test_ed25519_signatures_and_usable_keys_are_those_of_openssl_and_none_of_small_order() -> None:
    cases = ed25519_cases(random.Random(3))
    questions = [
        {"op": "ed25519", "key": key, "signature": signature.hex(), "data": data.hex()}
        for key, signature, data in cases
    ]
    held = 0
    for (key, signature, data), answer in zip(cases, ask_all(PEER, questions), strict=True):
        assert answer == {"usable": is_usable_public_key(key), "holds": signature_holds(key, signature, data)}, key
        held += answer["holds"]
    assert held == 40


def p256_variants(signature: bytes) -> dict[bytes, bool]:
    """Return spellings of one signature, and which of them is the one that we accept: DER, with low s."""
    r, s = utils.decode_dss_signature(signature)
    low, high = sorted((s, P256_N - s))
    good = utils.encode_dss_signature(r, low)
    return {
        good: True,
        utils.encode_dss_signature(r, high): False,
        good + b"\0": False,
        b"\x30\x81" + good[1:]: False,
        good[:-1]: False,
        b"": False,
        utils.encode_dss_signature(r, 0): False,
        utils.encode_dss_signature(0, low): False,
        utils.encode_dss_signature(r + P256_N, low): False,
        utils.encode_dss_signature(low, r): False,
        b"\x30" + bytes([len(good) - 1]) + b"\x02" + bytes([good[3] + 1]) + b"\0" + good[4:]: False,
    }


def test_p256_signatures_are_those_of_openssl_in_der_with_low_s_alone() -> None:
    source = random.Random(4)
    cases: list[tuple[bytes, bytes, bytes, bool]] = []
    for _ in range(25):
        private = ec.derive_private_key(source.randrange(1, P256_N), ec.SECP256R1())
        point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        data = source.randbytes(source.randrange(200))
        signature = private.sign(data, ec.ECDSA(SHA256()))
        cases += [(point, text, data, good) for text, good in p256_variants(signature).items()]
        low = next(text for text, good in p256_variants(signature).items() if good)
        cases += [(point, low, data + b"x", False), (point[:-1] + bytes([point[-1] ^ 1]), low, data, False)]
        cases += [
            (bytes(65), low, data, False),
            (point[1:], low, data, False),
            (b"\x04" + b"\xff" * 64, low, data, False),
        ]
    questions = [
        {"op": "p256", "key": key.hex(), "signature": text.hex(), "data": data.hex()} for key, text, data, _ in cases
    ]
    for case, answer in zip(cases, ask_all(PEER, questions), strict=True):
        assert answer["holds"] == case[3], case


def texts(source: random.Random) -> list[bytes]:
    """Return JSON, canonical or nearly, and things that only look like it."""
    values: list[Any] = [
        None, True, 0, -1, 2**53 - 1, -(2**53 - 1), "", "é", "\u2028\u2029", "\U0001f600", '\x7f\x01\t"\\/', [], {},
        {"b": 1, "a": [1, {"z": "", "\U0001f600": 1, "\ufb33": 2}]}, {"__proto__": 1, "constructor": 2}, {"10": 1, "9": 2},
    ]  # fmt: skip
    deep: Any = 1
    for depth in range(20):
        deep = [deep] if depth % 2 else {"a": deep}
        values.append(deep)
    good = [canonical_bytes(value) for value in values]
    spelled = [
        b"1.0", b"1e3", b"-0", b"9007199254740992", b"-9007199254740993", b"01", b"+1", b"NaN", b"Infinity", b'"\\u0041"',
        b'"\\/"', b'"\\u0000"', b'"\\ud800"', b'"\xed\xa0\x80"', b'"\xff"', b"\xef\xbb\xbf1", b" 1", b"1 ", b"1\n", b"[1, 2]",
        b'{"b":1,"a":2}', b'{"a":1,"a":1}', b'{"a":1,"a":2}', b"'a'", b"[1,]", b"", b"nul", b'"\\u001F"', b'"\\u001f"', b"1" * 400,
    ]  # fmt: skip
    flipped = []
    for _ in range(600):
        data = bytearray(source.choice(good))
        data[source.randrange(len(data))] ^= 1 << source.randrange(8)
        flipped.append(bytes(data))
    return good + spelled + flipped


def test_the_same_bytes_are_canonical_and_no_others() -> None:
    cases = texts(random.Random(5))
    found = 0
    for data, answer in zip(
        cases, ask_all(PEER, [{"op": "canonical", "data": data.hex()} for data in cases]), strict=True
    ):
        try:
            expected = canonical_bytes(strict_loads(data, max_bytes=1_000_000)) == data
        except CanonicalError:
            expected = False
        assert answer["canonical"] == expected, data
        found += expected
    assert 50 < found < len(cases) - 50


def test_addresses_are_spelled_with_the_same_checksum() -> None:
    source = random.Random(6)
    addresses = [f"0x{source.randbytes(20).hex()}" for _ in range(300)]
    answers = ask_all(PEER, [{"op": "checksum", "address": address} for address in addresses])
    assert [answer["address"] for answer in answers] == [eip712.checksum_address(address) for address in addresses]
