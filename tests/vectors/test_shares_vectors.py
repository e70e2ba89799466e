"""Our secret sharing against an audited library of the same field, both ways: what one splits, the other puts together."""

import random
from itertools import combinations

from governance.sealed import shares
from tests.vectors.batch import ask_all

PEER = "shares_peer.mjs"
SIZES = [
    (threshold, count) for count in range(2, 10) for threshold in range(2, count + 1)
]  # those that a charter allows


def secrets_for(sizes: list[tuple[int, int]]) -> list[bytes]:
    drawn = random.Random(20)
    return [b"\x00" * 32, b"\xff" * 32, *(drawn.randbytes(32) for _ in sizes[2:])]


def test_the_library_puts_together_what_we_split() -> None:
    drawn = random.Random(21)
    questions, expected = [], []
    for (threshold, count), secret in zip(SIZES, secrets_for(SIZES), strict=True):
        parts = shares.split(secret, [drawn.randbytes(32) for _ in range(threshold - 1)], count)
        for places in list(combinations(range(count), threshold))[:10]:
            given = {str(place + 1): parts[place].hex() for place in places}
            questions.append({"op": "combine", "shares": given})
            expected.append({"secret": secret.hex()})
    assert ask_all(PEER, questions) == expected


def test_we_put_together_what_the_library_splits_at_places_of_its_choice() -> None:
    sizes = list(zip(SIZES, secrets_for(SIZES), strict=True))
    asked = [{"op": "split", "secret": secret.hex(), "shares": n, "threshold": t} for (t, n), secret in sizes]
    for ((threshold, _), secret), answer in zip(sizes, ask_all(PEER, asked), strict=True):
        parts = {int(place): bytes.fromhex(share) for place, share in answer["shares"].items()}
        for places in list(combinations(parts, threshold))[:10]:
            assert shares.combine({place: parts[place] for place in places}) == secret
