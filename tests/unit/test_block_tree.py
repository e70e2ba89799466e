"""The tree kept in blocks is the RFC 6962 tree over the same leaves: root and every proof."""

import pytest

from governance.evidence import block_tree, merkle
from governance.evidence.block_tree import LEAVES_PER_BLOCK

SIZES = [0, 1, 2, 3, LEAVES_PER_BLOCK - 1, LEAVES_PER_BLOCK, LEAVES_PER_BLOCK + 1, 3 * LEAVES_PER_BLOCK + 7]
LEAVES = [str(number).encode() for number in range(5 * LEAVES_PER_BLOCK + 1)]


@pytest.mark.parametrize("size", [*SIZES, len(LEAVES)])
def test_the_root_is_that_of_all_leaves(size):
    assert block_tree.root(block_tree.blocks_of(LEAVES[:size])) == merkle.root(LEAVES[:size])


@pytest.mark.parametrize("size", [*SIZES[1:], len(LEAVES)])
def test_every_proof_is_that_of_the_whole_tree(size):
    leaves = LEAVES[:size]
    blocks = block_tree.blocks_of(leaves)
    for index in {0, 1, size // 2, size - 2, size - 1, *range(0, size, 500)} & set(range(size)):
        start = index - index % LEAVES_PER_BLOCK
        proof = block_tree.inclusion_proof(index, blocks, leaves[start : start + LEAVES_PER_BLOCK])
        assert proof == merkle.inclusion_proof(leaves, index)


def test_a_place_that_its_block_does_not_have_is_refused():
    with pytest.raises(IndexError):
        block_tree.inclusion_proof(3, block_tree.blocks_of(LEAVES[:3]), LEAVES[:3])
