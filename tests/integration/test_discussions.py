"""Discussions: who says what where, what stays of it, how it is moderated; pages, API, news, feed, personal data."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from governance import clock, fsck, services
from governance.deliberation import co_authors, comments, moderation, policy, reading
from governance.deliberation.people import Writer
from governance.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from governance.models import Comment, CommentHiding, CommentVersion, Community, Council, Event, Notification, Record
from governance.notifications import planning
from governance.portability import person, rows
from governance.portability.tables import tables
from governance.readers import accounts, sessions
from governance.records import keep
from tests.integration.conftest import NOON
from tests.integration.site_places import signed_in

MINUTE = timedelta(minutes=1)
API = "/api/v1/communities/gardens"
PAGE = "/c/gardens/proposals/1/discussion/"


@pytest.fixture
def gardens(list_community):
    return list_community()


@pytest.fixture
def proposal(gardens):
    return gardens.propose()


def by(gardens, name: str) -> Writer:
    return Writer(address=gardens.address(name))


def say(gardens, proposal, name: str, text: str = "I see it *differently*.", now=NOON, **other: Any) -> Comment:
    return comments.write(proposal, by(gardens, name), text, now, **other)


def seat(gardens, *names: str) -> None:
    """Put people into the council without a vote."""
    members = [{"address": gardens.address(name), "name": name} for name in names]
    record = keep("council", "council:gardens/x", {"members": members}, [gardens.community.record])
    Council.objects.create(
        community=gardens.community,
        members=members,
        elected_at=NOON,
        term_ends_at=NOON + timedelta(days=30),
        record=Record.objects.get(pk=record.pk),
    )


def reader_signed_in(now=NOON) -> tuple[Any, Client]:
    """Return a reader without a wallet, and their browser."""
    reader, client = accounts.create("en", now), Client()
    client.get("/")
    session = client.session
    session[sessions._KEY] = [reader.pk, reader.stamp]
    session.save()
    client.cookies["sessionid"] = session.session_key
    return reader, client


def findings() -> list[Any]:
    return [each for each in fsck.check_one(Community.objects.get()) if each.table == "governance_comment"]


def test_a_thread_keeps_its_order_and_what_was_said_before(gardens, proposal):
    first = say(gardens, proposal, "Alice", "The river first.")
    say(gardens, proposal, "Bob", "And the wells?")
    answer = say(gardens, proposal, "Chloé", "Yes.", answers=first.number)
    say(gardens, proposal, "Bob", "Good.", answers=answer.number)
    shown = reading.discussion(proposal, None, 1, NOON)
    assert [(each.comment.number, each.comment.answers) for each in shown.comments] == [
        (1, None), (3, 1), (4, 3), (2, None)
    ]  # fmt: skip
    comments.edit(proposal, 1, by(gardens, "Alice"), "The river and the wells first.", NOON + MINUTE)
    story = reading.story(proposal, 1, None, NOON + MINUTE)
    [was] = story.earlier
    assert was.version.text == "The river first."
    assert [piece.text for piece in was.changes if piece.how == "added"] == ["and the wells "]
    with pytest.raises(Forbidden):
        comments.edit(proposal, 1, by(gardens, "Bob"), "No.", NOON)
    with pytest.raises(NotFound):
        say(gardens, proposal, "Bob", answers=9)
    with pytest.raises(Invalid):
        say(gardens, proposal, "Bob", "  ")
    assert not findings()


def test_the_log_holds_that_something_was_said_and_never_what(gardens, proposal):
    said = "A sentence that stands in no log."
    say(gardens, proposal, "Alice", said)
    seat(gardens, "Bob")
    moderation.hide(proposal, 1, gardens.address("Bob"), "spam", "Said in a text of its own.", NOON)
    leaves = "".join(Event.objects.exclude(leaf="").values_list("leaf", flat=True))
    assert "comment_written" in leaves
    assert '"rule":"spam"' in leaves
    assert said not in leaves
    assert "text of its own" not in leaves


def test_one_writer_writes_only_so_much_in_a_while_and_others_go_on(gardens, proposal):
    _seconds, most = policy.LIMITS[0]
    for minute in range(most):
        say(gardens, proposal, "Alice", now=NOON + minute * MINUTE / 10)
    with pytest.raises(TooMany) as refused:
        say(gardens, proposal, "Alice", now=NOON + MINUTE)
    assert refused.value.retry_after_seconds == 9 * 60
    say(gardens, proposal, "Bob", now=NOON + MINUTE)
    say(gardens, proposal, "Alice", now=NOON + 11 * MINUTE)


def test_a_hidden_comment_says_why_and_an_appeal_is_answered_by_somebody_else(gardens, proposal):
    seat(gardens, "Bob", "Chloé")
    bob, chloe = gardens.address("Bob"), gardens.address("Chloé")
    say(gardens, proposal, "Alice", "Something sharp.")
    with pytest.raises(Forbidden):
        moderation.hide(proposal, 1, gardens.address("Daouda"), "attack", "No.", NOON)
    with pytest.raises(Invalid):
        moderation.hide(proposal, 1, bob, "opinion", "I do not like it.", NOON)
    moderation.report(proposal, 1, by(gardens, "Daouda"), "attack", "It hurts.", NOON)
    moderation.hide(proposal, 1, bob, "attack", "It insults a member.", NOON)
    assert CommentHiding.objects.get().comment.reports.filter(settled_at__isnull=True).count() == 0
    [seen] = reading.discussion(proposal, None, 1, NOON).comments
    assert (seen.text, seen.state, seen.hiding.reason) == ("", "hidden", "It insults a member.")
    [own] = reading.discussion(proposal, by(gardens, "Alice"), 1, NOON).comments
    assert own.text == "Something sharp."
    with pytest.raises(Conflict):
        moderation.hide(proposal, 1, chloe, "attack", "Again.", NOON)
    with pytest.raises(Conflict):
        comments.edit(proposal, 1, by(gardens, "Alice"), "Otherwise.", NOON)
    with pytest.raises(Conflict):
        moderation.judge(proposal, 1, chloe, "Too early.", NOON, upheld=True)
    moderation.appeal(proposal, 1, by(gardens, "Alice"), "It is criticism.", NOON)
    with pytest.raises(Forbidden):
        moderation.judge(proposal, 1, bob, "I was right.", NOON, upheld=True)
    moderation.judge(proposal, 1, chloe, "It is about the text.", NOON, upheld=False)
    [again] = reading.discussion(proposal, None, 1, NOON).comments
    assert (again.text, again.state) == ("Something sharp.", "visible")
    [(act, _by, _answered)] = reading.acts(gardens.community, None, 1, NOON).rows
    assert (act.reason, act.appeal, act.answer, act.upheld) == (
        "It insults a member.", "It is criticism.", "It is about the text.", False
    )  # fmt: skip
    assert not findings()
    CommentHiding.objects.all().delete()
    assert findings(), "an act that the log holds is gone"


def granted(gardens, proposal, *, at) -> None:
    """Bob hides Alice's comment, she appeals, and Chloé shows it again."""
    moderation.hide(proposal, 1, gardens.address("Bob"), "attack", "It insults a member.", at)
    moderation.appeal(proposal, 1, by(gardens, "Alice"), "It is criticism.", at)
    moderation.judge(proposal, 1, gardens.address("Chloé"), "So it is.", at, upheld=False)


def test_attack_a_granted_appeal_is_made_void_by_hiding_the_same_text_again(gardens, proposal):
    seat(gardens, "Bob", "Chloé")
    bob = gardens.address("Bob")
    say(gardens, proposal, "Alice", "Something sharp.")
    granted(gardens, proposal, at=NOON)
    for rule in ("attack", "spam"):
        with pytest.raises(Forbidden, match="hidden_before"):
            moderation.hide(proposal, 1, bob, rule, "Once more.", NOON + MINUTE)
    [seen] = reading.discussion(proposal, by(gardens, "Bob"), 1, NOON).comments
    assert (str(seen.state), "hide" in seen.may) == ("visible", False)
    [seen] = reading.discussion(proposal, by(gardens, "Chloé"), 1, NOON).comments
    assert "hide" in seen.may
    comments.edit(proposal, 1, by(gardens, "Alice"), "Something sharper.", NOON + MINUTE)
    granted(gardens, proposal, at=NOON + 2 * MINUTE)
    with pytest.raises(Forbidden, match="hidden_before"):
        moderation.hide(proposal, 1, bob, "attack", "And again.", NOON + 3 * MINUTE)
    assert not findings()


def test_attack_an_open_appeal_is_dropped_by_taking_back_and_hiding_again(gardens, proposal):
    seat(gardens, "Bob", "Chloé")
    bob = gardens.address("Bob")
    say(gardens, proposal, "Alice", "Something sharp.")
    moderation.hide(proposal, 1, bob, "spam", "By mistake.", NOON)
    moderation.take_back(proposal, 1, bob, NOON)
    moderation.hide(proposal, 1, bob, "attack", "It insults a member.", NOON)  # nobody has appealed yet
    moderation.appeal(proposal, 1, by(gardens, "Alice"), "It is criticism.", NOON)
    moderation.take_back(proposal, 1, bob, NOON)
    with pytest.raises(Forbidden, match="hidden_before"):
        moderation.hide(proposal, 1, bob, "attack", "It insults a member.", NOON + MINUTE)


def test_where_one_person_moderates_somebody_who_holds_votes_answers_the_appeal(gardens, proposal):
    seat(gardens, "Bob")
    bob, alice, chloe = (gardens.address(name) for name in ("Bob", "Alice", "Chloé"))
    say(gardens, proposal, "Alice", "Something sharp.")
    moderation.hide(proposal, 1, bob, "attack", "It insults a member.", NOON)
    [seen] = reading.discussion(proposal, by(gardens, "Chloé"), 1, NOON).comments
    assert (seen.text, "judge" in seen.may) == ("", False), "nobody has appealed"
    moderation.appeal(proposal, 1, by(gardens, "Alice"), "It is criticism.", NOON)
    [seen] = reading.discussion(proposal, by(gardens, "Chloé"), 1, NOON).comments
    assert (seen.text, "judge" in seen.may) == ("Something sharp.", True)
    stranger = "0x" + "12" * 20
    [seen] = reading.discussion(proposal, Writer(address=stranger), 1, NOON).comments
    assert (seen.text, "judge" in seen.may) == ("", False)
    for party in (bob, alice):
        with pytest.raises(Forbidden, match="judge_of_own"):
            moderation.judge(proposal, 1, party, "Mine.", NOON, upheld=False)
    with pytest.raises(Forbidden, match="not_a_judge"):
        moderation.judge(proposal, 1, stranger, "Ours.", NOON, upheld=False)
    moderation.judge(proposal, 1, chloe, "It is criticism.", NOON, upheld=False)
    [seen] = reading.discussion(proposal, None, 1, NOON).comments
    assert seen.text == "Something sharp."
    assert not findings()


def test_a_draft_is_talked_about_once_its_author_shows_it(gardens):
    draft = gardens.draft()
    community = gardens.community
    with pytest.raises(NotFound):
        comments.discussed(community, draft.number)
    with pytest.raises(Forbidden):
        co_authors.share(draft.pk, gardens.address("Bob"), NOON)
    co_authors.share(draft.pk, gardens.address("Alice"), NOON)
    say(gardens, comments.discussed(community, draft.number), "Bob")
    submitted = services.submit(draft.pk, gardens.address("Alice"), NOON)
    assert submitted.comments.count() == 1
    assert Client().get(PAGE).status_code == 200


def test_a_held_up_step_stays_the_newest_thing_that_happened_whatever_is_said(gardens, proposal):
    services.note_once(proposal.pk, "step_refused", NOON, code="x", detail="y")
    say(gardens, proposal, "Bob")
    services.note_once(proposal.pk, "step_refused", NOON, code="x", detail="y")
    assert proposal.events.filter(kind="step_refused").count() == 1


def test_readers_write_under_a_name_that_nobody_checked_and_can_erase_everything(gardens, proposal):
    reader, client = reader_signed_in()
    refused = client.post(f"{PAGE}write/", {"text": "Hello."})
    assert refused.status_code == 422
    answer = client.post(
        f"{PAGE}write/", {"text": "<script>x</script> ![a](https://e.example/a.png) **Hello.**", "name": "Nora"}
    )
    assert answer.status_code == 302
    html = client.get(PAGE).content.decode()
    assert "Nora" in html
    assert "reader without a wallet" in html
    assert "<strong>Hello.</strong>" in html
    assert "<script>x" not in html
    assert "e.example" not in html
    comment = Comment.objects.get()
    assert (comment.address, comment.reader) == ("", reader)
    assert Event.objects.get(kind="comment_written").actor == ""
    assert person.export_person(person.signed_in("", reader), NOON)["private"]["Discussions"]["comments"]
    person.erase_person(person.signed_in("", reader), NOON)
    comment.refresh_from_db()
    assert (comment.text, comment.name, comment.reader) == ("", "", None)
    assert "Its author erased this comment." in Client().get(PAGE).content.decode()
    assert not findings()


def test_a_member_erases_what_they_said_and_its_place_stays(gardens, proposal):
    say(gardens, proposal, "Alice", "First words.")
    comments.edit(proposal, 1, by(gardens, "Alice"), "Second words.", NOON)
    say(gardens, proposal, "Bob", answers=1)
    erased = person.erase_person(person.find(gardens.address("Alice")), NOON)
    assert erased["erased"]["Discussions"]["comments"] == 1
    story = reading.story(proposal, 1, by(gardens, "Alice"), NOON)
    assert (story.shown.state, story.shown.text, story.earlier) == ("erased", "", ())
    assert proposal.comments.count() == 2
    assert not findings()


def test_whoever_is_answered_asked_or_hidden_is_told(gardens, proposal, at):
    at(NOON)
    readers = {
        name: accounts.reader_of_address(gardens.address(name), "en", NOON) for name in ("Alice", "Bob", "Chloé")
    }
    stranger, _client = reader_signed_in()
    comments.write(proposal, Writer(reader=stranger), "Hello.", NOON, name="Nora")
    say(gardens, proposal, "Bob", answers=1)
    seat(gardens, "Chloé")
    moderation.hide(proposal, 2, gardens.address("Chloé"), "spam", "Advertising.", NOON)
    draft = gardens.draft(author="Alice")
    co_authors.invite(draft.pk, gardens.address("Alice"), gardens.address("Bob"), NOON)
    planning.plan(NOON)

    def told(reader) -> set[tuple[str, str]]:
        rows = Notification.objects.filter(reader=reader).select_related("announcement")
        return {(row.announcement.topic, row.announcement.kind) for row in rows}

    assert ("comment_answered", "comment_written") in told(stranger)
    assert ("discussion", "comment_written") in told(readers["Alice"])
    assert {("own_comment", "comment_hidden"), ("invited_to_write", "draft_co_author_invited")} <= told(readers["Bob"])
    assert ("own_comment", "comment_hidden") not in told(readers["Chloé"])
    page = signed_in(gardens, "Bob").get("/me/inbox/").content.decode()
    assert "/discussion/2/" in page or "inbox" in page


def test_the_pages_work_without_script_and_moderators_see_what_waits(gardens, proposal, at):
    at(NOON)
    seat(gardens, "Bob", "Chloé")
    alice, bob = signed_in(gardens, "Alice"), signed_in(gardens, "Bob")
    posted = alice.post(f"{PAGE}write/", {"text": "Buy my well."})
    assert posted["Location"] == f"{PAGE}#comment-1"
    assert "&gt; Buy my well." in bob.get(f"{PAGE}?answer=1&quote=1").content.decode()
    assert bob.post(f"{PAGE}write/", {"text": "No.", "answers": "1"}).status_code == 302
    daouda = signed_in(gardens, "Daouda")
    assert daouda.post(f"{PAGE}1/report/", {"rule": "spam", "text": "He sells wells."}).status_code == 302
    assert "Reported: no. 1" in bob.get("/c/gardens/moderation/").content.decode()
    assert "He sells wells." in bob.get(f"{PAGE}1/").content.decode()
    for stranger in (Client(), alice):
        assert "Reported: no. 1" not in stranger.get("/c/gardens/moderation/").content.decode()
        assert "He sells wells." not in stranger.get(f"{PAGE}1/").content.decode()
    assert bob.post(f"{PAGE}1/hide/", {"rule": "spam", "reason": ""}).status_code == 422
    assert bob.post(f"{PAGE}1/hide/", {"rule": "spam", "reason": "Advertising."}).status_code == 302
    everybody = Client().get(PAGE).content.decode()
    assert "Buy my well." not in everybody
    assert "Advertising." in everybody
    assert "Advertising." in Client().get("/c/gardens/moderation/").content.decode()
    assert alice.post(f"{PAGE}1/appeal/", {"text": "It was a joke."}).status_code == 302
    chloe = signed_in(gardens, "Chloé")
    assert chloe.post(f"{PAGE}1/judge/", {"answer": "It was one.", "upheld": "0"}).status_code == 302
    assert "Buy my well." in Client().get(PAGE).content.decode()
    assert alice.post(f"{PAGE}1/edit/", {"text": "Sorry."}).status_code == 302
    assert "removed:" in Client().get(f"{PAGE}1/").content.decode()
    feed = Client().get(f"{PAGE}feed/").content.decode()
    assert "Sorry." in feed
    assert Client().get(f"{PAGE}7/").status_code == 404
    assert alice.post(f"{PAGE}1/burn/").status_code == 404
    assert Client().post(f"{PAGE}1/edit/", {"text": "x"}).status_code == 401


def test_the_api_says_the_same(gardens, proposal, at):
    at(NOON)
    seat(gardens, "Bob")
    alice, bob = signed_in(gardens, "Alice"), signed_in(gardens, "Bob")

    def send(client, method: str, path: str, **body: Any):
        return getattr(client, method)(f"{API}/{path}", json.dumps(body), content_type="application/json")

    talk = "proposals/1/comments"
    assert send(Client(), "post", talk, text="x").status_code == 401
    made = send(alice, "post", talk, text="Hello.")
    assert (made.status_code, made.json()["comment"]["state"]) == (201, "visible")
    assert send(alice, "post", talk, text="x", answers=99).json()["code"] == "comment_not_found"
    assert send(alice, "put", f"{talk}/1", text="Hello again.").json()["earlier"][0]["text"] == "Hello."
    assert send(bob, "post", f"{talk}/1/hiding", rule="spam", reason="No.").json()["comment"]["state"] == "hidden"
    shown = Client().get(f"{API}/{talk}").json()["comments"][0]
    assert (shown["text"], shown["hiding"]["reason"]) == ("", "No.")
    assert Client().get(f"{API}/moderation").json()["total"] == 1
    assert send(bob, "put", f"{talk}/1/appeal", upheld=True, answer="x").json()["code"] == "comment_moved_on"
    assert send(alice, "delete", f"{talk}/1").json()["comment"]["state"] == "erased"
    assert Client().get(f"{API}/proposals/9/comments").status_code == 404
    assert clock.now() == NOON


def test_what_was_said_comes_back_from_an_export_and_a_reader_stays_behind(gardens, proposal):
    reader, _client = reader_signed_in()
    comments.write(proposal, Writer(reader=reader), "Hello.", NOON, name="Nora")
    say(gardens, proposal, "Alice", "First.", answers=1)
    comments.edit(proposal, 2, by(gardens, "Alice"), "Second.", NOON)
    seat(gardens, "Bob")
    moderation.hide(proposal, 2, gardens.address("Bob"), "spam", "Advertising.", NOON)
    wanted = [tables()[model] for model in (Comment, CommentVersion, CommentHiding)]
    leaving = [list(rows.write(table, gardens.community)) for table in wanted]
    Comment.objects.all().delete()
    for table, some in zip(wanted, leaving, strict=True):
        rows.read(table, some, gardens.community, {})
    first, second = reading.discussion(proposal, by(gardens, "Bob"), 1, NOON).comments
    assert (first.author_name, first.comment.reader, first.role) == ("Nora", None, "reader")
    assert (second.text, second.state, second.comment.versions.get().text) == ("Second.", "hidden", "First.")
    assert not findings()
