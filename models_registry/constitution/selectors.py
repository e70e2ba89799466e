"""Questions that pages and the API ask about ethics rules. Reads only; `history` and `lint` say what they mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from governance import clock
from governance.clock import unix
from governance.errors import Invalid
from governance.models import Community, Proposal
from models_registry import gates
from models_registry.constitution import history, lint
from models_registry.hidden_suites.selectors import opened_in
from models_registry.metrics import find
from models_registry.models import Dataset, EthicsRule, HiddenSuite, Version

_SECONDS_MAX = 253_402_300_799  # the last second that a calendar of four digits has


@dataclass(frozen=True)
class Constitution:
    """The text at a moment, what differs from an earlier one if that was asked for, and rules that clash now."""

    at: int
    since: int | None
    articles: tuple[history.Article, ...]
    differences: tuple[history.Difference, ...]
    clashes: tuple[lint.Clash, ...]


def rules_of(community: Community) -> list[EthicsRule]:
    """Return the ethics rules of a community: those in force first, then by time."""
    found = EthicsRule.objects.filter(community=community).select_related("proposal", "record").order_by("adopted_at")
    return sorted(found, key=lambda rule: rule.revoked_at is not None)


def rules_in_force(community: Community) -> list[EthicsRule]:
    """Return the ethics rules that new runs are judged by."""
    return [rule for rule in rules_of(community) if rule.revoked_at is None]


def constitution(community: Community, at: int, since: int | None = None) -> Constitution:
    """Return the text as it stood at `at`, and what changed since `since`, both in UNIX seconds."""
    if since is not None and since > at:
        raise Invalid("moments_swapped", "the earlier moment lies after the later one", field="since", found=since)
    articles = _articles(community)
    standing = history.text_at(articles, at)
    return Constitution(
        at=at,
        since=since,
        articles=tuple(standing),
        differences=tuple(history.difference(articles, since, at)) if since is not None else (),
        clashes=tuple(_clashes([gates.Rule.from_record(each.body) for each in standing])),
    )


def moment_of(text: str, field: str) -> int:
    """Read the moment that somebody asks about: a day (its last second in UTC), a time, or UNIX seconds."""
    try:
        if text.isascii() and text.isdigit():
            found = int(text[:20])
        elif len(text) == len("2026-01-01"):
            found = unix(datetime.fromisoformat(text).replace(tzinfo=UTC, hour=23, minute=59, second=59))
        else:
            read = datetime.fromisoformat(text)
            found = unix(read if read.tzinfo else read.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        found = -1
    if not 0 <= found <= _SECONDS_MAX:
        allowed = "a day such as 2026-11-22, a time such as 2026-11-22T12:00:00Z, or UNIX seconds"
        raise Invalid("malformed_moment", "this is no moment", field=field, found=text[:40], allowed=allowed)
    return found


def outlook(proposal: Proposal) -> list[lint.Outlook]:
    """Say which rules a proposed or drafted model update may break; nothing for other kinds.

    What is known is what was measured of the version that it starts from; the gates judge what the run makes.
    """
    if proposal.kind != "model_update":
        return []
    spec = proposal.payload["spec"]
    versions = Version.objects.filter(model__community=proposal.community_id, revision=spec["base"]["revision"])
    base = versions.select_related("evaluation_record", "model").first()
    measured = base.evaluation_record.body if base and base.evaluation_record else {}
    suites = dict(
        Dataset.objects.filter(community=proposal.community_id, role="evaluation").values_list("digest", "records")
    )
    hidden = {
        suite.name: suite.opened_at is not None for suite in HiddenSuite.objects.filter(community=proposal.community_id)
    }
    rules = EthicsRule.objects.in_force(proposal.community, spec["output"]).select_related("record")
    opened = opened_in(base.evaluation_record if base else None)
    report = gates.Report.from_record(measured, spec["output"], opened)
    return lint.outlook(
        [gates.Rule.from_record(rule.to_dict()) for rule in rules],
        report,
        suites.keys() | hidden.keys(),
        {digest for digest, records in suites.items() if not records},
        unix(clock.now()),
        {name for name, is_used in hidden.items() if is_used},
        suites.get(spec["evaluation"]["suite"]),
    )


def clashes_with(proposal: Proposal) -> list[lint.Clash]:
    """Return what would clash if a drafted or proposed rule came into force: only clashes in which it takes part."""
    if proposal.kind not in {"ethics_rule", "rule_change"}:
        return []
    body = proposal.payload["rule"] if proposal.kind == "rule_change" else proposal.payload
    new = gates.Rule.from_record(body)
    others = [
        gates.Rule.from_record(rule.to_dict())
        for rule in EthicsRule.objects.filter(community=proposal.community_id, revoked_at__isnull=True)
        .exclude(slug=new.slug)
        .select_related("record")
    ]
    return [clash for clash in _clashes([*others, new]) if new in clash.rules]


def _clashes(rules: Sequence[gates.Rule]) -> list[lint.Clash]:
    named = ((rule.metric, find(rule.metric)) for rule in rules)
    return lint.clashes(rules, {name for name, metric in named if metric is not None and metric.percent})


def _articles(community: Community) -> list[history.Article]:
    rules = EthicsRule.objects.filter(community=community).select_related("record", "proposal", "revoked_by")
    replaced = {rule.replaces_id for rule in rules}
    return [
        history.Article(
            body=rule.to_dict(),
            record=rule.record_id,
            adopted_at=unix(rule.adopted_at),
            adopted_by=_vote(rule.proposal),
            ended_at=unix(rule.revoked_at) if rule.revoked_at else None,
            ended_by=_vote(rule.revoked_by) if rule.revoked_by else None,
            is_replaced=rule.pk in replaced,
        )
        for rule in rules
    ]


def _vote(proposal: Proposal) -> history.Vote:
    return history.Vote(proposal.number, proposal.title)
