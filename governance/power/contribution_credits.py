"""Voting power from credits for what members have given, such as data and compute.

The credits stand in the parameters, like the members of a fixed list, and are frozen by their digest; a community
changes them where it changes its charter. Nothing here measures a contribution or checks that one was made: that is for
whoever proposes the list, and for those who vote on it.
"""

from governance.power.fixed_list import FixedList


class ContributionCredits(FixedList):
    """Parameters: {"credits": {address: credits as a decimal string}}."""

    name = "contribution_credits"
    version = "1"
    label = "Contribution credits"
    description = "The credits that the community's charter lists for what the voter has contributed."
    parameter = "credits"
