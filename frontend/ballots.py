"""The vote panel of each method: which form it has, and the codes that a ballot signs for its choices.

Codes: the contract's (0 against, 1 for, 2 abstain) for governor and fractional, Snapshot's places from 1 otherwise.
"""

from dataclasses import dataclass
from typing import Any

from frontend import words
from frontend.views.asked import address_refusal
from governance import selectors
from governance.clock import now
from governance.eip712 import AddressError
from governance.models import Community
from governance.selectors import ProposalDetail

_FORMS = {
    "governor": "big",
    "basic": "big",
    "single-choice": "radio",
    "approval": "check",
    "weighted": "weights",
    "quadratic": "weights",
    "ranked-choice": "ranking",
    "copeland": "ranking",
    "stv": "ranking",
    "fractional": "amounts",
}
_FROM_ZERO = frozenset({"governor", "fractional"})
WHOLE_RANKING = frozenset({"ranked-choice", "copeland"})
# In favour first, as people expect it; the code beside each choice says what is signed.
_READ_FIRST = ("for", "against", "abstain")


@dataclass(frozen=True)
class Offered:
    """One choice of the panel, with the code that a ballot signs; `given` is what was typed for it before."""

    code: int
    name: str
    word: words.Word
    given: str = ""


@dataclass(frozen=True)
class Panel:
    """The vote panel: `form` names its template; `whole` says that every choice has to be ranked.

    `plain` says that it works without JavaScript: where nothing has to be signed.
    """

    form: str
    method: str
    offered: tuple[Offered, ...]
    whole: bool
    decimals: int
    plain: bool = False

    @property
    def template(self) -> str:
        """Return the template of the form."""
        return f"parts/vote_{self.form}.html"


def form_of(method: str) -> str:
    """Return the form of a method that this site has one for."""
    return _FORMS[method]


def panel(shown: ProposalDetail) -> Panel | None:
    """Return the panel of an open vote; nothing for a method that this site has no form for."""
    method = shown.method.name
    form = _FORMS.get(method)
    if form is None:
        return None
    first = 0 if method in _FROM_ZERO else 1
    options = sorted(shown.results.options, key=lambda option: option.position)
    if shown.results.binary:
        options.sort(key=lambda option: _READ_FIRST.index(option.name))
    offered = tuple(
        Offered(
            code=option.position + first,
            name=option.name,
            word=words.choice(option.name, binary=shown.results.binary),
        )
        for option in options
    )
    return Panel(form, method, offered, method in WHOLE_RANKING, shown.results.decimals)


def asked_of(shown: ProposalDetail, asked: str, viewer: str) -> dict[str, Any]:
    """Return who votes with the viewer's power, and the same of an address that is asked about, if any."""
    proposal, roll = shown.proposal, shown.electorate.roll
    found: dict[str, Any] = {}
    if viewer and shown.may_vote:
        found["representation"] = selectors.representation(proposal, viewer, roll)
    if not asked:
        return found
    try:
        eligibility = selectors.eligibility(proposal, asked, roll)
        spoken_for = selectors.representation(proposal, asked, roll)
    except AddressError as error:
        return {**found, "asked": asked, "eligibility_problem": address_refusal(error, asked)}
    return {**found, "asked": asked, "eligibility": eligibility, "asked_representation": spoken_for}


def elector_asked(community: Community, asked: str) -> dict[str, Any]:
    """Return what the address that is asked about can vote on in a community; nothing when none is asked."""
    if not asked:
        return {}
    try:
        return {"asked": asked, "elector": selectors.elector(community, asked, now())}
    except AddressError as error:
        return {"asked": asked, "elector_problem": address_refusal(error, asked)}
