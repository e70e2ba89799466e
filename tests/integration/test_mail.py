"""Letters against a real mail server on this machine: taken, refused, put off, hung up on, not there at all."""

import email
import email.policy
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from governance.mail import Letter, MailError, send

ROOT = Path(__file__).resolve().parents[2]
LETTER = Letter("lea@example.org", "Été : « bonjour »", "Bonjour Léa,\n\nà bientôt.\n", headers={"List-Id": "<water>"})


class Postman:
    """What the server does with a letter; what it took lies in `taken`."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.taken: list[Any] = []

    async def handle_MAIL(self, _server: Any, _session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.answers.get("sender", "250 OK")

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        if "recipient" in self.answers:
            return self.answers["recipient"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answers.get("data") == "hang up":
            server.transport.close()
            return "250 never heard"
        if "data" not in self.answers:
            self.taken.append(
                (envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=email.policy.default))
            )
        return self.answers.get("data", "250 taken")


Server = Callable[..., Any]


@pytest.fixture
def server(settings: Any) -> Iterator[Server]:
    """Start a mail server, and let the site send through it."""
    running: list[Controller] = []

    def start(postman: Postman, **options: Any) -> Postman:
        controller = Controller(postman, hostname="127.0.0.1", port=free_port(), **options)
        controller.start()
        running.append(controller)
        settings.EMAIL_PORT = controller.port
        return postman

    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.MAIL_OFFERED = True
    settings.EMAIL_HOST, settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "127.0.0.1", "", ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_TIMEOUT = 2
    settings.DEFAULT_FROM_EMAIL = "Commonweights <letters@commons.example>"
    yield start
    for controller in running:
        controller.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def refused(letter: Letter = LETTER) -> tuple[str, bool]:
    with pytest.raises(MailError) as raised:
        send(letter)
    return raised.value.code, raised.value.permanent


def test_a_letter_arrives_whole_with_accents_headers_and_both_forms(server: Server) -> None:
    postman = server(Postman())
    send(Letter(**{**LETTER.__dict__, "html": "<p>Bonjour <b>Léa</b></p>"}))
    [(to, letter)] = postman.taken
    assert to == ["lea@example.org"]
    assert (letter["Subject"], letter["From"]) == (LETTER.subject, "Commonweights <letters@commons.example>")
    assert letter["List-Id"] == "<water>"
    assert letter["Message-ID"]
    assert letter["Date"]
    plain, html = letter.iter_parts()
    assert plain.get_content().splitlines() == LETTER.text.splitlines()
    assert "<b>Léa</b>" in html.get_content()


def test_what_can_never_be_delivered_is_permanent(server: Server) -> None:
    server(Postman(recipient="550 5.1.1 no such mailbox"))
    assert refused() == ("mail_refused", True)
    server(Postman(data="554 5.7.1 looks like spam"))
    assert refused() == ("mail_refused", True)


def test_what_may_be_delivered_later_is_passing(server: Server) -> None:
    server(Postman(recipient="451 4.7.1 greylisted, try again"))
    assert refused() == ("mail_deferred", False)
    server(Postman(data="452 4.3.1 the disk is full"))
    assert refused() == ("mail_deferred", False)


def test_a_server_that_does_not_want_our_sender_is_the_operators_matter_and_passing(server: Server) -> None:
    server(Postman(sender="550 5.7.1 who are you?"))
    assert refused() == ("mail_sender_refused", False)


def test_a_server_that_hangs_up_or_is_not_there_is_passing(server: Server, settings: Any) -> None:
    server(Postman(data="hang up"))
    assert refused() == ("mail_unreachable", False)
    settings.EMAIL_PORT = free_port()
    assert refused() == ("mail_unreachable", False)
    settings.EMAIL_HOST = "no-such-host.invalid"
    assert refused() == ("mail_unreachable", False)


def test_a_server_that_says_nothing_is_given_up_after_the_timeout(server: Server, settings: Any) -> None:
    settings.EMAIL_TIMEOUT = 1
    with silent() as port:
        settings.EMAIL_PORT = port
        assert refused() == ("mail_unreachable", False)


def test_a_wrong_password_of_the_site_is_passing_and_the_right_one_is_used(server: Server, settings: Any) -> None:
    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: LoginPassword) -> AuthResult:
        return AuthResult(success=data == LoginPassword(b"site", b"secret"), handled=False)

    postman = server(Postman(), authenticator=check, auth_require_tls=False)
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "site", "wrong"
    assert refused() == ("mail_sign_in_refused", False)
    settings.EMAIL_HOST_PASSWORD = "secret"
    send(LETTER)
    assert len(postman.taken) == 1


def test_a_server_without_tls_is_not_spoken_to_where_tls_is_asked_for(server: Server, settings: Any) -> None:
    postman = server(Postman())
    settings.EMAIL_USE_TLS = True
    assert refused()[1] is False
    assert postman.taken == []


def test_header_injection_a_line_break_in_a_header_or_an_address_is_refused_before_anything_is_sent(
    server: Server,
) -> None:
    postman = server(Postman())
    for bad in (
        Letter("lea@example.org", "Hello\r\nBcc: all@example.org", "text"),
        Letter("lea@example.org\r\nBcc: all@example.org", "Hello", "text"),
        Letter("lea@example.org", "Hello", "text", headers={"List-Id": "x\r\nBcc: all@example.org"}),
        Letter("", "Hello", "text"),
    ):
        assert refused(bad) == ("mail_malformed", True), bad
    assert postman.taken == []


def test_a_site_without_mail_says_so_for_good(settings: Any) -> None:
    settings.MAIL_OFFERED = False
    assert refused() == ("mail_not_offered", True)


# --- how the way out is chosen ----------------------------------------------------------------------------------------

PRINT = (
    "from config import mail_way\n"
    "way = mail_way.read()\n"
    "print(way.offered, way.backend.rsplit('.', 2)[1], way.folder, way.host, way.port, way.user, way.password,"
    " way.starttls, way.implicit_tls, mail_way.sender(way), sep='|')"
)


def chosen(url: str, sender: str = "letters@commons.example") -> tuple[int, str]:
    environment = {
        **os.environ,
        "COMMONWEIGHTS_MAIL_URL": url,
        "COMMONWEIGHTS_MAIL_FROM": sender,
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run([sys.executable, "-c", PRINT], check=False, env=environment, capture_output=True, text=True)
    return done.returncode, (done.stdout or done.stderr).strip()


@pytest.mark.parametrize(
    ("url", "way"),
    [
        ("", "False|dummy|None||0|||False|False|letters@commons.example"),
        ("console:", "True|console|None||0|||False|False|letters@commons.example"),
        ("file:/var/mail/out", "True|filebased|/var/mail/out||0|||False|False|letters@commons.example"),
        ("smtp://u:p%40ss@mail.example", "True|smtp|None|mail.example|587|u|p@ss|True|False|letters@commons.example"),
        ("smtp://u:p@m.example?tls=implicit", "True|smtp|None|m.example|465|u|p|False|True|letters@commons.example"),
        ("smtp://127.0.0.1:2525?tls=none", "True|smtp|None|127.0.0.1|2525|||False|False|letters@commons.example"),
    ],
)
def test_the_way_out_is_read_from_one_address(url: str, way: str) -> None:
    assert chosen(url) == (0, way)


@pytest.mark.parametrize(
    "url",
    ["mail.example", "smtp://", "smtp://m.example?tls=maybe", "smtp://m.example:99999", "file:relative", "file://host/x",
     "smtp://m.example?tls=none&x=1", "smtp://u:hunter2@m.example?tls=none", "http://m.example"],
)  # fmt: skip
def test_a_way_that_cannot_be_used_or_is_not_safe_stops_the_start_and_repeats_no_password(url: str) -> None:
    status, said = chosen(url)
    assert status == 1
    assert "COMMONWEIGHTS_MAIL_URL" in said.splitlines()[-1]
    assert "hunter2" not in said.splitlines()[-1]


def test_a_mail_server_without_a_sender_or_with_a_strange_one_stops_the_start() -> None:
    for sender in ("", "nobody", "a@b.example\r\nBcc: c@d.example"):
        status, said = chosen("smtp://m.example", sender)
        assert (status, "COMMONWEIGHTS_MAIL_FROM" in said) == (1, True)


@contextmanager
def silent() -> Iterator[int]:
    """A server that takes the connection and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        held: list[socket.socket] = []

        def take() -> None:
            try:
                held.append(listening.accept()[0])
            except OSError:
                return  # nobody came

        thread = threading.Thread(target=take)
        thread.start()
        yield int(listening.getsockname()[1])
        for connection in held:
            connection.close()
        if not held:
            socket.create_connection(listening.getsockname()).close()
        thread.join()
