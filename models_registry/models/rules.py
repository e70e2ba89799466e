"""Ethics rules that a vote put into force."""

from fractions import Fraction
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q

from governance.models import Community, Proposal, Record


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
