"""The trees that are kept beside a census and a tally, so that proofs need not read all leaves."""

from collections.abc import Iterator, Sequence

from django.db.models import Q

from governance.evidence import merkle
from governance.evidence.block_tree import LEAVES_PER_BLOCK
from governance.fsck.finding import Finding, finding
from governance.models import Record, Tree

TABLE = "governance_tree"
KINDS = ("census", "tally")


def check_tree(record: Record, keys: Sequence[str], hashes: Sequence[bytes]) -> Iterator[Finding]:
    """Yield a finding unless the tree of this record is that over these leaf hashes, in the order of their keys."""
    starts = range(0, len(hashes), LEAVES_PER_BLOCK)
    blocks = b"".join(
        bytes.fromhex(merkle.root_of_hashes(hashes[start : start + LEAVES_PER_BLOCK])) for start in starts
    )
    kept = Tree.objects.filter(record=record).first()
    if kept is None or bytes(kept.blocks) != blocks:
        yield finding(TABLE, record.pk, "blocks", blocks.hex(), "no tree" if kept is None else bytes(kept.blocks).hex())
    first_keys = list(keys[::LEAVES_PER_BLOCK])
    if kept is not None and kept.first_keys != first_keys:
        yield finding(TABLE, record.pk, "first_keys", first_keys, kept.first_keys)


def check_stray_trees() -> Iterator[Finding]:
    """Yield the trees of records that have none."""
    for key in Tree.objects.filter(~Q(record__kind__in=KINDS)).values_list("pk", flat=True):
        yield finding(TABLE, key, "record", f"a record of {' or '.join(KINDS)}", "another one")
