"""Voting power from membership tokens (ERC-721 with ERC-5805 checkpoints): one token, one unit of power."""

from governance.power.votes_token import VotesToken


class Erc721Votes(VotesToken):
    """Parameters: {"token": address}. A power is a number of tokens, without decimals."""

    name = "erc721_votes"
    version = "1"
    label = "Membership tokens"
    description = "How many membership tokens were delegated to the voter at the snapshot block."
