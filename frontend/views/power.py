"""Where a community's voting power comes from, as far as pages need it."""

from governance.models import Community
from governance.power import DECIMALS
from governance.services import charter_of

_TOKENS = frozenset({"erc20_votes", "erc721_votes", "governor_votes"})


def decimals_of(community: Community) -> int:
    """Return how many digits after the point people read of the community's voting power."""
    return DECIMALS.get(charter_of(community).power["source"], 0)


def is_token(community: Community) -> bool:
    """Say whether power is that of a token, which can be delegated on chain."""
    return charter_of(community).power["source"] in _TOKENS
