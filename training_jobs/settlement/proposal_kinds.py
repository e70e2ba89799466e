"""Kinds of proposals about settlement on chain: its terms, one settlement, and taking one back that was not paid."""

from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance.errors import Invalid
from governance.kinds import Fact, Field, ForOrAgainst, require_keys
from governance.models import Community, Proposal, Record
from training_jobs.ledger.currencies import for_people, require_money
from training_jobs.ledger.proposal_kinds import answers, one_line
from training_jobs.models import LedgerAccount, Settlement
from training_jobs.models.ledger import SITE_CREDIT
from training_jobs.settlement import services
from training_jobs.settlement.sums import require_rate
from training_jobs.sites.declared import payout as address

BEGIN, END = "begin", "end"
_OF_TERMS: Final = ("currency", "token", "treasury", "rate")
_NUMBER_MAX: Final = 2**31 - 1


class SettlementTermsChange(ForOrAgainst):
    """Let debts to sites be settled through a token on chain, or no longer."""

    name = "settlement_terms"
    label = gettext_lazy("Settlement on chain")
    description = gettext_lazy(
        "Let what the community owes to sites be paid with a token on its chain, at a fixed rate, or no longer."
    )
    scope = "governance"

    def fields(self, community: Community) -> list[Field]:
        """Ask what is decided, and the terms."""
        options = ((BEGIN, _("settle on chain, by these terms")), (END, _("settle on chain no longer")))
        return [
            Field("decision", _("What is decided"), "choice", initial=BEGIN, options=options),
            Field("currency", _("Currency"), "text", _("Three letters, such as EUR."), initial="EUR"),
            Field(
                "token",
                _("Token"),
                "text",
                _("The address of an ERC-20 token on the community's chain, such as its voting token."),
                required=False,
                initial=community.token,
            ),
            Field(
                "treasury",
                _("Treasury"),
                "text",
                _("The address that pays. Only transfers from there count."),
                required=False,
            ),
            Field(
                "rate",
                _("Rate"),
                "text",
                _("Base units of the token for one minor unit of the currency, such as a cent; a whole number."),
                required=False,
            ),
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        names = ("currency",) if values.get("decision") == END else _OF_TERMS
        return answers(values, "decision", *names)

    def answers(self, payload: dict[str, Any]) -> dict[str, str | list[str]]:
        """Return the editor's answers."""
        return {name: payload.get(name, "") for name in ("decision", *_OF_TERMS)}

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze the terms; refuse what would change nothing."""
        require_keys(payload, {"decision", "currency"}, frozenset({"token", "treasury", "rate"}))
        if payload["decision"] not in {BEGIN, END}:
            raise Invalid("unknown_choice", "begin or end", field="payload.decision", allowed=[BEGIN, END])
        begins = payload["decision"] == BEGIN
        require_keys(payload, {"decision", *(_OF_TERMS if begins else ("currency",))})
        frozen = {"decision": payload["decision"], "currency": require_money(payload["currency"], "payload.currency")}
        if begins:
            frozen |= {name: _account(payload[name], f"payload.{name}") for name in ("token", "treasury")}
            frozen["rate"] = require_rate(payload["rate"], "payload.rate")
            if frozen["token"] == frozen["treasury"]:
                detail = "a token pays nobody: name the account that holds it"
                raise Invalid("token_is_treasury", detail, field="payload.treasury", found=frozen["treasury"])
        now = services.terms_in_force(community, frozen["currency"])
        wanted = tuple(frozen.get(name, "") for name in ("token", "treasury", "rate"))
        if wanted == ((now.token, now.treasury, now.rate) if now else ("", "", "")):
            raise Invalid("nothing_changes", "this is in force", field="payload.currency", found=frozen["currency"])
        return frozen

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        if payload["decision"] == END:
            return _("what is owed to sites in %(currency)s is settled on chain no longer.") % payload
        said = _("what is owed to sites in %(currency)s can be paid with a token, by a vote for each payment.")
        return said % payload

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the terms in words."""
        if payload["decision"] == END:
            return [Fact(_("Currency"), payload["currency"]), Fact(_("Cost"), _("none"))]
        return [
            Fact(_("Currency"), payload["currency"]),
            Fact(_("Token"), payload["token"]),
            Fact(_("Treasury"), payload["treasury"]),
            Fact(_("Base units of the token for one minor unit"), payload["rate"]),
            Fact(_("Cost"), _("none")),
        ]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Put them in force."""
        services.adopt_terms(proposal, now)


class SiteSettlement(ForOrAgainst):
    """Pay a site on chain what the books owe it, at the address, the rate and the value that were voted."""

    name = "site_settlement"
    label = gettext_lazy("Payment of a site on chain")
    description = gettext_lazy("Pay a site with the token of the terms what the books say that it has earned.")
    scope = "governance"

    def fields(self, community: Community) -> list[Field]:
        """Ask whom, how much and why."""
        owed = LedgerAccount.objects.filter(community=community, kind=SITE_CREDIT, balance__gt=0)
        options = tuple(
            (each.owner, f"{each.owner}: {for_people(each.balance, each.currency)} {each.currency}") for each in owed
        )
        return [
            Field("site", _("Site"), "choice", _("With what the books owe it."), options=options),
            Field("currency", _("Currency"), "text", _("Three letters, such as EUR."), initial="EUR"),
            Field("amount", _("Amount"), "decimal", _("In the currency itself, such as 250.00; whole cents.")),
            Field("reason", _("Reason"), "long_text", _("It stands in the books.")),
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        return answers(values, "site", "currency", "amount", "reason")

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze what is paid, with address, rate and value as they are today; refuse more than is owed."""
        require_keys(payload, {"site", "currency", "amount", "reason"}, frozenset({"offer"}))
        currency = require_money(payload["currency"], "payload.currency")
        site = payload["site"]
        if not isinstance(site, str):
            raise Invalid("malformed_field", "the short name of a site", field="payload.site")
        reason = one_line(payload, "reason")
        amount, offer = services.offer_for(community, site, currency, payload["amount"])
        said = {"site": site, "currency": currency, "amount": for_people(amount, currency), "reason": reason}
        return {**said, "offer": offer}

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        said = {"site": payload["site"], "amount": _money(payload), "value": payload["offer"]["value"]}
        return _("the site “%(site)s” is to be paid %(amount)s: %(value)s base units of the token.") % said

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return what is paid, in words."""
        offer = payload["offer"]
        return [
            Fact(_("Site"), payload["site"]),
            Fact(_("Amount"), _money(payload)),
            Fact(_("Token"), offer["token"]),
            Fact(_("Base units of the token"), offer["value"]),
            Fact(_("From the treasury"), offer["treasury"]),
            Fact(_("To the address"), offer["payout"]),
            Fact(_("On the chain"), str(offer["chain_id"])),
            Fact(_("Reason"), payload["reason"]),
            Fact(_("Cost"), _("none")),
        ]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Book it as due."""
        services.approve(proposal, now)


class SettlementWithdrawal(ForOrAgainst):
    """Take back a settlement that was not paid: the site is owed the money as before."""

    name = "settlement_withdrawal"
    label = gettext_lazy("Payment of a site taken back")
    description = gettext_lazy(
        "Take back a payment that was approved and not made, because the address is lost or wrong."
    )
    scope = "governance"

    def fields(self, community: Community) -> list[Field]:
        """Ask which one, and why."""
        due = Settlement.objects.due().filter(community=community).select_related("proposal")
        options = tuple(
            (str(each.proposal.number), f"{each.proposal.number}: {each.site}, {_sum(each)}") for each in due
        )
        return [
            Field("settlement", _("Payment"), "choice", _("The proposal that approved it."), options=options),
            Field("reason", _("Reason"), "long_text", _("It stands in the books.")),
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        said: dict[str, Any] = answers(values, "settlement", "reason")
        text = said["settlement"]
        return {**said, "settlement": int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text}  # noqa: PLR2004

    def answers(self, payload: dict[str, Any]) -> dict[str, str | list[str]]:
        """Return the editor's answers."""
        return {"settlement": str(payload.get("settlement", "")), "reason": payload.get("reason", "")}

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze which one, with what it was to pay; refuse one that is paid."""
        require_keys(payload, {"settlement", "reason"}, frozenset({"of"}))
        number = payload["settlement"]
        if type(number) is not int or not 1 <= number <= _NUMBER_MAX:
            detail = "the number of the proposal that approved it"
            raise Invalid("malformed_field", detail, field="payload.settlement")
        found = services.settlement_of(community, number)
        services.require_due(found, "payload.settlement")
        return {
            "settlement": number,
            "reason": one_line(payload, "reason"),
            "of": {"site": found.site, "amount": for_people(found.amount, found.currency), "currency": found.currency},
        }

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        of = payload["of"]
        said = {"site": of["site"], "amount": _money(of), "number": payload["settlement"]}
        return (
            _(
                "the payment of %(amount)s to the site “%(site)s” that proposal %(number)s approved is taken back; "
                "the site is owed it as before."
            )
            % said
        )

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return which one, in words."""
        return [
            Fact(_("Payment"), _("approved by proposal %(number)s") % {"number": payload["settlement"]}),
            Fact(_("Site"), payload["of"]["site"]),
            Fact(_("Amount"), _money(payload["of"])),
            Fact(_("Reason"), payload["reason"]),
            Fact(_("Cost"), _("none")),
        ]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Book it back."""
        services.withdraw(proposal, now)


def _account(value: object, field: str) -> str:
    found = address(field, value)
    if not found:
        raise Invalid("missing_field", "an address is needed", field=field)
    return found


def _money(said: dict[str, Any]) -> str:
    return f"{said['amount']} {said['currency']}"


def _sum(each: Settlement) -> str:
    return f"{for_people(each.amount, each.currency)} {each.currency}"
