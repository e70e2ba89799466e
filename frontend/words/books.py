"""Words of the books: what accounts are for, what was booked, and amounts as people write them."""

from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from frontend import numbers
from frontend.words.base import Word
from training_jobs.ledger.currencies import DEVICE_SECOND, for_people

ACCOUNT_KINDS: dict[str, Word] = {
    "budget": Word(_("Budget"), "layers"),
    "held": Word(_("Set aside for runs"), "hourglass"),
    "site_credit": Word(_("Owed to a site"), "wave"),
    "due": Word(_("Approved for a site, to be paid on chain"), "hourglass"),
    "contribution_credit": Word(_("Computing that a member gave"), "people"),
    "outside": Word(_("Outside the commons"), "arrow"),
}
ENTRY_KINDS: dict[str, Word] = {
    "opened": Word(_("Money came in by a vote"), "plus", "yes"),
    "held": Word(_("The ceiling of a run was set aside"), "hourglass"),
    "settled": Word(_("A site was credited for what it metered"), "check", "live"),
    "released": Word(_("What was left went back"), "arrow"),
    "transferred": Word(_("Money was moved by a vote"), "arrow", "live"),
    "approved": Word(_("A vote approved a payment on chain"), "hourglass"),
    "paid": Word(_("A site was paid on chain"), "check", "yes"),
    "withdrawn": Word(_("A vote took back a payment that was not made"), "minus"),
}
SETTLEMENT_STATES: dict[str, Word] = {
    "due": Word(pgettext_lazy("of a payment", "due"), "hourglass", "live"),
    "paid": Word(pgettext_lazy("of a payment", "paid"), "check", "yes"),
    "withdrawn": Word(pgettext_lazy("of a payment", "taken back"), "minus"),
}


def amount(units: int, currency: str) -> str:
    """Return an amount with its currency, with the separators of the language."""
    text = for_people(abs(units), currency)
    whole, _point, part = text.partition(".")
    shown = numbers.grouped(int(whole)) + (numbers.decimal_separator() + part if part else "")
    sign = "\N{MINUS SIGN}" if units < 0 else ""
    if currency == DEVICE_SECOND:
        return f"{sign}{shown} {gettext('device-seconds')}"
    return f"{sign}{shown}\u00a0{currency}"
