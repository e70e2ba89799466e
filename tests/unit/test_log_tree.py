"""The growing log against the plain tree, for every size up to 130, and consistency proofs against damage."""

import hashlib
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.evidence import log_tree, merkle

SIZES = range(131)
LEAVES = [b"leaf %d" % number for number in range(130)]
HASHES = [merkle.leaf_hash(leaf) for leaf in LEAVES]


class Store(dict):
    """Nodes as a database table would hold them; counts the questions and the rows asked for."""

    def __init__(self):
        super().__init__()
        self.questions = []

    def read(self, keys):
        self.questions.append(list(keys))
        return {key: self[key] for key in keys if key in self}

    def add(self, nodes):
        for node in nodes:
            assert node.key not in self, "a node is written once"
            self[node.key] = node.hash


@pytest.fixture(scope="module")
def full():
    store = Store()
    store.add(log_tree.append(0, store.read, HASHES))
    return store


def test_a_log_of_every_size_has_the_root_of_the_plain_tree(full):
    for size in SIZES:
        assert log_tree.root(size, full.read) == merkle.root(LEAVES[:size])


def test_every_leaf_of_every_size_has_the_proof_of_the_plain_tree(full):
    for size in SIZES:
        for index in range(0, size, 1 if size < 40 else 7):
            proof = log_tree.inclusion_proof(index, size, full.read)
            assert proof == merkle.inclusion_proof(LEAVES[:size], index)
            assert merkle.verify_inclusion(LEAVES[index], index, size, proof, merkle.root(LEAVES[:size]))


def test_every_growth_has_a_consistency_proof_that_holds(full):
    roots = [merkle.root(LEAVES[:size]) for size in SIZES]
    for new in SIZES:
        for old in range(0, new + 1, 1 if new < 40 else 5):
            proof = log_tree.consistency_proof(old, new, full.read)
            assert proof == merkle.consistency_proof(LEAVES[:new], old)
            assert merkle.verify_consistency(old, new, proof, roots[old], roots[new])


def test_appending_in_batches_of_any_size_writes_the_same_nodes(full):
    for batch in (1, 2, 3, 7, 64, 100):
        store = Store()
        for start in range(0, 130, batch):
            store.add(log_tree.append(start, store.read, HASHES[start : start + batch]))
        assert store == full


def test_each_answer_asks_one_question_for_few_nodes(full):
    full.questions.clear()
    log_tree.root(127, full.read)
    log_tree.inclusion_proof(63, 127, full.read)
    log_tree.consistency_proof(63, 127, full.read)
    log_tree.append(127, full.read, HASHES[:3])
    assert [len(keys) for keys in full.questions] == [7, 12, 13, 7]
    assert full.questions[1] == log_tree.inclusion_keys(63, 127)
    assert full.questions[2] == log_tree.consistency_keys(63, 127)
    assert full.questions[3] == log_tree.root_keys(127)
    full.questions.clear()
    log_tree.root(0, full.read)
    log_tree.append(0, full.read, HASHES[:1])
    assert full.questions == []


def test_an_answer_of_a_huge_log_needs_few_nodes():
    size = 10**12 + 12345
    assert len(log_tree.root_keys(size)) <= 40
    assert len(log_tree.inclusion_keys(size // 3, size)) <= 80
    assert len(log_tree.consistency_keys(size // 3, size)) <= 80


def test_a_missing_node_is_named(full):
    store = Store()
    store.update({key: value for key, value in full.items() if key != (3, 2)})
    with pytest.raises(log_tree.NodeMissing, match="level 3, index 2") as refusal:
        log_tree.root(24 + 1, store.read)
    assert refusal.value.key == (3, 2)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5), (6, 5)])
def test_a_leaf_that_is_not_there_has_no_proof(full, index, size):
    with pytest.raises(IndexError):
        log_tree.inclusion_proof(index, size, full.read)
    with pytest.raises(IndexError):
        merkle.inclusion_proof(LEAVES[:size], index)


@pytest.mark.parametrize(("old", "new"), [(6, 5), (-1, 5)])
def test_a_log_that_shrinks_has_no_consistency_proof(full, old, new):
    with pytest.raises(IndexError):
        log_tree.consistency_proof(old, new, full.read)
    with pytest.raises(IndexError):
        merkle.consistency_proof(LEAVES[:new], old)
    assert not merkle.verify_consistency(old, new, [], merkle.EMPTY_ROOT, merkle.EMPTY_ROOT)


def recursive_subproof(size, leaves, own):
    """Answer as SUBPROOF of RFC 6962, section 2.1.2, says it, word by word."""
    if size == len(leaves):
        return [] if own else [merkle.root(leaves)]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    if size <= split:
        return [*recursive_subproof(size, leaves[:split], own), merkle.root(leaves[split:])]
    return [*recursive_subproof(size - split, leaves[split:], False), merkle.root(leaves[:split])]


def test_consistency_proofs_are_those_of_the_recursive_definition():
    for new in range(1, 70):
        for old in range(1, new):
            assert merkle.consistency_proof(LEAVES[:new], old) == recursive_subproof(old, LEAVES[:new], True)


@given(data=st.data())
def test_rewritten_history_has_no_consistency_proof(data):
    new = data.draw(st.integers(2, 60))
    old = data.draw(st.integers(1, new))
    changed = data.draw(st.integers(0, old - 1))
    rewritten = [*LEAVES[:changed], b"rewritten", *LEAVES[changed + 1 : new]]
    proof = merkle.consistency_proof(rewritten, old)
    assert merkle.verify_consistency(old, new, proof, merkle.root(rewritten[:old]), merkle.root(rewritten))
    assert not merkle.verify_consistency(old, new, proof, merkle.root(LEAVES[:old]), merkle.root(rewritten))


@given(data=st.data())
def test_a_damaged_consistency_proof_does_not_hold(data):
    new = data.draw(st.integers(2, 60))
    old = data.draw(st.integers(1, new - 1))
    roots = merkle.root(LEAVES[:old]), merkle.root(LEAVES[:new])
    proof = merkle.consistency_proof(LEAVES[:new], old)
    at = data.draw(st.integers(0, len(proof) - 1))
    flipped = f"{int(proof[at][0], 16) ^ 1:x}{proof[at][1:]}"
    for damaged in (
        proof[:-1],
        [*proof, "00" * 32],
        [*proof[:at], flipped, *proof[at + 1 :]],
        [*proof[:at], proof[at].upper() + " ", *proof[at + 1 :]],
        [*proof[:at], 7, *proof[at + 1 :]],
    ):
        assert not merkle.verify_consistency(old, new, damaged, *roots)
    assert not merkle.verify_consistency(old, new, proof, roots[1], roots[0])
    assert not merkle.verify_consistency(old, new, proof, "zz", roots[1])


def test_a_root_over_a_hundred_thousand_leaves_is_made_in_constant_memory():
    tracemalloc.start()
    found = merkle.root(number.to_bytes(4, "big") for number in range(1 << 17))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000
    level = [hashlib.sha256(b"\x00" + number.to_bytes(4, "big")).digest() for number in range(1 << 17)]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=True)
        level = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]
    assert found == level[0].hex()
