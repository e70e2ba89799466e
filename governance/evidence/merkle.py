"""Merkle tree hashing as in RFC 6962, section 2.1, with SHA-256: root, inclusion proof, and its check. Pure.

Leaves are hashed with the prefix 0x00 and inner nodes with 0x01, so that a node can never be passed off as a leaf.
"""

import hashlib
from collections.abc import Sequence


def leaf_hash(leaf: bytes) -> bytes:
    """Hash one leaf (prefix 0x00)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash one inner node (prefix 0x01)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> str:
    """Return the root over `leaves` in the given order, as hex; the root of no leaves is the SHA-256 of nothing."""
    return _tree([leaf_hash(leaf) for leaf in leaves]).hex()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[str]:
    """Return the audit path of leaf `index`, nearest sibling first, as hex; raise IndexError for no such leaf."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"leaf {index} of {len(leaves)}")
    return [sibling.hex() for sibling in _path(index, [leaf_hash(leaf) for leaf in leaves])]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[str], expected_root: str) -> bool:
    """Say whether `proof` shows that `leaf` stands at `index` in the tree of `size` leaves with `expected_root`."""
    if not 0 <= index < size:
        return False
    computed = leaf_hash(leaf)
    node, last = index, size - 1
    for sibling_hex in proof:
        if last == 0:
            return False
        try:
            sibling = bytes.fromhex(sibling_hex)
        except ValueError:
            return False
        if node % 2 == 1 or node == last:
            computed = node_hash(sibling, computed)
            while node % 2 == 0 and node != 0:
                node //= 2
                last //= 2
        else:
            computed = node_hash(computed, sibling)
        node //= 2
        last //= 2
    return last == 0 and computed.hex() == expected_root


def _split(count: int) -> int:
    """Return the largest power of two smaller than `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def _tree(hashes: list[bytes]) -> bytes:
    """Fold level by level: the same tree as the recursive definition, without recursion."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    level = hashes
    while len(level) > 1:
        paired = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        if len(level) % 2:
            paired.append(level[-1])
        level = paired
    return level[0]


def _path(index: int, hashes: list[bytes]) -> list[bytes]:
    if len(hashes) == 1:
        return []
    middle = _split(len(hashes))
    if index < middle:
        return [*_path(index, hashes[:middle]), _tree(hashes[middle:])]
    return [*_path(index - middle, hashes[middle:]), _tree(hashes[:middle])]
