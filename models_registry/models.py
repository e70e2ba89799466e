"""What exists and why it may be trusted: models, versions, datasets, ethics rules, releases, publications.

Data, constraints and named queries only. Which run made a version is said by records, not by a foreign key:
training_jobs stands above this app.
"""

from fractions import Fraction
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q

from governance.models import Community, Proposal, Record
from models_registry.publishing import delivery

REASON_CHARACTERS = 500


class Model(models.Model):
    """A model that a community owns; its versions are its history."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="models")
    namespace = models.SlugField()
    name = models.SlugField()
    title_en = models.CharField(max_length=120)
    title_fr = models.CharField(max_length=120)
    license = models.CharField(max_length=40)

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents two models answering to one hub address
            models.UniqueConstraint(fields=["namespace", "name"], name="model_address_once"),
        ]

    def __str__(self) -> str:
        """Return the hub address."""
        return f"{self.namespace}/{self.name}"


class Version(models.Model):
    """One published state of a model. Number 0 is the base that the community started from; it has no release.

    `files` is its listing, as `storage.listing` writes it: what lies in the storage under which name. What stops it
    (a withdrawal, a pause) is said by `withdrawals.py`; its files stay.
    """

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    revision = models.CharField(max_length=40, unique=True)
    manifest_sha256 = models.CharField(max_length=64)
    folder = models.CharField(max_length=300)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="children")
    evaluation_record = models.OneToOneField(Record, on_delete=models.PROTECT, null=True, related_name="+")
    release_record = models.OneToOneField(Record, on_delete=models.PROTECT, null=True, related_name="+")
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, null=True, related_name="versions")
    files = models.JSONField(default=list)
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_reason = models.CharField(max_length=500, blank=True)
    withdrawal = models.OneToOneField(Proposal, on_delete=models.PROTECT, null=True, related_name="withdrew")
    paused_by = models.CharField(max_length=42, blank=True)
    paused_reason = models.CharField(max_length=500, blank=True)
    paused_until = models.DateTimeField(null=True)

    class Meta:
        """Constraints."""

        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            # prevents two versions with one number
            models.UniqueConstraint(fields=["model", "number"], name="version_number_once"),
            # prevents a version above the base that no release record explains
            models.CheckConstraint(
                condition=Q(number=0) | Q(release_record__isnull=False, evaluation_record__isnull=False),
                name="a_version_has_a_release",
            ),
            # prevents a withdrawal that no vote explains
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(withdrawal__isnull=False), name="withdrawn_means_voted"
            ),
            # prevents a pause without a name and a reason
            models.CheckConstraint(
                condition=Q(paused_until__isnull=True) | ~Q(paused_by="") & ~Q(paused_reason=""),
                name="paused_means_explained",
            ),
        ]

    def __str__(self) -> str:
        """Return model and number."""
        return f"{self.model} v{self.number}"


class Publication(models.Model):
    """A version made available at a target, once per target."""

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="publications")
    target = models.CharField(max_length=40)
    location = models.CharField(max_length=500)
    revision = models.CharField(max_length=64)
    record = models.OneToOneField(Record, on_delete=models.PROTECT, related_name="+")
    published_at = models.DateTimeField()

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents publishing one version twice at one place
            models.UniqueConstraint(fields=["version", "target"], name="published_once_per_target"),
        ]

    def __str__(self) -> str:
        """Return the place."""
        return self.location


class Errand(models.Model):
    """Something to be done outside, tried until it is done or given up: `errands.py` says who works on it and when.

    `publishing/delivery.py` computes its state. `next_at` is when it is due, or null when nothing more is tried.
    """

    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True)
    fence = models.PositiveBigIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_detail = models.CharField(max_length=1000, blank=True)
    failed_at = models.DateTimeField(null=True)

    class Meta:
        """Not a table: deliveries and notices are."""

        abstract = True


class Delivery(Errand):
    """A version on its way to a target other than our own hub: planned with the version, worked off by workers."""

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="deliveries")
    target = models.CharField(max_length=40)
    publication = models.OneToOneField(Publication, on_delete=models.PROTECT, null=True, related_name="delivery")

    class Meta:
        """Constraints."""

        verbose_name_plural = "deliveries"
        constraints: ClassVar = [
            # prevents two workers' rows for one place, and so two publications
            models.UniqueConstraint(fields=["version", "target"], name="delivered_once_per_target"),
            # prevents a delivery that is neither due, nor failed, nor done, or two of these
            models.CheckConstraint(
                condition=Q(next_at__isnull=False, failed_at__isnull=True, publication__isnull=True)
                | Q(next_at__isnull=True, failed_at__isnull=False, publication__isnull=True)
                | Q(next_at__isnull=True, failed_at__isnull=True, publication__isnull=False),
                name="a_delivery_is_due_failed_or_done",
            ),
        ]

    def __str__(self) -> str:
        """Return what goes where."""
        return f"{self.version} to {self.target}"

    def facts(self) -> delivery.Facts:
        """Return what its state is computed from."""
        published_at = self.publication.published_at if self.publication else None
        return delivery.Facts(self.attempts, self.next_at, self.lease_expires_at, self.failed_at, published_at)


class Notice(Errand):
    """What became of a proposal, to be said in its discussion on another hub: one for each stage.

    `number` and `location` are the discussion's there, known as soon as it was opened.
    """

    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="notices")
    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="notices")
    stage = models.CharField(max_length=20)
    reason = models.CharField(max_length=REASON_CHARACTERS, blank=True)
    number = models.PositiveIntegerField(null=True)
    location = models.CharField(max_length=500, blank=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents saying one thing twice
            models.UniqueConstraint(fields=["proposal", "stage"], name="noticed_once_per_stage"),
            # prevents a notice that is neither due, nor failed, nor done, or two of these
            models.CheckConstraint(
                condition=Q(next_at__isnull=False, failed_at__isnull=True, done_at__isnull=True)
                | Q(next_at__isnull=True, failed_at__isnull=False, done_at__isnull=True)
                | Q(next_at__isnull=True, failed_at__isnull=True, done_at__isnull=False),
                name="a_notice_is_due_failed_or_done",
            ),
            # prevents a notice that was said nowhere
            models.CheckConstraint(
                condition=Q(done_at__isnull=True) | Q(number__isnull=False), name="said_means_somewhere"
            ),
        ]

    def __str__(self) -> str:
        """Return what is said about what."""
        return f"{self.stage} of {self.proposal}"

    def facts(self) -> delivery.Facts:
        """Return what its state is computed from."""
        return delivery.Facts(self.attempts, self.next_at, self.lease_expires_at, self.failed_at, self.done_at)


class DatasetQuerySet(models.QuerySet["Dataset"]):
    """Named queries."""

    def included(self) -> Self:
        """Return the datasets that the community voted in."""
        return self.filter(included_at__isnull=False)


class Dataset(models.Model):
    """A dataset that intake has read, hashed and scanned. It may be trained on once a vote has included it."""

    ROLES: ClassVar = [("training", "training"), ("evaluation", "evaluation")]

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="datasets")
    digest = models.CharField(max_length=64)
    slug = models.SlugField(max_length=80)
    title = models.CharField(max_length=200)
    license = models.CharField(max_length=40)
    role = models.CharField(max_length=12, choices=ROLES)
    kind = models.CharField(max_length=12)
    records = models.PositiveBigIntegerField()
    size = models.PositiveBigIntegerField()
    languages = models.JSONField()
    scans = models.JSONField()
    registered_by = models.CharField(max_length=42, blank=True)
    registered_at = models.DateTimeField()
    included_at = models.DateTimeField(null=True)
    inclusion_record = models.OneToOneField(Record, on_delete=models.PROTECT, null=True, related_name="+")
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, null=True, related_name="datasets")

    objects = DatasetQuerySet.as_manager()

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents one dataset under two names in one community
            models.UniqueConstraint(fields=["community", "digest"], name="dataset_once"),
            # prevents a dataset that counts as included without the vote that included it
            models.CheckConstraint(
                condition=Q(included_at__isnull=True) | Q(inclusion_record__isnull=False, proposal__isnull=False),
                name="included_means_voted",
            ),
            # prevents a suite whose rows ask nothing
            models.CheckConstraint(condition=Q(role="training") | Q(kind="dialogue"), name="a_suite_asks_questions"),
        ]

    def __str__(self) -> str:
        """Return the title."""
        return self.title

    @property
    def clean(self) -> bool:
        """Whether no blocking scan found anything."""
        return all(scan["passed"] or not scan["blocks"] for scan in self.scans)


class EthicsRuleQuerySet(models.QuerySet["EthicsRule"]):
    """Named queries."""

    def in_force(self, community: Community, model: str) -> Self:
        """Return the rules that bind a run of `model`."""
        return self.filter(community=community, revoked_at__isnull=True).filter(Q(scope="all") | Q(scope=model))


class EthicsRule(models.Model):
    """A voted rule that every later run is judged by: a metric, a comparator, a bound and a scope."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="ethics_rules")
    slug = models.SlugField(max_length=80)
    title = models.CharField(max_length=200)
    metric = models.CharField(max_length=60)
    comparator = models.CharField(max_length=20)
    bound_numerator = models.BigIntegerField()
    bound_denominator = models.PositiveBigIntegerField()
    scope = models.CharField(max_length=120)
    severity = models.CharField(max_length=12)
    record = models.OneToOneField(Record, on_delete=models.PROTECT, related_name="+")
    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="ethics_rule")
    adopted_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    objects = EthicsRuleQuerySet.as_manager()

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents two rules of one name being in force together
            models.UniqueConstraint(
                fields=["community", "slug"], condition=Q(revoked_at__isnull=True), name="rule_in_force_once"
            ),
            # prevents a bound that is no number
            models.CheckConstraint(condition=Q(bound_denominator__gt=0), name="bound_is_a_number"),
        ]

    def __str__(self) -> str:
        """Return the title."""
        return self.title

    @property
    def bound(self) -> Fraction:
        """The bound as an exact number."""
        return Fraction(self.bound_numerator, self.bound_denominator)

    def to_dict(self) -> dict[str, Any]:
        """Return the rule as its record's body has it."""
        return self.record.body


class ReleaseKeys(models.Model):
    """Who signs releases since a vote: a release key, and guardians of whom some must sign. The newest are in force.

    The body of the record says all of it; until the first vote the founding key of the community signs alone.
    """

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="release_keys")
    record = models.OneToOneField(Record, on_delete=models.PROTECT, related_name="+")
    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="release_keys")
    adopted_at = models.DateTimeField()

    class Meta:
        """The order of adoption."""

        verbose_name_plural = "release keys"
        ordering: ClassVar = ["-adopted_at", "-pk"]

    def __str__(self) -> str:
        """Return the fingerprint's beginning."""
        return f"keys {self.record_id[:12]}"


class WaitingRelease(models.Model):
    """A release whose evidence is made and that guardians have still to sign: `payload` is what they sign."""

    release_record = models.OneToOneField(Record, on_delete=models.PROTECT, related_name="+")
    evaluation_record = models.ForeignKey(Record, on_delete=models.PROTECT, related_name="waiting_releases")
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="waiting_releases")
    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="waiting_releases")
    keys = models.ForeignKey(ReleaseKeys, on_delete=models.PROTECT, related_name="waiting_releases")
    payload = models.BinaryField()
    since = models.DateTimeField()

    class Meta:
        """The newest first."""

        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        """Return model and version."""
        return f"{self.model} v{self.release_record.body['version']}"


class ReleaseSignature(models.Model):
    """One signature that was made for a release: of a guardian, or of a key whose signatures differ each time."""

    release_record = models.ForeignKey(Record, on_delete=models.PROTECT, related_name="release_signatures")
    message_sha256 = models.CharField(max_length=64)
    public_key = models.CharField(max_length=130)
    signature = models.BinaryField()
    signed_at = models.DateTimeField()

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents one key counting twice for the same bytes
            models.UniqueConstraint(fields=["message_sha256", "public_key"], name="signed_once"),
        ]

    def __str__(self) -> str:
        """Return the key."""
        return self.public_key


class Attestation(models.Model):
    """A report that a stranger signed about a release and handed in, as its bytes; `attestations` judges and shows it.

    `summary` repeats what lists show, so that they need not read the bytes; `fsck` compares. Hiding keeps the row.
    """

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="attestations")
    digest = models.CharField(max_length=64)
    public_key = models.CharField(max_length=64)
    envelope = models.BinaryField()
    summary = models.JSONField()
    filed_at = models.DateTimeField()
    hidden_at = models.DateTimeField(null=True)
    hidden_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        """The newest first, and constraints."""

        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [
            # prevents one attestation being shown twice at a release
            models.UniqueConstraint(fields=["version", "digest"], name="attested_once"),
            # prevents hiding without a reason that everybody can read
            models.CheckConstraint(
                condition=Q(hidden_at__isnull=True, hidden_reason="")
                | Q(hidden_at__isnull=False) & ~Q(hidden_reason=""),
                name="hidden_means_explained",
            ),
        ]

    def __str__(self) -> str:
        """Return the digest's beginning."""
        return f"attestation {self.digest[:12]}"
