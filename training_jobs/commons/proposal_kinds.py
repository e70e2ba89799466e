"""The kind of proposal that changes how computing is shared: every parameter of the scheduler, and who is a newcomer.

Pages ask in days and percent; what is frozen and signed are seconds and basis points. `before` is the policy in force
when the proposal was frozen, so that everybody reads the same comparison for ever.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from governance.errors import Invalid
from governance.kinds import Fact, Field, ForOrAgainst, require_keys
from governance.models import Community, Proposal, Record
from training_jobs.commons import policies
from training_jobs.commons.policy_parameters import ASKED, POLICY, RULE, Asked

CHANGES_SAID: Final = 3


class ComputePolicyChange(ForOrAgainst):
    """Change how the community shares its computing."""

    name = "compute_policy"
    label = gettext_lazy("Sharing of computing")
    description = gettext_lazy(
        "Change who goes before whom when machines are short: fair shares, the reserve for newcomers, and who is one."
    )
    scope = "governance"

    def fields(self, community: Community) -> list[Field]:
        """Ask for every parameter; the editor starts with the policy in force."""
        now = answers_of(policies.body_in_force(community))
        return [
            Field(
                each.name,
                str(each.label),
                each.type,
                str(each.help),
                required=each.required,
                initial=now[each.name],
                options=tuple((value, str(label)) for value, label in each.options),
            )
            for each in ASKED
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        read = {each.name: each.read(values.get(each.name, "")) for each in ASKED}
        rule = {name: read.pop(name) for name in RULE}
        return {**read, "newcomers": rule}

    def answers(self, payload: Mapping[str, Any]) -> dict[str, str | list[str]]:
        """Return the editor's answers that such a payload came from."""
        return answers_of(payload)

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze all parameters, with those in force beside them; refuse what would change nothing."""
        require_keys(payload, {*POLICY, "newcomers"}, frozenset({"before"}))
        rule = payload["newcomers"]
        if not isinstance(rule, dict) or set(rule) != set(RULE):
            raise Invalid("malformed_field", "the rule by which one is a newcomer", field="payload.newcomers",
                          allowed=list(RULE))  # fmt: skip
        judged = {each.name: each.judge(_path(each.name), _of(payload, each.name)) for each in ASKED}
        _require_communities(judged["shares"])
        if not any(judged[name] for name in ("weight_fair", "weight_age", "weight_tier")):
            raise Invalid("nothing_counts", "one weight at least is above 0", field="payload.weight_fair", found=0)
        frozen = {name: judged[name] for name in POLICY} | {"newcomers": {name: judged[name] for name in RULE}}
        before = policies.body_in_force(community)
        if frozen == before:
            raise Invalid("nothing_changes", "this is the policy in force", field="payload.reserved_bps")
        return {**frozen, "before": before}

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what changes."""
        changes = [
            _("%(what)s: %(old)s → %(new)s") % {"what": each.label, "old": old, "new": new}
            for each, old, new in _compared(payload)
            if old != new
        ]
        said = "; ".join(changes[:CHANGES_SAID])
        more = len(changes) - CHANGES_SAID
        if more <= 0:
            return _("computing is shared by other rules: %(changes)s.") % {"changes": said}
        return ngettext(
            "computing is shared by other rules: %(changes)s; and %(more)d more change.",
            "computing is shared by other rules: %(changes)s; and %(more)d more changes.",
            more,
        ) % {"changes": said, "more": more}

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return every parameter as it is and as it would be."""
        return [
            Fact(
                str(each.label),
                _("%(old)s → %(new)s") % {"old": old, "new": new}
                if old != new
                else _("%(old)s, unchanged") % {"old": old},
            )
            for each, old, new in _compared(payload)
        ] + [Fact(_("Cost"), _("none"))]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Put it in force."""
        policies.adopt(proposal, now)


def answers_of(body: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """Return a policy as the editor writes it."""
    return {each.name: each.write(_of(body, each.name)) for each in ASKED}


def _compared(payload: Mapping[str, Any]) -> list[tuple[Asked, str, str]]:
    before = payload["before"]
    return [(each, each.say(_of(before, each.name)), each.say(_of(payload, each.name))) for each in ASKED]


def _of(body: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - any JSON
    return body["newcomers"][name] if name in RULE else body[name]


def _path(name: str) -> str:
    return f"payload.newcomers.{name}" if name in RULE else f"payload.{name}"


def _require_communities(shares: Mapping[str, int]) -> None:
    known = set(Community.objects.filter(slug__in=shares).values_list("slug", flat=True))
    unknown = sorted(set(shares) - known)
    if unknown:
        detail = "there is no such community here"
        raise Invalid("share_of_nobody", detail, field="payload.shares", found=", ".join(unknown[:5])[:200])
