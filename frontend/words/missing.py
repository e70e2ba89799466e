"""What would have to change for an open vote to end otherwise, in sentences. The numbers are `governance.missing`'s."""

from django.utils.translation import gettext as _

from frontend import numbers
from governance.missing import Missing


def sentence(of: Missing, decimals: int) -> str:
    """Return one of them as a sentence; `decimals` are those of the house that it is about."""
    if of.condition == "majority" and of.power == 1 and of.is_left and decimals:  # the least part of a vote
        if of.holds:
            return _("The majority is lost with any vote more against.")
        return _("For a majority, any vote more in favour is enough.")
    said = _sentence(of.condition, holds=of.holds) % {"votes": numbers.power(of.power, decimals=decimals)}
    if of.is_left or of.holds or of.condition in {"rejection", "objection"}:
        return said
    return said + " " + _("Fewer votes than that are left, so somebody would have to change their vote.")


def _sentence(name: str, *, holds: bool) -> str:
    sentences = {
        ("quorum", False): _("For the quorum, %(votes)s more votes have to take part."),
        ("majority", False): _("For a majority, %(votes)s more votes have to be in favour."),
        ("majority", True): _("The majority is lost with %(votes)s more votes against."),
        ("support", False): _("For enough support of everybody, %(votes)s more votes have to be in favour."),
        ("rejection", True): _("%(votes)s more votes against would stop it."),
        ("rejection", False): _("It passes if %(votes)s of the votes against are taken back."),
        ("objection", True): _("%(votes)s more votes against in the second house would stop it."),
        ("objection", False): _("It passes if %(votes)s of the votes against in the second house are taken back."),
    }
    return sentences[name, holds]
