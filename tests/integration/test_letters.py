"""Letters through a real mail server: sent once, tried again, given up, ended by one click; what stands in them."""

import email
import socket
import threading
from contextlib import contextmanager
from datetime import timedelta
from email.message import Message
from email.policy import default

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.test import Client

from frontend import letters as sending
from governance.models import Announcement, LetterErrand, Notification, Postbox, Proposal
from governance.notifications import letters, preferences, tokens
from governance.notifications.letters import BOUNCES_MAX, LEASE_SECONDS
from tests.integration.commons import SECOND, end_of
from tests.integration.conftest import FOR, NOON
from tests.integration.readers_told import follow, letters_of, plan, reader

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class Server:
    """A mail server on this machine that answers as it is told: by address at RCPT, or to the letter itself."""

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.refused: dict[str, str] = {}
        self.answers: list[str] = []
        self.closes = False

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.closes:
            server.transport.abort()
            return "421 bye"
        if self.answers:
            answer = self.answers.pop(0)
            if not answer.startswith("2"):
                return answer
        self.got.append(email.message_from_bytes(envelope.content, policy=default))
        return "250 OK"


@pytest.fixture
def server(settings):
    handler = Server()
    controller = Controller(handler, hostname="127.0.0.1", port=0)
    # With port 0 the controller would try to reach port 0 to see whether it is up.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        controller.port = free.getsockname()[1]
    controller.start()
    settings.MAIL_OFFERED = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_TIMEOUT = 2
    settings.DEFAULT_FROM_EMAIL = "letters@commons.example"
    yield handler
    controller.stop()


@pytest.fixture
def commons(list_community):
    return list_community()


@pytest.fixture
def alice(commons):
    return reader(NOON, address=commons.address("Alice"), email="alice@example.org")


@pytest.fixture
def told(commons, alice, at):
    """Alice is told at once that Bob lends her power; return the errand of the letter."""
    preferences.wish(alice, {"power_lent": "now"})
    commons.delegate("Bob", "Alice")
    plan(NOON)
    at(NOON)
    return LetterErrand.objects.get(reader=alice)


def work(at, now):
    """Do what workers do at a moment; return how many letters they looked at."""
    at(now)
    due = letters.due(now)
    for errand in due:
        sending.deliver(errand)
    return len(due)


def body(message, kind="plain"):
    return message.get_body((kind,)).get_content()


def delegate_again(commons, giver, share, now):
    commons.delegate(giver, "Alice", share, now=now)
    plan(now)


# --- what stands in a letter ----------------------------------------------------------------------------------------


def test_a_letter_says_what_happened_what_to_do_why_and_how_to_end_it(server, commons, alice, told, at):
    assert work(at, NOON) == 1
    (message,) = server.got
    assert message["Subject"] == "Bob lends you voting power"
    assert message["To"] == "alice@example.org"
    text = body(message)
    assert "Bob lends you voting power in Gardens" in text
    assert f"http://testserver/c/gardens/delegates/{commons.address('Alice')}/" in text
    assert "The power was lent to you." in text
    end = message["List-Unsubscribe"].strip(" <>")
    assert end.startswith("http://testserver/unsubscribe/")
    assert end in text
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Auto-Submitted"] == "auto-generated"
    html = body(message, "html")
    assert [part for part in ("src=", "<img", "<style", "<link") if part in html] == [], "nothing is fetched"
    told.refresh_from_db()
    assert (told.ended_as, told.next_at) == ("sent", None)
    assert Notification.objects.get().lettered_at is not None


def test_a_letter_is_in_its_reader_s_language(server, commons, alice, at, told):
    type(alice).objects.update(language="fr")
    work(at, NOON)
    (message,) = server.got
    assert '<html lang="fr">' in body(message, "html")
    assert "dans Jardins" in body(message) or "Jardins" in body(message)


def test_attack_a_title_with_line_breaks_adds_no_header_and_no_line(server, commons, alice, at):
    preferences.wish(alice, {"decided": "now"})
    follow(alice, commons.community, NOON)
    proposal = commons.propose(author="Bob")
    evil = "Free\r\nBcc: victim@example.org\r\n\r\n<script>alert(1)</script>\u202e\x07"
    Proposal.objects.filter(pk=proposal.pk).update(title=evil)
    commons.queued(proposal)
    plan(end_of(proposal))
    work(at, end_of(proposal))
    (message,) = server.got
    assert message["Bcc"] is None
    assert message["Subject"].startswith("Not passed: Free Bcc: victim@example.org")
    assert "\nBcc:" not in body(message)
    assert "<script>" not in body(message, "html")
    assert "\u202e" not in body(message)
    assert "\x07" not in body(message)


# --- the mail server answers badly ----------------------------------------------------------------------------------


def test_what_the_server_defers_is_tried_again_after_a_growing_rest_and_arrives_once(server, alice, told, at):
    server.answers = ["451 later", "451 later", "250 OK"]
    rests, now = [], NOON
    for _ in range(2):
        assert work(at, now) == 1
        told.refresh_from_db()
        rests.append(told.next_at - now)
        assert work(at, now) == 0, "it rests"
        now = told.next_at
    assert rests[1] > rests[0] / 2
    assert (told.error_code, told.ended_at) == ("mail_deferred", None)
    work(at, now)
    assert len(server.got) == 1
    assert work(at, now + 30 * DAY) == 0


def test_a_letter_that_is_refused_for_good_is_given_up_and_counts_against_no_address(server, alice, told, at):
    server.answers = ["554 looks like spam"]
    work(at, NOON)
    told.refresh_from_db()
    assert (told.ended_as, told.error_code) == ("failed", "mail_refused")
    assert not Postbox.objects.filter(bounces__gt=0).exists()


def test_an_address_that_is_refused_again_and_again_gets_no_more_letters_and_settings_say_so(
    server, commons, alice, told, at
):
    server.refused["alice@example.org"] = "550 no such mailbox"
    for number in range(BOUNCES_MAX):
        assert Postbox.objects.filter(undeliverable_at__isnull=False).count() == 0
        work(at, NOON + number * HOUR)
        delegate_again(commons, "Bob", 9_000 - number, NOON + (number + 1) * HOUR - SECOND)
    assert preferences.wishes_of(alice).undeliverable
    assert work(at, NOON + BOUNCES_MAX * HOUR) == 0, "none was planned any more"
    assert server.got == []
    before = LetterErrand.objects.count()
    delegate_again(commons, "Bob", 1, NOON + 10 * HOUR)
    assert LetterErrand.objects.count() == before
    preferences.try_again(alice)
    server.refused.clear()
    delegate_again(commons, "Bob", 2, NOON + 11 * HOUR)
    work(at, NOON + 11 * HOUR)
    assert len(server.got) == 1


def test_another_address_begins_with_a_clean_slate(server, commons, alice, told, at):
    Postbox.objects.create(reader=alice, email="alice@example.org", bounces=9, undeliverable_at=NOON)
    assert not letters.reachable().filter(pk=alice.pk).exists()
    type(alice).objects.update(email="alice@elsewhere.example")
    alice.refresh_from_db()
    assert letters.reachable().filter(pk=alice.pk).exists()
    assert not preferences.wishes_of(alice).undeliverable


def test_a_server_that_hangs_up_or_is_not_there_is_asked_again(server, alice, told, at, settings):
    server.closes = True
    work(at, NOON)
    told.refresh_from_db()
    assert (told.error_code, told.ended_at) == ("mail_unreachable", None)
    server.closes = False
    now, port = told.next_at, settings.EMAIL_PORT
    settings.EMAIL_PORT = 9
    work(at, now)
    told.refresh_from_db()
    settings.EMAIL_PORT = port
    assert told.ended_at is None
    work(at, told.next_at)
    assert len(server.got) == 1


def test_a_server_that_says_nothing_holds_a_worker_for_its_time_only(alice, told, at, settings):
    with _silent() as port:
        settings.MAIL_OFFERED = True
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, 1
        work(at, NOON)
    told.refresh_from_db()
    assert (told.error_code, told.ended_at) == ("mail_unreachable", None)


@contextmanager
def _silent():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        accepted = []
        thread = threading.Thread(target=lambda: accepted.append(listening.accept()))
        thread.start()
        yield listening.getsockname()[1]
        thread.join(5)
        for connection, _ in accepted:
            connection.close()


# --- workers --------------------------------------------------------------------------------------------------------


def test_two_workers_with_the_same_nudge_send_one_letter(server, told, at):
    first = letters.claim(told.pk, NOON)
    assert letters.claim(told.pk, NOON) is None
    sending.deliver(told.pk)
    assert server.got == [], "somebody has it"
    assert letters.hand_over(first, NOON)


def test_an_answer_that_comes_after_somebody_took_over_changes_nothing(server, told, at):
    late = letters.claim(told.pk, NOON)
    now = NOON + timedelta(seconds=LEASE_SECONDS + 100)
    assert work(at, now) == 1
    letters.failed(late, "mail_refused", "late", now, permanent=True, bounced=True)
    assert not letters.hand_over(late, now)
    told.refresh_from_db()
    assert told.ended_as == "sent"
    assert not Postbox.objects.filter(bounces__gt=0).exists()


def test_a_worker_that_dies_after_sending_costs_one_letter_twice_and_never_more(server, told, at, monkeypatch):
    real, names = letters.sent, []

    def dies(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(letters, "sent", dies)
    now = NOON
    for _ in range(4):
        if letters.due(now):
            at(now)
            try:
                sending.deliver(told.pk)
            except KeyboardInterrupt:
                names.append(server.got[-1]["Message-ID"])
        now += HOUR
    monkeypatch.setattr(letters, "sent", real)
    assert len(server.got) == 2
    assert len(set(names)) == 1, "a mail program that knows the name shows it once"
    told.refresh_from_db()
    assert (told.ended_as, told.error_code) == ("failed", "no_answer")


def test_a_site_that_sends_no_mail_plans_no_letters(commons, alice, settings):
    settings.MAIL_OFFERED = False
    preferences.wish(alice, {"power_lent": "now"})
    commons.delegate("Bob", "Alice")
    plan(NOON)
    assert letters_of(alice) == []


# --- what is not said any more ----------------------------------------------------------------------------------------


def test_nobody_is_asked_for_a_vote_that_they_cast_meanwhile_or_that_is_over(server, commons, alice, at):
    proposal = commons.propose(author="Bob")
    now = end_of(proposal) - 10 * SECOND
    plan(now)
    assert "now" in letters_of(alice)
    commons.vote(proposal, "Alice", FOR, now)
    work(at, now)
    assert server.got == []
    bob = reader(NOON, address=commons.address("Bob"), email="bob@example.org")
    Announcement.objects.update(done_at=None, reader_cursor=0)
    plan(now)
    assert "now" in letters_of(bob)
    work(at, end_of(proposal) + SECOND)
    assert server.got == []
    assert set(LetterErrand.objects.filter(channel="now").values_list("ended_as", flat=True)) == {"dropped"}


def test_what_was_read_in_the_inbox_comes_in_no_letter(server, told, at):
    Notification.objects.update(read_at=NOON)
    work(at, NOON)
    assert server.got == []


# --- digests ----------------------------------------------------------------------------------------------------------


def test_a_digest_says_once_what_was_not_read_yet(server, commons, alice, at):
    commons.delegate("Bob", "Alice")
    commons.delegate("Chloé", "Alice", now=NOON + SECOND)
    commons.delegate("Daouda", "Alice", now=NOON + 2 * SECOND)
    plan(NOON + 3 * SECOND)
    Notification.objects.filter(announcement__actor=commons.address("Bob")).update(read_at=NOON)
    assert letters_of(alice) == ["daily"]
    assert work(at, NOON + HOUR) == 0
    morning = NOON + 18 * HOUR
    assert work(at, morning) == 1
    (message,) = server.got
    assert message["Subject"] == "Today: 2 things happened"
    assert "Chloé lends you" in body(message)
    assert "Daouda lends you" in body(message)
    assert "Bob lends you" not in body(message)
    commons.delegate("Bob", "Alice", 1, now=morning)
    plan(morning)
    work(at, morning + DAY)
    assert len(server.got) == 2
    assert "Daouda" not in body(server.got[1])


def test_a_weekly_letter_goes_out_on_a_monday_and_only_if_there_is_something(server, commons, alice, at):
    preferences.wish(alice, {"power_lent": "weekly"})
    commons.delegate("Bob", "Alice")
    plan(NOON)  # a Saturday
    (errand,) = LetterErrand.objects.all()
    assert errand.next_at.isoformat() == "2026-11-23T06:00:00+00:00"
    Notification.objects.update(read_at=NOON)
    work(at, errand.next_at)
    errand.refresh_from_db()
    assert (server.got, errand.ended_as) == ([], "dropped")


# --- ending letters -----------------------------------------------------------------------------------------------------


def test_one_click_in_the_mail_program_ends_the_topic_without_a_session_or_a_form(server, alice, told, at):
    work(at, NOON)
    path = server.got[0]["List-Unsubscribe"].strip(" <>").removeprefix("http://testserver")
    strict = Client(enforce_csrf_checks=True)
    page = strict.get(path)
    assert page.status_code == 200
    assert "End these letters" in page.content.decode()
    assert preferences.wishes_of(alice).topics[2].channel == "now", "looking ends nothing"
    answer = strict.post(path, {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert preferences.wishes_of(alice).topics[2].channel == "inbox"
    assert strict.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200, "safe to repeat"
    assert not preferences.wishes_of(alice).stopped
    strict.post(path, {"scope": "all"})
    assert preferences.wishes_of(alice).stopped


def test_the_link_of_a_digest_ends_that_digest_and_nothing_else(alice):
    preferences.unsubscribe(alice, "daily", NOON)
    channels = {wish.channel for wish in preferences.wishes_of(alice).topics}
    assert "daily" not in channels
    assert {"now", "weekly", "inbox"} <= channels


@pytest.mark.parametrize(
    "forge",
    [
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: token.replace(".", ".x", 1),
        lambda token: "2" + token[1:],
        lambda token: token.split(":")[0],
        lambda _token: "1.all:" + "A" * 43,
        lambda _token: "x" * 5_000,
        lambda _token: ":",
    ],
)
def test_attack_a_forged_link_ends_nothing(alice, forge):
    token = tokens.token_for(alice, "decided")
    answer = Client().post(f"/unsubscribe/{forge(token)}/", {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 404
    assert not preferences.wishes_of(alice).stopped
    assert alice.preferences.count() == 0


def test_the_link_of_somebody_who_left_is_answered_kindly(alice):
    token = tokens.token_for(alice, "decided")
    alice.delete()
    assert Client().get(f"/unsubscribe/{token}/").status_code == 404


def test_the_page_of_a_digest_s_link_speaks_of_letters_and_not_of_a_topic(alice):
    path = f"/unsubscribe/{tokens.token_for(alice, 'daily')}/"
    assert "Get no letters like this any more?" in Client().get(path).content.decode()
    assert "You get no letters like this any more." in Client().post(path).content.decode()
