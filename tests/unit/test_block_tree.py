"""The tree kept in blocks is the RFC 6962 tree over the same leaves: root and every proof."""

import pytest

from governance.evidence import block_tree, merkle
from governance.evidence.block_tree import LEAVES_PER_BLOCK

ROWS = [(f"{number:06}", str(number).encode()) for number in range(5 * LEAVES_PER_BLOCK + 1)]
LEAVES = [leaf for _, leaf in ROWS]
SIZES = [1, 2, 3, LEAVES_PER_BLOCK - 1, LEAVES_PER_BLOCK, LEAVES_PER_BLOCK + 1, 3 * LEAVES_PER_BLOCK + 7, len(ROWS)]


@pytest.mark.parametrize("size", [0, *SIZES])
def test_the_root_is_that_of_all_leaves(size):
    _, blocks = block_tree.blocks_of(ROWS[:size])
    assert block_tree.root(blocks) == merkle.root(LEAVES[:size])


@pytest.mark.parametrize("size", SIZES)
def test_every_proof_is_that_of_the_whole_tree(size):
    first_keys, blocks = block_tree.blocks_of(iter(ROWS[:size]))
    for index in {0, 1, size // 2, size - 2, size - 1, *range(0, size, 500)} & set(range(size)):
        block = block_tree.block_of(ROWS[index][0], first_keys)
        own = LEAVES[:size][block * LEAVES_PER_BLOCK : (block + 1) * LEAVES_PER_BLOCK]
        proof = block_tree.inclusion_proof(block, index - block * LEAVES_PER_BLOCK, blocks, own)
        assert proof == merkle.inclusion_proof(LEAVES[:size], index)


def test_a_place_that_its_block_does_not_have_is_refused():
    _, blocks = block_tree.blocks_of(ROWS[:3])
    with pytest.raises(IndexError):
        block_tree.inclusion_proof(0, 3, blocks, LEAVES[:3])


def test_a_key_before_the_first_leaf_is_in_no_block():
    first_keys, _ = block_tree.blocks_of(ROWS[1:3])
    with pytest.raises(IndexError):
        block_tree.block_of(ROWS[0][0], first_keys)
