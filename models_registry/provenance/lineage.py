"""Lineage: the records that a release rests on, back to the community, in one order for everybody. Pure.

Looks only at digests and parents; what the records say is judged by `verify`.
"""

from collections.abc import Iterable, Mapping

from governance.evidence.record import Record


class LineageError(Exception):
    """A lineage that cannot be walked. `code` is stable."""

    code = "lineage_error"


class MissingRecord(LineageError):
    """A record that another one rests on is not there."""

    code = "parent_missing"

    def __init__(self, digest: str, needed_by: str | None) -> None:
        """Keep the digest that is missing and the record that names it."""
        super().__init__(f"record {digest} is missing" + (f"; {needed_by} rests on it" if needed_by else ""))
        self.digest = digest
        self.needed_by = needed_by


class CyclicLineage(LineageError):
    """Records that rest on each other in a circle. True digests cannot do this; a forged index can."""

    code = "lineage_cyclic"


class MisnamedRecord(LineageError):
    """A record that is filed under a digest that is not its own."""

    code = "digest_mismatch"


def closure(release: str, records: Mapping[str, Record]) -> list[Record]:
    """Return the record with digest `release` and all that it rests on, parents first.

    The order is by depth (no parents: 0; otherwise one more than the deepest parent), then by digest. Raises
    MissingRecord, MisnamedRecord or CyclicLineage.
    """
    reached, missing = reachable(release, records)
    if missing:
        raise MissingRecord(*next(iter(missing.items())))
    for digest in sorted(reached):
        if records[digest].digest != digest:
            raise MisnamedRecord(f"the record filed as {digest} has the digest {records[digest].digest}")
    depths = _depths(reached, records)
    return [records[digest] for digest in sorted(reached, key=lambda digest: (depths[digest], digest))]


def reachable(start: str, records: Mapping[str, Record]) -> tuple[set[str], dict[str, str | None]]:
    """Return the digests reached from `start`, and those named but missing, with who names them."""
    reached: set[str] = set()
    missing: dict[str, str | None] = {}
    waiting: list[tuple[str, str | None]] = [(start, None)]
    while waiting:
        digest, needed_by = waiting.pop()
        if digest in reached:
            continue
        record = records.get(digest)
        if record is None:
            missing.setdefault(digest, needed_by)
            continue
        reached.add(digest)
        waiting.extend((parent, digest) for parent in record.parents)
    return reached, missing


def _depths(reached: Iterable[str], records: Mapping[str, Record]) -> dict[str, int]:
    """Compute the depth of each record without recursion, so that a long chain cannot exhaust the stack."""
    depths: dict[str, int] = {}
    children: dict[str, list[str]] = {digest: [] for digest in reached}
    waiting_for: dict[str, int] = {}
    for digest in children:
        waiting_for[digest] = len(records[digest].parents)
        for parent in records[digest].parents:
            children[parent].append(digest)
    ready = [digest for digest, count in waiting_for.items() if count == 0]
    while ready:
        digest = ready.pop()
        depths[digest] = 1 + max((depths[parent] for parent in records[digest].parents), default=-1)
        for child in children[digest]:
            waiting_for[child] -= 1
            if waiting_for[child] == 0:
                ready.append(child)
    if len(depths) != len(children):
        raise CyclicLineage("records rest on each other in a circle")
    return depths
