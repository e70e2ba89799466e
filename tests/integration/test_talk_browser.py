"""The pages of a discussion and of a consultation, full of what people do there: no barrier, and nothing sticks out."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from governance import services as governing
from governance.deliberation import co_authors, comments, moderation
from governance.deliberation.people import Writer
from governance.models import Consultation, Council, Reader
from governance.readers import accounts
from governance.records import keep
from governance.statements import counting, services
from governance.statements import moderation as of_statements
from tests.integration.chromium import Chromium, window
from tests.integration.conftest import NOON
from tests.integration.site_places import signed_in

DAY = timedelta(days=1)
LONG = "https://example.org/" + "a-very-long-address-without-any-place-to-break" * 4
PAGES = (
    "proposals/1/discussion/",
    "proposals/1/versions/",
    "moderation/",
    "consultations/",
    "consultations/1/",
    "consultations/2/",
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """Start the browser once."""
    running = Chromium()
    yield running
    running.close()


@pytest.fixture
def talking(db: None, list_community: Any, at: Any) -> Any:
    """A proposal that was changed and is argued about, an open consultation, and one that was counted."""
    at(NOON)
    gardens = list_community()
    alice = gardens.address("Alice")
    draft = governing.Draft(
        "text_signal", "The wells", "Open them in May.", {"statement": "Open the wells."}, {}, "", 1
    )
    written = governing.create_draft(gardens.community, alice, draft, NOON - DAY)
    co_authors.share(written.pk, alice, NOON - DAY)
    changed = governing.Draft(
        "text_signal", "The wells", "Open them in June.", {"statement": "Open two wells."}, {}, "", 1
    )
    governing.edit_draft(written.pk, alice, changed, NOON)
    proposal = governing.submit(written.pk, alice, NOON)
    proposal = governing.take_census(proposal.pk, NOON)

    def say(name: str, text: str, answers: int | None = None) -> int:
        writer = Writer(address=gardens.address(name))
        return comments.write(proposal, writer, text, NOON, answers=answers).number

    first = say("Alice", f"## The river\n\n> It is dry.\n\nSee {LONG} and `a_name_without_any_space_in_it_{'x' * 80}`.")
    say("Bob", "And the *wells*?", first)
    say("Chloé", "Yes, both.", 2)
    comments.edit(
        proposal, 3, Writer(address=gardens.address("Chloé")), "Yes, both of them.", NOON + timedelta(minutes=9)
    )
    _seat(gardens, "Alice", "Bob")
    rude = say("Daouda", "Nonsense!")
    moderation.hide(proposal, rude, alice, "attack", "It insults somebody.", NOON)
    moderation.appeal(proposal, rude, Writer(address=gardens.address("Daouda")), "It was meant kindly.", NOON)
    for question, asked_at in (("How should it speak, and of what?", NOON), ("What comes first?", NOON - 8 * DAY)):
        _consult(gardens, question, asked_at)
    counting.settle(NOON)
    return gardens


def _seat(gardens: Any, *names: str) -> None:
    """Put people into the council without a vote."""
    members = [{"address": gardens.address(name), "name": name} for name in names]
    record = keep("council", "council:gardens/x", {"members": members}, [gardens.community.record])
    kept = {"members": members, "elected_at": NOON - 30 * DAY, "term_ends_at": NOON + 30 * DAY, "record": record}
    Council.objects.create(community=gardens.community, **kept)


def _consult(gardens: Any, question: str, moment: Any) -> Consultation:
    seeds = ["The model says when it does not know.", "Water data stays in the valley.", "Speed matters most of all."]
    asked = services.Asked(question=question, text="**Read** this first.", days=7, seeds=seeds)
    made = services.open_consultation(gardens.community, gardens.address("Alice"), asked, moment)
    for place in range(12):
        reader: Reader = accounts.create("en", moment)
        says = "agree" if place % 2 else "disagree"
        for number, answer in ((1, "agree"), (2, says), (3, says)):
            services.answer(made, reader, number, answer, moment)
    added = services.write(made, reader, "Names of people are kept out of what it learns from.", moment, different=True)
    of_statements.hide(made, added.number, gardens.address("Alice"), "several_in_one", "It says two things.", moment)
    return made


def test_where_people_talk_there_is_no_barrier_and_nothing_sticks_out(talking: Any, chromium: Chromium) -> None:
    found: dict[str, list[str]] = {}
    for who, width, language in ((Client(), 360, "fr"), (signed_in(talking, "Bob"), 1280, "en")):
        with window(chromium, who, width=width, language=language) as opened:
            for page in PAGES:
                opened.open(f"/c/gardens/{page}")
                wrong = [*opened.violations(), *opened.sticks_out()]
                opened.wear("dark")
                wrong += opened.violations("color-contrast", "link-in-text-block")
                if wrong:
                    found[f"{page} {language} {width}"] = wrong
    assert not found
