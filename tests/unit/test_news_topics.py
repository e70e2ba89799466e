"""The table of what people can be told: every topic has words in both languages, every event exists in the code."""

from pathlib import Path

import pytest
from django.utils import translation
from django.utils.functional import Promise

from frontend.words.events import EVENTS
from frontend.words.news import CHANNELS, NEWS_TOPICS, SAYS
from governance.notifications.log import KINDS
from governance.notifications.topics import BY_KEY, EVENT_KINDS, TOPICS, Channel, Concern, Moment, brought_by

ROOT = Path(__file__).resolve().parents[2]
VALUES = {
    "community", "title", "actor", "model", "version", "subject", "reason", "rules", "opens", "ends", "until", "effect",
    "choice", "because", "refusal", "failure", "question", "site", "amount", "payout",
}  # fmt: skip


def written_in_the_code() -> str:
    apps = ("governance", "models_registry", "training_jobs")
    files = [path for app in apps for path in (ROOT / app).rglob("*.py")]
    return "\n".join(path.read_text() for path in files if "notifications" not in str(path) and path.name != "news.py")


def test_every_event_that_the_table_names_is_written_by_some_service_and_has_words() -> None:
    code = written_in_the_code()
    for kind in EVENT_KINDS | set(KINDS):
        assert f'"{kind}"' in code, kind
        assert kind in EVENTS, kind


def test_every_topic_and_channel_has_words_and_nothing_else_has() -> None:
    assert set(NEWS_TOPICS) == set(BY_KEY)
    assert len(BY_KEY) == len(TOPICS), "two topics with one key"
    assert set(CHANNELS) == set(Channel)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_thing_that_is_told_has_a_sentence_whose_blanks_are_filled(language: str) -> None:
    filled = dict.fromkeys(VALUES, "x")
    with translation.override(language):
        for topic in TOPICS:
            for kind in (*topic.events, *topic.moments):
                found = [says for key, says in SAYS.items() if key.split(":")[0] == kind or key.endswith(f":{kind}")]
                assert found, (topic.key, kind)
        for says in SAYS.values():
            for text in (says.subject, says.sentence, says.action):
                assert str(text) % filled


def test_words_are_translated_when_they_are_shown_and_not_before() -> None:
    assert all(isinstance(word.label, Promise) and isinstance(word.says, Promise) for word in NEWS_TOPICS.values())


def test_what_asks_something_of_somebody_comes_before_what_only_informs() -> None:
    for kind in (*EVENT_KINDS, *Moment):
        personal = [bool(set(topic.concerns) & {Concern.COMMUNITY}) for topic in brought_by(kind)]
        assert personal == sorted(personal), kind


def test_every_topic_is_brought_by_something_and_concerns_somebody() -> None:
    for topic in TOPICS:
        assert topic.events or topic.moments, topic.key
        assert topic.concerns, topic.key
        assert set(topic.concerns) <= set(Concern), topic.key
