"""Moves files between RUN_DIR/exchange and a relay: payloads out, closed rounds in. Outbound connections only.

    RUN_DIR/exchange/member.json                     written by `join`, before the trainer starts
    RUN_DIR/exchange/from.json                       the trainer's: the first round that it needs
    RUN_DIR/exchange/out/<round, 6 digits>.bin       the trainer's payloads
    RUN_DIR/exchange/rounds/<round>/<sha256>.bin     payloads of a closed round, each checked against its name
    RUN_DIR/exchange/rounds/<round>/round.json       written last

A connection that breaks is tried again for as long as the courier runs; a payload for a round that closed meanwhile is
dropped, because the trainer finds that round closed without it. Any other refusal ends the carrying, and stands in
`trouble`. Nothing is fetched before the trainer says what it needs: one that has a checkpoint does not need it all.

    python -m training_jobs.exchange.courier RUN_DIR URL --member NAME --ticket-file FILE [--authority FILE
        [--certificate FILE --key FILE]]
"""

import argparse
import http.client
import json
import ssl
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads
from training_jobs.exchange import payload
from training_jobs.exchange.book import ROUND_DIGITS, write_whole
from training_jobs.exchange.line import Line

LOOK_SECONDS = 0.02
RETRY_SECONDS = 1.0
WAIT_SECONDS = 20
HEARD_SECONDS = 10.0  # a sign of life so often, while the trainer needs nothing yet
# What an end may take: a payload that is on its way, a thread that is told to stop, a word of farewell.
SEND_SECONDS = 3.0
JOIN_THREAD_SECONDS = 1.0
LEAVE_SECONDS = 2.0
RECORD_BYTES_MAX = 1_000_000
PLACE_BYTES_MAX = 10_000
ROUNDS_MAX = 10**ROUND_DIGITS


class Refused(Exception):
    """The relay said no, for good: trying the same again would be refused again."""

    def __init__(self, status: int, code: str) -> None:
        """Keep status and code."""
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code


class Stopped(Exception):
    """The courier was told to stop while it tried."""


class Courier:
    """Carries one member's files until it is told to stop. Two threads: what goes out never waits for what comes in."""

    def __init__(self, run_dir: Path, url: str, member: str, ticket: str, tls: ssl.SSLContext | None = None) -> None:
        """Keep where to carry what; `join` comes first."""
        self.folder = run_dir / "exchange"
        self.member = member
        self.trouble: Exception | None = None  # what ended the carrying before anybody asked for that
        self._stop = threading.Event()
        self._new_line: Callable[[], Line] = lambda: Line(url, ticket, tls)
        self._out, self._in = self._new_line(), self._new_line()
        self._threads: list[threading.Thread] = []
        self._has_joined = False

    def join(self) -> dict[str, Any]:
        """Join the run and write member.json, which the trainer reads.

        It waits for a relay that does not answer. Refused when there is no place for us; Stopped after a `stop`.
        """
        found = _place(self._patiently(partial(self._out.request, "POST", "/join")))
        if self._stop.is_set():
            raise Stopped
        self._has_joined = True
        for name in ("out", "rounds"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        place = {"member": self.member, **{name: found[name] for name in ("workers", "slot", "round")}}
        write_whole(self.folder / "member.json", canonical_bytes(place))
        return found

    def start(self) -> None:
        """Carry in the background."""
        for work, line in ((self._send_all, self._out), (self._fetch_all, self._in)):
            thread = threading.Thread(target=partial(self._carry, work, line), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, send_seconds: float = SEND_SECONDS) -> None:
        """Stop carrying; what is ready to go out has `send_seconds` for that. It takes little longer in any case."""
        self._stop.set()
        self._in.break_off()
        for thread in self._threads[:1]:
            thread.join(send_seconds)
        self._out.break_off()
        until = time.monotonic() + JOIN_THREAD_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def leave(self) -> None:
        """Tell the relay that nobody needs to wait for this member any more; one that is not told finds it silent."""
        if self._has_joined:
            thread = threading.Thread(target=self._say_farewell, daemon=True)
            thread.start()
            thread.join(LEAVE_SECONDS)

    def _say_farewell(self) -> None:
        line = self._new_line()
        with suppress(OSError, http.client.HTTPException):
            line.request("POST", "/leave")
        line.close()

    def _carry(self, work: Callable[[Line], None], line: Line) -> None:
        """Do one direction's work to its end, and keep what ended it."""
        try:
            work(line)
        except Stopped:
            pass
        except Exception as error:  # noqa: BLE001 - whoever started us asks for it
            self.trouble = self.trouble or error
            self._stop.set()
        finally:
            line.close()

    def _send_all(self, line: Line) -> None:
        sent: dict[str, int] = {}
        heard_at = time.monotonic()
        while True:
            last = self._stop.is_set()
            for path in sorted((self.folder / "out").glob("*.bin")):
                if self._is_wanted(int(path.stem)):
                    self._send(line, path, sent)
            if last:
                return
            if time.monotonic() - heard_at >= HEARD_SECONDS:
                heard_at = time.monotonic()
                self._patiently(partial(line.request, "POST", "/join"))
            self._stop.wait(LOOK_SECONDS)

    def _send(self, line: Line, path: Path, sent: dict[str, int]) -> None:
        """Send a payload, if it was not sent as it is now."""
        try:
            written = path.stat().st_mtime_ns
            if sent.get(path.name) == written:
                return
            data = path.read_bytes()
        except FileNotFoundError:
            return  # the trainer removed what is long since closed
        try:
            self._among_members(line, partial(line.request, "PUT", f"/rounds/{int(path.stem)}", data))
        except Refused as refusal:
            if refusal.status != HTTPStatus.CONFLICT:
                raise
        sent[path.name] = written

    def _fetch_all(self, line: Line) -> None:
        while not self._stop.is_set():
            number = self._next_missing()
            if number is None:
                self._stop.wait(LOOK_SECONDS)
            else:
                self._fetch(line, number)

    def _fetch(self, line: Line, number: int) -> None:
        """Fetch one round if it is closed: payloads first, its record last."""
        try:
            record = self._among_members(line, partial(line.request, "GET", f"/rounds/{number}?wait={WAIT_SECONDS}"))
        except Refused as refusal:
            if refusal.status != HTTPStatus.NOT_FOUND:
                raise
            return
        folder = self._record_path(number).parent
        folder.mkdir(exist_ok=True)
        own = self._own(number)
        for digest in payloads_of(record, number):
            path = folder / f"{digest}.bin"
            if path.exists():
                continue
            data = own
            if payload.sha256(own) != digest:
                data = self._patiently(partial(line.request, "GET", f"/rounds/{number}/{digest}"))
            if payload.sha256(data) != digest:  # damaged on the way: the whole round is asked for again
                self._stop.wait(RETRY_SECONDS)
                return
            write_whole(path, data)
        write_whole(self._record_path(number), record)

    def _own(self, number: int) -> bytes:
        """Return what we sent in a round; nothing when it is not there."""
        try:
            return (self.folder / "out" / f"{number:0{ROUND_DIGITS}}.bin").read_bytes()
        except FileNotFoundError:
            return b""

    def _first_needed(self) -> int | None:
        """Return the first round that the trainer needs; None while it has not said so in words that can be read."""
        try:
            found = strict_loads((self.folder / "from.json").read_bytes(), max_bytes=PLACE_BYTES_MAX)["round"]
        except (OSError, CanonicalError, KeyError, TypeError):
            return None
        return found if type(found) is int and 0 <= found < ROUNDS_MAX else None

    def _next_missing(self) -> int | None:
        """Return the first round that the trainer needs and has not got; also one that it found damaged."""
        number = self._first_needed()
        while number is not None and self._record_path(number).exists():
            number += 1
        return number

    def _is_wanted(self, number: int) -> bool:
        """Say whether a round is open, as far as we know: a delayed trainer may be one round ahead."""
        first = self._first_needed()
        if first is None or self._record_path(number).exists():
            return False
        return number <= first or self._record_path(number - 1).exists()

    def _among_members(self, line: Line, ask: Callable[[], tuple[int, bytes]]) -> bytes:
        """Ask as a member; a relay that took us for dead, or forgot us, is told again who we are."""
        try:
            return self._patiently(ask)
        except Refused as refusal:
            if refusal.code != "not_a_member":
                raise
        self._patiently(partial(line.request, "POST", "/join"))
        return self._patiently(ask)

    def _patiently(self, ask: Callable[[], tuple[int, bytes]]) -> bytes:
        """Return the answer; Refused when it is a refusal, Stopped when the courier is to end meanwhile."""
        while True:
            try:
                status, data = ask()
            except (OSError, http.client.HTTPException):
                status, data = HTTPStatus.SERVICE_UNAVAILABLE, b""
            if status < HTTPStatus.INTERNAL_SERVER_ERROR:
                _require(status, data)
                return data
            if self._stop.wait(RETRY_SECONDS):
                raise Stopped

    def _record_path(self, number: int) -> Path:
        return self.folder / "rounds" / f"{number:0{ROUND_DIGITS}}" / "round.json"


def _place(answer: bytes) -> dict[str, Any]:
    """Return what the relay says of our seat, or raise Refused: something else answers there."""
    try:
        found = strict_loads(answer, max_bytes=PLACE_BYTES_MAX)
        if all(type(found[name]) is int for name in ("workers", "slot", "round")):
            return dict(found)
    except (CanonicalError, KeyError, TypeError) as error:
        raise Refused(HTTPStatus.OK, "join_malformed") from error
    raise Refused(HTTPStatus.OK, "join_malformed")


def payloads_of(record: bytes, number: int) -> list[str]:
    """Return the digests in the record of a round; Refused when it is none of this round."""
    try:
        found = strict_loads(record, max_bytes=RECORD_BYTES_MAX)
        digests = [member["sha256"] for member in found["members"]]
        if found["round"] == number and all(payload.is_digest(one) for one in digests):
            return digests
    except (CanonicalError, KeyError, TypeError) as error:
        raise Refused(HTTPStatus.OK, "record_malformed") from error
    raise Refused(HTTPStatus.OK, "record_malformed")


def client_tls(authority: Path, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """Return a context that trusts `authority` alone, and shows `certificate` where the relay asks for one."""
    context = ssl.create_default_context(cafile=str(authority))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


def _require(status: int, data: bytes) -> None:
    if status != HTTPStatus.OK:
        try:
            code = str(json.loads(data)["code"])
        except (ValueError, KeyError, TypeError):
            code = "unknown"
        raise Refused(status, code)


def main(arguments: list[str]) -> int:
    """Join, say so, and carry until standard input closes."""
    parser = argparse.ArgumentParser(prog="python -m training_jobs.exchange.courier", description="Carry files.")
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("url")
    parser.add_argument("--member", required=True)
    parser.add_argument("--ticket-file", type=Path, required=True)
    parser.add_argument("--authority", type=Path)
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    options = parser.parse_args(arguments)
    tls = client_tls(options.authority, options.certificate, options.key) if options.authority else None
    ticket = options.ticket_file.read_text(encoding="utf-8").strip()
    courier = Courier(options.run_dir, options.url, options.member, ticket, tls)
    try:
        place = courier.join()
    except Refused as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 3
    sys.stdout.write(json.dumps(place) + "\n")
    sys.stdout.flush()
    courier.start()
    told_to_end = threading.Thread(target=sys.stdin.read, daemon=True)
    told_to_end.start()
    while told_to_end.is_alive() and courier.trouble is None:
        told_to_end.join(LOOK_SECONDS)
    courier.stop()
    courier.leave()
    if courier.trouble is not None:
        sys.stderr.write(f"{courier.trouble}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
