"""What the votes of a Governor changed of its own numbers, beside what the charter promises; from events alone.

Nothing is asked of the chain. A number that was never changed is the one that the Governor began with, which was held
against the charter when the first proposal was made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from governance.charter import Charter
from governance.models import Community, Contract
from governance.onchain import changes
from governance.onchain.following import contract_of
from governance.outcome import Rules
from governance.services.common import charter_of

# The name of each number in the rules of a charter.
OF_CHARTER: Final[Mapping[str, str]] = {
    "voting_delay": "voting_delay_seconds",
    "voting_period": "voting_period_seconds",
    "late_quorum_extension": "late_quorum_seconds",
    "proposal_threshold": "proposal_threshold",
    "quorum_bps": "quorum_bps",
    "timelock_delay": "timelock_seconds",
}
TIMELOCK: Final = "timelock"


@dataclass(frozen=True, slots=True)
class Step:
    """One change, in the numbers of a charter; of the timelock itself, from one address to another."""

    before: str
    after: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Changed:
    """A number that was changed at least once. `promised` are what the tiers of the charter say, each once.

    `rule` is its name in a charter, or "timelock", of which a charter says nothing. `now` is nothing where it is not
    known: another timelock has a delay of its own.
    """

    rule: str
    promised: tuple[str, ...]
    now: str | None
    steps: tuple[Step, ...]

    @property
    def kept(self) -> bool:
        """Whether the Governor does what the charter says, as far as this number goes."""
        return not self.promised or self.promised == (self.now,)


@dataclass(frozen=True, slots=True)
class Numbers:
    """The contracts that a charter names, how far they were read, and what changed since reading began."""

    governor: str
    anchor: str
    timelock: str
    read_to: datetime
    halted: str
    changed: tuple[Changed, ...]

    @property
    def kept(self) -> bool:
        """Whether the Governor does what the charter says."""
        return all(each.kept for each in self.changed)


def numbers_of(community: Community) -> Numbers | None:
    """Return what became of a Governor's numbers; nothing where none is followed."""
    contract = contract_of(community)
    if contract is None:
        return None
    steps, timelock_moved = _steps(contract)
    charter = charter_of(community)
    found = [_changed(rule, charter, steps[rule]) for rule in (*OF_CHARTER.values(), TIMELOCK) if rule in steps]
    if timelock_moved:
        found = [replace(each, now=None) if each.rule == "timelock_seconds" else each for each in found]
    return Numbers(
        governor=contract.governor,
        anchor=contract.anchor,
        timelock=contract.timelock,
        read_to=datetime.fromtimestamp(contract.block_time, UTC),
        halted=contract.halted,
        changed=tuple(found),
    )


def _steps(contract: Contract) -> tuple[dict[str, list[Step]], bool]:
    """Return the changes by rule, and whether the timelock moved after its delay was last said."""
    found: dict[str, list[Step]] = {}
    moved = False
    for event in contract.events.filter(kind__in=("number", TIMELOCK), taken=True):
        at, said = datetime.fromtimestamp(event.block_time, UTC), event.data
        if event.kind == TIMELOCK:
            found.setdefault(TIMELOCK, []).append(Step(said["before"], said["after"], at))
            moved = True
            continue
        of_timelock = said["rule"] == "timelock_delay"
        if of_timelock and said["of"] != changes.timelock_at(contract, changes.place_of(event)):
            continue
        moved = moved and not of_timelock
        before, after = (_in_charter(said["rule"], int(said[name])) for name in ("before", "after"))
        found.setdefault(OF_CHARTER[said["rule"]], []).append(Step(before, after, at))
    return found, moved


def _changed(rule: str, charter: Charter, steps: list[Step]) -> Changed:
    promised = () if rule == TIMELOCK else tuple(sorted({_said(tier, rule) for tier in charter.tiers.values()}))
    return Changed(rule, promised, steps[-1].after, tuple(steps))


def _said(tier: Rules, rule: str) -> str:
    return str(tier.to_body()[rule])


def _in_charter(rule: str, number: int) -> str:
    """Return a number as a charter says it: a late quorum is counted from the second of the late vote."""
    return str(number + 1 if rule == "late_quorum_extension" and number else number)
