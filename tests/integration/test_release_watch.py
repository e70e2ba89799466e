"""Released versions judged by the rules of today: what holds, what does not, and what nobody measured."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from governance.evidence.record import Record as RecordValue
from governance.models import Proposal
from models_registry import watch
from models_registry.models import EthicsRule, Version
from tests.integration import golden_site
from tests.integration.golden_site import NOON
from tests.integration.hub_site import artifacts

RULE: dict[str, Any] = {
    "slug": "right", "title": "Answers stay right", "why": "", "metric": "accuracy", "suite": None, "scope": "all",
    "comparator": "at_least", "bound": {"numerator": 3, "denominator": 4}, "judged": "value", "severity": "block",
    "sunset": None,
    "duty": None,
}  # fmt: skip


@pytest.fixture
def version(db: None, artifacts: Any, at: Callable[[datetime], None]) -> Version:
    """A release that answers nine of ten questions."""
    at(NOON)
    return golden_site.released()


def adopt(version: Version, **changes: Any) -> EthicsRule:
    """Put a rule in force today."""
    body = {**RULE, **changes}
    community, number = version.model.community, 90 + EthicsRule.objects.count()
    proposal = Proposal.objects.create(
        community=community, number=number, author="0x1", kind="ethics_rule", title=body["title"]
    )
    record = golden_site.keep(RecordValue.make("rule", f"rule:{community.slug}/{body['slug']}", body))
    return EthicsRule.objects.create(
        community=community, slug=body["slug"], title=body["title"], metric=body["metric"], suite=body["suite"] or "",
        comparator=body["comparator"], bound_numerator=body["bound"]["numerator"],
        bound_denominator=body["bound"]["denominator"], scope=body["scope"], judged=body["judged"],
        severity=body["severity"], sunset=body["sunset"], record=record, proposal=proposal, adopted_at=NOON,
    )  # fmt: skip


def bound(numerator: int, denominator: int) -> dict[str, Any]:
    return {"bound": {"numerator": numerator, "denominator": denominator}}


def test_a_rule_of_today_that_the_release_breaks_calls_for_another_vote(version: Version) -> None:
    adopt(version, slug="kept")
    adopt(version, slug="stricter", **bound(95, 100))
    found = watch.watched(version, NOON)
    assert {each.rule.slug: each.holds for each in found.judged} == {"kept": True, "stricter": False}
    assert [each.rule.slug for each in found.broken] == ["stricter"]
    assert found.broken[0].is_new
    assert found.calls
    page = Client().get(f"/releases/{version.revision}/").content.decode()
    assert "Judged by the rules of today" in page
    assert "does not hold" in page
    assert f"release_pause/?revision={version.revision}" in page
    assert str(version) in Client().get("/c/water/incidents/").content.decode()
    said = Client().get(f"/api/v1/releases/{version.revision}/watch").json()
    assert said["calls"] is True
    assert {each["rule"]: (each["holds"], each["measured"]) for each in said["judged"]} == {
        "kept": (True, True), "stricter": (False, True),
    }  # fmt: skip


def test_what_was_never_measured_cannot_be_judged_and_never_passes(version: Version) -> None:
    adopt(version, slug="other-suite", suite="ab" * 32)
    adopt(version, slug="other-metric", metric="toxicity", comparator="at_most")
    found = watch.watched(version, NOON)
    assert len(found.unmeasured) == 2
    assert not any(each.holds for each in found.judged)
    assert found.broken == ()
    assert found.calls
    assert "cannot be judged" in Client().get(f"/releases/{version.revision}/").content.decode()


def test_a_warning_and_a_rule_past_its_sunset_are_judged_and_said_to_bind_nobody(version: Version) -> None:
    adopt(version, slug="warned", severity="warn", **bound(95, 100))
    adopt(version, slug="over", sunset=1, **bound(95, 100))
    found = watch.watched(version, NOON)
    assert [(each.holds, each.binds) for each in found.judged] == [(False, False)] * 2


def test_a_version_that_keeps_every_rule_calls_for_nothing_until_it_is_old(version: Version) -> None:
    adopt(version)
    assert not watch.watched(version, NOON + timedelta(days=364)).calls
    assert watch.of_community(version.model.community, NOON) == ()
    later = NOON + timedelta(days=365)
    assert watch.watched(version, later).is_old
    assert [each.version for each in watch.of_community(version.model.community, later)] == [version]


def test_a_version_that_is_stopped_or_left_is_watched_no_more(version: Version) -> None:
    later = NOON + timedelta(days=400)
    Version.objects.update(paused_by="0x1", paused_reason="Wait.", paused_until=later + timedelta(days=1))
    assert watch.of_community(version.model.community, later) == ()
    assert len(watch.of_community(version.model.community, later + timedelta(days=1))) == 1


def test_a_rule_for_another_model_says_nothing_of_this_one(version: Version) -> None:
    adopt(version, scope="another-model", **bound(95, 100))
    assert watch.watched(version, NOON).judged == ()
