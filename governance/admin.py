"""Django's admin over governance: for looking. What changes goes through services and leaves records."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from governance.models import (
    Account,
    Ballot,
    Checkpoint,
    Community,
    Council,
    Delegation,
    Event,
    ImportedVote,
    Member,
    Proposal,
    Record,
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


@admin.register(Delegation)
class DelegationAdmin(ReadOnly):
    """Delegations."""

    list_display = ("community", "delegator", "delegate", "topic", "share_bps", "made_at", "superseded_at")


@admin.register(Council)
class CouncilAdmin(ReadOnly):
    """Councils."""

    list_display = ("community", "elected_at", "term_ends_at")


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


@admin.register(Member)
class MemberAdmin(admin.ModelAdmin):
    """The names that a community knows addresses by: these may be edited."""

    list_display = ("community", "name", "address")


@admin.register(Account)
class AccountAdmin(ReadOnly):
    """Accounts."""

    list_display = ("address", "is_staff", "last_login")
