"""Where voting power comes from: the table of sources and what a source is.

Adding a source is one file here and one line in `SOURCES`. A source reads; it decides nothing. A proposal
pins the source's name, version, parameters and snapshot, so that a later change of a source cannot change a
past vote.
"""

from collections.abc import Callable
from typing import Final

from governance.chain import ChainReader
from governance.power.base import Candidates, PowerError, PowerSource, Snapshot
from governance.power.contribution_credits import ContributionCredits
from governance.power.erc20_votes import Erc20Votes
from governance.power.erc721_votes import Erc721Votes
from governance.power.fixed_list import FixedList
from governance.power.governor_votes import GovernorVotes

# Each entry makes a source from the chain of this installation (None where there is none).
SOURCES: Final[dict[str, Callable[[ChainReader | None], PowerSource]]] = {
    Erc20Votes.name: Erc20Votes,
    Erc721Votes.name: Erc721Votes,
    GovernorVotes.name: GovernorVotes,
    FixedList.name: FixedList,
    ContributionCredits.name: ContributionCredits,
}
# How many digits after the point people read; of every other source they count whole units.
DECIMALS: Final[dict[str, int]] = {Erc20Votes.name: 18, GovernorVotes.name: 18}


def power_source(name: str, chain: ChainReader | None) -> PowerSource:
    """Return the source of this name; an unknown one is refused, never replaced by another."""
    if name not in SOURCES:
        raise PowerError(
            "power_source_unknown",
            f"{name!r} is not a source of voting power; known are {', '.join(sorted(SOURCES))}",
        )
    return SOURCES[name](chain)


__all__ = ["DECIMALS", "SOURCES", "Candidates", "PowerError", "PowerSource", "Snapshot", "power_source"]
