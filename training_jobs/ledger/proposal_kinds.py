"""Kinds of proposals about money: opening a budget, and moving money from one account to another."""

import re
import unicodedata
from collections import defaultdict
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance.errors import Invalid
from governance.kinds import Fact, Field, ForOrAgainst, clean_text, require_keys
from governance.models import Community, Proposal, Record
from training_jobs.ledger import services
from training_jobs.ledger.booking import OUT, Purpose, require_covered
from training_jobs.ledger.currencies import for_people, require_money, require_written
from training_jobs.models import LedgerAccount, Site
from training_jobs.models.ledger import BUDGET, OUTSIDE, SITE_CREDIT

REASON_MAX = 500
OUTSIDE_WORLD: Final = str(OUT)
_GIVES: Final = (BUDGET, SITE_CREDIT)
_TAKES: Final = (BUDGET, SITE_CREDIT, OUTSIDE)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_INVISIBLE: Final = {"Cc", "Cf", "Cs", "Co", "Cn"}


class BudgetOpening(ForOrAgainst):
    """Say that money is there for computing, from where, and how much."""

    name = "budget_opening"
    label = gettext_lazy("Money for a budget")
    description = gettext_lazy(
        "Enter money into the books that the community has received or sets aside for computing."
    )
    scope = "governance"

    def fields(self, community: Community) -> list[Field]:
        """Ask for budget, currency, amount and source."""
        return [
            Field("budget", _("Budget"), "text", _("A short name; training draws on “general”."), initial="general"),
            Field("currency", _("Currency"), "text", _("Three letters, such as EUR."), initial="EUR"),
            Field("amount", _("Amount"), "decimal", _("In the currency itself, such as 250.00.")),
            Field("source", _("Where the money comes from"), "long_text", _("A grant, a donation, a membership fee.")),
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        return answers(values, "budget", "currency", "amount", "source")

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze the amount and where it is from."""
        require_keys(payload, {"budget", "currency", "amount", "source"})
        return {
            "budget": _budget_name(payload["budget"], "payload.budget"),
            **_frozen_amount(payload)[1],
            "source": one_line(payload, "source"),
        }

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        said = {"amount": _money(payload), "budget": payload["budget"]}
        return _("%(amount)s is entered into the budget “%(budget)s”, for computing to be paid from.") % said

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the payload in words."""
        return [
            Fact(_("Budget"), payload["budget"]),
            Fact(_("Amount"), _money(payload)),
            Fact(_("Where the money comes from"), payload["source"]),
            Fact(_("Cost"), _("none")),
        ]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Book it."""
        services.open_budget(proposal, now)


class BudgetTransfer(ForOrAgainst):
    """Move money from a budget, or from what a site has earned, to another account or out of the books."""

    name = "budget_transfer"
    label = gettext_lazy("Transfer of money")
    description = gettext_lazy("Move money from one account of the community to another, or pay it out.")
    scope = "governance"

    def fields(self, community: Community) -> list[Field]:
        """Ask from where to where, how much and why."""
        accounts = _accounts(community)
        there = tuple((_called(name), _sums(same)) for name, same in accounts.items())
        giving = [name for name, same in accounts.items() if any(each.balance > 0 for each in same)]
        return [
            Field(
                "from",
                _("From"),
                "choice",
                _("The account that gives."),
                options=tuple((name, f"{_called(name)}: {_sums(accounts[name])}") for name in giving),
            ),
            Field(
                "to",
                _("To"),
                "text",
                _("budget:NAME, which may be new; site_credit:NAME for a site; outside:world pays it out."),
                initial=OUTSIDE_WORLD,
                notes_title=_("What is in the accounts today"),
                notes=there,
            ),
            Field("currency", _("Currency"), "text", _("Three letters, such as EUR."), initial="EUR"),
            Field("amount", _("Amount"), "decimal", _("In the currency itself, such as 250.00.")),
            Field("reason", _("Reason"), "long_text", _("It stands in the books.")),
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        return answers(values, "from", "to", "currency", "amount", "reason")

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze both accounts and the amount; refuse more than is there today."""
        require_keys(payload, {"from", "to", "currency", "amount", "reason"})
        amount, frozen = _frozen_amount(payload)
        source = _purpose(payload["from"], _GIVES, "payload.from")
        target = _purpose(payload["to"], _TAKES, "payload.to")
        if source == target:
            raise Invalid("nothing_changes", "both accounts are the same", field="payload.to", found=str(target))
        require_covered(community, source, frozen["currency"], amount, "payload.amount")
        return {"from": str(source), "to": str(target), **frozen, "reason": one_line(payload, "reason")}

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        said = {"amount": _money(payload), "source": _called(payload["from"]), "target": _called(payload["to"])}
        return _("%(amount)s goes from %(source)s to %(target)s, if it is still there.") % said

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the payload in words."""
        return [
            Fact(_("From"), _called(payload["from"])),
            Fact(_("To"), _called(payload["to"])),
            Fact(_("Amount"), _money(payload)),
            Fact(_("Reason"), payload["reason"]),
            Fact(_("Cost"), _("none")),
        ]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Book it."""
        services.transfer(proposal, now)


def _accounts(community: Community) -> dict[str, list[LedgerAccount]]:
    """Return the accounts that a vote moves money from, by name: one for each currency."""
    found: dict[str, list[LedgerAccount]] = defaultdict(list)
    for account in LedgerAccount.objects.filter(community=community, kind__in=_GIVES):
        found[account.name].append(account)
    return dict(found)


def _sums(accounts: list[LedgerAccount]) -> str:
    return ", ".join(f"{for_people(each.balance, each.currency)} {each.currency}" for each in accounts)


def _called(name: str) -> str:
    """Return an account as people call it."""
    purpose = Purpose.named(name)
    words = {
        BUDGET: _("the budget “%(owner)s”"),
        SITE_CREDIT: _("what is owed to the site “%(owner)s”"),
        OUTSIDE: _("outside"),
    }
    return words[purpose.kind] % {"owner": purpose.owner}


def _money(payload: dict[str, Any]) -> str:
    return f"{payload['amount']} {payload['currency']}"


def answers(values: dict[str, Any], *names: str) -> dict[str, str]:
    """Return the editor's answers to these questions, trimmed."""
    return {name: str(values.get(name, "")).strip() for name in names}


def _frozen_amount(payload: dict[str, Any]) -> tuple[int, dict[str, str]]:
    """Return the amount in micro-units, and currency and amount in their one spelling."""
    currency = require_money(payload["currency"], "payload.currency")
    amount = require_written(payload["amount"], currency, "payload.amount")
    return amount, {"currency": currency, "amount": for_people(amount, currency)}


def _purpose(name: object, kinds: tuple[str, ...], field: str) -> Purpose:
    """Return an account that the payload names, if a vote may move money from or to it."""
    if not isinstance(name, str):
        raise Invalid("malformed_field", "the name of an account", field=field, allowed=list(kinds))
    purpose = Purpose.named(name)
    if purpose.kind not in kinds or (purpose.kind == OUTSIDE and name != OUTSIDE_WORLD):
        detail = "no vote moves money there, or from there"
        raise Invalid("unknown_account", detail, field=field, found=name[:60], allowed=list(kinds))
    if purpose.kind == BUDGET:
        _budget_name(purpose.owner, field)
    if purpose.kind == SITE_CREDIT and not _is_site(purpose.owner):
        raise Invalid("unknown_site", "there is no such site", field=field, found=name[:60])
    return purpose


def _is_site(slug: str) -> bool:
    return "\x00" not in slug and Site.objects.filter(slug=slug).exists()


def _budget_name(name: object, field: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        detail = "small Latin letters, digits and dashes"
        raise Invalid("malformed_name", detail, field=field, allowed="1 to 40 of them, the first no dash")
    return name


def one_line(payload: dict[str, Any], name: str) -> str:
    """Return a text of the payload on one line, of characters that can be seen; raise Invalid for others."""
    text = " ".join(clean_text(payload, name, length_max=REASON_MAX).split())
    if any(unicodedata.category(each) in _INVISIBLE for each in text):
        raise Invalid("malformed_field", "characters that can be seen", field=f"payload.{name}")
    return text
