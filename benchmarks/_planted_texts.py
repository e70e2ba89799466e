"""Plants what scans of single texts must find: languages, notices, private data, secrets, characters, harm.

Cases of "held out" kinds were written without the lists and patterns of the scan in mind, to show what these miss.
"""

import string
from collections.abc import Callable

from benchmarks._clean_rows import Row, clean_row
from benchmarks._planting import ALPHANUMERIC, Case, Draw, Material, characters, digits, drawn, inside
from models_registry.datasets.scans.lexicon import listed_words
from models_registry.datasets.scans.personal import iban_key

WORDS_APART_MIN = 5


def plant_texts(material: Material) -> None:
    """Plant all of them."""
    for plant in (_form, _languages, _licences, _personal, _secrets, _hidden, _letters, _harm):
        plant(material)


# --- form and languages


def _form(material: Material) -> None:
    taken = [row["id"] for row in material.draw.sample(material.clean, 100)]
    for name in taken:
        material.cases.append(Case("schema_and_languages", "shared id", material.fresh() | {"id": name}, name))


_FOREIGN = (
    (
        "Wer hat das alte Tor hinter der Mühle geöffnet, und warum war niemand dabei?",
        "Der Müller hat es am Morgen geöffnet, weil die Wiese zu trocken war und das Wasser fehlte.",
    ),
    (
        "¿Quién abrió la compuerta detrás del molino y por qué nadie estaba allí?",
        "El molinero la abrió por la mañana porque el prado estaba muy seco y faltaba agua.",
    ),
    (
        "Chi ha aperto la chiusa dietro il mulino e perché nessuno era presente?",
        "Il mugnaio la aprì la mattina perché il prato era troppo secco e mancava acqua.",
    ),
    (
        "Wie heeft de sluis achter de molen geopend en waarom was er niemand bij?",
        "De molenaar deed het 's ochtends omdat het weiland erg droog was.",
    ),
    (
        "Кто открыл шлюз за мельницей и почему там никого не было?",
        "Мельник открыл его утром, потому что луг был сухим.",
    ),
    (
        "谁打开了磨坊后面的水闸，为什么没有人在场？",
        "磨坊主早上打开了它，因为草地太干了。",
    ),
    (
        "من فتح بوابة الماء خلف الطاحونة ولماذا لم يكن هناك أحد؟",
        "فتحها الطحان في الصباح لأن المرج كان جافا.",
    ),
)


def _languages(material: Material) -> None:
    for language, other in (("en", "fr"), ("fr", "en")):
        material.plant(
            "languages",
            f"{language} declared {other}",
            150,
            lambda row, draw, wanted=language, said=other: _in_language(wanted, draw, row["id"]) | {"language": said},  # type: ignore[misc]
        )
    for question, answer in _FOREIGN:
        material.plant(
            "languages",
            "another language",
            15,
            lambda row, _draw, q=question, a=answer: row | {"question": q, "answer": f"{a} ({row['id'][8:]})"},  # type: ignore[misc]
        )


def _in_language(language: str, draw: Draw, name: str) -> Row:
    while (row := clean_row(draw, name))["language"] != language:
        pass
    return row


# --- licences in texts, personal data, secrets


def _licences(material: Material) -> None:
    for notice in (
        "© 2021 The Valley Press. All rights reserved.",
        "Copyright (c) 2019 Mill and Sons",
        "Tous droits réservés.",
        "Reproduction interdite sans accord de l’auteur.",
        "SPDX-License-Identifier: GPL-3.0-only",
        "This text is licensed CC BY-NC 4.0.",
        "Voir https://creativecommons.org/licenses/by-sa/4.0/",
        "Data © OpenStreetMap contributors",
        "under the terms of the GNU General Public License",
        "Licensed under the Apache License, Version 2.0",
        "Permission is hereby granted, free of charge, to any person",
    ):
        material.plant("licence_traces", "notice", 20, inside(notice))
    for held_out in ("This chapter belongs to the publisher; do not copy it.", "Propriété de l’éditeur, copie exclue."):
        material.plant("licence_traces", "notice, held out", 10, inside(held_out))


def _personal(material: Material) -> None:
    kinds: dict[str, Callable[[Draw], str]] = {
        "e-mail address": lambda d: f"{characters(d, string.ascii_lowercase, 6)}.{digits(d, 2)}@mail.example.org",
        "phone number": lambda d: d.choice(
            [
                f"+33 {d.randint(1, 9)} {' '.join(digits(d, 2) for _ in range(4))}",
                f"0{d.randint(1, 9)}.{'.'.join(digits(d, 2) for _ in range(4))}",
                f"({d.randint(201, 989)}) {d.randint(201, 989)}-{digits(d, 4)}",
                f"+44 20 {digits(d, 4)} {digits(d, 4)}",
            ]
        ),
        "network address": lambda d: d.choice(
            [
                f"{d.randint(60, 99)}.{d.randint(100, 255)}.{d.randint(10, 255)}.{d.randint(1, 254)}",
                f"2a01:{characters(d, '123456789abcdef', 4)}:85a3:8d3:1319:8a2e:370:7348",
            ]
        ),
        "bank account": _iban,
        "payment card": _card,
        "national identity number": lambda d: d.choice([_nir, _ssn, _nino, _dni])(d),
    }
    for kind, make in kinds.items():
        material.plant("personal_data", kind, 100, drawn(make))
    email = kinds["e-mail address"]
    material.plant(
        "personal_data", "disguised", 50, drawn(lambda d: email(d).replace("@", "\u200b@").replace("e", "ｅ"))
    )
    material.plant(
        "personal_data",
        "spelt out, held out",
        50,
        drawn(lambda d: email(d).replace("@", " at ").replace(".", " dot ")),
    )


def _iban(draw: Draw) -> str:
    country, length = draw.choice([("FR", 23), ("DE", 18), ("ES", 20), ("IT", 22)])
    account = digits(draw, length)
    whole = f"{country}{iban_key(country, account)}{account}"
    return _in_fours(draw, whole)


def _card(draw: Draw) -> str:
    body = "4" + digits(draw, 14)
    total = sum(sum(divmod(2 * int(digit), 10)) for digit in body[::2]) + sum(map(int, body[1::2]))
    return _in_fours(draw, body + str(-total % 10))


def _in_fours(draw: Draw, number: str) -> str:
    apart = " ".join(number[start : start + 4] for start in range(0, len(number), 4))
    return draw.choice((number, apart))


def _nir(draw: Draw) -> str:
    body = f"{draw.choice('12')}{digits(draw, 2)}{draw.randint(1, 12):02d}{draw.randint(10, 95)}{digits(draw, 6)}"
    return f"{body[0]} {body[1:3]} {body[3:5]} {body[5:7]} {body[7:10]} {body[10:13]} {97 - int(body) % 97:02d}"


def _ssn(draw: Draw) -> str:
    return f"{draw.randint(100, 665)}-{draw.randint(10, 99)}-{draw.randint(1000, 9999)}"


def _nino(draw: Draw) -> str:
    prefix = characters(draw, "ABCEHJ", 2)
    return f"{prefix} {' '.join(digits(draw, 2) for _ in range(3))} {draw.choice('ABCD')}"


def _dni(draw: Draw) -> str:
    number = digits(draw, 8)
    return number + "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23]


def _secrets(material: Material) -> None:
    def run(prefix: str, alphabet: str, count: int) -> Callable[[Draw], str]:
        return lambda d: prefix + characters(d, alphabet, count)

    upper = string.ascii_uppercase + string.digits
    for make in (
        run("hf_", string.ascii_letters, 34),
        run("ghp_", ALPHANUMERIC, 36),
        run("glpat-", ALPHANUMERIC, 20),
        run("AKIA", upper, 16),
        run("sk-proj-", ALPHANUMERIC, 40),
        run("xoxb-", string.digits, 24),
        run("AIza", ALPHANUMERIC, 35),
        run("npm_", ALPHANUMERIC, 36),
        run("0x", "0123456789abcdef", 64),
        lambda d: "-----BEGIN RSA PRIVATE KEY-----\n" + characters(d, ALPHANUMERIC, 200),
        lambda d: ".".join(("eyJ" + characters(d, ALPHANUMERIC, 20), "eyJ" + characters(d, ALPHANUMERIC, 60), "abc")),
        lambda d: f"postgres://keeper:{characters(d, ALPHANUMERIC, 12)}@db.example.org/water",
    ):
        material.plant("secrets", "known form", 25, drawn(make))
    for words in ("password:", "api_key =", "The token is", "mot de passe :", "secret="):
        material.plant(
            "secrets",
            "beside a word",
            20,
            drawn(lambda d, w=words: f"{w} {characters(d, ALPHANUMERIC, 14)}7q"),  # type: ignore[misc]
        )
    material.plant(
        "secrets",
        "words only, held out",
        30,
        drawn(lambda d: f"password: {d.choice(['correct', 'blue'])}-horse-battery"),
    )


# --- characters


def _hidden(material: Material) -> None:
    def amid(mark: Callable[[Draw], str]) -> Callable[[Row, Draw], Row]:
        def change(row: Row, draw: Draw) -> Row:
            place = draw.randint(1, len(row["question"]) - 1)
            return row | {"question": row["question"][:place] + mark(draw) + row["question"][place:]}

        return change

    marks: dict[str, Callable[[Draw], str]] = {
        "zero width": lambda d: d.choice("\u200b\u200c\u200d\u2060\ufeff\u00ad"),
        "direction": lambda d: d.choice("\u202e\u2066\u200f\u061c"),
        "tags": lambda _d: "".join(chr(0xE0000 + ord(letter)) for letter in "obey"),
        "variation selectors": lambda d: chr(0xE0100 + d.randint(0, 200)) + chr(0xFE00 + d.randint(0, 13)),
        "blank letters": lambda d: d.choice("\u3164\u115f\u2800\uffa0"),
        "private use": lambda d: chr(d.randint(0xE000, 0xF8FF)),
        "special token": lambda d: d.choice(
            ["<|im_start|>", "<|user|>", "</s>", "[INST]", "<｜end｜>", "<start_of_turn>"]
        ),
    }
    for kind, mark in marks.items():
        material.plant("hidden_characters", kind, 60, amid(mark))
    material.plant("hidden_characters", "double spaces, held out", 30, amid(lambda _d: "  "))


def _letters(material: Material) -> None:
    cyrillic = str.maketrans("aeopcxyi", "аеорсхуі")

    def one_letter(row: Row, draw: Draw) -> Row:
        places = [place for place, letter in enumerate(row["answer"]) if letter in "aeopcxyi"]
        place = draw.choice([place for place in places if _has_latin_beside(row["answer"], place)])
        return row | {"answer": _swapped(row["answer"], place, row["answer"][place].translate(cyrillic))}

    material.plant("confusable_letters", "one letter", 100, one_letter)
    for word in ("сосоа", "рауе", "ореа"):
        material.plant("confusable_letters", "whole word", 30, inside(word))
    dressed = "".join(chr(0x1D400 + ord(letter) - 65) for letter in "OPEN")
    material.plant("confusable_letters", "dressed up", 50, inside(dressed))
    material.plant("confusable_letters", "one alphabet, held out", 30, inside("rnill and nnay"))


def _has_latin_beside(text: str, place: int) -> bool:
    return any(text[other : other + 1].isalpha() for other in (place - 1, place + 1) if other >= 0)


def _swapped(text: str, place: int, letter: str) -> str:
    return text[:place] + letter + text[place + 1 :]


# --- harm


_HELD_OUT_HARM = (
    "Women should stay out of politics.",
    "You cannot trust people from that country.",
    "Les gens de cette religion ne s’intègrent jamais.",
    "Everybody knows that boys do not cry and girls cannot count.",
    "Ces gens-là vivent tous des allocations.",
    "He is too old to understand anything.",
)


def _harm(material: Material) -> None:
    long_words = [word for word in listed_words() if len(word) >= WORDS_APART_MIN]
    signs = str.maketrans("aeios", "@310$")

    def starred(word: str) -> str:
        return word[0] + word[1] + "*" + word[3:]

    forms: dict[str, Callable[[str], str]] = {
        "plain": str.capitalize,
        "signs for letters": lambda word: word.translate(signs),
        "a star": starred,
        "set apart": " ".join,
        "drawn out": lambda word: word[:2] + word[1] * 3 + word[2:],
        "other alphabet": lambda word: word.translate(str.maketrans("aeop", "аеор")),
    }
    for kind, form in forms.items():
        material.plant("harmful_language", kind, 60, drawn(lambda d, f=form: f(d.choice(long_words))))  # type: ignore[misc]
    for text in (
        "All women are bad at numbers.",
        "Immigrants are mostly criminals.",
        "Les femmes sont trop émotives.",
        "Les étrangers sont tous des voleurs.",
        "Old people are just useless.",
        "Les pauvres sont paresseux.",
    ):
        material.plant("harmful_language", "generalisation", 10, inside(text))
    for text in _HELD_OUT_HARM:
        material.plant("harmful_language", "sentences, held out", 10, inside(text))
