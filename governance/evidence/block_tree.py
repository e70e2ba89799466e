"""Proofs from a large RFC 6962 tree that is finished, without reading all its leaves again. Pure.

The leaves, in the order of their keys, are cut into blocks of 1,024; of each block its first key and its root are kept.
Because a block is a complete subtree, and only the last may be smaller, the tree over the blocks' roots is the upper
part of the whole tree. So a proof is one inside the leaf's own block, followed by one over the roots of the blocks. A
log that grows is `log_tree`.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import islice

from governance.evidence import merkle

LEAVES_PER_BLOCK = 1_024
HASH_BYTES = 32


def blocks_of(leaves: Iterable[tuple[str, bytes]]) -> tuple[list[str], bytes]:
    """Return the first key of each block of these (key, leaf), and the roots (32 bytes each), one after the other.

    The leaves are read once and not kept.
    """
    first_keys, roots = [], []
    waiting = iter(leaves)
    while block := list(islice(waiting, LEAVES_PER_BLOCK)):
        first_keys.append(block[0][0])
        roots.append(bytes.fromhex(merkle.root(leaf for _, leaf in block)))
    return first_keys, b"".join(roots)


def root(blocks: bytes) -> str:
    """Return the root over all leaves, as hex."""
    return merkle.root_of_hashes(_split(blocks))


def block_of(key: str, first_keys: Sequence[str]) -> int:
    """Return the number of the block in which a leaf with this key would be; raise IndexError before the first key."""
    number = bisect_right(first_keys, key) - 1
    if number < 0:
        raise IndexError(f"{key} comes before the first leaf")
    return number


def inclusion_proof(block: int, place: int, blocks: bytes, own: Sequence[bytes]) -> list[str]:
    """Return the audit path, as `merkle.inclusion_proof` does, of the leaf at `place` in a block with the leaves `own`.

    Raises IndexError for no such leaf.
    """
    roots = _split(blocks)
    above = [merkle.root_of_hashes(roots[start:end]) for start, end in merkle.inclusion_ranges(block, len(roots))]
    return merkle.inclusion_proof(own, place) + above


def _split(blocks: bytes) -> list[bytes]:
    return [blocks[start : start + HASH_BYTES] for start in range(0, len(blocks), HASH_BYTES)]
