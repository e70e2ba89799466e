"""A member's line to the relay: one HTTP connection that stays open, is opened again when it broke, and can be cut."""

import http.client
import socket
import ssl
from contextlib import suppress
from urllib.parse import urlsplit

CONNECT_SECONDS = 10.0
CONNECTION_SECONDS = 120.0
ANSWER_BYTES_MAX = 4 << 30


class Line:
    """One connection that stays open between requests and is opened again when it broke."""

    def __init__(self, url: str, ticket: str, tls: ssl.SSLContext | None) -> None:
        """Nothing is opened yet."""
        self._parts = urlsplit(url)
        self._ticket = ticket
        self._tls = tls
        self._connection: http.client.HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._broken_off = False

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Return status and body; OSError or HTTPException when the relay cannot be reached.

        A connection that was kept open may have been closed at the other end meanwhile: then another one is tried.
        """
        kept = self._connection is not None
        try:
            return self._ask(method, path, body)
        except (OSError, http.client.HTTPException):
            if not kept or self._broken_off:
                raise
        return self._ask(method, path, body)

    def _ask(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        try:
            if self._connection is None:
                self._connection = self._open()
            target = f"{self._parts.path.rstrip('/')}{path}"
            self._connection.request(method, target, body, {"Authorization": f"Bearer {self._ticket}"})
            response = self._connection.getresponse()
            data = response.read(ANSWER_BYTES_MAX)
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if response.will_close:
            self.close()
        return response.status, data

    def break_off(self) -> None:
        """End the request that is under way, for good and from another thread: it fails as if the line were cut."""
        self._broken_off = True
        if self._socket is not None:
            with suppress(OSError):
                # Of a TLS socket too, only what lies below is shut: its own state belongs to the thread that reads.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._socket = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        connection: http.client.HTTPConnection
        if self._parts.scheme == "https":
            context = self._tls or ssl.create_default_context()
            connection = http.client.HTTPSConnection(host, port, timeout=CONNECT_SECONDS, context=context)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS)
        connection.connect()
        connection.sock.settimeout(CONNECTION_SECONDS)
        self._socket = connection.sock
        if self._broken_off:
            connection.close()
            raise ConnectionAbortedError("told to stop")
        return connection
