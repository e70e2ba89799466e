"""The vote panel of each method: which form it has, and the codes that a ballot signs for its choices.

Codes: the contract's (0 against, 1 for, 2 abstain) for governor and fractional, Snapshot's places from 1 otherwise.
"""

from dataclasses import dataclass

from frontend import words
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
_WHOLE_RANKING = frozenset({"ranked-choice", "copeland"})
# In favour first, as people expect it; the code beside each choice says what is signed.
_READ_FIRST = ("for", "against", "abstain")


@dataclass(frozen=True)
class Offered:
    """One choice of the panel, with the code that a ballot signs."""

    code: int
    name: str
    word: words.Word


@dataclass(frozen=True)
class Panel:
    """The vote panel: `form` names its template; `whole` says that every choice has to be ranked."""

    form: str
    method: str
    offered: tuple[Offered, ...]
    whole: bool
    decimals: int

    @property
    def template(self) -> str:
        """Return the template of the form."""
        return f"parts/vote_{self.form}.html"


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
    return Panel(form, method, offered, method in _WHOLE_RANKING, shown.results.decimals)
