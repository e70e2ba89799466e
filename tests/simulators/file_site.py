"""A small web site on this machine that answers as a test wants: files, redirects, endless and broken answers."""

import http.server
import ssl
import threading
from collections.abc import Callable

CONTENT = b"the rows\n" * 1000
Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


class Site:
    """A real HTTP server on this machine; what it answers is set for each path. It remembers what it was asked."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        """Start it on a free port."""
        site = self
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answers: dict[str, Answer] = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append((self.path, dict(self.headers)))
                site.answers.get(self.path, file())(self)

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def file(content: bytes = CONTENT, status: int = 200, **headers: str) -> Answer:
    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in ({"Content_Length": str(len(content))} | headers).items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(content)

    return answer


def redirect(target: str, status: int = 302) -> Answer:
    return file(b"", status, Location=target)
