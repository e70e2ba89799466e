"""Words of what waits for a member."""

from django.utils.translation import gettext_lazy as _

from frontend.words.base import Word

NEEDS: dict[str, Word] = {
    "vote": Word(_("Vote"), "drop", "live", _("Your ballot is missing.")),
    "review": Word(_("Look at a result"), "people", "warn", _("A rule asks members to look before it is published.")),
    "incident": Word(_("Answer an incident"), "warning", "no", _("You are one of those who answer for it.")),
    "seal": Word(
        _("Publish a key"), "key", "warn", _("Voting on it is sealed, and opens once every keyholder has a key.")
    ),
    "unseal": Word(_("Open the ballots"), "key", "warn", _("Voting has closed. Your secret is needed to count it.")),
    "guard": Word(_("Guard"), "shield", "warn", _("It passed and waits. As a guardian you may pause or veto it.")),
    "held_up": Word(_("Held up"), "warning", "warn", _("A step of your proposal was refused.")),
    "draft": Word(_("Your draft"), "pencil", "quiet", _("Nobody else sees it until you publish it.")),
    "sponsor": Word(_("Sponsor"), "people", "quiet", _("A member asks others to sign for a draft.")),
    "call": Word(
        _("Call for a vote"), "scale", "warn", _("The watch found that a vote is due. Anyone may take it up.")
    ),
}
