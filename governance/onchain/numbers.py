"""The rules of a Governor beside those of a charter: equal, or the names of those that differ. Pure.

A charter says what its Governor does and cannot make it do anything else. What a Governor of this form has no word for
(a second house, a super-quorum, support, rejection) must be off, and the execution window as long as rules allow: a
Governor never forgets what was decided.

A vote of the Governor changes its numbers. `before` says what they were at any place of the chain: which of them hold
for a proposal that is under way is the Governor's own doing (quorum: at the snapshot; late quorum: at the vote that
reaches it; timelock: when it is queued).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from governance.outcome import SECONDS_MAX, Rules

HALF_BPS = 5_000


@dataclass(frozen=True)
class Numbers:
    """What a Governor and its timelock say of themselves; times in seconds, `threshold` in units of power."""

    voting_delay: int
    voting_period: int
    late_quorum_extension: int
    proposal_threshold: int
    quorum_bps: int
    timelock_delay: int

    def rules(self) -> Rules:
        """Return the rules of a charter that say the same. Raises InvalidRules where no charter may."""
        return Rules.from_body({**_OFF, **self.said()})

    def said(self) -> dict[str, object]:
        """Return the numbers in the form of a charter's rules, whether a charter may have them or not."""
        return {
            "quorum_bps": self.quorum_bps,
            "proposal_threshold": str(self.proposal_threshold),
            "voting_delay_seconds": self.voting_delay,
            "voting_period_seconds": self.voting_period,
            "timelock_seconds": self.timelock_delay,
            "late_quorum_seconds": self.late_quorum_seconds,
        }

    @property
    def late_quorum_seconds(self) -> int:
        """How long a late quorum keeps a vote open by our count, which begins with the second of the late vote."""
        return self.late_quorum_extension + 1 if self.late_quorum_extension else 0


# What a Governor has no word for.
_OFF = Rules(1, HALF_BPS, 0, 0, 1, 0, execution_window_seconds=SECONDS_MAX).to_body()


def differences(rules: Rules, numbers: Numbers) -> Iterator[tuple[str, object, object]]:
    """Yield (rule, what the charter says, what the Governor does) where they differ.

    How long what was voted down stays away is ours alone: a Governor does not know it.
    """
    said, done = rules.to_body(), {**_OFF, **numbers.said()}
    for name in sorted(said):
        if name != "cool_down_seconds" and said[name] != done[name]:
            yield name, said[name], done[name]


@dataclass(frozen=True, slots=True)
class Change:
    """A number that a vote of the Governor changed. `place` is block and position of the event."""

    rule: str
    before: int
    after: int
    place: tuple[int, int]


def before(changes: Iterable[Change], place: tuple[int, int], now: Mapping[str, int]) -> Numbers:
    """Return the numbers at a place of the chain: those of `now`, with every later change undone.

    `changes` in the order of the chain; those after `now` must not be among them.
    """
    found = dict(now)
    for change in reversed(list(changes)):
        if change.place > place:
            found[change.rule] = change.before
    return Numbers(**found)
