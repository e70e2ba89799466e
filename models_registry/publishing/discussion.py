"""What a proposal's discussion on another hub says: its title, its opening and one comment for each stage. Pure.

The words are English, as the hub's are. What members wrote (titles, reasons) is made plain first: it cannot become
Markdown, HTML, a link, or a mention that calls somebody. Each text ends with a mark, `<proposal>/<stage>`, by which a
later attempt finds what an earlier one said; marks count only where our own account wrote them.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

TITLE_CHARACTERS = 200  # what the hub takes
_SUMMARY_CHARACTERS = 300
_SENTENCE = re.compile(r"(.+?[.!?…])(?:\s|$)")
_MENTION = re.compile(r"[@＠﹫]")  # and what a hub could take for it
_LINK = re.compile(r"://|(?<=www)\.", re.IGNORECASE)
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$^=:])")
VOTES_ARE_CAST_THERE = "Votes are cast there, not here; comments here decide nothing."


class Stage(StrEnum):
    """What can be told of a proposal and of what came of it."""

    OPENED = "opened"
    PASSED = "passed"
    REJECTED = "rejected"
    CANCELED = "canceled"
    VETOED = "vetoed"
    EXPIRED = "expired"
    RUN_FAILED = "run_failed"
    RUN_CANCELED = "run_canceled"
    RUN_REJECTED = "run_rejected"
    RELEASED = "released"
    WITHDRAWN = "withdrawn"


ENDS = frozenset(Stage) - {Stage.OPENED, Stage.PASSED}

_COMMENTS: dict[Stage, str] = {
    Stage.PASSED: "The proposal has passed. It is carried out when its waiting time is over.",
    Stage.REJECTED: "The proposal was voted down. Nothing is released from it.",
    Stage.CANCELED: "The proposal was withdrawn before it was carried out. Nothing is released from it.",
    Stage.VETOED: "The guardians have stopped the proposal. Nothing is released from it.",
    Stage.EXPIRED: "The proposal passed, and was not carried out in time. Nothing is released from it.",
    Stage.RUN_FAILED: "The proposal passed, and its training failed. Nothing is released from it.",
    Stage.RUN_CANCELED: "The proposal passed, and its training was stopped. Nothing is released from it.",
    Stage.RUN_REJECTED: "The trained model broke a rule of the community. It is not released.",
    Stage.WITHDRAWN: "The community has withdrawn this release. Please do not use it.",
}


@dataclass(frozen=True)
class Subject:
    """The proposal that is talked about, in the words of its author."""

    proposal: str
    number: int
    title: str
    community: str
    model: str
    summary: str
    address: str


@dataclass(frozen=True)
class Discussion:
    """What one attempt makes true: the discussion is there, the comment is in it, and it is closed if it shall be."""

    title: str
    opening: str
    opening_mark: str
    number: int | None
    comment: str
    comment_mark: str
    closes: bool

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "Discussion":
        """Return what `to_dict` gave."""
        return cls(**value)


@dataclass(frozen=True)
class Place:
    """Where the discussion is."""

    number: int
    location: str


def discussion(
    subject: Subject, stage: Stage, *, number: int | None, reason: str = "", version: int = 0, commit: str = ""
) -> Discussion:
    """Return what has to be true of a proposal's discussion after a stage; `version` and `commit` for a release."""
    opening_mark = _mark(subject, Stage.OPENED)
    comment, comment_mark = "", ""
    if stage is not Stage.OPENED:
        comment_mark = _mark(subject, stage)
        said = _released(version, commit) if stage is Stage.RELEASED else _COMMENTS[stage]
        comment = _text(said, f"The reason given: {plain(reason)}" if reason else "", comment_mark)
    return Discussion(
        title=f"Proposal {subject.number}: {plain_title(subject.title)}"[:TITLE_CHARACTERS],
        opening=_text(
            f"**Proposal {subject.number}** of {plain(subject.community)}, about `{subject.model}`:",
            plain(subject.summary),
            f"Read it and vote: <{subject.address}>",
            VOTES_ARE_CAST_THERE,
            opening_mark,
        ),
        opening_mark=opening_mark,
        number=number,
        comment=comment,
        comment_mark=comment_mark,
        closes=stage in ENDS,
    )


def one_sentence(text: str) -> str:
    """Return the first sentence of a text, on one line and not longer than a few lines of a page."""
    line = _one_line(text)
    found = _SENTENCE.match(line)
    sentence = found[1] if found else line
    return sentence if len(sentence) <= _SUMMARY_CHARACTERS else f"{sentence[: _SUMMARY_CHARACTERS - 1]}…"


def plain(text: str) -> str:
    """Return one line of Markdown that shows the text and does nothing else."""
    line = _harmless(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub(r"\\\1", line)


def plain_title(text: str) -> str:
    """Return one line for a place that shows text as it is, such as a title."""
    return _harmless(text).replace("<", "‹").replace(">", "›")


def _harmless(text: str) -> str:
    """Return one line without invisible characters, mentions and links."""
    return _LINK.sub(lambda found: ":// " if found[0] == "://" else " .", _MENTION.sub("(at)", _one_line(text)))


def _one_line(text: str) -> str:
    shown = "".join(char if char.isspace() or unicodedata.category(char)[0] != "C" else "" for char in text)
    return " ".join(shown.split())


def _released(version: int, commit: str) -> str:
    return (
        f"Released as version {version}: commit `{commit}`, tag `v{version}`. After they had been compared, "
        "`main` was given the same files, unless it had those of a newer version. This discussion is done."
    )


def _mark(subject: Subject, stage: Stage) -> str:
    return f"`{subject.proposal}/{stage}`"


def _text(*paragraphs: str) -> str:
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
