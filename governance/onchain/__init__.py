"""Governing by contract: a community whose proposals, votes and decisions are transactions of a Governor on its chain.

The chain decides; this package follows. `indexer` reads what the Governor, its timelock and its anchor said in
finalized blocks; `taking` does what follows from each event, in the order of the chain; `states` (pure) says how a
proposal stands by its events; `numbers` (pure) compares the contract's rules with the charter's; `offering` prepares
the transactions that members' own wallets send. Nothing here sends anything or holds a key.

Which Governor and which anchor: the charter's source of voting power says it (`governance.power.governor_votes`).
"""

from governance.charter import Charter
from governance.errors import Conflict

SOURCE = "governor_votes"


def is_by_contract(charter: Charter) -> bool:
    """Say whether a community with this charter governs by contract."""
    return bool(charter.power["source"] == SOURCE)


def require_gasless(charter: Charter) -> None:
    """Raise Conflict in a community that governs by contract: what is asked is a transaction there."""
    if is_by_contract(charter):
        raise governed_by_contract()


def governed_by_contract() -> Conflict:
    """Return the refusal of what only a transaction can do."""
    return Conflict("governed_by_contract", "this community governs by contract; send a transaction to its Governor")
