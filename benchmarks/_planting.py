"""What the planting of cases for dataset scans has in common: a case, what cases are made of, texts drawn by lot."""

import random
import string
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks._clean_rows import Row, clean_row

Draw = random.Random
ALPHANUMERIC = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Case:
    """A planted row. `with_row` is the id of the clean row that it repeats: finding either of the two counts."""

    scan: str
    kind: str
    row: Row
    with_row: str = ""


@dataclass
class Material:
    """What cases are made of."""

    draw: Draw
    clean: list[Row]
    included: list[Row]
    suite: list[Row]
    count: int = 0
    cases: list[Case] = field(default_factory=list)

    def fresh(self) -> Row:
        """Return a new clean row to plant into."""
        self.count += 1
        return clean_row(self.draw, f"planted-{self.count}")

    def plant(self, scan: str, kind: str, times: int, change: Callable[[Row, Draw], Row]) -> None:
        """Plant a change into fresh rows."""
        self.cases += [Case(scan, kind, change(self.fresh(), self.draw)) for _ in range(times)]

    def repeat(self, scan: str, kind: str, times: int, change: Callable[[Row, Draw], Row], of: list[Row]) -> None:
        """Plant changed copies of rows that are there already, each of another row."""
        for row in self.draw.sample(of, times):
            copy = change(dict(row), self.draw) | {"id": self.fresh()["id"]}
            self.cases.append(Case(scan, kind, copy, row["id"]))


def inside(text: str) -> Callable[[Row, Draw], Row]:
    """Put a text between the words of the answer."""

    def change(row: Row, draw: Draw) -> Row:
        words = row["answer"].split(" ")
        place = draw.randint(0, len(words))
        return row | {"answer": " ".join([*words[:place], text, *words[place:]])}

    return change


def drawn(make: Callable[[Draw], str]) -> Callable[[Row, Draw], Row]:
    return lambda row, draw: inside(make(draw))(row, draw)


def characters(draw: Draw, alphabet: str, count: int) -> str:
    return "".join(draw.choices(alphabet, k=count))


def digits(draw: Draw, count: int) -> str:
    return characters(draw, string.digits, count)
