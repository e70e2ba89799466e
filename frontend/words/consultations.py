"""Words of consultations: states, answers, and the rules by which a statement may be hidden."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from frontend.words.base import Text, Word
from frontend.words.moderation import MODERATION_RULES

CONSULTATION_STATES: dict[str, Word] = {
    "open": Word(pgettext_lazy("consultation", "open"), "clock", "live"),
    "counting": Word(_("being counted"), "hourglass"),
    "closed": Word(pgettext_lazy("consultation", "closed"), "check"),
}

ANSWERS: dict[str, Word] = {
    "agree": Word(_("Agree"), "check", "yes"),
    "disagree": Word(_("Disagree"), "cross", "no"),
    "pass": Word(_("Pass"), "minus"),
}

HIDING_RULES: dict[str, Word] = MODERATION_RULES | {
    "repeats": Word(_("Says what another one says"), "list", says=_("Another statement says the same in other words.")),
    "several_in_one": Word(
        _("Says several things at once"), "layers", says=_("One cannot agree with one part and disagree with another.")
    ),
}

CONSULTATION_REFUSALS: dict[str, Text] = {
    "days_out_of_range": _("It can be open for %(allowed)s days."),
    "seeds_out_of_range": _("Begin with %(allowed)s statements."),
    "duplicate_statement": _("This statement stands there already."),
    "similar_statement": _("Statements like this one stand there already. Say whether yours means another thing."),
    "already_consulted": _("People are asked about this proposal already."),
    "too_many_consultations": _("These are as many open consultations as a community has (%(allowed)s)."),
    "unknown_answer": _("One can agree, disagree or pass."),
    "statement_length": _("A statement is one sentence of %(allowed)s characters."),
    "vote_is_over": _("People are asked before a vote is decided."),
    "consultation_over": _("This consultation is over."),
    "consultation_open": _("The answers can be downloaded once the consultation has closed and was counted."),
    "consultation_full": _("This is as much as one consultation takes (%(allowed)s)."),
    "already_hidden": _("It was hidden before, and an answered appeal is the last word."),
    "not_the_writer": _("Only whoever wrote a statement appeals."),
    "unknown_moderation_rule": _("The policy has no such rule."),
    "already_appealed": _("You have appealed already."),
    "not_hidden": _("This statement is not hidden."),
    "no_appeal": _("Nobody has appealed."),
    "appeal_answered": _("The appeal was answered already."),
    "not_another_moderator": _("Somebody else than who hid it answers an appeal."),
}
