"""What a recount answers, and the two ways in which it ends without an answer. Pure; holds no check."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from governance.onchain.approvals import Approval
from governance.onchain.seen import Said, VoteSeen
from governance.outcome import Condition
from governance.wallets.asking import WalletSignature


class Unreadable(Exception):
    """There is no bundle to count: no file, damaged compression, or more bytes than were allowed."""


class BadEntry(Exception):
    """The first line of a bundle that is not as it must be. `line` counts from 1, `code` is stable."""

    def __init__(self, line: int, code: str, found: object, needed: str) -> None:
        """Keep both sides of the refusal; a long text is shortened."""
        self.line, self.code = line, code
        self.found, self.needed = shortened(found), needed
        super().__init__(f"line {line}: {code}: found {self.found}; needed: {needed}")

    def to_dict(self) -> dict[str, Any]:
        """Return the refusal as data."""
        return {"line": self.line, "code": self.code, "found": self.found, "needed": self.needed}


@dataclass(frozen=True)
class ContractVote:
    """What a contract decided: the call that the proposal is on its chain, where each vote stands, and its numbers."""

    approval: Approval
    votes: tuple[VoteSeen, ...]
    said: tuple[Said, ...] = ()


@dataclass(frozen=True)
class Report:
    """What was recounted. `bad` is the entry at which it ended, None if everything holds.

    `closed` says whether a tally was there, with `ballots_root` and `closed_at`; without one `totals` and the rest are
    the count so far. `checked` and `not_checked` are sentences; `wallets` are the delegations and
    ballots of contract wallets, which only their chain can confirm.
    """

    lines: int
    proposal: str
    title: str = ""
    bad: BadEntry | None = None
    closed: bool = False
    census: int = 0
    ballots: int = 0
    voters: int = 0
    totals: Mapping[str, str] | None = None
    winners: tuple[str, ...] = ()
    passed: bool | None = None
    conditions: tuple[Condition, ...] = ()
    explanation: tuple[str, ...] = ()
    checked: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()
    wallets: tuple[WalletSignature, ...] = ()
    ballots_root: str | None = None
    closed_at: int | None = None
    chain_id: int | None = None
    contract: ContractVote | None = None

    @property
    def ok(self) -> bool:
        """Say whether everything that can be checked offline holds."""
        return self.bad is None

    def to_dict(self) -> dict[str, Any]:
        """Return the report as data."""
        data = vars(self) | {
            "holds": self.ok,
            "bad": self.bad.to_dict() if self.bad else None,
            "totals": dict(self.totals) if self.totals is not None else None,
            "wallets": len(self.wallets),
            "contract": None if self.contract is None else str(self.contract.approval.id),
            "conditions": [condition.to_body() for condition in self.conditions],
        }
        return dict(sorted(data.items()))


def shortened(value: object, characters: int = 300) -> str:
    """Return a text for an error message, cut where it would be endless."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= characters else f"{text[: characters - 1]}…"
