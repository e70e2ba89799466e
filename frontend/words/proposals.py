"""Words of proposals: their states, what one can choose, the steps of their lives, and what decides them."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from frontend.words.base import Text, Word

PROPOSAL_STATES: dict[str, Word] = {
    "draft": Word(_("Draft"), "pencil", "quiet", _("Only its author sees it.")),
    "pending": Word(_("Opens soon"), "clock", "quiet", _("Published and frozen; voting has not opened yet.")),
    "active": Word(_("Open for voting"), "drop", "live", _("Members can vote and change their vote.")),
    "closing": Word(_("Counting"), "hourglass", "live", _("Voting has ended; the ballots are being counted.")),
    "defeated": Word(_("Not passed"), "cross", "no", _("The vote did not reach what it needed.")),
    "succeeded": Word(_("Passed"), "check", "yes", _("The vote passed; it is about to enter its waiting time.")),
    "queued": Word(_("Passed, waiting"), "hourglass", "yes", _("Passed; a waiting time lets people object or leave.")),
    "paused": Word(_("Paused"), "pause", "warn", _("A guardian holds it back for a while; it is not stopped.")),
    "ready": Word(_("Ready to carry out"), "arrow", "yes", _("The waiting time is over; it is carried out next.")),
    "expired": Word(_("Lapsed"), "clock", "no", _("It passed but was not carried out in time.")),
    "executed": Word(_("Carried out"), "check-circle", "done", _("It passed and was carried out.")),
    "canceled": Word(_("Withdrawn"), "minus", "quiet", _("It was taken back and will not be carried out.")),
    "vetoed": Word(_("Vetoed"), "shield", "no", _("More than half of the council stopped it for good.")),
}

CHOICES: dict[str, Word] = {
    "for": Word(pgettext_lazy("vote", "For"), "check", "for"),
    "against": Word(pgettext_lazy("vote", "Against"), "cross", "against"),
    "abstain": Word(pgettext_lazy("vote", "Abstain"), "minus", "abstain"),
}

CONDITIONS: dict[str, Word] = {
    "quorum": Word(_("Quorum"), says=_("Enough voting power took part.")),
    "majority": Word(_("Majority"), says=_("Enough of the power for or against was in favour; a tie does not pass.")),
    "support": Word(_("Support"), says=_("Enough of all voting power, not only of what was cast, was in favour.")),
    "winner": Word(_("Winner"), says=_("As many choices won as were to be chosen.")),
    "rejection": Word(_("Rejection"), says=_("It passes unless too much voting power is against.")),
    "opened": Word(_("Sealed ballots"), says=_("As many keyholders as the charter asks for open them after voting.")),
    "objection": Word(_("Second house"), says=_("It passes unless too much of the second house is against.")),
}

MOMENTS: dict[str, Word] = {
    "submitted": Word(_("Published"), "pencil"),
    "census": Word(_("Census taken"), "people"),
    "opens": Word(_("Voting opens"), "drop"),
    "closes": Word(_("Voting closes"), "clock"),
    "decided": Word(_("Counted"), "scale"),
    "queued": Word(_("Waiting time starts"), "hourglass"),
    "veto": Word(_("A guardian spoke for a veto"), "shield"),
    "pause": Word(_("Paused by a guardian"), "pause"),
    "eta": Word(_("Waiting time ends"), "arrow"),
    "pause_ends": Word(_("The pause ends"), "arrow"),
    "executed": Word(_("Carried out"), "check-circle"),
    "expires": Word(_("Lapses if not carried out"), "clock"),
    "canceled": Word(_("Withdrawn"), "minus"),
    "vetoed": Word(_("Vetoed"), "shield"),
}


# What stands as the reason where nobody's own words do, because the site or a contract withdrew the proposal.
_REASONS: dict[str, Text] = {
    "canceled on the chain": _("The Governor of the community has canceled it."),
    "canceled in the timelock": _("It was canceled in the timelock in which it waited, not by the Governor."),
    "left in a former timelock": _("The Governor of the community has another timelock now; what waited is canceled."),
    "too few keyholders published a key in time": _(
        "Too few keyholders published a key in time, so nobody could have opened the ballots."
    ),
}


def reason(text: str) -> Text:
    """Return why a proposal was withdrawn, as people read it."""
    return _REASONS.get(text, text)


# The one moment that lists show of a proposal, by its state: what is said of it, and the fact that says when.
LATEST_STEPS: dict[str, tuple[Text, str]] = {
    "pending": (_("opens"), "opens_at"),
    "active": (_("closes"), "closes_at"),
    "queued": (_("takes effect"), "eta"),
    "executed": (_("carried out"), "executed_at"),
    "vetoed": (_("vetoed"), "vetoed_at"),
    "paused": (_("paused until"), "paused_until"),
    "canceled": (_("withdrawn"), "canceled_at"),
}
CLOSED = (_("closed"), "closes_at")


def latest_step(state: str) -> tuple[Text, str]:
    """Return what lists say of a proposal in a state, and the name of the moment that it is about."""
    return LATEST_STEPS.get(state, CLOSED)


def choice(name: str, *, binary: bool) -> Word:
    """Return how a choice is shown: for, against and abstain have words; what an author offers is its own words."""
    return CHOICES[name] if binary and name in CHOICES else Word(name, "drop", "plain")
