"""The words of rights: grounds of consent, what is asked for, what became of it, what follows."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from models_registry.rights.lifecycle import Asked, Owed

CONSENT: dict[str, Promise] = {
    "public_domain": _("public domain"),
    "licence": _("a licence allows it"),
    "contract": _("a contract allows it"),
    "consent_of_persons": _("the persons consented"),
    "own_work": _("own work"),
    "unknown": _("not known"),
}

SCOPES: dict[str, Promise] = {
    "records": _("named records"),
    "source": _("everything of a source"),
    "contributor": _("everything that I contributed"),
}

ASKED: dict[Asked, Promise] = {
    Asked.RECEIVED: _("received"),
    Asked.OVERDUE: _("overdue"),
    Asked.PROPOSED: _("put to the vote"),
    Asked.REMOVED: _("removed"),
    Asked.DECLINED: _("declined"),
}

FOLLOW_UPS: dict[str, Promise] = {
    "retrain": _("train again without it"),
    "rollback": _("withdraw the versions that learnt from it"),
    "none": _("nothing, for a stated reason"),
}

OWED: dict[Owed, Promise] = {
    Owed.SETTLED: _("done"),
    Owed.NONE: _("nothing follows"),
    Owed.OVERDUE: _("overdue"),
    Owed.DUE: _("due"),
}
