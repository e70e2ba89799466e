"""A small relay over HTTP: members bring payloads, it closes rounds, members fetch what was closed.

    POST /join                        {"slot", "from_round", "round", "workers"}
    POST /leave                       {}
    PUT  /rounds/<n>                  the member's payload of the open round → {"sha256"}
    GET  /rounds/<n>?wait=<seconds>   the record of a closed round; 404 while it is open
    GET  /rounds/<n>/<sha256>         a payload of a closed round

Each request carries `Authorization: Bearer <ticket>`; a ticket belongs to one member of one run. Everything is outbound
for members: no volunteer opens a port. The relay reads headers, never tensors, and what it tells is checked by every
member: it can stop a run or leave members out, but it cannot alter a payload unseen.

    python -m training_jobs.exchange.relay FOLDER --tickets FILE --workers N [--listen HOST:PORT] [--certificate FILE
        --key FILE [--members-authority FILE]]
"""

import argparse
import hashlib
import hmac
import json
import re
import ssl
import sys
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from training_jobs.exchange.book import Book
from training_jobs.exchange.payload import BadPayload
from training_jobs.exchange.rounds import RoundRefusal, Rules

PAYLOAD_BYTES_MAX = 4 << 30
WAIT_SECONDS_MAX = 30.0
SOCKET_SECONDS = 120
_ROUND = re.compile(r"/rounds/([0-9]{1,6})")
_PAYLOAD = re.compile(r"/rounds/([0-9]{1,6})/([0-9a-f]{64})")
_STATUS = {"not_a_member": HTTPStatus.FORBIDDEN, "member_malformed": HTTPStatus.BAD_REQUEST}


class Handler(BaseHTTPRequestHandler):
    """One request: who is it, what does it want, one call of the book, one answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = SOCKET_SECONDS
    book: ClassVar[Book]
    tickets: ClassVar[Mapping[str, str]]
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
        member = self._member()
        body = self._body() if member is not None else None
        if member is None or body is None:
            self.close_connection = True  # what was not read must not be taken for the next request
            status = HTTPStatus.UNAUTHORIZED if member is None else HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            self._send(status, {"code": "ticket_unknown" if member is None else "body_refused"})
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
                    action(member, body, *found)
                except RoundRefusal as refusal:
                    self._send(_STATUS.get(refusal.code, HTTPStatus.CONFLICT), {"code": refusal.code})
                except BadPayload as refusal:
                    self._send(HTTPStatus.BAD_REQUEST, {"code": refusal.code})
                return
        self._send(HTTPStatus.NOT_FOUND, {"code": "not_found"})

    def _join(self, member: str, _body: bytes) -> None:
        self._send(HTTPStatus.OK, self.book.join(member))

    def _leave(self, member: str, _body: bytes) -> None:
        self.book.leave(member)
        self._send(HTTPStatus.OK, {})

    def _deliver(self, member: str, body: bytes, number: str) -> None:
        self._send(HTTPStatus.OK, {"sha256": self.book.deliver(member, int(number), body)})

    def _closed(self, member: str, _body: bytes, number: str) -> None:
        wanted = parse_qs(urlsplit(self.path).query).get("wait", ["0"])[0]
        seconds = min(float(wanted), WAIT_SECONDS_MAX) if re.fullmatch(r"[0-9]{1,4}", wanted) else 0.0
        record = self.book.wait_closed(member, int(number), seconds)
        if record is None:
            self._send(HTTPStatus.NOT_FOUND, {"code": "round_open"})
        else:
            self._send_bytes(HTTPStatus.OK, record, "application/json")

    def _payload(self, _member: str, _body: bytes, number: str, digest: str) -> None:
        path = self.book.payload_path(int(number), digest)
        if self.book.closed_round(int(number)) is None or not path.is_file():
            self._send(HTTPStatus.NOT_FOUND, {"code": "not_found"})
        else:
            self._send_bytes(HTTPStatus.OK, path.read_bytes(), "application/octet-stream")

    def _member(self) -> str | None:
        """Return whose ticket this is; every ticket is compared, in equal time each."""
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        hashed = hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()
        found = [member for member, ticket in self.tickets.items() if hmac.compare_digest(ticket, hashed)]
        return found[0] if found else None

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
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)


class Relay(ThreadingHTTPServer):
    """Serves one run's book."""

    daemon_threads = True

    def __init__(
        self,
        address: tuple[str, int],
        book: Book,
        tickets: Mapping[str, str],
        tls: ssl.SSLContext | None = None,
        payload_bytes_max: int = PAYLOAD_BYTES_MAX,
    ) -> None:
        """Listen on `address`; `tickets` maps a member to the SHA-256 (hex) of its ticket."""
        bound = {"book": book, "tickets": dict(tickets), "payload_bytes_max": payload_bytes_max}
        super().__init__(address, type("BoundHandler", (Handler,), bound))
        if tls is not None:
            # The handshake happens in the request's own thread: a silent caller must not hold up the others.
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

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


def main(arguments: list[str]) -> int:
    """Serve until it is interrupted; the first line printed is the address."""
    parser = argparse.ArgumentParser(prog="python -m training_jobs.exchange.relay", description="Close rounds.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tickets", type=Path, required=True, help='JSON: {"member": "SHA-256 of its ticket", …}')
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--quorum", type=int, help="fewest members of a round; default: more than half")
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--live-seconds", type=float, default=60.0)
    parser.add_argument("--straggler-seconds", type=float, default=60.0)
    parser.add_argument("--first-seconds", type=float, default=600.0, help="how long the first round waits for all")
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    parser.add_argument("--members-authority", type=Path)
    options = parser.parse_args(arguments)
    rules = Rules(
        workers=options.workers,
        quorum=options.quorum or (options.workers + 1) // 2,
        live_seconds=options.live_seconds,
        straggler_seconds=options.straggler_seconds,
        first_seconds=options.first_seconds,
    )
    tls = server_tls(options.certificate, options.key, options.members_authority) if options.certificate else None
    host, port = options.listen.rsplit(":", 1)
    tickets = json.loads(options.tickets.read_text(encoding="utf-8"))
    with Relay((host, int(port)), Book(options.folder, rules), tickets, tls) as relay:
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
