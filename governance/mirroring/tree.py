"""The Merkle tree of a mirrored log: what reads its nodes, and what its root was."""

from collections.abc import Mapping, Sequence

from governance.evidence import log_tree
from governance.models import Mirror


def reader(mirror: Mirror, fresh: Mapping[log_tree.Key, bytes] | None = None) -> log_tree.Read:
    """Return what reads nodes; `fresh` are some that are not stored yet."""
    known = fresh or {}

    def read(keys: Sequence[log_tree.Key]) -> Mapping[log_tree.Key, bytes]:
        missing = [key for key in keys if key not in known]
        found = {key: known[key] for key in keys if key in known}
        if missing:
            levels, indexes = {level for level, _ in missing}, {index for _, index in missing}
            rows = mirror.nodes.filter(level__in=levels, index__in=indexes)
            found |= {
                (level, index): bytes(value) for level, index, value in rows.values_list("level", "index", "hash")
            }
        return found

    return read


def root_at(mirror: Mirror, size: int) -> str:
    """Return the root over the first `size` of the entries that are here."""
    return log_tree.root(size, reader(mirror))
