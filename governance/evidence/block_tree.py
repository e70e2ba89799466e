"""Proofs from a large RFC 6962 tree that is finished, without reading all its leaves again. Pure.

The leaves are cut into blocks of 1,024, and the root of each block is kept (32 bytes). Because a block is a complete
subtree, and only the last may be smaller, the tree over the blocks' roots is the upper part of the whole tree. So a
proof is one inside the leaf's own block, followed by one over the roots of the blocks. A log that grows is `log_tree`.
"""

from collections.abc import Iterable, Sequence
from itertools import islice

from governance.evidence import merkle

LEAVES_PER_BLOCK = 1_024
HASH_BYTES = 32


def blocks_of(leaves: Iterable[bytes]) -> bytes:
    """Return the roots of the blocks of these leaves, one after the other. The leaves are read once and not kept."""
    hashes = map(merkle.leaf_hash, leaves)
    roots = []
    while block := list(islice(hashes, LEAVES_PER_BLOCK)):
        roots.append(bytes.fromhex(merkle.root_of_hashes(block)))
    return b"".join(roots)


def root(blocks: bytes) -> str:
    """Return the root over all leaves, as hex."""
    return merkle.root_of_hashes(_split(blocks))


def inclusion_proof(index: int, blocks: bytes, own: Sequence[bytes]) -> list[str]:
    """Return the audit path of leaf `index`, as `merkle.inclusion_proof` does; `own` are the leaves of its block.

    Raises IndexError for no such leaf.
    """
    block, place = divmod(index, LEAVES_PER_BLOCK)
    roots = _split(blocks)
    above = [merkle.root_of_hashes(roots[start:end]) for start, end in merkle.inclusion_ranges(block, len(roots))]
    return merkle.inclusion_proof(own, place) + above


def _split(blocks: bytes) -> list[bytes]:
    return [blocks[start : start + HASH_BYTES] for start in range(0, len(blocks), HASH_BYTES)]
