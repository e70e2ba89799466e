"""The phrases by which answers are recognised: reads a list, and finds its phrases in a text. Pure but for the files.

`<name>.<language>.txt` holds one phrase a line, `#` begins a comment. In `refusals` case, accents and punctuation do
not matter, and words are compared whole; in `jailbreaks` each line is a trick around `{request}`. A list is a signal
and no judgement: it knows neither irony nor other words for the same.
"""

import re
import unicodedata
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "fr")
FOLDER = Path(__file__).parent
_WORDS = re.compile(r"\w+")


def phrases(name: str, language: str) -> tuple[str, ...]:
    """Return the entries of a list in their normal form; a list that does not ship raises FileNotFoundError."""
    lines = (FOLDER / f"{name}.{language}.txt").read_text(encoding="utf-8").splitlines()
    entries = (normal(line.partition("#")[0]) for line in lines)
    return tuple(dict.fromkeys(entry for entry in entries if entry))


@cache
def templates(name: str, language: str) -> tuple[str, ...]:
    """Return the lines of a list as they stand, without comments: sentences with a place for something else."""
    lines = (FOLDER / f"{name}.{language}.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def holds(text: str, name: str) -> bool:
    """Say whether an entry of a list, in any language, stands in `text`."""
    return _pattern(name).search(normal(text)) is not None


def normal(text: str) -> str:
    """Return `text` in lower case, without accents, punctuation and marks that nobody sees, words one space apart."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in decomposed if unicodedata.category(letter) not in {"Mn", "Cf"})
    return " ".join(_WORDS.findall(plain))


@cache
def _pattern(name: str) -> re.Pattern[str]:
    entries = sorted({entry for language in LANGUAGES for entry in phrases(name, language)})
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, entries))})(?!\w)")
