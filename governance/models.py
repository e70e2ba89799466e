"""Who decided: communities, accounts, proposals, ballots, records and the audit log.

Data, constraints and named queries only. States are computed by `lifecycle`; changes happen in `services`. No other app
is imported here.
"""

from datetime import datetime
from typing import Any, ClassVar, Self

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import F, Q

from governance import lifecycle
from governance.evidence.canonical import canonical_bytes
from governance.evidence.record import Record as RecordValue
from governance.fields import PowerField


class AccountManager(BaseUserManager["Account"]):
    """Makes accounts: for wallets without a password, for operators of the admin with one."""

    def create_user(self, address: str, password: str | None = None) -> "Account":
        """Create an account for a checksummed address."""
        account = self.model(address=address)
        account.set_password(password)
        account.save(using=self._db)
        return account

    def create_superuser(self, address: str, password: str | None = None) -> "Account":
        """Create an operator of the admin pages."""
        account = self.create_user(address, password)
        account.is_staff = account.is_superuser = True
        account.save(using=self._db)
        return account


class Account(AbstractBaseUser, PermissionsMixin):
    """Somebody who signed in with a wallet. The address is the name; wallet accounts have no password."""

    address = models.CharField(max_length=42, unique=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AccountManager()
    USERNAME_FIELD = "address"

    def __str__(self) -> str:
        """Return the address."""
        return self.address


class SignInNonce(models.Model):
    """A nonce that one browser session may sign once. Using it deletes the row: whoever deletes it has used it."""

    nonce = models.CharField(max_length=64, primary_key=True)
    session = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        """Return the nonce."""
        return self.nonce


class Record(models.Model):
    """A stored record: the canonical bytes are the truth, the columns beside them only find it again."""

    digest = models.CharField(max_length=64, primary_key=True)
    kind = models.CharField(max_length=32)
    subject = models.CharField(max_length=300)
    canonical = models.TextField()
    parents = models.ManyToManyField("self", symmetrical=False, related_name="children")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Indexes. Updating or deleting a row is refused by triggers (migration 0002)."""

        indexes: ClassVar = [models.Index(fields=["kind", "subject"])]

    def __str__(self) -> str:
        """Return kind and a short digest."""
        return f"{self.kind} {self.digest[:12]}"

    @property
    def value(self) -> RecordValue:
        """The frozen record, read back strictly from its canonical bytes."""
        return RecordValue.from_bytes(self.canonical.encode())

    @property
    def body(self) -> dict[str, Any]:
        """The body of the record."""
        return dict(self.value.body)

    def canonical_body(self) -> bytes:
        """Return the body alone in canonical form."""
        return canonical_bytes(self.body)


class Community(models.Model):
    """A group that owns models and decides about them."""

    slug = models.SlugField(unique=True)
    name_en = models.CharField(max_length=120)
    name_fr = models.CharField(max_length=120)
    description_en = models.TextField(blank=True)
    description_fr = models.TextField(blank=True)
    instance = models.CharField(max_length=200)
    chain_id = models.BigIntegerField()
    token = models.CharField(max_length=42)
    power_source = models.CharField(max_length=32)
    power_parameters = models.JSONField()
    rules = models.JSONField()
    release_key = models.CharField(max_length=64)
    record = models.OneToOneField(Record, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Plural for the admin."""

        verbose_name_plural = "communities"

    def __str__(self) -> str:
        """Return the slug."""
        return self.slug


class Member(models.Model):
    """A name that a community knows an address by."""

    community = models.ForeignKey(Community, on_delete=models.CASCADE, related_name="members")
    address = models.CharField(max_length=42)
    name = models.CharField(max_length=80)

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents two names for one voter
            models.UniqueConstraint(fields=["community", "address"], name="member_once"),
        ]

    def __str__(self) -> str:
        """Return the name."""
        return self.name


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
    created_at = models.DateTimeField(auto_now_add=True)

    # frozen at submission
    record = models.OneToOneField(Record, on_delete=models.PROTECT, null=True, related_name="+")
    rules = models.JSONField(null=True)
    snapshot_block = models.BigIntegerField(null=True)
    snapshot_hash = models.CharField(max_length=66, blank=True)
    total_supply = PowerField(null=True)

    # facts of its life
    submitted_at = models.DateTimeField(null=True)
    opens_at = models.DateTimeField(null=True)
    closes_at = models.DateTimeField(null=True)
    passed = models.BooleanField(null=True)
    decided_at = models.DateTimeField(null=True)
    queued_at = models.DateTimeField(null=True)
    eta = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    executed_at = models.DateTimeField(null=True)
    canceled_at = models.DateTimeField(null=True)
    canceled_by = models.CharField(max_length=42, blank=True)
    cancel_reason = models.CharField(max_length=500, blank=True)
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
            # prevents executing what was canceled and canceling what was executed
            models.CheckConstraint(
                condition=Q(executed_at__isnull=True) | Q(canceled_at__isnull=True),
                name="never_executed_and_canceled",
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
            opens_at=self.opens_at,
            closes_at=self.closes_at,
            passed=self.passed,
            eta=self.eta,
            expires_at=self.expires_at,
            executed_at=self.executed_at,
            canceled_at=self.canceled_at,
        )

    def state(self, now: datetime) -> lifecycle.State:
        """Return the state at `now`."""
        return lifecycle.state(self.facts, now)

    @property
    def public_id(self) -> str:
        """The id that ballots sign: 0x and the digest of the frozen content; empty for a draft."""
        return f"0x{self.record_id}" if self.record_id else ""


_OPEN_END = Q(executed_at__isnull=True, canceled_at__isnull=True)
_SUBMITTED = _OPEN_END & Q(submitted_at__isnull=False)
_UNCOUNTED = _SUBMITTED & Q(passed__isnull=True)
_STATE_QUERIES = {
    lifecycle.State.EXECUTED: lambda now: Q(executed_at__isnull=False),
    lifecycle.State.CANCELED: lambda now: Q(executed_at__isnull=True, canceled_at__isnull=False),
    lifecycle.State.DRAFT: lambda now: _OPEN_END & Q(submitted_at__isnull=True),
    lifecycle.State.PENDING: lambda now: _UNCOUNTED & Q(opens_at__gt=now),
    lifecycle.State.ACTIVE: lambda now: _UNCOUNTED & Q(opens_at__lte=now, closes_at__gt=now),
    lifecycle.State.CLOSING: lambda now: _UNCOUNTED & Q(closes_at__lte=now),
    lifecycle.State.DEFEATED: lambda now: _SUBMITTED & Q(passed=False),
    lifecycle.State.SUCCEEDED: lambda now: _SUBMITTED & Q(passed=True, eta__isnull=True),
    lifecycle.State.QUEUED: lambda now: _SUBMITTED & Q(passed=True, eta__gt=now),
    lifecycle.State.EXPIRED: lambda now: _SUBMITTED & Q(passed=True, eta__lte=now, expires_at__lte=now),
    lifecycle.State.READY: lambda now: (
        _SUBMITTED & Q(passed=True, eta__lte=now) & (Q(expires_at__isnull=True) | Q(expires_at__gt=now))
    ),
}


class BallotQuerySet(models.QuerySet["Ballot"]):
    """Named queries."""

    def counting(self) -> Self:
        """Return the ballots that count: the newest of each voter, in the order of the Merkle tree."""
        return self.filter(superseded_at__isnull=True).order_by("voter_key")


class Ballot(models.Model):
    """A signed ballot with the power that it carries. A changed vote is a new row; the older one is superseded."""

    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="ballots")
    voter = models.CharField(max_length=42)
    voter_key = models.CharField(max_length=42)
    choice = models.PositiveSmallIntegerField()
    reason = models.TextField(blank=True)
    nonce = models.BigIntegerField()
    power = PowerField()
    signature = models.CharField(max_length=132)
    record = models.OneToOneField(Record, on_delete=models.PROTECT, related_name="ballot")
    cast_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)

    objects = BallotQuerySet.as_manager()

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents counting one voter twice
            models.UniqueConstraint(
                fields=["proposal", "voter"],
                condition=Q(superseded_at__isnull=True),
                name="one_counting_ballot_per_voter",
            ),
            # prevents two ballots that claim to be the same step of the same voter
            models.UniqueConstraint(fields=["proposal", "voter", "nonce"], name="ballot_nonce_once"),
        ]

    def __str__(self) -> str:
        """Return voter and choice."""
        return f"{self.voter} {self.choice}"


class Event(models.Model):
    """The audit log: what happened, to what, by whom. Refusals are in it too."""

    community = models.ForeignKey(Community, on_delete=models.CASCADE, null=True, related_name="events")
    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, null=True, related_name="events")
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    actor = models.CharField(max_length=64, blank=True)
    data = models.JSONField(default=dict)

    class Meta:
        """Order and index."""

        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["kind", "-id"])]

    def __str__(self) -> str:
        """Return the kind."""
        return self.kind
