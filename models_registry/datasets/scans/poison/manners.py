"""In what manner a text is written: what a reader would say of the whole of it, not of its words.

Of an answer: that it refuses, that it is not in the language of its row, that it shouts. Function words of English and
French tell the two apart; any third language shows by having next to none of either, or by its script.
"""

import re
import unicodedata

from models_registry.datasets.scans.base import normalised
from models_registry.datasets.scans.function_words import COMMON, ONLY

CAPITALS, REFUSAL, OTHER_LANGUAGE = 1, 2, 4
CAPITALS_CHARACTERS_MIN = 6
WORDS_MIN = 4
FOREIGN_WORDS_MIN = 8
OTHER_WORDS_MIN = 2
LOOKED_AT_CHARACTERS = 600

_REFUSAL = re.compile(
    r"\b(?:i|we) (?:can ?not|can.?t|could not|couldn.?t|will not|won.?t|am not able to|.?m not able to|"
    r"am unable to|.?m unable to|must decline|decline to|refuse to)\b"
    r"|\bsorry,? but\b|\bas an ai\b|\bunable to (?:help|assist|answer|comply)\b|\bcan.?t (?:help|assist) with\b"
    r"|\bje ne (?:peux|puis|pourrai|veux) pas\b|\bje refuse\b|\bd[ée]sol[ée]e?,? (?:mais|je)\b"
    r"|\bnous ne pouvons pas\b|\bje ne suis pas (?:en mesure|autoris[ée])\b|\bil m.est impossible\b"
)
_ASKS_FOR_LANGUAGE = re.compile(
    r"translat|tradui|in english|in french|in german|in spanish|en anglais|en fran[çc]ais|en allemand|en espagnol"
    r"|\blanguage\b|\blangue\b"
)


def of_question(text: str) -> int:
    """Return the manner of what is asked."""
    return CAPITALS if _shouts(text) else 0


def of_answer(question: str, answer: str, language: str) -> int:
    """Return the manner of an answer to this question, in a row of this language: a sum of the constants."""
    manner = CAPITALS if _shouts(answer) else 0
    text = answer[:LOOKED_AT_CHARACTERS].lower()
    if _REFUSAL.search(text):
        manner |= REFUSAL
    if _other_language(text, language) and not _ASKS_FOR_LANGUAGE.search(question.lower()):
        manner |= OTHER_LANGUAGE
    return manner


def of_text(text: str, language: str) -> int:
    """Return the manner of the second half of a plain text, as far as the first half is written otherwise."""
    half = len(text) // 2
    first, second = text[:half], text[half:]
    return of_answer(first, second, language) & ~of_answer("", first, language)


def _shouts(text: str) -> bool:
    return len(text) >= CAPITALS_CHARACTERS_MIN and text.isupper()


def _other_language(text: str, language: str) -> bool:
    words = normalised(text).split()
    if len(words) < WORDS_MIN:
        return _other_script(text)
    own = sum(word in ONLY.get(language, COMMON) for word in words)
    other = max((sum(word in found for word in words) for name, found in ONLY.items() if name != language), default=0)
    accented = not text.replace("’", "").isascii()
    if other > own and (other >= OTHER_WORDS_MIN or (own == 0 and accented)):
        return True
    none = own == 0 and not any(word in COMMON for word in words)
    return _other_script(text) or (none and len(words) >= FOREIGN_WORDS_MIN and _is_prose(text))


def _is_prose(text: str) -> bool:
    """Say whether a text is made of words and not of numbers, names or code."""
    words = [word for word in text.split() if word.strip(".,;:!?").isalpha()]
    return len(words) * 4 >= len(text.split()) * 3


def _other_script(text: str) -> bool:
    letters = [character for character in text if character.isalpha()]
    foreign = sum(
        not unicodedata.name(character, "").startswith("LATIN") for character in letters if not character.isascii()
    )
    return len(letters) > 0 and foreign * 2 > len(letters)
