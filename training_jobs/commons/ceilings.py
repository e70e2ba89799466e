"""The ceiling of a run in money: what its vote fixed, what later votes made of it, and how its places share it.

Reads only; `commons.raising` changes it. The record of the specification keeps what was voted first, for ever.
"""

from dataclasses import dataclass

from training_jobs.ledger.currencies import for_people, read_amount
from training_jobs.models import ComputeRequest, RaisedCeiling, Run


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in micro-units, and its currency (ISO 4217)."""

    units: int
    currency: str

    @property
    def text(self) -> str:
        """The amount in the currency itself, as people write it."""
        return for_people(self.units, self.currency)

    def __str__(self) -> str:
        """Return amount and currency."""
        return f"{self.text} {self.currency}"


@dataclass(frozen=True, slots=True)
class Raise:
    """One raise: the row, and the ceiling before and after it."""

    row: RaisedCeiling
    before: Money
    after: Money


def voted(run: Run) -> Money | None:
    """Return the ceiling that the vote on a run fixed; None where it fixed none, or none that can be booked."""
    found = run.spec_record.body["budget"].get("money")
    units = read_amount(str(found["amount"]), found["currency"]) if found else None
    return None if found is None or units is None else Money(units, found["currency"])


def of(run: Run) -> Money | None:
    """Return the ceiling of a run as it is now: what was voted for it, or what the last raise made of it."""
    first = voted(run)
    newest = run.raised_ceilings.first()
    return first if first is None or newest is None else Money(newest.ceiling, first.currency)


def raises_of(run: Run) -> list[Raise]:
    """Return the raises of a run, oldest first."""
    found, before = [], voted(run)
    rows = run.raised_ceilings.select_related("proposal__community").order_by("raised_at", "pk")
    for row in rows if before is not None else ():
        assert before is not None
        after = Money(row.ceiling, before.currency)
        found.append(Raise(row, before, after))
        before = after
    return found


def shares(ceiling: int, places: int) -> list[int]:
    """Return how the places of a run share a ceiling, by slot: evenly, and what is left over goes to the lead."""
    return [ceiling // places + (ceiling % places if slot == 0 else 0) for slot in range(places)]


def raised_share(request: ComputeRequest) -> int | None:
    """Return what the last raise before its end made the ceiling of a place of a run; None where there was none."""
    if request.run is None:
        return None
    raised = request.run.raised_ceilings.all()
    if request.ended_at is not None:
        raised = raised.filter(raised_at__lte=request.ended_at)
    newest = raised.first()
    return None if newest is None else shares(newest.ceiling, request.run.requests.count())[request.slot]
