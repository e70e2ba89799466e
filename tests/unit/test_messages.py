"""The words of the site: the French catalogue is complete, and keeps placeholders, markup and typography."""

import re
import string
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]
LOCALE = ROOT / "frontend" / "locale"
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|%%")
TAG = re.compile(r"</?\w+>")


def catalog(language: str) -> Catalog:
    with (LOCALE / language / "LC_MESSAGES" / "django.po").open("rb") as file:
        return read_po(file, locale=language)


def french() -> list[Message]:
    return [message for message in catalog("fr") if message.id]


def texts(value: str | tuple[str, ...] | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def test_no_french_message_is_missing_or_fuzzy() -> None:
    missing = [message.id for message in french() if message.fuzzy or not all(texts(message.string))]
    assert missing == []


def test_both_languages_have_the_same_messages() -> None:
    assert {(m.context, m.id) for m in catalog("en")} == {(m.context, m.id) for m in catalog("fr")}


def test_placeholders_and_markup_survive_translation() -> None:
    for message in french():
        sources, found = texts(message.id), texts(message.string)
        for index, text in enumerate(found):
            source = sources[min(index, len(sources) - 1)]
            assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(source)), message.id
            assert sorted(TAG.findall(text)) == sorted(TAG.findall(source)), message.id


def test_french_typography_is_kept() -> None:
    """A breaking space before punctuation, straight quotes and straight apostrophes are not French."""
    for message in french():
        for text in texts(message.string):
            assert not re.search(r" (?:[;:!?»]|%%)", text), text
            assert "« " not in text, text
            assert "'" not in text, text
            assert '"' not in text, text


def test_every_string_of_templates_is_in_the_catalogue() -> None:
    """What a template asks to translate is there, so that nobody forgets to extract."""
    known = {texts(message.id)[0] for message in french()}
    asked: set[str] = set()
    for template in (ROOT / "frontend" / "templates").rglob("*.html"):
        source = template.read_text(encoding="utf-8")
        asked |= {double or single for double, single in re.findall(r"{% translate (?:\"([^\"]+)\"|'([^']+)')", source)}
    assert asked - known == set()


@pytest.mark.parametrize("folder", ["frontend/templates"])
def test_no_template_holds_untranslated_words(folder: str) -> None:
    """Text between tags goes through gettext; what stands there otherwise is code, a name or punctuation."""
    allowed = {"Commonweights", "SHA-256", "Ctrl K", "CSV", "JSON", "Beancount"}
    for template in (ROOT / folder).rglob("*.html"):
        source = template.read_text(encoding="utf-8")
        source = re.sub(r"{% blocktranslate.*?{% endblocktranslate %}", "", source, flags=re.DOTALL)
        source = re.sub(r"<pre[^>]*>.*?</pre>|<svg.*?</svg>|{#.*?#}", "", source, flags=re.DOTALL)
        source = re.sub(r"{%.*?%}|{{.*?}}", "", source, flags=re.DOTALL)
        for text in re.findall(r">([^<>]+)<", source):
            words = text.strip(string.whitespace + string.punctuation + "·→—…@")
            assert not re.search(r"[^\W\d_]", words) or words in allowed, (template.name, words)
