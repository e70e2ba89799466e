"""The constitution as it stood at any moment, and what differs between two. Pure: moments are UNIX seconds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Where an article stands at a moment."""

    NOT_YET = "not_yet"
    IN_FORCE = "in_force"
    OVER = "over"  # its sunset has come; it stays in the text until it is changed or repealed
    CHANGED = "changed"
    REPEALED = "repealed"


class How(StrEnum):
    """How an article differs between two moments."""

    ADDED = "added"
    CHANGED = "changed"
    REPEALED = "repealed"
    SUNSET = "sunset"


@dataclass(frozen=True)
class Vote:
    """The vote behind a change: the number of the proposal and its title."""

    number: int
    title: str


@dataclass(frozen=True)
class Article:
    """One rule as a vote put it into force: the body of its record, and what ended it."""

    body: Mapping[str, Any]
    record: str
    adopted_at: int
    adopted_by: Vote
    ended_at: int | None = None
    ended_by: Vote | None = None
    is_replaced: bool = False  # ended by a change, not by a repeal

    @property
    def slug(self) -> str:
        """The name that stays the same when the rule is changed."""
        return str(self.body["slug"])

    def state(self, moment: int) -> State:
        """Return the state at a moment: the first row that matches."""
        if moment < self.adopted_at:
            return State.NOT_YET
        if self.ended_at is not None and self.ended_at <= moment:
            return State.CHANGED if self.is_replaced else State.REPEALED
        sunset = self.body["sunset"]
        return State.OVER if sunset is not None and sunset <= moment else State.IN_FORCE


@dataclass(frozen=True)
class Difference:
    """What became of one article between two moments; `fields` are the parts of its body that changed, in order."""

    slug: str
    how: How
    before: Article | None
    after: Article | None
    vote: Vote | None
    fields: tuple[str, ...] = ()


def text_at(articles: Iterable[Article], moment: int) -> list[Article]:
    """Return the articles that stand in the text at a moment, by name; also those whose sunset has come."""
    standing = [article for article in articles if article.state(moment) in {State.IN_FORCE, State.OVER}]
    return sorted(standing, key=lambda article: (article.slug, article.adopted_at, article.record))


def difference(articles: Iterable[Article], before: int, after: int) -> list[Difference]:
    """Return what differs between the texts at two moments, by name; nothing when they are the same.

    An article that came and went in between is in neither text and so no difference. Raises ValueError when `after`
    lies before `before`.
    """
    if after < before:
        raise ValueError("the second moment lies before the first")
    every = list(articles)
    old = {article.slug: article for article in text_at(every, before)}
    new = {article.slug: article for article in text_at(every, after)}
    found = [_compare(old.get(slug), new.get(slug), slug, after, every) for slug in sorted(old.keys() | new.keys())]
    found += [
        Difference(slug, How.SUNSET, old[slug], new[slug], None)
        for slug in sorted(old.keys() & new.keys())
        if (old[slug].state(before), new[slug].state(after)) == (State.IN_FORCE, State.OVER)
    ]
    return [each for each in found if each is not None]


def _compare(
    before: Article | None, after: Article | None, slug: str, moment: int, every: list[Article]
) -> Difference | None:
    if before is None and after is not None:
        return Difference(slug, How.ADDED, None, after, after.adopted_by)
    if before is not None and after is None:
        last = max((each for each in every if each.slug == slug and each.adopted_at <= moment), key=_adopted)
        return Difference(slug, How.REPEALED, before, None, last.ended_by)
    if before is None or after is None or before.record == after.record:
        return None
    fields = tuple(name for name in after.body if before.body[name] != after.body[name])
    return Difference(slug, How.CHANGED, before, after, after.adopted_by, fields)


def _adopted(article: Article) -> int:
    return article.adopted_at
