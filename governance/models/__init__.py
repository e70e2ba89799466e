"""Who decided: communities, accounts, proposals, ballots, records and the log of it all.

Data, constraints and named queries only. States are computed by `lifecycle`; changes happen in `services`. No other app
is imported here.
"""

from governance.models.accounts import Account, SignInNonce
from governance.models.anchors import Anchor
from governance.models.ballots import Ballot
from governance.models.communities import Community, Council, ImportedBallot, ImportedVote, Member
from governance.models.delegations import Delegation
from governance.models.deliberation import (
    CoAuthor,
    Comment,
    CommentHiding,
    CommentReport,
    CommentVersion,
    DraftVersion,
)
from governance.models.log import Checkpoint, Event, LogNode
from governance.models.mirrors import Mirror, MirroredCheckpoint, MirroredDocument, MirroredEntry, MirroredNode
from governance.models.names import KnownName
from governance.models.notifications import (
    Announcement,
    LetterErrand,
    MutedCommunity,
    NewsCursor,
    Notification,
    Postbox,
    Preference,
)
from governance.models.onchain import Contract, ContractEvent, ContractMark, ContractProposal
from governance.models.proposals import CensusEntry, CountSoFar, GuardianVoice, Proposal, Sponsorship
from governance.models.readers import Follow, Passkey, PasskeyChallenge, Reader, SignInLink
from governance.models.record import Record, Tree
from governance.models.sealed import SealedBallot, SealedVote, SealingKey
from governance.models.search import SearchCursor, SearchEntry, Visit
from governance.models.seats import PasskeySeat
from governance.models.statements import Consultation, ConsultationResult, Participant, Statement
from governance.models.wallets import OwnerSignature, PendingBallot

__all__ = [
    "Account",
    "Anchor",
    "Announcement",
    "Ballot",
    "CensusEntry",
    "Checkpoint",
    "CoAuthor",
    "Comment",
    "CommentHiding",
    "CommentReport",
    "CommentVersion",
    "Community",
    "Consultation",
    "ConsultationResult",
    "Contract",
    "ContractEvent",
    "ContractMark",
    "ContractProposal",
    "Council",
    "CountSoFar",
    "Delegation",
    "DraftVersion",
    "Event",
    "Follow",
    "GuardianVoice",
    "ImportedBallot",
    "ImportedVote",
    "KnownName",
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
    "OwnerSignature",
    "Participant",
    "Passkey",
    "PasskeyChallenge",
    "PasskeySeat",
    "PendingBallot",
    "Postbox",
    "Preference",
    "Proposal",
    "Reader",
    "Record",
    "SealedBallot",
    "SealedVote",
    "SealingKey",
    "SearchCursor",
    "SearchEntry",
    "SignInLink",
    "SignInNonce",
    "Sponsorship",
    "Statement",
    "Tree",
    "Visit",
]
