"""Words of the published policy of discussions: by which rules a text may be hidden, how one stands, who writes."""

from django.utils.translation import gettext_lazy as _

from frontend.words.base import Word

# The rules of `governance/deliberation/policy.py`. The label says what a text does; `says` what is meant by it.
MODERATION_RULES: dict[str, Word] = {
    "attack": Word(
        _("Attacks people"), "warning", says=_("Insults, threats, or calls to harm somebody. Sharp criticism is none.")
    ),
    "hate": Word(
        _("Degrades people"), "warning", says=_("Degrades people for what they are: origin, faith, sex, body, age.")
    ),
    "private_data": Word(
        _("Says what is private"), "eye", says=_("Addresses, telephone numbers, health: what somebody did not publish.")
    ),
    "spam": Word(_("Advertises or repeats"), "list", says=_("Advertising, or the same again and again.")),
    "off_topic": Word(
        _("Has nothing to do with it"), "minus", says=_("Has nothing to do with what is being decided here.")
    ),
    "deceit": Word(
        _("Deceives"), "shield", says=_("Pretends to be somebody else, or leads into a trap, such as a false page.")
    ),
    "unlawful": Word(_("Is against the law"), "scale", says=_("Must not be published by law.")),
}

COMMENT_STATES: dict[str, Word] = {
    "visible": Word(_("visible"), "eye"),
    "hidden": Word(_("hidden"), "minus", "warn"),
    "appealed": Word(_("hidden, appealed"), "hourglass", "warn"),
    "upheld": Word(_("hidden, and confirmed"), "minus", "no"),
    "erased": Word(_("erased by its author"), "cross"),
}

COMMENT_ROLES: dict[str, Word] = {
    "author": Word(_("wrote the proposal"), "pencil", "live"),
    "co_author": Word(_("wrote the proposal, too"), "pencil", "live"),
    "moderator": Word(_("guardian or steward"), "shield"),
    "reader": Word(_("reader without a wallet"), "eye"),
}
