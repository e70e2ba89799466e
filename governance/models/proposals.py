"""Proposals with the facts of their lives, and what gathers around one: census, sponsors, guardians, the count."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q

from governance import lifecycle
from governance.fields import PowerField
from governance.models.communities import Community
from governance.models.delegations import Delegation
from governance.models.record import Record


class ProposalQuerySet(models.QuerySet["Proposal"]):
    """Named queries."""

    def in_state(self, state: lifecycle.State, now: datetime) -> Self:
        """Return the proposals in one state: the SQL twin of `lifecycle.state`, compared with it by a test."""
        return self.filter(_STATE_QUERIES[state](now))

    def submitted(self) -> Self:
        """Return all but drafts."""
        return self.filter(submitted_at__isnull=False)


class Proposal(models.Model):
    """A proposal: its content, the rules frozen into it, and the facts of its life."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="proposals")
    number = models.PositiveIntegerField()
    author = models.CharField(max_length=42)
    kind = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    payload = models.JSONField(default=dict)
    timing = models.JSONField(default=dict)
    method = models.CharField(max_length=32, default="governor")
    choices = models.JSONField(default=list)
    seats = models.PositiveSmallIntegerField(default=1)
    seeks_sponsors = models.BooleanField(default=False)
    # since when others than its authors can read the draft and talk about it
    shared_at = models.DateTimeField(null=True)
    payload_digest = models.CharField(max_length=64, blank=True, db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)

    # frozen at submission
    record = models.OneToOneField(Record, on_delete=models.PROTECT, null=True, related_name="+")
    rules = models.JSONField(null=True)
    snapshot_block = models.BigIntegerField(null=True)
    snapshot_hash = models.CharField(max_length=66, blank=True)
    total_supply = PowerField(null=True)
    tier = models.CharField(max_length=40, blank=True)

    # the census: who may vote with how much, read in batches between submission and opening
    census_cursor = models.JSONField(null=True)
    census_at = models.DateTimeField(null=True)
    census_record = models.OneToOneField(Record, on_delete=models.PROTECT, null=True, related_name="+")
    delegations = models.ManyToManyField(Delegation, related_name="+")

    # facts of its life
    submitted_at = models.DateTimeField(null=True)
    opens_at = models.DateTimeField(null=True)
    closes_at = models.DateTimeField(null=True)
    # what counts to the quorum, followed until it is reached, where that can move the end
    quorum_power = PowerField(default=0)
    quorum_at = models.DateTimeField(null=True)
    extended_by = models.CharField(max_length=64, blank=True)
    closed_early = models.BooleanField(default=False)
    passed = models.BooleanField(null=True)
    decided_at = models.DateTimeField(null=True)
    queued_at = models.DateTimeField(null=True)
    eta = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    executed_at = models.DateTimeField(null=True)
    canceled_at = models.DateTimeField(null=True)
    canceled_by = models.CharField(max_length=42, blank=True)
    cancel_reason = models.CharField(max_length=500, blank=True)
    paused_until = models.DateTimeField(null=True)
    vetoed_at = models.DateTimeField(null=True)
    tally_record = models.OneToOneField(Record, on_delete=models.PROTECT, null=True, related_name="+")
    decision_record = models.OneToOneField(Record, on_delete=models.PROTECT, null=True, related_name="+")
    execution_record = models.OneToOneField(Record, on_delete=models.PROTECT, null=True, related_name="+")

    objects = ProposalQuerySet.as_manager()

    class Meta:
        """Constraints mirror the lifecycle."""

        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            # prevents two proposals answering to one address
            models.UniqueConstraint(fields=["community", "number"], name="proposal_number_once"),
            # prevents a vote that closes before it opens
            models.CheckConstraint(condition=Q(opens_at__lt=F("closes_at")), name="opens_before_it_closes"),
            # prevents a submitted proposal without the frozen content that ballots sign
            models.CheckConstraint(
                condition=Q(submitted_at__isnull=True)
                | Q(
                    record__isnull=False,
                    rules__isnull=False,
                    snapshot_block__isnull=False,
                    total_supply__isnull=False,
                    opens_at__isnull=False,
                    closes_at__isnull=False,
                ),
                name="submitted_means_frozen",
            ),
            # prevents executing what was canceled or vetoed, and stopping what was executed
            models.CheckConstraint(
                condition=Q(executed_at__isnull=True) | Q(canceled_at__isnull=True, vetoed_at__isnull=True),
                name="never_executed_and_stopped",
            ),
            # prevents execution without a passed vote and before its timelock
            models.CheckConstraint(
                condition=Q(executed_at__isnull=True) | Q(passed=True, eta__lte=F("executed_at")),
                name="executed_after_the_timelock",
            ),
        ]

    def __str__(self) -> str:
        """Return number and title."""
        return f"#{self.number} {self.title}"

    @property
    def facts(self) -> lifecycle.Facts:
        """The facts that `lifecycle` computes a state from."""
        return lifecycle.Facts(
            submitted_at=self.submitted_at,
            census_at=self.census_at,
            opens_at=self.opens_at,
            closes_at=self.closes_at,
            passed=self.passed,
            eta=self.eta,
            expires_at=self.expires_at,
            paused_until=self.paused_until,
            executed_at=self.executed_at,
            canceled_at=self.canceled_at,
            vetoed_at=self.vetoed_at,
        )

    def state(self, now: datetime) -> lifecycle.State:
        """Return the state at `now`."""
        return lifecycle.state(self.facts, now)

    @property
    def public_id(self) -> str:
        """The id that ballots sign: 0x and the digest of the frozen content; empty for a draft."""
        return f"0x{self.record_id}" if self.record_id else ""


_OPEN_END = Q(executed_at__isnull=True, canceled_at__isnull=True, vetoed_at__isnull=True)
_SUBMITTED = _OPEN_END & Q(submitted_at__isnull=False)
_UNCOUNTED = _SUBMITTED & Q(passed__isnull=True)
_COUNTED_OFF = _UNCOUNTED & Q(census_at__isnull=False)
_WAITED = _SUBMITTED & Q(passed=True)
_STATE_QUERIES = {
    lifecycle.State.EXECUTED: lambda now: Q(executed_at__isnull=False),
    lifecycle.State.VETOED: lambda now: Q(executed_at__isnull=True, vetoed_at__isnull=False),
    lifecycle.State.CANCELED: lambda now: Q(
        executed_at__isnull=True, vetoed_at__isnull=True, canceled_at__isnull=False
    ),
    lifecycle.State.DRAFT: lambda now: _OPEN_END & Q(submitted_at__isnull=True),
    lifecycle.State.PENDING: lambda now: _UNCOUNTED & (Q(census_at__isnull=True) | Q(opens_at__gt=now)),
    lifecycle.State.ACTIVE: lambda now: _COUNTED_OFF & Q(opens_at__lte=now, closes_at__gt=now),
    lifecycle.State.CLOSING: lambda now: _COUNTED_OFF & Q(opens_at__lte=now, closes_at__lte=now),
    lifecycle.State.DEFEATED: lambda now: _SUBMITTED & Q(passed=False),
    lifecycle.State.SUCCEEDED: lambda now: _WAITED & Q(eta__isnull=True),
    lifecycle.State.QUEUED: lambda now: _WAITED & Q(eta__gt=now),
    lifecycle.State.EXPIRED: lambda now: _WAITED & Q(eta__lte=now, expires_at__lte=now),
    lifecycle.State.PAUSED: lambda now: _not_expired(now) & Q(paused_until__gt=now),
    lifecycle.State.READY: lambda now: _not_expired(now) & (Q(paused_until__isnull=True) | Q(paused_until__lte=now)),
}


def _not_expired(now: datetime) -> Q:
    return _WAITED & Q(eta__lte=now) & (Q(expires_at__isnull=True) | Q(expires_at__gt=now))


class CensusEntry(models.Model):
    """What one address may vote with on one proposal. A null power has not been read yet."""

    # No index of its own: the one below begins with it.
    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, related_name="census", db_index=False)
    voter = models.CharField(max_length=42)
    voter_key = models.CharField(max_length=42)
    power = PowerField(null=True)
    house_power = PowerField(default=0)

    class Meta:
        """The indexes of what is still to be read, and of who has not voted (the largest first), and constraints."""

        indexes: ClassVar = [
            models.Index(fields=["proposal"], condition=Q(power__isnull=True), name="census_unread"),
            models.Index(fields=["proposal", "-power", "voter_key"], name="census_largest_first"),
        ]
        constraints: ClassVar = [
            # prevents two powers for one voter
            models.UniqueConstraint(fields=["proposal", "voter_key"], name="census_entry_once"),
        ]

    def __str__(self) -> str:
        """Return voter and power."""
        return f"{self.voter} {self.power}"


class Sponsorship(models.Model):
    """A co-signer of a draft: holds for exactly the content that was signed."""

    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, related_name="sponsorships")
    sponsor = models.CharField(max_length=42)
    content_digest = models.CharField(max_length=64)
    signature = models.TextField()  # of a passkey it is long
    # Of a contract wallet: its kind, and the block at which it was asked; nothing where a key signed.
    wallet = models.JSONField(null=True)
    at = models.DateTimeField()

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents counting one co-signer twice
            models.UniqueConstraint(fields=["proposal", "sponsor"], name="sponsor_once"),
        ]

    def __str__(self) -> str:
        """Return the sponsor."""
        return self.sponsor


class GuardianVoice(models.Model):
    """One guardian's wish to veto or pause one proposal, with the reason that everybody reads."""

    VETO, PAUSE = "veto", "pause"

    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, related_name="guardian_voices")
    guardian = models.CharField(max_length=42)
    action = models.CharField(max_length=8)
    reason = models.CharField(max_length=500)
    at = models.DateTimeField()

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["at", "pk"]
        constraints: ClassVar = [
            # prevents one guardian being several
            models.UniqueConstraint(fields=["proposal", "guardian", "action"], name="guardian_speaks_once"),
        ]

    def __str__(self) -> str:
        """Return who wants what."""
        return f"{self.guardian} {self.action}"


class CountSoFar(models.Model):
    """The count of an open vote with many ballots, made again by the sweeper: a page need not read them all.

    `ballots` is how many had been accepted then; `body` is the tally body, with the conditions. `over_time` is a
    picture only: how the vote stood, as [UNIX seconds, sums as text] (see `score_over_time`).
    """

    proposal = models.OneToOneField(Proposal, on_delete=models.CASCADE, related_name="count_so_far")
    ballots = models.BigIntegerField()
    at = models.DateTimeField()
    body = models.JSONField()
    over_time = models.JSONField(default=list)

    def __str__(self) -> str:
        """Return how many ballots it knows."""
        return f"{self.ballots} ballots"
