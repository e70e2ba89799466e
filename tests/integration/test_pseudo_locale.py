"""A language that is 40 % longer than English and marks each of its messages: pages keep their shape, and no word is missed.

The catalogue is made from the English one when the test runs; it takes the place of French. What stands outside of its
brackets was written into a template or a view by hand, unless somebody of the story wrote it.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.core.cache import cache
from django.db import models
from django.test import Client
from django.utils.translation import trans_real

from frontend import numbers
from frontend.templatetags import commonweights, voting
from tests.integration import chromium
from tests.integration.pages_story import Story, signed_in, story, told
from tests.integration.test_accessibility import commons, running, states

__all__ = ["commons", "running", "story", "told"]

ROOT = Path(__file__).resolve().parents[2]
KEPT = re.compile(r"(%\([^)]*\)[sd]|%%|\{\w+\}|</?\w+[^>]*>|&\w+;)")
ACCENTS = str.maketrans("aeiounycAEIOUNYC", "àéîöûñýçÀÉÎÖÛÑÝÇ")
WORDS = re.compile(r"[^\W\d_]{3,}")
OPEN, CLOSE = "⟦", "⟧"
# Names of things, which are the same in every language, and what the browser itself writes.
ADDRESS = re.compile(r"https?://\S+|\S+@[0-9a-f]{12}")
NAMES = {
    "Commonweights",
    "Ctrl",
    "English",
    "Français",
    "API",
    "Atom",
    "JSON",
    "CSV",
    "SHA",
    "GGUF",
    "Apache",
    "Parquet",
    "Beancount",
}

TEXTS = """() => {
  const found = [];
  const skipped = 'code, pre, script, style, template, noscript, [lang]:not(html), [hidden], .prose, textarea, option, title';
  const around = 'p, li, dd, dt, td, th, h1, h2, h3, h4, a, button, label, summary, figcaption, caption, legend, text, div';
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { parentElement: parent, textContent: text } = walker.currentNode;
    if (!text.trim() || parent.closest(skipped)) continue;
    found.push([(parent.closest(around) ?? parent).textContent, text.trim()]);
  }
  return found;
}"""


def lengthened(text: str) -> str:
    """Return a message as the pseudo-language has it: accents, brackets, 40 % more; placeholders and markup as they are."""
    parts = [part if KEPT.fullmatch(part) else part.translate(ACCENTS) for part in KEPT.split(text)]
    letters = sum(len(part) for part in KEPT.split(text) if not KEPT.fullmatch(part))
    return f"{OPEN}{''.join(parts)} {'ö ' * (letters // 5)}{CLOSE}"


@pytest.fixture
def pseudo(tmp_path: Path, settings: Any) -> Iterator[None]:
    """French, for the time of a test, is the pseudo-language."""
    with (ROOT / "frontend/locale/en/LC_MESSAGES/django.po").open("rb") as file:
        english = read_po(file, locale="en")
    catalogue = Catalog(locale="fr")
    for message in english:
        if message.id:
            forms = message.id if isinstance(message.id, tuple | list) else (message.id,)
            made = tuple(lengthened(form) for form in forms)
            catalogue.add(message.id, made if len(made) > 1 else made[0], context=message.context)
    folder = tmp_path / "fr/LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "django.mo").open("wb") as file:
        write_mo(file, catalogue)
    settings.LOCALE_PATHS = [tmp_path]
    kept = [one for module in (numbers, commonweights, voting) for one in vars(module).values()]
    known = [one.cache_clear for one in kept if hasattr(one, "cache_clear")]
    for forget in (trans_real._translations.clear, cache.clear, *known):
        forget()
    yield
    for forget in (trans_real._translations.clear, cache.clear, *known):
        forget()


def written_by_people() -> list[str]:
    """Return everything that the people of the story wrote or are called, the longest first."""
    from django.apps import apps

    found: list[str] = []
    for model in apps.get_models():
        if model._meta.app_label not in {"governance", "models_registry", "training_jobs"}:
            continue
        fields = [
            one.name
            for one in model._meta.get_fields()
            if isinstance(one, models.CharField | models.TextField | models.JSONField)
        ]
        found += [str(value) for row in model._default_manager.values_list(*fields)[:500] for value in row if value]
    return sorted({one for one in found if WORDS.search(one)}, key=len, reverse=True)


@pytest.mark.parametrize("width", [320, 1280])
def test_longer_words_do_not_break_a_page(
    story: Story, client: Client, running: chromium.Chromium, pseudo: None, width: int
) -> None:
    signed_in(client, story.wallets["Alice"])
    found = {}
    with chromium.window(running, client, width=width, language="fr") as window:
        for name, path in states(story).items():
            window.open(path)
            if out := window.sticks_out():
                found[name] = out
    assert not found


def test_every_word_of_a_page_comes_from_the_catalogue(
    story: Story, client: Client, running: chromium.Chromium, pseudo: None
) -> None:
    signed_in(client, story.wallets["Alice"])
    people = written_by_people()
    missed: dict[str, str] = {}
    with chromium.window(running, client, language="fr") as window:
        for name, path in states(story).items():
            window.open(path)
            for around, text in window.run(lambda page: page.evaluate(TEXTS)):
                marked = around.count(OPEN) and (OPEN in text or CLOSE in text or _inside(around, text))
                if not marked and _left(text, people):
                    missed.setdefault(text[:100], name)
    assert not missed, "\n".join(f"{name}: {text}" for text, name in missed.items())


def _left(text: str, people: list[str]) -> list[str]:
    """Return the words of a text that are no name and that nobody of the story wrote."""
    text = ADDRESS.sub(" ", text).strip(" …")
    if any(text in one for one in people):
        return []
    for one in people:
        text = text.replace(one, " ")
    return [word for word in WORDS.findall(text) if word not in NAMES]


def _inside(around: str, text: str) -> bool:
    """Say whether a text stands within the brackets of a message that goes on around it."""
    before = around.partition(text)[0]
    return before.count(OPEN) > before.count(CLOSE)
