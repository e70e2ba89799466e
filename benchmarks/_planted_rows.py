"""Plants cases for each dataset scan in clean rows, so that recall is known. The seed fixes every draw.

What can only be seen beside other rows or suites (copies, contamination, labels); the rest: `_planted_texts`.
"""

import base64
from collections.abc import Callable

from benchmarks._clean_rows import Row, clean_row
from benchmarks._planted_texts import plant_texts
from benchmarks._planting import Case, Draw, Material, drawn

LONG_WORDS_MIN, SHORT_WORDS_MAX = 20, 13
# A passage of thirteen words is cut out of a question of so many.
QUESTION_WORDS_MIN = 16


def plant_all(material: Material) -> list[Case]:
    """Plant cases for every scan that looks at rows."""
    plant_texts(material)
    for plant in (_suites, _copies, _labels):
        plant(material)
    return material.cases


# --- suites


def _suites(material: Material) -> None:
    def asked(draw: Draw) -> str:
        return str(draw.choice(material.suite)["question"])

    def thirteen(draw: Draw) -> str:
        while len(words := asked(draw).replace("?", "").split()) < QUESTION_WORDS_MIN:
            pass
        return " ".join(words[1:15])

    material.plant("contamination", "as it stands", 60, lambda row, d: row | {"question": asked(d)})
    material.plant(
        "contamination", "other case and signs", 60, lambda row, d: row | {"question": asked(d).upper()[:-1]}
    )
    material.plant("contamination", "inside a longer text", 60, drawn(lambda d: f"Remember: {asked(d)} Well."))
    material.plant(
        "contamination", "words changed, held out", 40, lambda row, d: row | {"question": _one_word(asked(d), d)}
    )
    material.plant("shared_passages", "passage", 80, drawn(thirteen))


def _one_word(text: str, draw: Draw) -> str:
    words = text.split(" ")
    words[draw.randrange(len(words))] = draw.choice(("lantern", "violon", "copper", "mardi", "velvet"))
    return " ".join(words)


# --- copies and labels


def _copies(material: Material) -> None:
    spelt = {"?": " ?!", ".": " .", ",": ";"}

    def respelt(row: Row, _draw: Draw) -> Row:
        question = "".join(spelt.get(character, character) for character in row["question"].upper())
        return row | {"question": question}

    def edited(words: int) -> Callable[[Row, Draw], Row]:
        def change(row: Row, draw: Draw) -> Row:
            return row | {"question": row["question"], "answer": _edit(row["answer"], words, draw)}

        return change

    material.repeat("exact_duplicates", "other id", 200, lambda row, _draw: row, material.clean)
    material.repeat("near_duplicates", "case and signs", 200, respelt, material.clean)
    long_rows = [row for row in material.clean if len(row["answer"].split()) >= LONG_WORDS_MIN]
    for words in (1, 2, 3):
        material.repeat("near_duplicates", f"{words} words edited", 300, edited(words), long_rows)
    material.repeat(
        "near_duplicates",
        "of an included dataset, 2 words edited",
        300,
        edited(2),
        [row for row in material.included if len(row["answer"].split()) >= LONG_WORDS_MIN],
    )
    short = [row for row in material.clean if len(row["answer"].split()) <= SHORT_WORDS_MAX]
    material.repeat("near_duplicates", "short row, 1 word edited", 200, edited(1), short)


def _edit(text: str, count: int, draw: Draw) -> str:
    """Replace, drop or add `count` words that are not numbers."""
    words = text.split(" ")
    for _ in range(count):
        place = draw.choice([place for place, word in enumerate(words) if not any(map(str.isdigit, word))])
        change = draw.choice(("replace", "drop", "add"))
        new = draw.choice(("lantern", "violon", "copper", "mardi", "velvet", "pourtant", "indeed"))
        words[place : place + 1] = {"replace": [new], "drop": [], "add": [words[place], new]}[change]
    return " ".join(words)


def _labels(material: Material) -> None:
    material.plant(
        "answers", "empty answer", 60, lambda row, d: row | {"answer": d.choice(["-", "...", "n/a", "TODO", "?"])}
    )
    material.plant(
        "answers", "answer repeats the question", 60, lambda row, _d: row | {"answer": row["question"].lower()}
    )
    material.plant("answers", "extreme length", 30, lambda row, _d: row | {"answer": " ".join([row["answer"]] * 120)})
    blob = drawn(lambda d: base64.b64encode(d.randbytes(90)).decode())
    material.plant("answers", "encoded data", 60, blob)
    material.plant(
        "answers", "one answer to many questions", 300, lambda row, _d: row | {"answer": "Buy it at the corner shop."}
    )
    other = lambda row, draw: row | {"answer": clean_row(draw, "x")["answer"]}  # noqa: E731
    material.repeat("answers", "another answer to the same question", 100, other, material.clean)
