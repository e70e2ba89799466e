"""The rounds of an elimination count as coordinates for an SVG: bars that grow and shrink, bands that carry power on.

Pure; drawing is the template's, and a table beside it has the same numbers. Where several choices lose power in one
round, the bands are laid in the order of the list: the sums are exact, whose power went where is not told apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from governance.selectors import Results

LABEL, BAR, STEP = 190, 18, 150
HEIGHT, GAP, TOP = 260, 14, 28
COLOURS = 8


@dataclass(frozen=True)
class Bar:
    """What one choice has in one round; `colour` counts the choices."""

    name: str
    x: int
    y: int
    height: int
    colour: int
    elected: bool
    eliminated: bool

    @property
    def middle(self) -> int:
        """Return where a label stands."""
        return self.y + self.height // 2 + 5


@dataclass(frozen=True)
class Band:
    """Power that stays, or passes on, from one round to the next."""

    path: str
    colour: int
    passes: bool


@dataclass(frozen=True)
class Column:
    """One round: its number and where it stands."""

    number: int
    x: int


@dataclass(frozen=True)
class Flow:
    """The picture."""

    columns: tuple[Column, ...]
    bars: tuple[Bar, ...]
    bands: tuple[Band, ...]
    first: tuple[Bar, ...]
    last: tuple[Bar, ...]
    width: int
    height: int
    label_left: int
    label_right: int


def flow(results: Results) -> Flow | None:
    """Return the rounds as a picture, or nothing when there were not at least two with votes."""
    rounds = results.rounds
    if len(rounds) < 2 or not any(row.power for row in rounds[0].rows):  # noqa: PLR2004 - one round is a plain list
        return None
    order = [option.position for option in results.options]
    names = [row.name for row in rounds[0].rows]
    powers = [[row.power for row in each.rows] for each in rounds]
    whole = max(1, *(sum(column) for column in powers))

    def long(power: int) -> int:
        return HEIGHT * power // whole

    bars: list[Bar] = []
    at: list[dict[int, Bar]] = []
    for number, each in enumerate(rounds):
        y, column = TOP, {}
        for position in order:
            power = powers[number][position]
            if power:
                row = each.rows[position]
                column[position] = Bar(
                    names[position],
                    LABEL + number * STEP,
                    y,
                    max(2, long(power)),
                    position % COLOURS,
                    row.elected,
                    row.eliminated,
                )
                y += column[position].height + GAP
        at.append(column)
        bars += column.values()
    bands = [
        band
        for number in range(len(rounds) - 1)
        for band in _bands(at[number], at[number + 1], powers[number], powers[number + 1], order, whole)
    ]
    lowest = max(bar.y + bar.height for bar in bars)
    right = LABEL + (len(rounds) - 1) * STEP + BAR
    return Flow(
        columns=tuple(Column(each.number, LABEL + number * STEP) for number, each in enumerate(rounds)),
        bars=tuple(bars),
        bands=tuple(bands),
        first=tuple(at[0].values()),
        last=tuple(at[-1].values()),
        width=right + LABEL,
        height=lowest + TOP // 2,
        label_left=LABEL - 10,
        label_right=right + 10,
    )


def _bands(
    here: dict[int, Bar],
    there: dict[int, Bar],
    before: Sequence[int],
    after: Sequence[int],
    order: Sequence[int],
    whole: int,
) -> list[Band]:
    """Return the bands between two rounds: what each choice keeps, then what the losers pass to the gainers."""
    kept = {position: min(before[position], after[position]) for position in order}
    out = {position: kept[position] for position in order}
    into = dict(out)
    bands = [
        _band(here[position], there[position], (0, 0), kept[position], whole, passes=False)
        for position in order
        if kept[position]
    ]
    gains = {position: after[position] - kept[position] for position in order}
    for giver in order:
        left = before[giver] - kept[giver]
        for taker in order:
            part = min(left, gains[taker])
            if part:
                bands.append(_band(here[giver], there[taker], (out[giver], into[taker]), part, whole, passes=True))
                out[giver] += part
                into[taker] += part
                gains[taker] -= part
                left -= part
    return bands


def _band(start: Bar, end: Bar, offsets: tuple[int, int], power: int, whole: int, *, passes: bool) -> Band:
    """Return one band: from below what the start has given already to below what the end has received."""
    x1, x2 = start.x + BAR, end.x
    y1 = start.y + HEIGHT * offsets[0] // whole
    y2 = end.y + HEIGHT * offsets[1] // whole
    thick = max(1, HEIGHT * power // whole)
    middle = (x1 + x2) // 2
    path = (
        f"M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2} "
        f"V{y2 + thick} C{middle} {y2 + thick} {middle} {y1 + thick} {x1} {y1 + thick} Z"
    )
    return Band(path, start.colour, passes)
