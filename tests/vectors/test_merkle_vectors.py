"""Our Merkle trees against golden vectors and a peer live: the recursive definitions of RFC 6962 in JavaScript.

Compared: roots, every inclusion and consistency proof, and whether a proof holds, for good proofs and damaged ones. The
peer checks consistency by the algorithm of RFC 9162, which has nothing in common with ours.
"""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from governance.evidence import log_tree, merkle
from tests.vectors.batch import ask_all

GOLDEN = json.loads(Path(__file__).with_name("merkle.json").read_bytes())
GROWTH = json.loads(Path(__file__).with_name("consistency.json").read_bytes())
GROWING = [bytes.fromhex(leaf) for leaf in GROWTH["leaves"]]
LEAVES = [bytes.fromhex(leaf) for leaf in GOLDEN["leaves"]]
PEER = "merkle_peer.mjs"


def hexes(leaves: list[bytes]) -> list[str]:
    return [leaf.hex() for leaf in leaves]


def our_tree(leaves: list[bytes]) -> dict[str, Any]:
    return {
        "root": merkle.root(leaves),
        "proofs": [merkle.inclusion_proof(leaves, index) for index in range(len(leaves))],
    }


def test_the_golden_trees_have_0_to_20_leaves() -> None:
    assert [tree["size"] for tree in GOLDEN["trees"]] == list(range(21))
    assert len({tree["root"] for tree in GOLDEN["trees"]}) == 21
    assert len(LEAVES) == 20


@pytest.mark.parametrize("tree", GOLDEN["trees"], ids=lambda tree: f"{tree['size']} leaves")
def test_golden_roots_and_proofs_are_ours(tree: dict[str, Any]) -> None:
    leaves = LEAVES[: tree["size"]]
    assert our_tree(leaves) == {"root": tree["root"], "proofs": tree["proofs"]}


@pytest.mark.parametrize("tree", GOLDEN["trees"], ids=lambda tree: f"{tree['size']} leaves")
def test_a_golden_proof_holds_for_its_leaf_at_its_place_and_nowhere_else(tree: dict[str, Any]) -> None:
    size = tree["size"]
    for index, proof in enumerate(tree["proofs"]):
        for place in range(-1, size + 1):
            held = merkle.verify_inclusion(LEAVES[index], place, size, proof, tree["root"])
            assert held == (place == index)


def test_the_golden_vectors_are_what_the_peer_says_today() -> None:
    questions = [{"op": "tree", "leaves": GOLDEN["leaves"][: tree["size"]]} for tree in GOLDEN["trees"]]
    expected = [{"root": tree["root"], "proofs": tree["proofs"]} for tree in GOLDEN["trees"]]
    assert ask_all(PEER, questions) == expected


def test_random_trees_have_the_root_and_the_proofs_of_the_peer() -> None:
    source = random.Random(41)
    sizes = [*range(21), 31, 32, 33, 63, 64, 65, 100, 127, 128, 129]
    forests = [[source.randbytes(source.randrange(80)) for _ in range(size)] for size in sizes]
    # Equal leaves make equal subtrees: a place must not be guessed from a hash.
    forests += [[b"same"] * size for size in (2, 3, 5, 8, 13)]
    answers = ask_all(PEER, ({"op": "tree", "leaves": hexes(leaves)} for leaves in forests))
    for leaves, answer in zip(forests, answers, strict=True):
        assert our_tree(leaves) == answer


def golden_consistency(tree: dict[str, Any]) -> list[list[str]]:
    """Return the proofs to this tree from every size before it, which stand as numbers of nodes in the file."""
    return [[GROWTH["nodes"][int(number)] for number in proof.split()] for proof in tree["proofs"]]


def test_the_golden_growth_goes_from_every_size_to_every_later_one_up_to_64() -> None:
    assert [tree["size"] for tree in GROWTH["trees"]] == list(range(65))
    assert [len(tree["proofs"]) for tree in GROWTH["trees"]] == list(range(1, 66))
    questions = [{"op": "growth", "leaves": GROWTH["leaves"][:size]} for size in range(65)]
    expected = [{"root": tree["root"], "proofs": golden_consistency(tree)} for tree in GROWTH["trees"]]
    assert ask_all(PEER, questions) == expected


def test_golden_consistency_proofs_are_ours_and_hold_for_their_sizes_alone() -> None:
    roots = [tree["root"] for tree in GROWTH["trees"]]
    assert [merkle.root(GROWING[:size]) for size in range(65)] == roots
    for tree in GROWTH["trees"]:
        size = tree["size"]
        for old, proof in enumerate(golden_consistency(tree)):
            assert merkle.consistency_proof(GROWING[:size], old) == proof
            assert merkle.verify_consistency(old, size, proof, roots[old], roots[size])
            for other in {old - 1, old + 1} & set(range(1, size + 1)):
                assert not merkle.verify_consistency(other, size, proof, roots[old], roots[size])


def test_a_log_that_grows_leaf_by_leaf_gives_the_golden_proofs() -> None:
    nodes: dict[log_tree.Key, bytes] = {}

    def read(keys: Sequence[log_tree.Key]) -> dict[log_tree.Key, bytes]:
        return {key: nodes[key] for key in keys}

    for tree in GROWTH["trees"]:
        size = tree["size"]
        if size:
            nodes |= dict(log_tree.append(size - 1, read, [merkle.leaf_hash(GROWING[size - 1])]))
        assert log_tree.root(size, read) == tree["root"]
        for old, proof in enumerate(golden_consistency(tree)):
            assert log_tree.consistency_proof(old, size, read) == proof


def damaged_growth(source: random.Random, question: dict[str, Any]) -> dict[str, Any]:
    """Change one thing about a good consistency proof; some changes leave it good, for example among equal leaves."""
    proof = list(question["proof"])
    changes: list[dict[str, Any]] = [
        {"old": question["old"] + source.choice([-1, 1])},
        {"old": question["new"] + 1},
        {"new": question["new"] + source.choice([-2, -1, 1, 2])},
        {"old": question["new"]},
        {"new": question["old"]},
        {"proof": proof[:-1]},
        {"proof": proof[1:]},
        {"proof": [*proof, "00" * 32]},
        {"proof": ["00" * 32, *proof]},
        {"proof": proof[::-1]},
        {"old_root": question["new_root"]},
        {"new_root": question["old_root"]},
        {"old_root": merkle.EMPTY_ROOT},
        {},
    ]
    return {**question, **source.choice(changes)}


def test_the_peer_believes_the_same_consistency_proofs_as_we_do_good_and_damaged() -> None:
    source = random.Random(43)
    questions = []
    for _ in range(2000):
        new = source.randrange(1, 40)
        leaves = [source.choice([b"same", source.randbytes(3)]) for _ in range(new)]
        old = source.randrange(new + 1)
        good = {
            "op": "follows",
            "old": old,
            "new": new,
            "proof": merkle.consistency_proof(leaves, old),
            "old_root": merkle.root(leaves[:old]),
            "new_root": merkle.root(leaves),
        }
        questions.append(damaged_growth(source, good))
    held = 0
    for question, answer in zip(questions, ask_all(PEER, questions), strict=True):
        arguments = [question[name] for name in ("old", "new", "proof", "old_root", "new_root")]
        ours = merkle.verify_consistency(*arguments)
        assert ours == answer["holds"], question
        held += ours
    assert 150 < held < 1000


def damaged(source: random.Random, question: dict[str, Any], other_leaf: str) -> dict[str, Any]:
    """Change one thing about a good proof; some changes leave it good, for example an index among equal leaves."""
    proof = list(question["proof"])
    at = source.randrange(len(proof)) if proof else 0
    byte = source.randrange(32) * 2
    changes = [
        {"index": question["index"] + source.choice([-1, 1])},
        {"index": source.randrange(question["size"])},
        {"size": max(0, question["size"] + source.choice([-2, -1, 1, 2]))},
        {"leaf": other_leaf},
        {"leaf": question["leaf"] + "00"},
        {"proof": proof[:-1]},
        {"proof": proof[1:]},
        {"proof": [*proof, "00" * 32]},
        {"proof": ["00" * 32, *proof]},
        {"proof": proof[::-1]},
        {"root": "00" * 32},
        {},
    ]
    if proof:
        flipped = f"{int(proof[at][byte : byte + 2], 16) ^ 1:02x}"
        changes.append({"proof": [*proof[:at], proof[at][:byte] + flipped + proof[at][byte + 2 :], *proof[at + 1 :]]})
    return {**question, **source.choice(changes)}


def test_the_peer_believes_the_same_proofs_as_we_do_good_and_damaged() -> None:
    source = random.Random(42)
    questions = []
    for _ in range(1500):
        size = source.randrange(1, 24)
        leaves = [source.choice([b"same", source.randbytes(3)]) for _ in range(size)]
        index = source.randrange(size)
        good = {
            "op": "verify",
            "leaf": leaves[index].hex(),
            "index": index,
            "size": size,
            "proof": merkle.inclusion_proof(leaves, index),
            "root": merkle.root(leaves),
        }
        questions.append(damaged(source, good, source.choice(leaves).hex()))
    held = 0
    for question, answer in zip(questions, ask_all(PEER, questions), strict=True):
        arguments = {name: value for name, value in question.items() if name not in ("op", "leaf", "root")}
        leaf, root = bytes.fromhex(question["leaf"]), question["root"]
        ours = merkle.verify_inclusion(leaf, **arguments, expected_root=root)
        assert ours == answer["holds"], question
        held += ours
    assert 150 < held < 1350
