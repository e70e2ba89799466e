"""The toy decisions that people practise on: texts, made-up neighbours, and what a sent form says. Keeps nothing."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from frontend import words
from frontend.ballots import WHOLE_RANKING, Offered, Panel, form_of
from frontend.words import Text
from governance import practice
from governance.choices import Part, parts_of
from governance.errors import Invalid, NotFound
from governance.evidence.canonical import canonical_bytes
from governance.selectors.results import Results, results
from governance.tally import Method

YOUR_VOTES: Final = 3
REASON_MAX: Final = 2_000
_YOU = "you"


@dataclass(frozen=True)
class Neighbour:
    """Somebody made up, with so many votes, what they choose, and why."""

    name: str
    votes: int
    choice: Any
    why: Text


@dataclass(frozen=True)
class Toy:
    """A decision that decides nothing. `choices` are keys for a binary method, else texts that are translated."""

    slug: str
    tab: Text
    title: Text
    text: Text
    method: str
    choices: tuple[Text, ...]
    neighbours: tuple[Neighbour, ...]

    @property
    def binary(self) -> bool:
        """Say whether it is for or against one thing."""
        return not self.ranked

    @property
    def ranked(self) -> bool:
        """Say whether choices are put in order."""
        return self.method in WHOLE_RANKING

    @property
    def names(self) -> tuple[str, ...]:
        """Return the choices in the reader's language."""
        return tuple(str(choice) for choice in self.choices)


@dataclass(frozen=True)
class CountedNeighbour:
    """A neighbour with the ballot as it is shown."""

    neighbour: Neighbour
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Counted:
    """What came of a practice ballot: the count, everybody's ballots, and a digest such as a real receipt has."""

    parts: tuple[Part, ...]
    reason: str
    digest: str
    method: Method
    results: Results
    neighbours: tuple[CountedNeighbour, ...]


TOYS: Final = (
    Toy(
        slug="rhymes",
        tab=_("For or against"),
        title=_("Should the assistant answer in rhymes?"),
        text=_(
            "Some members find rhymes easier to remember in the field. Others want short answers. "
            "If this passed, the next training would teach the assistant to rhyme."
        ),
        method="basic",
        choices=("for", "against", "abstain"),
        neighbours=(
            Neighbour("Lena", 4, 2, _("I want to know when to water, not hear a poem.")),
            Neighbour("Marius", 3, 3, _("I can live with either.")),
            Neighbour("Noor", 2, 1, _("My children remember every rhyme.")),
            Neighbour("Sacha", 2, 1, _("It would make us smile.")),
            Neighbour("Tove", 1, 2, _("It costs a training.")),
        ),
    ),
    Toy(
        slug="seasons",
        tab=_("Put in order"),
        title=_("Which season’s questions should it learn first?"),
        text=_(
            "There is time for one season now; the others follow in later trainings. Put all four in your order: "
            "the weakest one drops out and its votes pass on, until one season has more than half."
        ),
        method="ranked-choice",
        choices=(_("Spring"), _("Summer"), _("Autumn"), _("Winter")),
        neighbours=(
            Neighbour("Lena", 4, [1, 4, 2, 3], _("Seedlings first.")),
            Neighbour("Marius", 3, [2, 3, 1, 4], _("Most calls come in July.")),
            Neighbour("Noor", 2, [3, 2, 4, 1], _("The harvest decides the year.")),
            Neighbour("Sacha", 2, [4, 1, 3, 2], _("Frost bursts our pipes.")),
            Neighbour("Tove", 1, [3, 2, 1, 4], _("Apples.")),
        ),
    ),
)


def toy_named(slug: str) -> Toy:
    """Return a toy decision; raise NotFound for any other."""
    for toy in TOYS:
        if toy.slug == slug:
            return toy
    raise NotFound("unknown_practice", "there is no such practice decision", field="slug", found=slug)


def panel_of(toy: Toy, sent: Mapping[str, str]) -> Panel:
    """Return the vote panel of a toy, with the places that were typed into a form that came back."""
    offered = tuple(
        Offered(code, name, words.choice(name, binary=toy.binary), sent.get(f"rank-{code}", "").strip()[:4])
        for code, name in enumerate(toy.names, start=1)
    )
    return Panel(form_of(toy.method), toy.method, offered, toy.ranked, 0, plain=True)


def choice_of(toy: Toy, sent: Mapping[str, str]) -> Any:  # noqa: ANN401 - as a ballot signs it
    """Return the choice of a sent form: one number, or for a ranking the choices by their places; raise Invalid."""
    if not toy.ranked:
        said = sent.get("choice", "")
        if not said:
            raise Invalid("choose_one", "nothing was chosen", field="choice")
        return practice.require_choice(toy.method, len(toy.choices), _number(said))
    places = {code: _number(sent.get(f"rank-{code}", "").strip()) for code in range(1, len(toy.choices) + 1)}
    if not any(sent.get(f"rank-{code}", "").strip() for code in places):
        raise Invalid("rank_all", "nothing was ranked", field="choice")
    if sorted(places.values()) != sorted(places):
        raise Invalid("ranks_incomplete", "each place is given once", field="choice", allowed=len(places))
    return sorted(places, key=lambda code: places[code])


def counted(toy: Toy, choice: Any, reason: str) -> Counted:  # noqa: ANN401
    """Count the practice ballot among those of the neighbours."""
    ballots = {neighbour.name: (neighbour.choice, neighbour.votes) for neighbour in toy.neighbours}
    done = practice.count(toy.method, toy.names, {**ballots, _YOU: (choice, YOUR_VOTES)})
    said = {"practice": toy.slug, "choice": choice, "reason": reason}
    return Counted(
        parts=parts_of(done.method, toy.names, choice),
        reason=reason,
        digest=hashlib.sha256(canonical_bytes(said)).hexdigest(),
        method=done.method,
        results=results(done.standing, done.snapshot),
        neighbours=tuple(
            CountedNeighbour(neighbour, parts_of(done.method, toy.names, neighbour.choice))
            for neighbour in toy.neighbours
        ),
    )


def _number(text: str) -> int:
    """Return a whole number of at most three digits; 0, which is no choice and no place, for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else 0  # noqa: PLR2004
