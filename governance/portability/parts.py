"""What governance has of a community: who decided, by which rules, with which evidence."""

from django.db.models import Q, QuerySet

from governance import fsck
from governance.models import (
    Account,
    Announcement,
    Ballot,
    CensusEntry,
    Checkpoint,
    Community,
    Council,
    CountSoFar,
    Delegation,
    Event,
    Follow,
    GuardianVoice,
    ImportedBallot,
    ImportedVote,
    LetterErrand,
    LogNode,
    Member,
    Mirror,
    MirroredCheckpoint,
    MirroredDocument,
    MirroredEntry,
    MirroredNode,
    MutedCommunity,
    NewsCursor,
    Notification,
    Passkey,
    PasskeyChallenge,
    Postbox,
    Preference,
    Proposal,
    Reader,
    Record,
    SearchCursor,
    SearchEntry,
    SignInLink,
    SignInNonce,
    Sponsorship,
    Tree,
    Visit,
)
from governance.portability.tables import Part, Row, Table

_Held = Proposal.delegations.through
PRIVATE = "private to a reader of this instance; whoever follows joins again"
PASSING = "good for a moment only"
DERIVED = "made again from the log"
MIRRORED = "of communities of other sites; whoever mirrors them asks those sites"


def _no_rows(_community: Community) -> "QuerySet[Record]":
    """Return nothing: the records come from `own_records`."""
    return Record.objects.none()


def _trees(community: Community) -> "QuerySet[Tree]":
    own = Proposal.objects.filter(community=community)
    census, tally = own.values("census_record"), own.values("tally_record")
    return Tree.objects.filter(Q(record__in=census) | Q(record__in=tally)).order_by("record")


def _itself(community: Community) -> "QuerySet[Community]":
    return Community.objects.filter(pk=community.pk)


def _without_unsubmitted(row: Row) -> Row:
    """Blank what the author of a draft has shown to nobody; that there is one stands in the log."""
    if row["submitted_at"] is not None or row["seeks_sponsors"]:
        return row
    return {**row, "title": "", "text": "", "payload": {}, "timing": {}, "choices": [], "payload_digest": ""}


PART = Part(
    tables=(
        Table(Record, rows=_no_rows, key=("digest",), shared=True),
        Table(Community, rows=_itself, key=("slug",)),
        Table(Council),
        Table(Member),
        Table(ImportedVote, key=("record",)),
        Table(ImportedBallot, of="vote__community"),
        Table(Delegation, key=("record",)),
        Table(Proposal, key=("number",), redact=_without_unsubmitted),
        Table(_Held, of="proposal__community"),
        Table(CensusEntry, of="proposal__community"),
        Table(Tree, rows=_trees),
        Table(Ballot, of="proposal__community"),
        Table(Sponsorship, of="proposal__community"),
        Table(GuardianVoice, of="proposal__community"),
        Table(Event),
        Table(LogNode),
        Table(Checkpoint),
    ),
    left_out={
        Account: "people sign in with their wallets, and have an account again",
        Account.groups.through: "operators of this instance",
        Account.user_permissions.through: "operators of this instance",
        SignInNonce: PASSING,
        SignInLink: PASSING,
        PasskeyChallenge: PASSING,
        Reader: PRIVATE,
        Passkey: PRIVATE,
        Follow: PRIVATE,
        Notification: PRIVATE,
        LetterErrand: PRIVATE,
        Preference: PRIVATE,
        MutedCommunity: PRIVATE,
        Postbox: PRIVATE,
        Visit: "private to a member: when they were here",
        NewsCursor: DERIVED,
        Announcement: DERIVED,
        SearchEntry: DERIVED,
        SearchCursor: DERIVED,
        CountSoFar: "a copy for pages, made again from the ballots",
        Mirror: MIRRORED,
        MirroredCheckpoint: MIRRORED,
        MirroredDocument: MIRRORED,
        MirroredEntry: MIRRORED,
        MirroredNode: MIRRORED,
    },
    check=fsck.check_one,
)
