"""Words of whose data it is: consent, requests, what was removed and what must follow."""

from django.utils.translation import gettext_lazy as _

from frontend.words.base import Word
from models_registry.rights import words
from models_registry.rights.lifecycle import Asked, Owed

CONSENTS: dict[str, Word] = {name: Word(said) for name, said in words.CONSENT.items()}

REMOVAL_SCOPES: dict[str, Word] = {name: Word(said) for name, said in words.SCOPES.items()}

REMOVAL_STATES: dict[str, Word] = {
    Asked.RECEIVED: Word(words.ASKED[Asked.RECEIVED], "clock", "quiet"),
    Asked.OVERDUE: Word(words.ASKED[Asked.OVERDUE], "warning", "no"),
    Asked.PROPOSED: Word(words.ASKED[Asked.PROPOSED], "scale", "live"),
    Asked.REMOVED: Word(words.ASKED[Asked.REMOVED], "check-circle", "done"),
    Asked.DECLINED: Word(words.ASKED[Asked.DECLINED], "cross", "quiet"),
}

SEARCHED: dict[str, Word] = {
    "dataset": Word(_("dataset")),
    "record": Word(_("record")),
    "shard": Word(_("shard")),
    "source": Word(_("source")),
}

FOLLOW_UPS: dict[str, Word] = {name: Word(said) for name, said in words.FOLLOW_UPS.items()}

OWED: dict[str, Word] = {
    Owed.SETTLED: Word(words.OWED[Owed.SETTLED], "check-circle", "done"),
    Owed.NONE: Word(words.OWED[Owed.NONE], "minus", "quiet"),
    Owed.OVERDUE: Word(words.OWED[Owed.OVERDUE], "warning", "no"),
    Owed.DUE: Word(words.OWED[Owed.DUE], "clock", "warn"),
}
