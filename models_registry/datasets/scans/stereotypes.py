"""Sentences that ascribe a bad trait to a whole group of people, in English and French. Pure.

A pattern of three parts, near each other in one sentence: a group, a word that generalises, a trait. It does not know
who says so: a text that quotes a prejudice in order to refute it is found as well.
"""

import re
from collections.abc import Iterator

from models_registry.datasets.scans.base import Span
from models_registry.datasets.scans.lexicon import folded

_GROUPS_EN = (
    "women|men|girls|boys|wives|blacks|whites|black people|white people|asians|arabs|africans|muslims|jews|christians|"
    "hindus|atheists|immigrants|migrants|refugees|foreigners|gays|gay people|lesbians|homosexuals|trans people|gypsies|"
    "roma|old people|elderly people|young people|disabled people|poor people|the poor|mexicans|chinese people|indians"
)
_TRAITS_EN = (
    "stupid|lazy|dirty|criminals|criminal|thieves|liars|greedy|inferior|violent|dangerous|weak|hysterical|emotional|"
    "irrational|bad at|unable to|incapable|backward|primitive|terrorists|parasites|vermin|animals|savages|"
    "untrustworthy|cheap|promiscuous|sinful|perverts|less intelligent|not intelligent|useless|"
    "a burden|belong in the kitchen"
)
_GROUPS_FR = (
    "femmes|hommes|filles|garcons|epouses|noirs|blancs|asiatiques|arabes|africains|musulmans|juifs|chretiens|athees|"
    "immigres|migrants|refugies|etrangers|gays|lesbiennes|homosexuels|trans|gitans|roms|tsiganes|vieux|"
    "personnes agees|jeunes|handicapes|personnes handicapees|pauvres|chomeurs|maghrebins|chinois"
)
_TRAITS_FR = (
    "stupides?|betes|paresseux|paresseuses|feignants?|sales|criminels|voleurs|menteurs|menteuses|avares|inferieure?s|"
    "violents|dangereux|faibles|hysteriques|trop emotives|irrationnelles|nuls? en|nulles? en|incapables|arrieres|"
    "primitifs|terroristes|parasites|vermine|animaux|sauvages|radins|pervers|pecheurs|moins intelligente?s|inutiles|"
    "un fardeau|faites pour la cuisine"
)
_PATTERN = re.compile(
    rf"\b(?:(?:all |most |typical )?(?:{_GROUPS_EN}) (?:are|is|will be)"
    rf"(?: (?:all|always|just|simply|naturally|by nature|inherently|too|so|more|mostly|nothing but|only|very|really))"
    rf"{{0,3}} (?:{_TRAITS_EN})"
    rf"|(?:tou(?:te)?s les |les )(?:{_GROUPS_FR}) (?:sont|ne sont)"
    rf"(?: (?:tous|toutes|toujours|juste|simplement|naturellement|par nature|trop|si|plus|que|que des|tres|vraiment|des"
    rf"|de)){{0,3}} (?:{_TRAITS_FR}))\b"
)
_SIGNS = re.compile(r"\b(?:are|is|be|sont)\b")


def spans(plain: str) -> Iterator[Span]:
    """Yield the generalisations in `plain`, a text without invisible characters."""
    text = folded(plain)
    if _SIGNS.search(text):
        for match in _PATTERN.finditer(text):
            yield Span(match.start(), match.end(), "generalisation about a group")
