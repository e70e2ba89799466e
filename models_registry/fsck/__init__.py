"""What `fsck` says of the registry: datasets, rules, releases and where they went, what people reported and asked.

As `governance.fsck`: records and the log are the truth, every other column repeats them or follows from them. Reads
only. Each finding says what to do. Files of releases are `models_registry.storage.checks`' to read.
"""

from collections.abc import Callable, Iterator

from governance.fsck import Finding
from governance.fsck.finding import advised, guarded
from governance.models import Community
from models_registry.fsck import (
    attestations,
    calls,
    datasets,
    deliveries,
    hidden_suites,
    incidents,
    keys,
    removals,
    rules,
    standing,
    taking_back,
    waiting,
)
from models_registry.fsck.dataset_files import check_dataset_files

__all__ = ["check_dataset_files", "check_one"]


def check_one(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with the registry of one community; nothing for a sound database."""
    name = community.slug
    for table, todo, check in _CHECKS:
        yield from advised(todo, guarded(table, name, check(community)))


# What is checked, and what to do where a finding does not say it itself.
_CHECKS: tuple[tuple[str, str, Callable[[Community], Iterator[Finding]]], ...] = (
    (deliveries.DELIVERIES, deliveries.RESTORE, deliveries.check_deliveries),
    (keys.TABLE, keys.STOP, keys.check_keys),
    (waiting.WAITING, waiting.ANEW, waiting.check_waiting),
    (attestations.TABLE, attestations.RESTORE, attestations.check_attestations),
    (incidents.TABLE, incidents.RESTORE, incidents.check_incidents),
    (calls.TABLE, calls.RESTORE, calls.check_calls),
    (standing.TABLE, standing.RESTORE, standing.check_standing),
    (datasets.DATASETS, datasets.RESTORE, datasets.check_datasets),
    (removals.REMOVALS, removals.RESTORE, removals.check_removals),
    (taking_back.TABLE, taking_back.RESTORE, taking_back.check_taking_back),
    (rules.TABLE, rules.RESTORE, rules.check_rules),
    (hidden_suites.TABLE, hidden_suites.RESTORE, hidden_suites.check_hidden_suites),
)
