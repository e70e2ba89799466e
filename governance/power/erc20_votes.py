"""Voting power from a fungible votes token (ERC-20 with ERC-5805 checkpoints): one unit of the token, one of power."""

from governance.power.votes_token import VotesToken


class Erc20Votes(VotesToken):
    """Parameters: {"token": address}."""

    name = "erc20_votes"
    version = "1"
    label = "Votes token"
    description = "What was delegated to the voter at the snapshot block, in units of the community's votes token."
