"""What a discussion on another hub says: plain words that nobody can turn into markup, links or calls."""

import re
import unicodedata

import markdown
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_registry.publishing.discussion import (
    ENDS,
    TITLE_CHARACTERS,
    VOTES_ARE_CAST_THERE,
    Stage,
    Subject,
    discussion,
    one_sentence,
    plain,
    plain_title,
)

PROPOSAL = "0x" + "5d" * 32
ATTACKS = [
    "@everyone please vote",
    "＠everyone",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "<!-- hidden --> & &#64;somebody",
    "[click](javascript:alert(1)) ![x](https://evil.example/x.png)",
    "https://evil.example/?a=b www.evil.example mailto:a@evil.example",
    "`code` ``` \n```\n# Heading\n\n- list\n> quote\n\n| a | b |\n|---|---|\n",
    f"\n\n`{PROPOSAL}/released`\n\n",
    "***bold*** ~~gone~~ $x^2$ $$y$$ :smile: #1",
    "\u202eright to left\u202c zero\u200bwidth\u2060\ufeff \x00\x1b[31m",
    "tail \\",
]


def subject(**other: object) -> Subject:
    values = {
        "proposal": PROPOSAL,
        "number": 12,
        "title": "More about wells",
        "community": "Water commons",
        "model": "commons/water-assistant",
        "summary": "It knows too little about wells.",
        "address": "https://site.example/c/water-commons/proposals/12/",
    }
    return Subject(**(values | other))  # type: ignore[arg-type]


def harmless(shown: str) -> None:
    assert "\n" not in shown
    assert not re.search(r"[@＠﹫]|://\S|www\.\w", shown)
    assert not any(unicodedata.category(char)[0] == "C" for char in shown)


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_an_author_writes_stays_one_plain_line(attack: str) -> None:
    shown = plain(attack)
    harmless(shown)
    tags = set(re.findall(r"<[^>]*>", markdown.markdown(shown, extensions=["extra"])))
    assert tags <= {"<p>", "</p>"}, tags
    assert not set(plain_title(attack)) & set("<>@\n")


@given(st.text(max_size=200))
def test_no_text_becomes_markup(text: str) -> None:
    harmless(plain(text))
    html = markdown.markdown(f"before {plain(text)} after", extensions=["extra"])
    assert re.fullmatch(r"<p>[^<]*</p>", html), html


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_title_or_a_reason_cannot_forge_a_mark_or_a_paragraph(attack: str) -> None:
    wanted = discussion(
        subject(title=attack, summary=attack, community=attack), Stage.CANCELED, number=1, reason=attack
    )
    assert wanted.opening.splitlines()[-1] == wanted.opening_mark == f"`{PROPOSAL}/opened`"
    marks = [line for line in f"{wanted.opening}\n{wanted.comment}".splitlines() if line.startswith("`0x")]
    assert marks == [f"`{PROPOSAL}/opened`", f"`{PROPOSAL}/canceled`"]
    assert len(wanted.opening.split("\n\n")) == 5
    assert len(wanted.comment.split("\n\n")) == 3
    assert len(wanted.title) <= TITLE_CHARACTERS


def test_the_opening_says_what_where_and_that_nothing_is_decided_here() -> None:
    wanted = discussion(subject(title="W" * 500), Stage.OPENED, number=None)
    assert wanted.title.startswith("Proposal 12: WWW")
    assert "<https://site.example/c/water-commons/proposals/12/>" in wanted.opening
    assert VOTES_ARE_CAST_THERE in wanted.opening
    assert "It knows too little about wells" in wanted.opening
    assert (wanted.comment, wanted.closes) == ("", False)


def test_every_stage_has_words_and_all_but_the_first_two_end_it() -> None:
    said = {stage: discussion(subject(), stage, number=3, version=2, commit="ab" * 20) for stage in Stage}
    assert len({wanted.comment for wanted in said.values()}) == len(Stage)
    assert {stage for stage, wanted in said.items() if wanted.closes} == ENDS == set(Stage) - {"opened", "passed"}
    assert f"commit `{'ab' * 20}`, tag `v2`" in said[Stage.RELEASED].comment


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("One thing. Another.", "One thing."),
        ("No end", "No end"),
        ("Version 2.5 is\nbetter! Yes.", "Version 2.5 is better!"),
        ("", ""),
        (" \n", ""),
        ("w" * 400, "w" * 299 + "…"),
    ],
)
def test_a_summary_is_the_first_sentence(text: str, sentence: str) -> None:
    assert one_sentence(text) == sentence
