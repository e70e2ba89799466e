"""A community asks what people think: opening, writing, answering, counting, moderation; pages, API, privacy, leaving."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from governance.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from governance.fsck import check_one
from governance.models import Community, Consultation, Council, Event, Notification, Participant, Reader, Statement
from governance.notifications import planning
from governance.portability import person
from governance.readers import accounts, linking
from governance.statements import counting, moderation, rules, selectors, services
from tests.integration.conftest import NOON
from tests.integration.site_places import signed_in
from tests.integration.test_discussions import seat

DAY = timedelta(days=1)
LATER = NOON + 8 * DAY
SEEDS = ["The model says when it does not know.", "Water data stays in the valley.", "Speed matters most of all."]
URL = "/api/v1/communities/gardens/consultations"
PAGE = "/c/gardens/consultations/1/"


@pytest.fixture(autouse=True)
def _noon(db, at):
    at(NOON)


@pytest.fixture
def gardens(list_community):
    return list_community()


def ask(gardens, author: str = "Alice", now=NOON, **said: Any) -> Consultation:
    said = {"question": "How should it speak?", "text": "", "days": 7, "seeds": SEEDS, **said}
    return services.open_consultation(gardens.community, gardens.address(author), services.Asked(**said), now)


def reader(address: str | None = None) -> Reader:
    made = accounts.create("en", NOON)
    if address:
        made.address = address
        made.save()
    return made


def people(count: int) -> list[Reader]:
    return [reader() for _ in range(count)]


def crowd(consultation: Consultation, count: int = 12, now=NOON) -> list[Reader]:
    """Two camps that meet in the first statement and part in the others."""
    found = people(count)
    for place, each in enumerate(found):
        says = "agree" if place % 2 else "disagree"
        for number, answer in ((1, "agree"), (2, says), (3, says)):
            services.answer(consultation, each, number, answer, now)
    return found


def logged(kind: str) -> list[Event]:
    return list(Event.objects.filter(kind=kind).order_by("position"))


# --- the whole way ----------------------------------------------------------------------------------------------------


def test_people_answer_until_the_end_and_the_count_is_what_the_export_computes_to(gardens, tmp_path):
    consultation = ask(gardens)
    crowd(consultation)
    services.answer(consultation, reader(gardens.address("Bob")), 1, "disagree", NOON)
    with pytest.raises(Conflict):
        selectors.exported(consultation)
    assert counting.settle(NOON) == 1, "an open one is counted when enough people have answered"
    assert counting.settle(NOON) == 0, "and not again before others have"
    assert selectors.result_of(Consultation.objects.get()).participants == 13
    assert counting.settle(LATER) == 1
    assert counting.settle(LATER) == 0, "the last count is the last"
    consultation = Consultation.objects.get()
    result = selectors.result_of(consultation)
    assert [group.people for group in result.groups] == [6, 6]
    assert result.consensus[0].statement.text == SEEDS[0]
    assert {each.statement.number for each in result.differing[:2]} == {2, 3}
    assert result.holders is None, "one holder of votes is too few to be counted apart"
    [event] = logged("consultation_counted")
    assert (event.data["result"], event.data["participants"]) == (result.digest, 13)
    file = tmp_path / "export.json"
    file.write_text(json.dumps(selectors.exported(consultation)))
    command = [sys.executable, "-m", "governance.statements", str(file)]
    again = subprocess.run(
        command, cwd=Path(django_settings.BASE_DIR), capture_output=True, text=True, check=True, env={"PATH": ""}
    )
    assert again.stdout.splitlines()[-1] == result.digest, "a stranger's computer comes to the same"
    assert list(check_one(Community.objects.get())) == []
    Participant.objects.filter(pk=Participant.objects.first().pk).update(answers={"2": 0})
    assert [found.what for found in check_one(Community.objects.get())] == ["digest"], "fsck sees a changed answer"


def test_with_the_last_count_nobody_knows_any_more_who_answered_what(gardens):
    consultation = ask(gardens)
    someone = crowd(consultation)[0]
    written = services.write(consultation, someone, "Children should understand it.", NOON, different=False)
    assert Participant.objects.filter(reader=someone).exists()
    counting.settle(LATER)
    assert not Participant.objects.filter(reader__isnull=False).exists()
    assert Participant.objects.count() == 12
    exported = json.dumps(selectors.exported(Consultation.objects.get()))
    assert "reader" not in exported
    assert written.text in exported
    said = json.dumps([event.data for event in Event.objects.all()])
    assert written.text not in said
    assert "agree" not in said, "no answer is in the log"


def test_fewer_than_five_people_are_never_shown(gardens, at):
    consultation = ask(gardens)
    crowd(consultation, 4)
    assert counting.settle(NOON) == 0
    at(LATER)
    counting.settle(LATER)
    consultation = Consultation.objects.get()
    assert selectors.result_of(consultation).participants is None
    assert selectors.exported(consultation)["rows"] == []
    page = Client().get(PAGE).content.decode()
    assert "Fewer than five people took part" in page


def test_holders_of_votes_and_others_are_counted_apart(gardens):
    consultation = ask(gardens)
    for name in ("Alice", "Bob", "Chloé", "Daouda"):
        services.answer(consultation, reader(gardens.address(name)), 1, "agree", NOON)
    for each in people(5):
        services.answer(consultation, each, 1, "disagree", NOON)
    counting.settle(NOON)
    assert selectors.result_of(Consultation.objects.get()).holders is None
    Participant.objects.filter(holds_votes=False).first().delete()
    Participant.objects.create(consultation=consultation, reader=reader(), holds_votes=True, answers={"1": 1})
    for each in people(1):
        services.answer(consultation, each, 1, "disagree", NOON)
    counting.settle(LATER)
    result = selectors.result_of(Consultation.objects.get())
    assert (result.holders, result.others) == (5, 5)
    first = next(each for each in result.consensus if each.statement.number == 1)
    assert (first.holders.agree, first.others.disagree) == (5, 5)


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_who_may_not_ask_and_what_cannot_be_asked_is_refused(gardens):
    draft = gardens.draft()
    for refused, act in (
        (Invalid, lambda: ask(gardens, "Mallory")),
        (Invalid, lambda: ask(gardens, question="  ")),
        (Invalid, lambda: ask(gardens, question="x" * 201)),
        (Invalid, lambda: ask(gardens, text="x" * 4_001)),
        (Invalid, lambda: ask(gardens, days=0)),
        (Invalid, lambda: ask(gardens, days=91)),
        (Invalid, lambda: ask(gardens, seeds=[" "])),
        (Invalid, lambda: ask(gardens, seeds=["short"])),
        (Invalid, lambda: ask(gardens, seeds=["……………………"])),
        (Invalid, lambda: ask(gardens, seeds=[SEEDS[0], SEEDS[0].upper()])),
        (Invalid, lambda: ask(gardens, seeds=[f"Statement number {n} of many" for n in range(21)])),
        (NotFound, lambda: ask(gardens, proposal=draft)),
    ):
        with pytest.raises(refused):
            act()
    assert not Consultation.objects.exists()
    for _each in range(rules.OPEN_MAX):
        ask(gardens)
    with pytest.raises(Conflict) as refusal:
        ask(gardens)
    assert refusal.value.code == "too_many_consultations"


def test_the_same_statement_is_refused_and_one_like_it_is_asked_about(gardens):
    consultation, someone = ask(gardens), reader()

    def write(text: str, different: bool = False) -> Statement:
        return services.write(consultation, someone, text, NOON, different=different)

    with pytest.raises(Conflict) as refusal:
        write("  WATER data stays in the valley ")
    assert (refusal.value.code, refusal.value.allowed) == ("duplicate_statement", 2)
    with pytest.raises(Conflict) as refusal:
        write("Water data leaves the valley.")
    assert (refusal.value.code, refusal.value.found) == ("similar_statement", [2])
    assert write("Water data leaves the valley.", different=True).number == 4
    assert write("L’œuvre de la forêt reste à l’école d’été.").number == 5
    for text, code in (
        ("L'OEUVRE de la foret reste a l'ecole d'ete", "duplicate_statement"),
        ("L'œuvre de la forêt n'est pas à l'école", "similar_statement"),
    ):
        with pytest.raises(Conflict) as refusal:
            write(text)
        assert refusal.value.code == code
    for number in range(rules.STATEMENTS_PER_PARTICIPANT_MAX - 2):
        write(f"{number} is my lucky number, whatever that means {number * 7}", different=True)
    with pytest.raises(TooMany):
        write("One more that is quite another thing.")


def test_answers_change_are_taken_back_and_end_with_the_consultation(gardens):
    consultation, someone = ask(gardens), reader()
    for refused, number, says in ((NotFound, 9, "agree"), (Invalid, 1, "perhaps")):
        with pytest.raises(refused):
            services.answer(consultation, someone, number, says, NOON)
    services.answer(consultation, someone, 1, "agree", NOON)
    services.answer(consultation, someone, 1, "pass", NOON)
    mine = selectors.mine(consultation, someone)
    assert mine.answers == {1: "pass"}
    assert mine.following.number in {2, 3}
    services.take_back(consultation, someone, NOON)
    services.take_back(consultation, someone, NOON)
    assert not Participant.objects.exists()
    for act in (
        lambda: services.answer(consultation, someone, 1, "agree", LATER),
        lambda: services.take_back(consultation, someone, LATER),
        lambda: services.write(consultation, someone, "This comes much too late.", LATER, different=False),
    ):
        with pytest.raises(Conflict) as refusal:
            act()
        assert refusal.value.code == "consultation_over"


# --- moderation -------------------------------------------------------------------------------------------------------


def test_a_hidden_statement_keeps_its_place_with_the_reason_and_somebody_else_answers_the_appeal(gardens):
    consultation, writer = ask(gardens), reader()
    made = services.write(consultation, writer, "Buy my pumps at pumps.example.", NOON, different=False)

    def hide(actor: str, rule: str = "spam", reason: str = "It sells pumps.") -> Statement:
        return moderation.hide(consultation, made.number, gardens.address(actor), rule, reason, NOON)

    def settle(actor: str, restore: bool = True, number: int = made.number) -> Statement:
        return moderation.answer_appeal(consultation, number, gardens.address(actor), "Fair.", NOON, restore=restore)

    for refused, act in (
        (Forbidden, lambda: hide("Bob")),
        (Invalid, lambda: hide("Alice", rule="ugly")),
        (Invalid, lambda: hide("Alice", reason=" ")),
        (Conflict, lambda: moderation.appeal(consultation, made.number, writer, "Why?", NOON)),
    ):
        with pytest.raises(refused):
            act()
    hide("Alice")
    assert not services.visible(consultation).filter(number=made.number).exists()
    with pytest.raises(NotFound):
        services.answer(consultation, reader(), made.number, "agree", NOON)
    with pytest.raises(Forbidden):
        moderation.appeal(consultation, made.number, reader(), "Not mine.", NOON)
    with pytest.raises(Conflict):
        settle("Bob")
    moderation.appeal(consultation, made.number, writer, "It is a joke.", NOON)
    with pytest.raises(Forbidden):
        settle("Alice")
    with pytest.raises(Forbidden):
        settle("Mallory")
    settle("Bob")
    assert services.visible(consultation).filter(number=made.number).exists()
    with pytest.raises(Conflict):
        hide("Alice")
    [hidden] = logged("statement_hidden")
    assert (hidden.actor, hidden.data["rule"], hidden.data["reason"]) == (
        gardens.address("Alice"),
        "spam",
        "It sells pumps.",
    )
    assert "pumps.example" not in json.dumps([event.data for event in Event.objects.all()])
    assert logged("statement_appeal_answered")[0].data["restored"] is True


def test_whoever_wrote_a_hidden_statement_and_whoever_may_answer_their_appeal_are_told(gardens):
    members = {name: reader(gardens.address(name)) for name in ("Alice", "Bob", "Chloé")}
    writer, consultation = reader(), ask(gardens)
    made = services.write(consultation, writer, "Buy my pumps at pumps.example.", NOON, different=False)
    seat(gardens, "Alice", "Chloé")
    moderation.hide(consultation, made.number, gardens.address("Alice"), "spam", "It sells pumps.", NOON)
    moderation.appeal(consultation, made.number, writer, "It is a joke.", NOON)
    planning.plan(NOON)

    def told(of: Reader) -> set[str]:
        rows = Notification.objects.filter(reader=of, announcement__kind__startswith="statement_")
        return set(rows.values_list("announcement__kind", flat=True))

    assert told(writer) == {"statement_hidden"}
    assert {name: told(of) for name, of in members.items()} == {
        "Alice": set(),
        "Bob": set(),
        "Chloé": {"statement_appealed"},
    }
    moderation.answer_appeal(consultation, made.number, gardens.address("Chloé"), "Fair.", NOON, restore=True)
    planning.plan(NOON)
    assert told(writer) == {"statement_hidden", "statement_appeal_answered"}
    assert "How should it speak?" in signed_in(gardens, "Chloé").get("/me/inbox/").content.decode()
    line = Notification.objects.get(reader=members["Chloé"], announcement__kind="statement_appealed")
    assert signed_in(gardens, "Chloé").get(f"/me/inbox/{line.pk}/").headers["Location"].endswith(PAGE)
    # Where nobody else moderates, holders of votes may answer, but neither who hid it nor who wrote it.
    gardens.propose()
    Council.objects.all().delete()
    other = services.write(consultation, members["Bob"], "Sell me your pumps, please.", NOON, different=False)
    moderation.hide(consultation, other.number, gardens.address("Alice"), "spam", "It buys pumps.", NOON)
    held = moderation.appeal(consultation, other.number, members["Bob"], "It is a joke.", NOON)
    assert moderation.asked_to_answer(held, NOON) == [gardens.address("Chloé")]


def test_hiding_after_the_end_counts_once_more_and_the_log_has_both(gardens):
    consultation = ask(gardens)
    crowd(consultation)
    counting.settle(LATER)
    moderation.hide(Consultation.objects.get(), 3, gardens.address("Alice"), "off_topic", "Not about it.", LATER)
    assert counting.settle(LATER) == 1
    assert counting.settle(LATER) == 0
    first, second = logged("consultation_counted")
    result = selectors.result_of(Consultation.objects.get())
    assert first.data["result"] != second.data["result"] == result.digest
    assert 3 not in {each.statement.number for each in result.consensus}
    assert list(check_one(Community.objects.get())) == []


# --- people -----------------------------------------------------------------------------------------------------------


def test_two_accounts_that_become_one_have_one_voice_and_who_is_erased_has_none(gardens):
    consultation = ask(gardens)
    mine, theirs, wallet = reader(), reader(), gardens.address("Bob")
    linked = reader(wallet)
    for each in (mine, theirs, linked):
        services.answer(consultation, each, 1, "agree", NOON)
    written = services.write(consultation, mine, "Names say little about people.", NOON, different=False)
    kept = linking.link(mine, wallet, NOON)
    assert Participant.objects.filter(reader=kept).count() == 1
    assert Participant.objects.count() == 2
    assert Statement.objects.get(pk=written.pk).writer == kept
    shown = person.export_person(person.find(wallet), NOON)["private"]["Follows"]
    assert len(shown["participant"]) == len(shown["statement"]) == 1
    person.erase_person(person.find(wallet), NOON)
    assert Participant.objects.count() == 1
    assert Statement.objects.get(pk=written.pk).writer is None


# --- pages and API ----------------------------------------------------------------------------------------------------


def test_a_reader_takes_part_on_the_page_without_scripts_and_a_visitor_reads(gardens, at):
    member = signed_in(gardens, "Alice")
    form = {"question": "How?", "text": "**Read** this.", "days": "7", "seeds": "\n".join(SEEDS), "proposal": ""}
    assert member.post("/c/gardens/consultations/ask/", form | {"days": "x"}).status_code == 422
    assert member.post("/c/gardens/consultations/ask/", form).status_code == 302
    visitor = Client()
    assert "How?" in visitor.get("/c/gardens/consultations/").content.decode()
    assert "Take part without a wallet" in visitor.get(PAGE).content.decode()
    assert visitor.post(f"{PAGE}answer/", {"statement": "1", "says": "agree"}).status_code == 401
    assert signed_in(gardens, "Mallory").get(PAGE).status_code == 200
    assert member.post(f"{PAGE}answer/", {"statement": "1", "says": "agree"}).status_code == 302
    part = member.post(f"{PAGE}answer/", {"statement": "2", "says": "pass"}, headers={"HX-Request": "true"})
    assert part.status_code == 200
    assert "2 of 3 answered" in part.content.decode()
    assert member.post(f"{PAGE}answer/", {"statement": "²", "says": "agree"}).status_code == 404
    asked = member.post(f"{PAGE}write/", {"text": "Water data leaves the valley."})
    assert asked.status_code == 409
    assert "Mine means another thing" in asked.content.decode()
    assert member.post(f"{PAGE}write/", {"text": "Water data leaves the valley.", "different": "1"}).status_code == 302
    hidden = member.post(f"{PAGE}4/hide/", {"rule": "several_in_one", "reason": "Two things."})
    assert hidden.status_code == 302
    page = member.get(PAGE).content.decode()
    assert "Two things." in page
    assert "Why it should be shown" in page
    assert member.post(f"{PAGE}4/appeal/", {"appeal": "One thing."}).status_code == 302
    other = signed_in(gardens, "Bob")
    assert "Leave it hidden" in other.get(PAGE).content.decode()
    assert other.post(f"{PAGE}4/answer/", {"answer": "No.", "restore": "0"}).status_code == 302
    assert "Stays hidden" in visitor.get(PAGE).content.decode()
    assert "Water data leaves" not in visitor.get(PAGE).content.decode()
    crowd(Consultation.objects.get())
    assert visitor.get("/c/gardens/consultations/1.json").status_code == 409
    at(LATER)
    counting.settle(LATER)
    page = visitor.get(PAGE, headers={"Accept-Language": "fr"}).content.decode()
    assert "python -m governance.statements" in page
    assert visitor.get("/c/gardens/consultations/1.json").json()["rows"]
    assert visitor.get("/c/gardens/consultations/1.csv").content.startswith(b"holds_votes,1,2,3\n")


def test_what_people_think_stands_beside_the_vote(gardens):
    proposal = gardens.propose()
    page = f"/c/gardens/proposals/{proposal.number}/"
    assert "Ask people what they think of it" in signed_in(gardens, "Alice").get(page).content.decode()
    with pytest.raises(Forbidden):
        ask(gardens, "Bob", proposal=proposal)
    crowd(ask(gardens, proposal=proposal))
    counting.settle(NOON)
    shown = Client().get(page).content.decode()
    assert "How should it speak?" in shown
    assert "Where groups part" in shown
    with pytest.raises(Conflict):
        ask(gardens, proposal=proposal)


def test_the_api_asks_answers_and_refuses_as_the_pages_do(gardens, at):
    member, other = signed_in(gardens, "Alice"), signed_in(gardens, "Bob")

    def post(client: Client, path: str, **said: Any) -> Any:
        return client.post(f"{URL}{path}", json.dumps(said), content_type="application/json")

    made = post(member, "", question="How?", days=7, seeds=SEEDS)
    assert (made.status_code, made.json()["state"], made.json()["result"]) == (201, "open", None)
    assert post(Client(), "", question="How?", days=7, seeds=SEEDS).status_code == 401
    assert post(member, "", question="How?", days=7, seeds=SEEDS, proposal=77).status_code == 404
    assert post(member, "", question="How?", days="7", seeds=SEEDS).status_code == 400
    mine = post(other, "/1/answers", statement=1, answer="agree").json()
    assert mine["answers"] == {"1": "agree"}
    assert other.get(f"{URL}/1/answers").json() == mine
    refused = post(other, "/1/answers", statement=1, answer="maybe")
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_answer")
    assert post(Client(), "/1/answers", statement=1, answer="agree").status_code == 401
    written = post(other, "/1/statements", text="Nobody is named in an answer.")
    assert (written.status_code, written.json()["written_by"]) == (201, "participant")
    assert post(member, "/1/statements/4/hide", rule="repeats", reason="As 1.").json()["text"] == ""
    assert post(other, "/1/statements/4/appeal", appeal="Not as 1.").status_code == 200
    assert post(member, "/1/statements/4/appeal-answer", answer="No.", restore=False).status_code == 403
    third = signed_in(gardens, "Chloé")
    answered = post(third, "/1/statements/4/appeal-answer", answer="Right.", restore=True).json()
    assert (answered["hidden"], answered["text"]) == (False, "Nobody is named in an answer.")
    assert len(Client().get(f"{URL}/1/statements").json()["results"]) == 4
    assert other.delete(f"{URL}/1/answers").json()["answers"] == {}
    assert Client().get(f"{URL}/1/export").status_code == 409
    crowd(Consultation.objects.get())
    at(LATER)
    counting.settle(LATER)
    shown = Client().get(f"{URL}/1").json()
    assert (shown["state"], shown["result"]["body"]["participants"]) == ("closed", 12)
    assert len(Client().get(f"{URL}/1/export").json()["rows"]) == 12
    assert Client().get(f"{URL}/2").status_code == 404
    assert [each["number"] for each in Client().get(URL).json()["results"]] == [1]
