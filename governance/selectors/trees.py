"""Proofs from the trees that a record has the root of: one block of leaves is read, however many there are."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import QuerySet

from governance.evidence import block_tree
from governance.evidence.block_tree import LEAVES_PER_BLOCK
from governance.models import Record, Tree


def inclusion(
    rows: QuerySet[Any], voter_key: str, columns: Sequence[str], leaf: Callable[..., bytes], record: Record
) -> tuple[int, list[str]]:
    """Return the place of a voter's row in a tree that is ordered by `voter_key`, and its proof.

    `leaf` makes the leaf of a row from these columns. Raises Tree.DoesNotExist where no tree was kept for the record.
    """
    before, after = rows.filter(voter_key__lt=voter_key), rows.filter(voter_key__gte=voter_key)
    index = before.count()
    place = index % LEAVES_PER_BLOCK
    nearest_first = list(before.order_by("-voter_key").values_list(*columns)[:place])
    own = nearest_first[::-1] + list(after.order_by("voter_key").values_list(*columns)[: LEAVES_PER_BLOCK - place])
    blocks = bytes(Tree.objects.get(record=record).blocks)
    return index, block_tree.inclusion_proof(index, blocks, [leaf(*row) for row in own])
