"""The language of each row as its small words show it, against the language that the row declares.

English and French are told by their function words. A text with many words and hardly any of either is in another
language, which is said as unknown; so is one whose letters are mostly of another script.
"""

from collections import Counter

from models_registry.datasets.kinds import texts_of
from models_registry.datasets.scans.base import Context, Findings, Rows, Scan, normalised
from models_registry.datasets.scans.function_words import ONLY
from models_registry.datasets.scans.gathering import Gathering

# Fewer words than this do not show their language.
WORDS_MIN = 6
# One language is told from the other by at least this many more function words, and has half as many again.
LEAD_MIN = 2
# Ordinary prose has one function word in two or three; less than one in this many is neither English nor French.
WORDS_PER_FUNCTION_WORD_MAX = 12
UNKNOWN_WORDS_MIN = 12
_LATIN_END = "\u0250"


def search(rows: Rows, _context: Context) -> Findings:
    """Find rows whose text is in another language than they declare."""
    gathered = Gathering()
    told: Counter[str] = Counter()
    for line, row in enumerate(rows, start=1):
        texts = texts_of(row)
        found = language_of(" ".join(texts))
        told[found] += 1
        if found and found != row["language"]:
            gathered.add(line, f"{found} instead of {row['language']}", texts[0])
    untold = told.pop("", 0)
    counted = ", ".join(f"{name} {told[name]}" for name in sorted(told))
    return gathered.findings("languages_fit", "languages_differ", {"counted": counted or "–", "untold": untold})


def language_of(text: str) -> str:
    """Return "en", "fr", "unknown" (another language), or "" when the text is too short or too mixed to say."""
    letters = [character for character in text if character.isalpha()] if not text.isascii() else []
    if letters and 2 * sum(letter >= _LATIN_END for letter in letters) > len(letters):
        return "unknown"
    words = normalised(text).split()
    if len(words) < WORDS_MIN:
        return ""
    counts = {language: sum(map(small.__contains__, words)) for language, small in ONLY.items()}
    second, first = sorted(counts, key=counts.__getitem__)[-2:]
    if counts[first] * WORDS_PER_FUNCTION_WORD_MAX < len(words):
        return "unknown" if len(words) >= UNKNOWN_WORDS_MIN else ""
    leads = counts[first] - counts[second] >= LEAD_MIN and 2 * counts[first] >= 3 * counts[second]
    return first if leads else ""


SCAN = Scan(
    name="languages",
    version=1,
    label="Languages of the texts",
    description="Every row is in the language that it declares, as far as its small words show.",
    blind_to="Rows of a few words, lists, tables and code, and which other language a text is in.",
    blocks=False,
    search=search,
)
