"""A small relay over HTTP for many runs: members bring payloads, it closes rounds, members fetch what was closed.

    POST /join                        {"slot", "from_round", "round", "workers"}
    POST /leave                       {}
    PUT  /rounds/<n>                  the member's payload of the open round → {"sha256"}
    GET  /rounds/<n>?wait=<seconds>   the record of a closed round; 404 while it is open
    GET  /rounds/<n>/<sha256>         a payload of a closed round

Each request carries `Authorization: Bearer <ticket>`: the site's signed word for who this is (`tickets`). The site and
its relay share a secret and nothing else; runs need not be announced. Everything is outbound for members: no volunteer
opens a port. The relay reads headers, never tensors, and what it tells is checked by every member: it can stop a run or
leave members out, but it cannot alter a payload unseen.

    python -m training_jobs.exchange.relay FOLDER --secret-file FILE [--listen HOST:PORT] [--keep-days N]
        [--quorum-percent N] [--certificate FILE --key FILE [--members-authority FILE]]
"""

import argparse
import json
import re
import shutil
import ssl
import sys
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from training_jobs.exchange import tickets
from training_jobs.exchange.payload import BadPayload
from training_jobs.exchange.rounds import RoundRefusal, Rules
from training_jobs.exchange.shelf import Shelf
from training_jobs.exchange.tickets import SECRET_BYTES_MIN, Ticket, TicketRefused

PAYLOAD_BYTES_MAX = 4 << 30
WAIT_SECONDS_MAX = 30.0
SOCKET_SECONDS = 120
TIDY_SECONDS = 60.0
DAY_SECONDS = 24 * 3600
SECRET_BYTES_MAX = 10_000
_ROUND = re.compile(r"/rounds/([0-9]{1,6})")
_PAYLOAD = re.compile(r"/rounds/([0-9]{1,6})/([0-9a-f]{64})")
_STATUS = {
    "not_a_member": HTTPStatus.FORBIDDEN,
    "ticket_superseded": HTTPStatus.FORBIDDEN,
    "member_malformed": HTTPStatus.BAD_REQUEST,
}


class Handler(BaseHTTPRequestHandler):
    """One request: who is it, what does it want, one call of the run's book, one answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = SOCKET_SECONDS
    shelf: ClassVar[Shelf]
    secret: ClassVar[bytes]
    payload_bytes_max: ClassVar[int]

    def do_POST(self) -> None:
        """Join or leave."""
        self._answer({"/join": self._join, "/leave": self._leave})

    def do_PUT(self) -> None:
        """Deliver."""
        self._answer({_ROUND: self._deliver})

    def do_GET(self) -> None:
        """Fetch."""
        self._answer({_ROUND: self._closed, _PAYLOAD: self._payload})

    def log_message(self, *_arguments: object) -> None:
        """Say nothing: a relay of volunteers keeps no addresses."""

    def _answer(self, routes: Mapping[Any, Any]) -> None:
        """Find the member and the route; a refusal becomes a status and a code."""
        try:
            ticket = self._ticket()
        except TicketRefused as refusal:
            self.close_connection = True  # what was not read must not be taken for the next request
            self._send(HTTPStatus.UNAUTHORIZED, {"code": refusal.code})
            return
        body = self._body()
        if body is None:
            self.close_connection = True
            self._send(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"code": "body_refused"})
            return
        path = urlsplit(self.path).path
        for pattern, action in routes.items():
            if isinstance(pattern, str):
                found = () if path == pattern else None
            else:
                match = pattern.fullmatch(path)
                found = match.groups() if match else None
            if found is not None:
                try:
                    action(ticket, body, *found)
                except RoundRefusal as refusal:
                    self._send(_STATUS.get(refusal.code, HTTPStatus.CONFLICT), {"code": refusal.code})
                except BadPayload as refusal:
                    self._send(HTTPStatus.BAD_REQUEST, {"code": refusal.code})
                return
        self._send(HTTPStatus.NOT_FOUND, {"code": "not_found"})

    def _join(self, ticket: Ticket, _body: bytes) -> None:
        with self.shelf.book(ticket, new=True) as book:
            answer = book.join(ticket)
        self._send(HTTPStatus.OK, answer)

    def _leave(self, ticket: Ticket, _body: bytes) -> None:
        with self.shelf.book(ticket) as book:
            book.leave(ticket.member)
        self._send(HTTPStatus.OK, {})

    def _deliver(self, ticket: Ticket, body: bytes, number: str) -> None:
        with self.shelf.book(ticket) as book:
            digest = book.deliver(ticket.member, int(number), body)
        self._send(HTTPStatus.OK, {"sha256": digest})

    def _closed(self, ticket: Ticket, _body: bytes, number: str) -> None:
        wanted = parse_qs(urlsplit(self.path).query).get("wait", ["0"])[0]
        seconds = min(float(wanted), WAIT_SECONDS_MAX) if re.fullmatch(r"[0-9]{1,4}", wanted) else 0.0
        with self.shelf.book(ticket) as book:
            record = book.wait_closed(ticket.member, int(number), seconds)
        if record is None:
            self._send(HTTPStatus.NOT_FOUND, {"code": "round_open"})
        else:
            self._send_bytes(HTTPStatus.OK, record, "application/json")

    def _payload(self, ticket: Ticket, _body: bytes, number: str, digest: str) -> None:
        with self.shelf.book(ticket) as book:
            path = book.payload_path(int(number), digest)
            is_there = book.closed_round(int(number)) is not None and path.is_file()
        if not is_there:
            self._send(HTTPStatus.NOT_FOUND, {"code": "not_found"})
            return
        with path.open("rb") as file:
            self._send_head(HTTPStatus.OK, path.stat().st_size, "application/octet-stream")
            shutil.copyfileobj(file, self.wfile)

    def _ticket(self) -> Ticket:
        """Return whose request this is, or raise TicketRefused."""
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        return tickets.read(given, self.secret, int(time.time()))

    def _body(self) -> bytes | None:
        """Read the body; None where its length is missing, nonsense or too large."""
        length = self.headers.get("Content-Length", "0")
        if not re.fullmatch(r"[0-9]{1,12}", length) or int(length) > self.payload_bytes_max:
            return None
        body = self.rfile.read(int(length))
        return body if len(body) == int(length) else None

    def _send(self, status: HTTPStatus, value: Mapping[str, Any]) -> None:
        self._send_bytes(status, json.dumps(value).encode(), "application/json")

    def _send_bytes(self, status: HTTPStatus, data: bytes, kind: str) -> None:
        self._send_head(status, len(data), kind)
        self.wfile.write(data)

    def _send_head(self, status: HTTPStatus, size: int, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()


class Relay(ThreadingHTTPServer):
    """Serves the books of a shelf to whoever shows a ticket that was issued with `secret`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        shelf: Shelf,
        secret: bytes,
        tls: ssl.SSLContext | None = None,
        payload_bytes_max: int = PAYLOAD_BYTES_MAX,
    ) -> None:
        """Listen on `address`."""
        self.shelf = shelf
        self._tidy_at = 0.0
        bound = {"shelf": shelf, "secret": secret, "payload_bytes_max": payload_bytes_max}
        super().__init__(address, type("BoundHandler", (Handler,), bound))
        if tls is not None:
            # The handshake happens in the request's own thread: a silent caller must not hold up the others.
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def service_actions(self) -> None:
        """Tidy the shelf now and then."""
        if time.monotonic() >= self._tidy_at:
            self._tidy_at = time.monotonic() + TIDY_SECONDS
            self.shelf.tidy(time.time())

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's signature
        """Print what went wrong as usual, unless a caller just went away."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def server_tls(certificate: Path, key: Path, members_authority: Path | None) -> ssl.SSLContext:
    """Return a context for TLS 1.3; with `members_authority`, members must show a certificate that it signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate, key)
    if members_authority is not None:
        context.load_verify_locations(members_authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def read_secret(file: Path) -> bytes:
    """Return the secret that the site's tickets are issued with; ValueError for one that could be guessed."""
    secret = file.read_bytes()
    if not SECRET_BYTES_MIN <= len(secret) <= SECRET_BYTES_MAX:
        raise ValueError(f"{file} has {len(secret)} bytes, {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} are expected")
    return secret


def main(arguments: list[str]) -> int:
    """Serve until it is interrupted; the first line printed is the address."""
    parser = argparse.ArgumentParser(prog="python -m training_jobs.exchange.relay", description="Close rounds.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--secret-file", type=Path, required=True, help="what the site issues its tickets with")
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument(
        "--quorum-percent", type=int, choices=range(1, 101), default=50, metavar="1-100", help="of a run's seats"
    )
    parser.add_argument("--live-seconds", type=float, default=60.0)
    parser.add_argument("--straggler-seconds", type=float, default=60.0)
    parser.add_argument("--first-seconds", type=float, default=600.0, help="how long the first round waits for all")
    parser.add_argument("--payload-bytes-max", type=int, default=PAYLOAD_BYTES_MAX)
    parser.add_argument("--keep-days", type=int, default=0, help="then an untouched run is removed; default: never")
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    parser.add_argument("--members-authority", type=Path)
    options = parser.parse_args(arguments)
    try:
        secret = read_secret(options.secret_file)
    except (OSError, ValueError) as error:
        parser.error(f"--secret-file: {error}")

    def rules_for(workers: int) -> Rules:
        return Rules(
            workers=workers,
            quorum=-(-workers * options.quorum_percent // 100),
            live_seconds=options.live_seconds,
            straggler_seconds=options.straggler_seconds,
            first_seconds=options.first_seconds,
        )

    tls = server_tls(options.certificate, options.key, options.members_authority) if options.certificate else None
    host, port = options.listen.rsplit(":", 1)
    shelf = Shelf(options.folder, rules_for, keep_seconds=options.keep_days * DAY_SECONDS or None)
    with Relay((host, int(port)), shelf, secret, tls, options.payload_bytes_max) as relay:
        scheme = "https" if tls else "http"
        sys.stdout.write(f"{scheme}://{host}:{relay.server_address[1]}\n")
        sys.stdout.flush()
        try:
            relay.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
