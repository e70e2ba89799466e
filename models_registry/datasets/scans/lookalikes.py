"""Letters that look like Latin ones and are not: a small table after Unicode TR39 (confusables). Pure.

Only letters that most typefaces draw alike; the letters that merely resemble are left out, so that words of other
alphabets which nobody would misread stay what they are.
"""

import unicodedata

_CYRILLIC = dict(
    zip(
        "АВЕЅІЈКМНОРСТУХаеѕіјорсухһԁԛԝӏԌѡᴦ",
        "ABESIJKMHOPCTYXaesijopcyxhdqwlGwr",
        strict=True,
    )
)
_GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧονϲϳ", "ABEZHIKMNOPTYXovcj", strict=True))
_OTHERS = dict(zip("ՕօսոհցզԼᎪᏴᏟᎠᎬᎻᎥᎫᏦᏞᎷᏢᏒᏚᎢᏙᎳᏃꓐꓑꓓꓖꓗꓚꓜꓝꓟꓡꓣꓢꓔꓥ", "OounhgqLABCDEHiJKLMPRSTVWZBPDGKCZFMLRSTV", strict=True))
LATIN: dict[str, str] = _CYRILLIC | _GREEK | _OTHERS

# Latin letters in another dress, which NFKC takes off: mathematical, full-width, circled, squared.
_DRESSED = (
    (0x1D400, 0x1D6A5),
    (0xFF21, 0xFF3A),
    (0xFF41, 0xFF5A),
    (0x24B6, 0x24E9),
    (0x1F110, 0x1F129),
    (0x1F130, 0x1F149),
    (0x1F150, 0x1F169),
    (0x1F170, 0x1F189),
)


def is_dressed(character: str) -> bool:
    """Say whether `character` is a Latin letter in a dress that ordinary text does not wear."""
    code = ord(character)
    return any(first <= code <= last for first, last in _DRESSED)


def script(letter: str) -> str:
    """Return the script of a letter by the first word of its Unicode name: LATIN, CYRILLIC, GREEK and so on."""
    name = unicodedata.name(letter, "")
    return name.split(" ", 1)[0]
