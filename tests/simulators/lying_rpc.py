"""A JSON-RPC node that passes questions on to a real one and lies in its answers, or does not answer at all.

Put between a reader and an honest node: `with LyingRpc(node_url) as rpc: rpc.lie = "null"`. Each lie is one
line in `LIES`; None is the truth. It listens on loopback, on a free port.
"""

import gzip
import json
import threading
import time
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Final, Self

Answers = list[dict[str, Any]]


def _results(value: Any) -> Callable[[Answers], Answers]:
    """Return a lie that replaces what calls of contracts returned."""

    def lie(answers: Answers) -> Answers:
        return [{**a, "result": value} if a["method"] == "eth_call" else a for a in answers]

    return lie


def _of(method: str, value: Any) -> Callable[[Answers], Answers]:
    """Return a lie that replaces the answers to one method."""

    def lie(answers: Answers) -> Answers:
        return [{**a, "result": value} if a["method"] == method else a for a in answers]

    return lie


def _block(**changes: Any) -> Callable[[Answers], Answers]:
    """Return a lie about blocks."""

    def lie(answers: Answers) -> Answers:
        return [
            {**a, "result": {**a["result"], **changes}} if a["method"] == "eth_getBlockByNumber" else a for a in answers
        ]

    return lie


def _log(**changes: Any) -> Callable[[Answers], Answers]:
    """Return a lie about the last of some logs."""

    def lie(answers: Answers) -> Answers:
        return [
            {**a, "result": [*a["result"][:-1], {**a["result"][-1], **changes}]} if a["method"] == "eth_getLogs" else a
            for a in answers
        ]

    return lie


def _error(code: int) -> Callable[[Answers], Answers]:
    """Return errors instead of results, with HTTP status 200 as real nodes send them."""

    def lie(answers: Answers) -> Answers:
        return [{"id": a["id"], "jsonrpc": "2.0", "error": {"code": code, "message": "no"}} for a in answers]

    return lie


# Lies about values, as lists of answers in, lists of answers out.
LIES: Final[dict[str, Callable[[Answers], Any]]] = {
    "null": _results(None),
    "empty": _results("0x"),
    "empty text": _results(""),
    "number": _results(0),
    "list": _results([]),
    "short word": _results("0x00"),
    "long word": _results("0x" + "00" * 64),
    "not hex": _results("0x" + "zz" * 32),
    "missing result": lambda answers: [{"id": a["id"], "jsonrpc": "2.0"} for a in answers],
    "error": _error(-32000),
    "busy": _error(-32005),
    "wrong chain": _of("eth_chainId", "0x1"),
    "chain null": _of("eth_chainId", None),
    "chain as number": _of("eth_chainId", 31337),
    "block null": _of("eth_getBlockByNumber", None),
    "block without hash": _block(hash=None),
    "block with short hash": _block(hash="0x12"),
    "other block": _block(number="0x1"),
    "block number padded": _block(number="0x01"),
    "other hash": _block(hash="0x" + "77" * 32),
    "one answer short": lambda answers: answers[:-1],
    "one answer twice": lambda answers: [*answers, answers[-1]],
    "all with one id": lambda answers: [{**a, "id": answers[0]["id"]} for a in answers],
    "ids as text": lambda answers: [{**a, "id": str(a["id"])} for a in answers],
    "ids of other questions": lambda answers: [{**a, "id": a["id"] + 1} for a in answers],
    "true for the id 1": lambda answers: [{**a, "id": True if a["id"] == 1 else a["id"]} for a in answers],
    "without ids": lambda answers: [{"jsonrpc": "2.0", "result": a["result"]} for a in answers],
    "error beside a result": lambda answers: [{**a, "error": {"code": -32000, "message": "no"}} for a in answers],
    "one object": lambda answers: answers[0],
    "one error object": lambda _: {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no"}},
    "nothing": lambda _answers: [],
    "texts": lambda answers: ["0x" for _ in answers],
    "null instead of a list": lambda _answers: None,
}
WORD: Final = "0x" + "00" * 31
EVENT: Final = "0xdec2bacdd2f05b59de34da9b523dff8be42e5e38e818c82fdb0bae774387a724"
# Lies about logs that can be seen by looking at them.
LOG_LIES: Final[dict[str, Callable[[Answers], Any]]] = {
    "logs null": _of("eth_getLogs", None),
    "logs as object": _of("eth_getLogs", {}),
    "logs as texts": _of("eth_getLogs", ["0x"]),
    "removed": _log(removed=True),
    "of another token": _log(address="0x" + "11" * 20),
    "of another event": _log(topics=["0x" + "77" * 32, WORD + "01"]),
    "without a delegate": _log(topics=[EVENT]),
    "with a topic more": _log(topics=[EVENT, WORD + "01", WORD + "02"]),
    "with a dirty address": _log(topics=[EVENT, "0x01" + "00" * 30 + "01"]),
    "with short data": _log(data=WORD + "01"),
    "without data": _log(data=None),
    "of an earlier block": _log(blockNumber="0x0"),
    "of a later block": _log(blockNumber="0xfffffff"),
    "of no block": _log(blockNumber=None),
    "without a block hash": _log(blockHash=None),
}
# Lies that look like the truth: only another node can tell.
PLAUSIBLE: Final[dict[str, Callable[[Answers], Any]]] = {
    "no power": _results(WORD + "00"),
    "more power": _results("0x" + "00" * 15 + "ff" * 17),
    "other hash": _block(hash="0x" + "77" * 32),
    "no logs": _of("eth_getLogs", []),
    "another delegate": _log(topics=[EVENT, WORD + "01"]),
}
# The truth in another order is no lie; a reader must cope.
HARMLESS: Final[dict[str, Callable[[Answers], Any]]] = {
    "reversed": lambda answers: answers[::-1],
    "more fields": lambda answers: [{**a, "took": 5} for a in answers],
    "more than one read": lambda answers: [{**a, "logs": "x" * 50_000} for a in answers],
}
# Lies about the transport.
TRANSPORT: Final = (
    "html", "cut json", "duplicate key", "http 500", "http 429", "http 404", "redirect", "huge", "compressed", "hang", "trickle",
    "close", "slow start",
)  # fmt: skip

TRICKLE_SECONDS: Final = 0.05


class LyingRpc:
    """The running liar. `asked` counts requests."""

    def __init__(self, upstream: str) -> None:
        """Take the address of the honest node."""
        self.upstream = upstream
        self.lie: str | None = None
        # The longest range of blocks whose logs are given; a longer one is refused, as public nodes do.
        self.blocks_max: int | None = None
        self.asked = 0
        self.stopping = threading.Event()
        handler = type("Handler", (_Handler,), {"rpc": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        """Start listening."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening and let go of everybody who hangs."""
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    rpc: ClassVar[LyingRpc]

    def do_POST(self) -> None:
        """Ask the honest node, and pass on what the lie makes of it."""
        question = self.rfile.read(int(self.headers["Content-Length"]))
        self.rpc.asked += 1
        lie = self.rpc.lie
        if lie in TRANSPORT:
            self._transport(lie, question)
            return
        answers = self._honest(question)
        lies = PLAUSIBLE | HARMLESS | LOG_LIES | LIES
        change = lies.get(lie) if lie else None
        if lie is not None and change is None:
            raise ValueError(f"unknown lie: {lie}")
        self._send(json.dumps(change(answers) if change else answers).encode())

    def log_message(self, *_: object) -> None:
        """Stay quiet."""

    def _honest(self, question: bytes) -> Answers:
        request = urllib.request.Request(self.rpc.upstream, data=question, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=5) as response:
            answers = json.loads(response.read())
        asked = {q["id"]: q for q in json.loads(question)}
        return [
            {**self._limited(answer, asked[answer["id"]]), "method": asked[answer["id"]]["method"]}
            for answer in answers
        ]

    def _limited(self, answer: dict[str, Any], question: dict[str, Any]) -> dict[str, Any]:
        if question["method"] != "eth_getLogs" or self.rpc.blocks_max is None:
            return answer
        asked = question["params"][0]
        if int(asked["toBlock"], 16) - int(asked["fromBlock"], 16) < self.rpc.blocks_max:
            return answer
        error = {"code": -32602, "message": f"at most {self.rpc.blocks_max} blocks"}
        return {"id": answer["id"], "jsonrpc": "2.0", "error": error}

    def _transport(self, lie: str, question: bytes) -> None:
        answer = json.dumps(self._honest(question)).encode()
        acts: dict[str, Callable[[], object]] = {
            "html": lambda: self._send(b"<!doctype html><title>502</title>", content_type="text/html"),
            "cut json": lambda: self._send(answer[:-1]),
            "duplicate key": lambda: self._send(answer.replace(b'"jsonrpc"', b'"result": "0x", "jsonrpc"', 1)),
            "http 500": lambda: self._send(answer, status=500),
            "http 429": lambda: self._send(answer, status=429),
            "http 404": lambda: self._send(answer, status=404),
            "redirect": lambda: self._send(b"", status=302, location=self.rpc.upstream),
            "huge": lambda: self._send(b"[" + b" " * (9 * 1024 * 1024) + answer[1:]),
            "compressed": lambda: self._send(gzip.compress(answer), encoding="gzip"),
            "hang": lambda: self.rpc.stopping.wait(30),
            "close": lambda: None,
            "trickle": lambda: self._trickle(answer),
            "slow start": lambda: (self.rpc.stopping.wait(0.3), self._send(answer)),
        }
        acts[lie]()

    def _trickle(self, answer: bytes) -> None:
        """Send the truth byte by byte: every read succeeds, the whole never ends in time."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        try:
            for byte in answer:
                if self.rpc.stopping.is_set():
                    return
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(TRICKLE_SECONDS)
        except OSError:
            self.close_connection = True

    def _send(
        self,
        body: bytes,
        *,
        status: int = 200,
        content_type: str = "application/json",
        location: str = "",
        encoding: str = "",
    ) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            if location:
                self.send_header("Location", location)
            if encoding:
                self.send_header("Content-Encoding", encoding)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            # The reader has gone away, as it should for some lies.
            self.close_connection = True
