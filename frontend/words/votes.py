"""Words of voting itself: methods, their rules for a tie, tiers of risk, and where voting power comes from."""

from django.utils.translation import gettext_lazy as _

from frontend.words.base import Word

METHODS: dict[str, Word] = {
    "governor": Word(
        _("For, against or abstain"),
        says=_("More for than against wins. For and abstain count towards the quorum, as in on-chain Governors."),
    ),
    "basic": Word(
        _("For or against"),
        says=_("More for than against wins. Every ballot counts towards the quorum."),
    ),
    "fractional": Word(
        _("For, against or abstain, split"),
        says=_("Each voter may split their power between for, against and abstain. More for than against wins."),
    ),
    "single-choice": Word(_("One choice"), says=_("Each voter picks one choice; the one with the most power wins.")),
    "approval": Word(
        _("Approval"),
        says=_("Each voter approves as many choices as they like, with full power each. The most approved one wins."),
    ),
    "weighted": Word(
        _("Weighted"),
        says=_("Each voter divides their power among the choices. The choice with the most power wins."),
    ),
    "quadratic": Word(
        _("Quadratic"),
        says=_("Each voter divides their power among the choices; square roots let many small backers outweigh one."),
    ),
    "ranked-choice": Word(
        _("Ranked choice"),
        says=_("Each voter puts all choices in order. The weakest one drops out until one has more than half."),
    ),
    "copeland": Word(
        _("One against one (Copeland)"),
        says=_("Each voter puts all choices in order. The choice that wins the most comparisons of two wins."),
    ),
    "stv": Word(
        _("Several seats in proportion (STV)"),
        says=_("Each voter puts choices in order, as many as they like. Seats are filled in proportion to the votes."),
    ),
}

TIE_RULES: dict[str, Word] = {
    "tie_fails": Word(_("If there is as much for as against, it does not pass.")),
    "no_winner": Word(_("If several choices have equally much at the top, there is no winner.")),
    "lowest_position_eliminated": Word(
        _(
            "If several choices have equally little, the first of them in the list drops out. "
            "If the last two are equal, there is no winner."
        )
    ),
    "earlier_rounds_then_lowest_position": Word(
        _("If choices are equal, earlier rounds decide between them; if these are equal too, their order in the list.")
    ),
}

TIERS: dict[str, Word] = {
    "default": Word(_("Every decision")),
    "standard": Word(_("Everyday decisions")),
    "light": Word(_("Light decisions")),
    "open": Word(_("Open votes")),
    "secret": Word(_("Secret votes")),
    "low": Word(_("Low risk")),
    "medium": Word(_("Medium risk")),
    "high": Word(_("High risk")),
    "critical": Word(_("Grave decisions")),
    "ethical": Word(_("Ethics rules")),
    "constitutional": Word(_("Changes of the rules")),
}

SOURCES: dict[str, Word] = {
    "erc20_votes": Word(
        _("Tokens"), "wallet", says=_("Power is the delegated votes of a token (ERC20Votes) at the snapshot block.")
    ),
    "erc721_votes": Word(
        _("Membership tokens"),
        "wallet",
        says=_("One vote for each delegated token (ERC721Votes) at the snapshot block."),
    ),
    "governor_votes": Word(
        _("Tokens, by contract"),
        "wallet",
        says=_("A Governor on the chain counts the delegated votes of a token when voting begins."),
    ),
    "fixed_list": Word(_("List of members"), "people", says=_("Power is written in a list in the charter.")),
    "contribution_credits": Word(
        _("Contributions"), "layers", says=_("Power is what members contributed and the community accepted.")
    ),
}
