"""Under which headings kinds of proposals stand where one chooses. A kind that is not listed stands under the last."""

from collections.abc import Mapping
from typing import TypeVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Kind = TypeVar("Kind")

KIND_GROUPS: tuple[tuple[Promise, tuple[str, ...]], ...] = (
    (
        _("What the model learns"),
        ("model_update", "dataset_inclusion", "dataset_removal", "taking_back"),
    ),
    (
        _("What the model must keep to"),
        ("ethics_rule", "rule_change", "rule_repeal", "verdict_override", "incident_stewards"),
    ),
    (
        _("Published versions"),
        ("release_rollback", "release_pause", "release_withdrawal", "release_keys"),
    ),
    (
        _("What people think, and how we decide"),
        ("text_signal", "poll", "governance_rules", "council_election"),
    ),
    (
        _("Machines and money"),
        (
            *("compute_policy", "site_admission", "site_removal", "site_stewards"),
            *("budget_opening", "budget_transfer", "run_ceiling"),
            *("settlement_terms", "site_settlement", "settlement_withdrawal"),
        ),
    ),
)


def grouped(kinds: Mapping[str, Kind]) -> list[tuple[str, dict[str, Kind]]]:
    """Return each heading with its kinds in the order above; a heading without a kind is left out."""
    named = {name for _heading, names in KIND_GROUPS for name in names}
    others = tuple(name for name in kinds if name not in named)
    found = []
    for number, (heading, names) in enumerate(KIND_GROUPS, start=1):
        listed = names + others if number == len(KIND_GROUPS) else names
        found.append((str(heading), {name: kinds[name] for name in listed if name in kinds}))
    return [(heading, listed) for heading, listed in found if listed]
