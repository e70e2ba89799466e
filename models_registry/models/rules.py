"""Ethics rules that a vote put into force."""

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q

from governance.models import Community, Proposal, Record


class EthicsRuleQuerySet(models.QuerySet["EthicsRule"]):
    """Named queries."""

    def in_force(self, community: Community, model: str) -> Self:
        """Return the rules that a run of `model` is judged by; those whose sunset has come do not bind it."""
        return self.filter(community=community, revoked_at__isnull=True).filter(Q(scope="all") | Q(scope=model))

    def binding(self, community: Community, model: str, at: int) -> Self:
        """Return those of them that can reject a run approved at `at` (UNIX seconds)."""
        return self.in_force(community, model).filter(Q(sunset__isnull=True) | Q(sunset__gt=at), severity="block")


class EthicsRule(models.Model):
    """A voted rule that every later run is judged by, from its adoption until a vote changes or repeals it.

    The columns say what its record says; `sunset` is UNIX seconds, and an empty `suite` is that of each run. A rule
    with a `duty` asks people and measures nothing.
    """

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="ethics_rules")
    slug = models.SlugField(max_length=80)
    title = models.CharField(max_length=200)
    why = models.TextField(blank=True)
    metric = models.CharField(max_length=500, blank=True)
    suite = models.CharField(max_length=71, blank=True)
    comparator = models.CharField(max_length=20, blank=True)
    bound_numerator = models.BigIntegerField(null=True)
    bound_denominator = models.PositiveBigIntegerField(null=True)
    scope = models.CharField(max_length=120)
    judged = models.CharField(max_length=12, blank=True)
    severity = models.CharField(max_length=12)
    sunset = models.PositiveBigIntegerField(null=True)
    duty = models.JSONField(null=True)
    record = models.OneToOneField(Record, on_delete=models.PROTECT, related_name="+")
    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="ethics_rule")
    adopted_at = models.DateTimeField()
    # the rule whose place it took, by a vote for a change
    replaces = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="replaced_by")
    # the end of it, and the vote that ended it: a change, or a repeal with a record of its own
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.OneToOneField(Proposal, on_delete=models.PROTECT, null=True, related_name="revoked_rule")
    repeal_record = models.OneToOneField(Record, on_delete=models.PROTECT, null=True, related_name="+")

    objects = EthicsRuleQuerySet.as_manager()

    class Meta:
        """Constraints."""

        constraints: ClassVar = [
            # prevents two rules of one name being in force together
            models.UniqueConstraint(
                fields=["community", "slug"], condition=Q(revoked_at__isnull=True), name="rule_in_force_once"
            ),
            # prevents a rule that ends without a vote, and a vote for an end that has no moment
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True, revoked_by__isnull=True)
                | Q(revoked_at__isnull=False, revoked_by__isnull=False),
                name="rule_ends_by_a_vote",
            ),
            # prevents a bound that is no number
            models.CheckConstraint(
                condition=Q(bound_denominator__isnull=True) | Q(bound_denominator__gt=0), name="bound_is_a_number"
            ),
            # prevents a rule that neither measures nor asks people, and one that does both
            models.CheckConstraint(
                condition=Q(
                    duty__isnull=True, bound_numerator__isnull=False, bound_denominator__isnull=False, metric__gt=""
                )
                | Q(duty__isnull=False, bound_numerator__isnull=True, bound_denominator__isnull=True, metric=""),
                name="rule_measures_or_asks",
            ),
        ]

    def __str__(self) -> str:
        """Return the title."""
        return self.title

    def to_dict(self) -> dict[str, Any]:
        """Return the rule as its record's body has it."""
        return self.record.body
