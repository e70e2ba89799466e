"""Who decided: communities, accounts, proposals, ballots, records and the log of it all.

Data, constraints and named queries only. States are computed by `lifecycle`; changes happen in `services`. No other app
is imported here.
"""

from governance.models.accounts import Account, SignInNonce
from governance.models.ballots import Ballot
from governance.models.communities import Community, Council, ImportedBallot, ImportedVote, Member
from governance.models.delegations import Delegation
from governance.models.log import Checkpoint, Event, LogNode
from governance.models.proposals import CensusEntry, CountSoFar, GuardianVoice, Proposal, Sponsorship
from governance.models.record import Record, Tree

__all__ = [
    "Account",
    "Ballot",
    "CensusEntry",
    "Checkpoint",
    "Community",
    "Council",
    "CountSoFar",
    "Delegation",
    "Event",
    "GuardianVoice",
    "ImportedBallot",
    "ImportedVote",
    "LogNode",
    "Member",
    "Proposal",
    "Record",
    "SignInNonce",
    "Sponsorship",
    "Tree",
]
