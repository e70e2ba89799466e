"""What goes out as JSON for ethics rules."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from models_registry.constitution.history import Article
from models_registry.constitution.lint import Clash, Outlook
from models_registry.constitution.selectors import Constitution
from models_registry.models import EthicsRule


class EthicsRuleOutput(serializers.ModelSerializer[EthicsRule]):
    """A rule in force, or one that a vote changed or repealed."""

    community = serializers.CharField(source="community.slug")
    bound = serializers.SerializerMethodField()
    record = serializers.CharField(source="record_id")
    proposal = serializers.CharField(source="proposal.public_id")
    suite = serializers.CharField(help_text="The digest of the rule's own suite; empty: that of each run.")
    duty = serializers.DictField(
        allow_null=True, help_text="What it asks of people in the place of a measurement; null: it measures."
    )
    sunset = serializers.IntegerField(allow_null=True, help_text="UNIX seconds, or null.")
    revoked_by = serializers.CharField(
        source="revoked_by.public_id", default=None, allow_null=True, help_text="The vote that changed or repealed it."
    )

    class Meta:
        """Fields."""

        model = EthicsRule
        fields = (
            "slug",
            "community",
            "title",
            "why",
            "metric",
            "suite",
            "comparator",
            "bound",
            "scope",
            "judged",
            "duty",
            "severity",
            "sunset",
            "adopted_at",
            "revoked_at",
            "revoked_by",
            "record",
            "proposal",
        )

    @extend_schema_field({"type": "object", "nullable": True})
    def get_bound(self, rule: EthicsRule) -> dict[str, int] | None:
        """Return the exact bound; null for a duty."""
        if rule.bound_numerator is None or rule.bound_denominator is None:
            return None
        return {"numerator": rule.bound_numerator, "denominator": rule.bound_denominator}


class RuleVoteOutput(serializers.Serializer[Constitution]):
    """The vote behind a change."""

    number = serializers.IntegerField()
    title = serializers.CharField()


class ArticleOutput(serializers.Serializer[Constitution]):
    """One article as a vote put it into force. Times are UNIX seconds."""

    slug = serializers.CharField()
    state = serializers.SerializerMethodField()
    body = serializers.DictField(help_text="The body of its record.")
    record = serializers.CharField()
    adopted_at = serializers.IntegerField()
    adopted_by = RuleVoteOutput()
    ended_at = serializers.IntegerField(allow_null=True)
    ended_by = RuleVoteOutput(allow_null=True)

    def get_state(self, article: Article) -> str:
        """Return the state at the moment asked for."""
        return str(article.state(self.context["at"]))


class RuleDifferenceOutput(serializers.Serializer[Constitution]):
    """What became of one article between the two moments."""

    slug = serializers.CharField()
    how = serializers.CharField()
    fields_changed = serializers.ListField(child=serializers.CharField(), source="fields")
    before = serializers.DictField(source="before.body", default=None, allow_null=True)
    after = serializers.DictField(source="after.body", default=None, allow_null=True)
    vote = RuleVoteOutput(allow_null=True)


class RuleClashOutput(serializers.Serializer[Constitution]):
    """Rules that do not go together."""

    code = serializers.CharField()
    rules = serializers.SerializerMethodField()

    def get_rules(self, clash: Clash) -> list[str]:
        """Return their short names."""
        return [rule.slug for rule in clash.rules]


class OutlookOutput(serializers.Serializer[Outlook]):
    """How the version that an update starts from stands to one rule."""

    rule = serializers.CharField(source="rule.slug")
    notes = serializers.ListField(child=serializers.CharField(), help_text="Codes, the gravest first.")
    found = serializers.CharField(source="reason.found", default=None, allow_null=True)
    needed = serializers.CharField(source="reason.needed", default=None, allow_null=True)
    room = serializers.SerializerMethodField()

    def get_room(self, outlook: Outlook) -> str | None:
        """Return how far inside the bound it lies, as a fraction; below zero if outside."""
        return None if outlook.room is None else str(outlook.room)


class AdviceOutput(serializers.Serializer[Any]):
    """What is told of rules before a vote."""

    outlook = OutlookOutput(many=True, help_text="Of a model update: the rules that it may break.")
    clashes = RuleClashOutput(many=True, help_text="Of a rule: rules that it does not go together with.")


class ConstitutionOutput(serializers.Serializer[Constitution]):
    """The constitution as it stood at a moment, and what changed since an earlier one."""

    at = serializers.IntegerField(help_text="UNIX seconds.")
    since = serializers.IntegerField(allow_null=True)
    articles = serializers.SerializerMethodField()
    differences = RuleDifferenceOutput(many=True)
    clashes = RuleClashOutput(many=True)

    @extend_schema_field(ArticleOutput(many=True))
    def get_articles(self, found: Constitution) -> list[dict[str, Any]]:
        """Return the articles with their state at the moment."""
        return list(ArticleOutput(found.articles, many=True, context={"at": found.at}).data)
