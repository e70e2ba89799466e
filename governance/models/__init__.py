"""Who decided: communities, accounts, proposals, ballots, records and the log of it all.

Data, constraints and named queries only. States are computed by `lifecycle`; changes happen in `services`. No other app
is imported here.
"""

from governance.models.accounts import Account, SignInNonce
from governance.models.ballots import Ballot
from governance.models.communities import Community, Council, ImportedBallot, ImportedVote, Member
from governance.models.delegations import Delegation
from governance.models.log import Checkpoint, Event, LogNode
from governance.models.mirrors import Mirror, MirroredCheckpoint, MirroredDocument, MirroredEntry, MirroredNode
from governance.models.notifications import (
    Announcement,
    LetterErrand,
    MutedCommunity,
    NewsCursor,
    Notification,
    Postbox,
    Preference,
)
from governance.models.proposals import CensusEntry, CountSoFar, GuardianVoice, Proposal, Sponsorship
from governance.models.readers import Follow, Passkey, PasskeyChallenge, Reader, SignInLink
from governance.models.record import Record, Tree
from governance.models.search import SearchCursor, SearchEntry, Visit

__all__ = [
    "Account",
    "Announcement",
    "Ballot",
    "CensusEntry",
    "Checkpoint",
    "Community",
    "Council",
    "CountSoFar",
    "Delegation",
    "Event",
    "Follow",
    "GuardianVoice",
    "ImportedBallot",
    "ImportedVote",
    "LetterErrand",
    "LogNode",
    "Member",
    "Mirror",
    "MirroredCheckpoint",
    "MirroredDocument",
    "MirroredEntry",
    "MirroredNode",
    "MutedCommunity",
    "NewsCursor",
    "Notification",
    "Passkey",
    "PasskeyChallenge",
    "Postbox",
    "Preference",
    "Proposal",
    "Reader",
    "Record",
    "SearchCursor",
    "SearchEntry",
    "SignInLink",
    "SignInNonce",
    "Sponsorship",
    "Tree",
    "Visit",
]
