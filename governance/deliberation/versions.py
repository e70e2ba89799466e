"""A draft as it grew: a version whenever an author leaves it different, and what differs between two.

Changes of one author within ten minutes are one version as long as nobody else can read the draft: pages save what is
typed by themselves.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from governance.deliberation.differences import Piece, difference
from governance.models import DraftVersion, Proposal

TOGETHER = timedelta(minutes=10)
VERSIONS_MAX = 300


@dataclass(frozen=True)
class Compared:
    """What differs between two versions. Empty where nothing does."""

    before: DraftVersion
    after: DraftVersion
    title: tuple[Piece, ...]
    text: tuple[Piece, ...]
    payload: tuple[Piece, ...]

    @property
    def is_same(self) -> bool:
        """Say whether nothing differs."""
        return not (self.title or self.text or self.payload)


def keep(proposal: Proposal, editor: str, now: datetime) -> None:
    """Keep the draft as it is now, in a transaction that holds its row. What has not changed is not kept again."""
    content = {"title": proposal.title, "text": proposal.text, "payload": proposal.payload}
    last = proposal.draft_versions.order_by("-number").first()
    if last is not None and content == {name: getattr(last, name) for name in content}:
        return
    number = last.number + 1 if last else 1
    shown = proposal.shared_at is not None or proposal.seeks_sponsors
    together = last is not None and last.editor == editor and now - last.at < TOGETHER and not shown and number > 2  # noqa: PLR2004 - the first stays
    if last is not None and (together or number > VERSIONS_MAX):
        DraftVersion.objects.filter(pk=last.pk).update(**content, editor=editor)
        return
    DraftVersion.objects.create(proposal=proposal, number=number, editor=editor, at=now, **content)


def readable(proposal: Proposal, *, by_author: bool) -> list[DraftVersion]:
    """Return the versions that somebody may read, the oldest first: authors all, others those since it was shown."""
    rows = DraftVersion.objects.filter(proposal=proposal)
    return list((rows if by_author else rows.public()).order_by("number"))


def compare(before: DraftVersion, after: DraftVersion) -> Compared:
    """Return what differs, word by word."""
    return Compared(
        before,
        after,
        _between(before.title, after.title),
        _between(before.text, after.text),
        _between(_lines(before), _lines(after)),
    )


def _between(before: str, after: str) -> tuple[Piece, ...]:
    return difference(before, after) if before != after else ()


def _lines(version: DraftVersion) -> str:
    return json.dumps(version.payload, ensure_ascii=False, sort_keys=True, indent=2)
