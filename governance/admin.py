"""Django's admin over governance: for looking. What changes goes through services and leaves records."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from governance.models import (
    Account,
    Anchor,
    Ballot,
    Checkpoint,
    Comment,
    CommentHiding,
    Community,
    Consultation,
    Contract,
    ContractEvent,
    ContractProposal,
    Council,
    Delegation,
    Event,
    ImportedVote,
    KnownName,
    Member,
    PendingBallot,
    Proposal,
    Record,
    SealedBallot,
    SealingKey,
)


class ReadOnly(admin.ModelAdmin):
    """Shows everything and changes nothing."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody changes here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody deletes here."""
        return False


@admin.register(Community)
class CommunityAdmin(ReadOnly):
    """Communities."""

    list_display = ("slug", "chain_id", "token", "release_key")


@admin.register(Proposal)
class ProposalAdmin(ReadOnly):
    """Proposals."""

    list_display = ("community", "number", "kind", "title", "author", "submitted_at", "passed", "executed_at")
    list_filter = ("community", "kind")


@admin.register(Ballot)
class BallotAdmin(ReadOnly):
    """Ballots."""

    list_display = ("proposal", "voter", "choice", "power", "cast_at", "superseded_at")


@admin.register(PendingBallot)
class PendingBallotAdmin(ReadOnly):
    """Ballots that wait for the owners of a wallet."""

    list_display = ("proposal", "wallet", "threshold", "begun_at", "looked_at", "record")


@admin.register(KnownName)
class KnownNameAdmin(ReadOnly):
    """What accounts are called elsewhere."""

    list_display = ("address", "name", "told_at", "ask_again_at")
    exclude = ("picture",)


@admin.register(SealedBallot)
class SealedBallotAdmin(ReadOnly):
    """Sealed ballots."""

    list_display = ("proposal", "voter", "power", "cast_at", "superseded_at")


@admin.register(SealingKey)
class SealingKeyAdmin(ReadOnly):
    """The keys of keyholders."""

    list_display = ("proposal", "place", "keyholder", "at", "secret_at")


@admin.register(Delegation)
class DelegationAdmin(ReadOnly):
    """Delegations."""

    list_display = ("community", "delegator", "delegate", "topic", "share_bps", "made_at", "superseded_at")


@admin.register(Council)
class CouncilAdmin(ReadOnly):
    """Councils."""

    list_display = ("community", "elected_at", "term_ends_at")


@admin.register(Consultation)
class ConsultationAdmin(ReadOnly):
    """Consultations. Answers are not shown: they are nobody's business."""

    list_display = ("community", "number", "question", "author", "opens_at", "closes_at", "closed_at")
    list_filter = ("community",)


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnly):
    """Signed checkpoints of the logs."""

    list_display = ("community", "size", "at")


@admin.register(ImportedVote)
class ImportedVoteAdmin(ReadOnly):
    """Votes from elsewhere."""

    list_display = ("community", "source", "title", "closed_at")


@admin.register(Record)
class RecordAdmin(ReadOnly):
    """Records."""

    list_display = ("digest", "kind", "subject")
    list_filter = ("kind",)


@admin.register(Event)
class EventAdmin(ReadOnly):
    """The audit log."""

    list_display = ("at", "kind", "actor", "proposal", "data")
    list_filter = ("kind",)


@admin.register(Comment)
class CommentAdmin(ReadOnly):
    """What people say about proposals."""

    list_display = ("proposal", "number", "address", "by_reader", "written_at", "erased_at")


@admin.register(CommentHiding)
class CommentHidingAdmin(ReadOnly):
    """What moderators hid."""

    list_display = ("comment", "rule", "by", "at", "appealed_at", "upheld", "lifted_at")


@admin.register(Anchor)
class AnchorAdmin(ReadOnly):
    """Digests on their way to a chain, or there, with what holds them up."""

    list_display = ("kind", "digest", "community", "posted_at", "error_code")


@admin.register(Contract)
class ContractAdmin(ReadOnly):
    """The Governors of communities, and how far each was read."""

    list_display = ("governor", "community", "block_number", "read_at", "halted")


@admin.register(ContractEvent)
class ContractEventAdmin(ReadOnly):
    """What Governors said, and what of it waits."""

    list_display = ("contract", "block_number", "position", "kind", "proposal", "taken")
    list_filter = ("kind", "taken", "contract")


@admin.register(ContractProposal)
class ContractProposalAdmin(ReadOnly):
    """Drafts that were offered to a Governor."""

    list_display = ("proposal", "contract", "approves", "offered_at", "refused")


@admin.register(Member)
class MemberAdmin(admin.ModelAdmin):
    """The names that a community knows addresses by: these may be edited."""

    list_display = ("community", "name", "address")


@admin.register(Account)
class AccountAdmin(ReadOnly):
    """Accounts."""

    list_display = ("address", "is_staff", "last_login")
