"""Leaves and proofs from the trees that a record has the root of: a block of leaves is read, however many there are."""

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
    tree = Tree.objects.get(record=record)
    block = block_tree.block_of(voter_key, tree.first_keys)
    ordered = rows.filter(voter_key__gte=tree.first_keys[block]).order_by("voter_key")
    found = list(ordered.values_list("voter_key", *columns)[:LEAVES_PER_BLOCK])
    place = [key for key, *_ in found].index(voter_key)
    proof = block_tree.inclusion_proof(block, place, bytes(tree.blocks), [leaf(*row) for _, *row in found])
    return block * LEAVES_PER_BLOCK + place, proof


def from_block_of(place: int, rows: QuerySet[Any], record: Record) -> tuple[QuerySet[Any], int]:
    """Return the rows from the beginning of the block in which a place is, and the place counted from there.

    A database that has to skip a million rows reads them all. Raises Tree.DoesNotExist where no tree was kept.
    """
    first_keys = Tree.objects.values_list("first_keys", flat=True).get(record=record)
    block, within = divmod(place, LEAVES_PER_BLOCK)
    return rows.filter(voter_key__gte=first_keys[block]), within
