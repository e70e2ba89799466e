"""Excerpts of rows that may be published: what is private, secret or hateful in them is masked, whoever shows them.

Around a private finding only function words stay readable, since a name beside a telephone number is private too and no
pattern knows all names. Invisible characters are written out, so that a reader sees them.
"""

import re
import unicodedata
from collections.abc import Iterator

from models_registry.datasets.scans import lexicon, personal, secret_forms
from models_registry.datasets.scans.function_words import COMMON

SIDE_CHARACTERS = 48
FOUND_CHARACTERS = 80
# Looked at on each side beyond what is shown, so that a secret is recognised although the cut goes through it.
_MARGIN = 160
MASK = "█████"
_DOTS = "•••"
_WORDS = re.compile(r"\w+")
# Whatever else a long unbroken run of letters and digits is, it is not needed to understand a finding.
_LONG_RUN = re.compile(r"(?=[A-Za-z0-9+/=_\-]*\d)[A-Za-z0-9+/=_\-]{20,}")


def excerpt(text: str, start: int, end: int, *, private: bool = False) -> tuple[str, str, str]:
    """Return (before, found, after) of `text[start:end]`, masked, and cut to a line that a page can show."""
    begin = max(0, start - SIDE_CHARACTERS - _MARGIN)
    end = min(end, start + FOUND_CHARACTERS)
    window = text[begin : end + SIDE_CHARACTERS + _MARGIN]
    masks = list(_masks(window))
    start, end = start - begin, end - begin
    left, right = max(0, start - SIDE_CHARACTERS), min(len(window), end + SIDE_CHARACTERS)
    before = _shown(window, left, start, masks)
    after = _shown(window, end, right, masks)
    found = window[start:end]
    if private:
        found = MASK
    elif any(character.isprintable() for character in found):
        found = _shown(window, start, end, masks)
    else:
        found = "".join(map(_visible, found))
    # Beside something private everything is: also when another scan shows the place.
    if private or MASK in before + found + after:
        before, after = _only_function_words(before), _only_function_words(after)
    return before, found, after


def _masks(window: str) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, what to show instead) for everything that must not be shown, also when it is disguised."""
    plain, origins = _plain(window)
    for module in (personal, secret_forms):
        for span in module.spans(plain):
            yield origins[span.start], origins[span.end - 1] + 1, MASK
    for match in _LONG_RUN.finditer(plain):
        yield origins[match.start()], origins[match.end() - 1] + 1, MASK
    for span in lexicon.spans(plain):
        yield origins[span.start], origins[span.end - 1] + 1, plain[span.start] + _DOTS


def _plain(window: str) -> tuple[str, list[int]]:
    """Return `window` without disguise, and for each of its characters the place in `window` that it comes from."""
    characters: list[str] = []
    origins: list[int] = []
    for place, character in enumerate(window):
        if unicodedata.category(character) != "Cf":
            for part in unicodedata.normalize("NFKC", character):
                characters.append(part)
                origins.append(place)
    return "".join(characters), origins


def _shown(window: str, left: int, right: int, masks: list[tuple[int, int, str]]) -> str:
    """Return `window[left:right]` with every mask that touches it in place of what it covers."""
    shown: list[str] = []
    place = left
    for begin, end, instead in sorted(masks):
        if end <= place or begin >= right:
            continue
        shown += (window[place:begin] if begin > place else "", instead)
        place = min(end, right)
    shown.append(window[place:right])
    return "".join(_visible(character) for character in "".join(shown))


def _visible(character: str) -> str:
    if character in "\n\r\t":
        return " "
    if unicodedata.category(character) in {"Cf", "Cc", "Cn", "Co", "Cs", "Zl", "Zp"}:
        return f"⟨U+{ord(character):04X}⟩"
    return character


def _only_function_words(text: str) -> str:
    return _WORDS.sub(lambda match: match.group() if match.group().lower() in COMMON else _DOTS, text)
