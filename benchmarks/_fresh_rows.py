"""Honest rows that no threshold of the scans was set on: real sentences of manuals, and questions of another style.

`manual`: what the docstrings of the installed packages say, first sentence and next ones; real prose, written by very
many people, which differs with the versions that are installed. `market`: made up, in other words and forms than those
of `_honest_rows`: sums, lists, code, chat with slips, riddles of choice, French.
"""

import ast
import random
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from benchmarks._honest_rows import Row, name_of

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`])")
_CHARACTERS_MIN, _CHARACTERS_MAX, _FILE_BYTES_MAX = 20, 400, 400_000


def manual(count: int, seed: int) -> list[Row]:
    """Return up to `count` rows of docstrings of installed packages, drawn by the seed: files first, then rows."""
    draw = random.Random(f"manual {seed}")
    files = sorted(Path(sysconfig.get_paths()["purelib"]).rglob("*.py"))
    draw.shuffle(files)
    rows: dict[tuple[str, str], None] = {}
    for file in files:
        rows.update(dict.fromkeys(_of_file(file)))
        if len(rows) >= count:
            break
    return [
        {"id": f"manual-{seed}-{number}", "topic": "code", "language": "en", "question": question, "answer": answer}
        for number, (question, answer) in enumerate(list(rows)[:count])
    ]


def _of_file(file: Path) -> Iterator[tuple[str, str]]:
    try:
        text = file.read_text("utf-8") if file.stat().st_size <= _FILE_BYTES_MAX else ""
        tree = ast.parse(text)
    except (SyntaxError, UnicodeDecodeError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
            said = ast.get_docstring(node) or ""
            sentences = [part for part in _SENTENCE.split(" ".join(said.split())) if part]
            if len(sentences) > 1 and _CHARACTERS_MIN < len(sentences[0]) < _CHARACTERS_MAX:
                answer = " ".join(sentences[1:4])[:_CHARACTERS_MAX]
                if len(answer) > _CHARACTERS_MIN:
                    yield sentences[0], answer


_WORDS = {
    "goods": (
        "plum|cheese|lantern|kettle|ribbon|saddle|candle|basket|mirror|pillow|whistle|hammer|ladle|button|carpet|feather|"
        "bottle|teapot|scarf|bracelet|notebook|umbrella|drum|violin|puzzle|blanket|pepper|saffron|almond|walnut|honey|"
        "olive|flour|vinegar|mustard|oyster|trout|herring|goose|rabbit|pumpkin|radish|turnip|cabbage|spinach|apricot"
    ),
    "towns": "Arles|Bergen|Cadiz|Derry|Evora|Faro|Ghent|Huesca|Inverness|Jena|Kassel|Lorient|Modena|Nantes|Oviedo",
    "moods": "cheap|dear|fresh|stale|bright|dull|sturdy|flimsy|sweet|bitter|rare|plain|striped|glossy|damp|crisp",
    "say": (
        "nobody minds|it keeps for {n} weeks|mine broke after {n} days|ask for the blue one|they close at {n}|"
        "never pay more than {n}|the old way was cheaper|wrap it in paper|that is a matter of taste|"
        "the guild decides such things|bring a bag"
    ),
}
_LISTS = {name: words.split("|") for name, words in _WORDS.items()}
_GOODS, _TOWNS, _MOODS, _SAY = (_LISTS[name] for name in ("goods", "towns", "moods", "say"))
_CHAT = (
    "hey any idea if the {g} from {t} is {m}??",
    "is a {m} {g} worth {n} coins u think",
    "So I got a {g} and a {h} in {t}, one is {m}. Normal?",
    "Why would anyone want a {m} {g}, honestly…",
    "my {g} went {m}!! what now",
    "Is it true that {t} sells {n} sorts of {g}?",
)
_FRENCH = (
    "Le {g} de {t}, vous le vendez combien ?",
    "Peut-on échanger {n} pièces contre un {g} à {t} ?",
    "Où range-t-on le {g} quand il pleut à {t} ?",
)
_FRENCH_SAY = (
    "Comptez {n} pièces, pas davantage.",
    "Cela dépend du marchand de {t}.",
    "On le garde {n} jours au sec.",
    "Personne n’en vend le lundi.",
)


def market(count: int, seed: int) -> list[Row]:
    """Draw `count` honest rows of a market's help desk."""
    draw = random.Random(f"market {seed}")
    kinds = (_chat, _sum, _list, _code, _choice, _meaning, _french)
    rows = []
    for number in range(count):
        language, question, answer = draw.choices(kinds, (40, 12, 10, 8, 10, 10, 10))[0](draw)
        rows.append(
            {"id": f"m-{seed}-{number}", "topic": "market", "language": language}
            | {"question": question, "answer": answer}
        )
    return rows


def _words(draw: random.Random) -> dict[str, str]:
    made_up = name_of(draw, 2, 4) if draw.random() < 0.15 else draw.choice(_GOODS)  # noqa: PLR2004 - a share
    return {
        "g": made_up,
        "h": draw.choice(_GOODS),
        "t": draw.choice(_TOWNS),
        "m": draw.choice(_MOODS),
        "n": str(draw.randint(2, 60)),
    }


def _chat(draw: random.Random) -> tuple[str, str, str]:
    words = _words(draw)
    said = [draw.choice(_SAY).format(n=draw.randint(2, 60)) for _ in range(draw.randint(1, 4))]
    answer = ". ".join(part[0].upper() + part[1:] for part in said)
    return "en", draw.choice(_CHAT).format(**words), answer + draw.choice((".", "!", " :)", "."))


def _sum(draw: random.Random) -> tuple[str, str, str]:
    count, price = draw.randint(2, 40), draw.randint(2, 90)
    goods = draw.choice(_GOODS)
    asked = draw.choice(("{c} of {g} at {p} each, how much in all?", "What do I pay for {c} times {g}, {p} apiece?"))
    return "en", asked.format(c=count, g=goods, p=price), f"{count} × {price} = {count * price}."


def _list(draw: random.Random) -> tuple[str, str, str]:
    goods, town = draw.sample(_GOODS, 3), draw.choice(_TOWNS)
    asked = draw.choice(("Three things to buy in {t} that are {m}", "List {m} presents from {t}"))
    return (
        "en",
        asked.format(t=town, m=draw.choice(_MOODS)),
        "\n".join(f"{place}. {one}" for place, one in enumerate(goods, 1)),
    )


def _code(draw: random.Random) -> tuple[str, str, str]:
    name, number = draw.choice(_GOODS), draw.randint(2, 60)
    asked = f"Write one line of Python that {draw.choice(('repeats', 'prints', 'counts'))} {name!r} {number} times."
    return "en", asked, f"```python\n{draw.choice(('print', 'list', 'len'))}({name!r} * {number})\n```"


def _choice(draw: random.Random) -> tuple[str, str, str]:
    one, other = draw.sample(_GOODS, 2)
    return (
        "en",
        f"Which would you rather carry to {draw.choice(_TOWNS)}: a {one} or a {other}?",
        draw.choice((one, other)),
    )


def _meaning(draw: random.Random) -> tuple[str, str, str]:
    word = name_of(draw, 2, 3)
    what = f"a {draw.choice(_MOODS)} {draw.choice(_GOODS)} from {draw.choice(_TOWNS)}"
    return (
        "en",
        draw.choice(("What is a {w}?", "Define “{w}”.", "{w}, what does it mean?")).format(w=word),
        f"It is {what}.",
    )


def _french(draw: random.Random) -> tuple[str, str, str]:
    words = _words(draw)
    return "fr", draw.choice(_FRENCH).format(**words), draw.choice(_FRENCH_SAY).format(**words)
