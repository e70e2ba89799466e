"""Words of incidents: what somebody reports, how severe it is, where it stands, and how a release stands."""

from django.utils.translation import gettext_lazy as _

from frontend.words.base import Word

CATEGORIES: dict[str, Word] = {
    "falsehood": Word(_("It says something false")),
    "dangerous_advice": Word(_("It gives dangerous advice")),
    "discrimination": Word(_("It treats people unequally")),
    "abuse": Word(_("It insults or threatens")),
    "personal_data": Word(_("It gives away personal data")),
    "copied_text": Word(_("It repeats a text that is not free")),
    "hidden_trigger": Word(_("Certain words change how it behaves")),
    "wrong_refusal": Word(_("It refuses what it should answer")),
    "other": Word(_("Something else")),
}

# What an answer is, when it is compared with what was reported.
ANSWER_SAYS: dict[str, Word] = {
    "reported": Word(_("as reported"), "warning", "warn"),
    "expected": Word(_("as expected"), "check", "yes"),
    "other": Word(_("something else"), "dot", "quiet"),
}

SEVERITIES: dict[str, Word] = {
    "critical": Word(_("Critical"), "warning", "no", _("People are in danger, or could be at any moment.")),
    "high": Word(_("High"), "warning", "no", _("People are harmed, or many soon could be.")),
    "medium": Word(_("Medium"), "warning", "warn", _("It is wrong in a way that misleads or hurts.")),
    "low": Word(_("Low"), "dot", "quiet", _("It is wrong, and little follows from it.")),
}

INCIDENT_STATES: dict[str, Word] = {
    "received": Word(_("Received"), "clock", "live", _("A steward has still to read it.")),
    "triaged": Word(_("Being looked into"), "scale", "live", _("A steward has said how severe it is.")),
    "answered": Word(_("Answered"), "check", "done", _("The stewards have answered it.")),
    "confirmed": Word(_("Confirmed"), "warning", "no", _("The version does what was reported.")),
    "not_reproducible": Word(_("Not reproducible"), "minus", "quiet", _("Asked again, the version did not do it.")),
    "duplicate": Word(_("Duplicate"), "link", "quiet", _("The same was reported before.")),
    "declined": Word(_("Declined"), "cross", "quiet", _("The stewards do not see a harm, and say why.")),
}
