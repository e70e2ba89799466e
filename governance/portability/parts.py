"""What governance has of a community: who decided, by which rules, with which evidence."""

from django.db.models import Q, QuerySet

from governance import fsck
from governance.models import (
    Account,
    Anchor,
    Announcement,
    Ballot,
    CensusEntry,
    Checkpoint,
    CoAuthor,
    Comment,
    CommentHiding,
    CommentReport,
    CommentVersion,
    Community,
    Consultation,
    ConsultationResult,
    Contract,
    ContractEvent,
    ContractMark,
    ContractProposal,
    Council,
    CountSoFar,
    Delegation,
    DraftVersion,
    Event,
    Follow,
    GuardianVoice,
    ImportedBallot,
    ImportedVote,
    KnownName,
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
    OwnerSignature,
    Participant,
    Passkey,
    PasskeyChallenge,
    PasskeySeat,
    PendingBallot,
    Postbox,
    Preference,
    Proposal,
    Reader,
    Record,
    SealedBallot,
    SealedVote,
    SealingKey,
    SearchCursor,
    SearchEntry,
    SignInLink,
    SignInNonce,
    Sponsorship,
    Statement,
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


def _posted(community: Community) -> "QuerySet[Anchor]":
    """Return what stands on a chain; whatever is on its way there is the errand of this instance."""
    return Anchor.objects.filter(community=community, posted_at__isnull=False).order_by("pk")


def _shown_versions(community: Community) -> "QuerySet[DraftVersion]":
    """Return the versions that others than the authors could read."""
    return DraftVersion.objects.public().filter(proposal__community=community).order_by("pk")


def _proposed(community: Community) -> "QuerySet[ContractProposal]":
    """Return what became of drafts that a Governor was sent; what was only prepared is its author's."""
    sent = ContractProposal.objects.filter(contract__community=community, proposal__submitted_at__isnull=False)
    return sent.order_by("pk")


def _accepted(community: Community) -> "QuerySet[CoAuthor]":
    """Return those who write or wrote along; whom an author only asked, nobody else was told."""
    return CoAuthor.objects.filter(proposal__community=community, accepted_at__isnull=False).order_by("pk")


def _nameless(community: Community) -> "QuerySet[Participant]":
    """Return the answers of consultations that are over: those of open ones are somebody's, and nobody else's."""
    over = Participant.objects.filter(consultation__community=community, consultation__closed_at__isnull=False)
    return over.order_by("pk")


def _without_unsubmitted(row: Row) -> Row:
    """Blank what the author of a draft has shown to nobody; that there is one stands in the log."""
    if row["submitted_at"] is not None or row["seeks_sponsors"] or row["shared_at"] is not None:
        return row
    return {**row, "title": "", "text": "", "payload": {}, "timing": {}, "choices": [], "payload_digest": ""}


PART = Part(
    tables=(
        Table(Record, rows=_no_rows, key=("digest",), key_is_global=True, shared=("canonical",)),
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
        Table(SealingKey, of="proposal__community"),
        Table(SealedBallot, of="proposal__community"),
        Table(SealedVote, of="proposal__community"),
        Table(Sponsorship, of="proposal__community"),
        Table(GuardianVoice, of="proposal__community"),
        Table(
            Comment,
            of="proposal__community",
            key=("proposal", "number"),
            left_out={"reader": (None, "readers are people of this instance; their names stay under what they said")},
        ),
        Table(CommentVersion, of="comment__proposal__community"),
        Table(CommentHiding, of="comment__proposal__community"),
        Table(DraftVersion, rows=_shown_versions),
        Table(CoAuthor, rows=_accepted),
        Table(Consultation, key=("number",)),
        Table(
            Statement,
            of="consultation__community",
            left_out={"writer": (None, "readers are people of this instance; only they know what they wrote")},
        ),
        Table(Participant, rows=_nameless, left_out={"reader": (None, "cut with the last count")}),
        Table(ConsultationResult, of="consultation__community"),
        Table(Contract, key=("governor", "anchor")),
        Table(ContractMark, of="contract__community"),
        Table(ContractEvent, of="contract__community"),
        Table(ContractProposal, rows=_proposed),
        Table(Anchor, rows=_posted),
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
        PasskeySeat: "passkeys belong to the name of this site; each signature carries its whole key",
        Follow: PRIVATE,
        Notification: PRIVATE,
        LetterErrand: PRIVATE,
        Preference: PRIVATE,
        MutedCommunity: PRIVATE,
        Postbox: PRIVATE,
        Visit: "private to a member: when they were here",
        NewsCursor: DERIVED,
        Announcement: DERIVED,
        KnownName: "told by the resolver that this site asks, and asked for again elsewhere",
        SearchEntry: DERIVED,
        SearchCursor: DERIVED,
        PendingBallot: "waits for the owners of a wallet: no evidence, and once cast its ballot leaves",
        OwnerSignature: "an owner's part of what waits, of no use for another ballot or place",
        CountSoFar: "a copy for pages, made again from the ballots",
        CommentReport: "private to whoever reported, and to the moderators of this instance",
        Mirror: MIRRORED,
        MirroredCheckpoint: MIRRORED,
        MirroredDocument: MIRRORED,
        MirroredEntry: MIRRORED,
        MirroredNode: MIRRORED,
    },
    check=fsck.check_one,
)
