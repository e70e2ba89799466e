"""What a metric cannot see stands where people meet it: in the rules, in the editor, in the vote, on a release."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

from html import unescape

from django.test import Client

from governance.kinds import kind_named
from models_registry.metrics import METRICS
from models_registry.models import EthicsRule
from tests.integration.pages_story import signed_in
from tests.integration.test_rights import by_prefix, included, place, trained
from tests.integration.test_rows_by_kind import Place


def test_a_metric_is_never_shown_without_its_limits(place: Place) -> None:
    client = Client()
    signed_in(client, place.commons.wallet("Alice"))
    rule = EthicsRule.objects.get()
    blind = str(METRICS[rule.metric].blind_to)

    rules = unescape(client.get("/c/gardens/rules/").content.decode())
    assert "What its metric cannot see" in rules
    assert blind in rules
    editor = unescape(client.get("/c/gardens/propose/ethics_rule/").content.decode())
    assert "What each metric cannot see" in editor
    for metric in METRICS.values():
        assert str(metric.blind_to) in editor, metric.name
    facts = {fact.label: fact.text for fact in kind_named("ethics_rule").facts(rule.to_dict())}
    assert facts["What its metric cannot see"] == blind

    version = trained(place, included(place, by_prefix(place.commons)))
    release = unescape(client.get(f"/releases/{version.revision}/").content.decode())
    assert "Cannot see:" in release
    assert str(METRICS["answer_accuracy"].blind_to) in release
