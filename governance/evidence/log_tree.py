"""An RFC 6962 tree that only grows, over stored nodes: append, root and proofs from O(log n) of them. Pure.

A node is the hash of a complete subtree: `(level, index)` covers the 2^level leaves from index × 2^level on; level 0
holds the leaf hashes. Such a node never changes once it is written, and ragged right edges are computed, never stored.
Where the nodes lie is the caller's matter: `read` gets all keys that an answer needs at once, so that a database is
asked one question. Roots and proofs are those of `merkle` over the same leaves.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from governance.evidence import merkle

Key = tuple[int, int]  # level, index
Read = Callable[[Sequence[Key]], Mapping[Key, bytes]]


class Node(NamedTuple):
    """One complete subtree: its key and its hash (32 bytes)."""

    key: Key
    hash: bytes


class NodeMissing(LookupError):
    """A node that must have been stored is not there: the tree is damaged, or was never that large."""

    def __init__(self, key: Key) -> None:
        """Name the node."""
        super().__init__(f"the node at level {key[0]}, index {key[1]} is missing")
        self.key = key


def append(size: int, read: Read, leaf_hashes: Iterable[bytes]) -> list[Node]:
    """Return the nodes to store when these leaf hashes follow the first `size` leaves, in the order of completion.

    Reads the right edge of the old tree (at most log2 n nodes), and on average makes two nodes for each leaf.
    """
    edge = _hashes_of(root_keys(size), read)
    added: list[Node] = []
    for position, leaf in enumerate(leaf_hashes, start=size):
        level, index, computed = 0, position, leaf
        added.append(Node((level, index), computed))
        while index % 2 == 1:
            level, index, computed = level + 1, index // 2, merkle.node_hash(edge.pop(), computed)
            added.append(Node((level, index), computed))
        edge.append(computed)
    return added


def root(size: int, read: Read) -> str:
    """Return the root over the first `size` leaves, as hex."""
    if size == 0:
        return merkle.EMPTY_ROOT
    return merkle.fold(_hashes_of(root_keys(size), read)).hex()


def inclusion_proof(index: int, size: int, read: Read) -> list[str]:
    """Return the audit path of leaf `index` in the tree of the first `size` leaves; IndexError for no such leaf."""
    if not 0 <= index < size:
        raise IndexError(f"leaf {index} of {size}")
    return _proof(merkle.inclusion_ranges(index, size), read)


def consistency_proof(old_size: int, new_size: int, read: Read) -> list[str]:
    """Return the proof that the tree of `new_size` leaves begins with that of `old_size`; IndexError if it cannot."""
    if not 0 <= old_size <= new_size:
        raise IndexError(f"size {old_size} of {new_size}")
    return _proof(merkle.consistency_ranges(old_size, new_size), read)


def root_keys(size: int) -> list[Key]:
    """Return the nodes whose fold is the root over the first `size` leaves: the right edge, the largest first."""
    return _covering(0, size)


def inclusion_keys(index: int, size: int) -> list[Key]:
    """Return the nodes that the audit path of leaf `index` is made of."""
    return _flat(merkle.inclusion_ranges(index, size))


def consistency_keys(old_size: int, new_size: int) -> list[Key]:
    """Return the nodes that the consistency proof from `old_size` to `new_size` is made of."""
    return _flat(merkle.consistency_ranges(old_size, new_size))


def _proof(ranges: Sequence[tuple[int, int]], read: Read) -> list[str]:
    """Fold the nodes of each range into one hash of the proof, after reading all of them at once."""
    hashes = iter(_hashes_of(_flat(ranges), read))
    return [merkle.fold([next(hashes) for _ in _covering(start, end)]).hex() for start, end in ranges]


def _flat(ranges: Iterable[tuple[int, int]]) -> list[Key]:
    return [key for start, end in ranges for key in _covering(start, end)]


def _covering(start: int, end: int) -> list[Key]:
    """Return the complete subtrees that cover leaves `start` to before `end`, the largest first.

    The ranges of RFC 6962 begin at a multiple of a power of two that is not smaller than they are, so each subtree
    fills from the left what is left over.
    """
    keys = []
    while start < end:
        level = (end - start).bit_length() - 1
        keys.append((level, start >> level))
        start += 1 << level
    return keys


def _hashes_of(keys: Sequence[Key], read: Read) -> list[bytes]:
    if not keys:
        return []
    found = read(keys)
    for key in keys:
        if key not in found:
            raise NodeMissing(key)
    return [found[key] for key in keys]
