"""Merkle tree hashing as in RFC 6962, section 2.1, with SHA-256: root, proofs, and their checks. Pure.

Leaves are hashed with the prefix 0x00 and inner nodes with 0x01, so that a node can never be passed off as a leaf.
Here the leaves are at hand; a log that only grows and keeps its nodes is `log_tree`.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from itertools import islice

EMPTY_ROOT = hashlib.sha256(b"").hexdigest()
_HASH_TEXT = re.compile(r"[0-9a-f]{64}")
_sha256 = hashlib.sha256
_BLOCK = 512  # leaves that are joined at once; a power of two


def leaf_hash(leaf: bytes) -> bytes:
    """Hash one leaf (prefix 0x00)."""
    return _sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash one inner node (prefix 0x01)."""
    return _sha256(b"\x01" + left + right).digest()


def root(leaves: Iterable[bytes]) -> str:
    """Return the root over `leaves` in the given order, as hex; the root of no leaves is the SHA-256 of nothing.

    The leaves are read once and not kept: memory grows with the logarithm of their number.
    """
    return root_of_hashes(map(leaf_hash, leaves))


def root_of_hashes(hashes: Iterable[bytes]) -> str:
    """Return the root, as hex, over leaves of which only the leaf hashes are known."""
    # Roots of complete subtrees, the largest first: one for each binary digit 1 of the number of leaves.
    complete: list[bytes] = []
    leaves, taken = iter(hashes), 0
    while block := list(islice(leaves, _BLOCK)):
        if len(block) == _BLOCK:
            _add(complete, _root_of_block(block), taken // _BLOCK)
        else:
            for index, leaf in enumerate(block, start=taken):
                _add(complete, leaf, index)
        taken += len(block)
    return fold(complete).hex() if complete else EMPTY_ROOT


def _root_of_block(level: list[bytes]) -> bytes:
    """Return the root over a power of two of hashes, level by level: half again as fast as one leaf after the other."""
    while len(level) > 1:
        pairs = iter(level)
        level = [_sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
    return level[0]


def _add(complete: list[bytes], computed: bytes, index: int) -> None:
    """Add the next subtree, the one at `index` among those of its size, and join what is complete with it."""
    while index & 1:
        computed = node_hash(complete.pop(), computed)
        index >>= 1
    complete.append(computed)


def fold(subtrees: Sequence[bytes]) -> bytes:
    """Return the root over neighbouring complete subtrees, the largest first; raise IndexError for none."""
    computed = subtrees[-1]
    for left in reversed(subtrees[:-1]):
        computed = node_hash(left, computed)
    return computed


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[str]:
    """Return the audit path of leaf `index`, nearest sibling first, as hex; raise IndexError for no such leaf."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"leaf {index} of {len(leaves)}")
    return [root(leaves[start:end]) for start, end in inclusion_ranges(index, len(leaves))]


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[str]:
    """Return the proof (RFC 6962, 2.1.2) that the first `old_size` leaves are the tree that was there before, as hex.

    Empty when there is nothing to prove: nothing was there, or nothing came after. Raises IndexError for a size that
    this tree never had.
    """
    if not 0 <= old_size <= len(leaves):
        raise IndexError(f"size {old_size} of {len(leaves)}")
    return [root(leaves[start:end]) for start, end in consistency_ranges(old_size, len(leaves))]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[str], expected_root: str) -> bool:
    """Say whether `proof` shows that `leaf` stands at `index` in the tree of `size` leaves with `expected_root`."""
    path = _hashes(proof)
    if path is None or not 0 <= index < size:
        return False
    ranges = inclusion_ranges(index, size)
    if len(path) != len(ranges):
        return False
    computed = leaf_hash(leaf)
    for (start, _), sibling in zip(ranges, path, strict=True):
        computed = node_hash(computed, sibling) if start > index else node_hash(sibling, computed)
    return computed.hex() == expected_root


def verify_consistency(old_size: int, new_size: int, proof: Sequence[str], old_root: str, new_root: str) -> bool:
    """Say whether `proof` shows that the tree of `new_size` leaves begins with the tree of `old_size` leaves.

    The proof is folded twice: what lies left of the old edge goes into both roots, what lies right of it into the new.
    """
    path = _hashes(proof)
    if path is None or not 0 <= old_size <= new_size or not _HASH_TEXT.fullmatch(old_root):
        return False
    ranges = consistency_ranges(old_size, new_size)
    if len(path) != len(ranges):
        return False
    if not ranges:  # an empty tree begins every tree, and a tree begins itself
        return (old_size > 0 or old_root == EMPTY_ROOT) and (old_size < new_size or old_root == new_root)
    if old_size & (old_size - 1) == 0:  # a complete tree is itself the first node, and the proof does not repeat it
        old = new = bytes.fromhex(old_root)
    else:
        old = new = path[0]
        ranges, path = ranges[1:], path[1:]
    for (start, _), sibling in zip(ranges, path, strict=True):
        if start >= old_size:
            new = node_hash(new, sibling)
        else:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
    return old.hex() == old_root and new.hex() == new_root


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """Return which leaves each hash of an audit path covers, from the first to before the second, nearest first."""
    ranges = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(old_size: int, new_size: int) -> list[tuple[int, int]]:
    """Return which leaves each hash of a consistency proof covers, in the order of RFC 6962, 2.1.2 (SUBPROOF)."""
    if old_size in (0, new_size):
        return []
    ranges = []
    start, end = 0, new_size
    while old_size != end:
        middle = start + _split(end - start)
        if old_size <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:  # otherwise it is the old tree itself, whose root the verifier knows
        ranges.append((start, end))
    return ranges[::-1]


def _split(count: int) -> int:
    """Return the largest power of two smaller than `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def _hashes(proof: Sequence[str]) -> list[bytes] | None:
    """Return the hashes of a proof, or None unless each is 64 lower-case hex digits: there is one way to write it."""
    if not all(isinstance(text, str) and _HASH_TEXT.fullmatch(text) for text in proof):
        return None
    return [bytes.fromhex(text) for text in proof]
