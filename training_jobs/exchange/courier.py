"""Moves files between RUN_DIR/exchange and a relay: payloads out, closed rounds in. Outbound connections only.

    RUN_DIR/exchange/member.json                     written by `join`, before the trainer starts
    RUN_DIR/exchange/out/<round, 6 digits>.bin       the trainer's payloads
    RUN_DIR/exchange/rounds/<round>/<sha256>.bin     payloads of a closed round, each checked against its name
    RUN_DIR/exchange/rounds/<round>/round.json       written last

A connection that breaks is tried again for as long as the courier runs; what the relay refuses (a payload for a round
that closed meanwhile) is dropped, because the trainer finds that round closed without it.

    python -m training_jobs.exchange.courier RUN_DIR URL --member NAME --ticket-file FILE [--authority FILE
        [--certificate FILE --key FILE]]
"""

import argparse
import http.client
import json
import ssl
import sys
import threading
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads
from training_jobs.exchange import payload
from training_jobs.exchange.book import ROUND_DIGITS, write_whole

LOOK_SECONDS = 0.02
RETRY_SECONDS = 1.0
WAIT_SECONDS = 20
CONNECTION_SECONDS = 120.0
RECORD_BYTES_MAX = 1_000_000
PAYLOAD_BYTES_MAX = 4 << 30


class Refused(Exception):
    """The relay said no, for good: trying the same again would be refused again."""

    def __init__(self, status: int, code: str) -> None:
        """Keep status and code."""
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code


class Line:
    """One connection that stays open between requests and is opened again when it broke."""

    def __init__(self, url: str, ticket: str, tls: ssl.SSLContext | None) -> None:
        """Nothing is opened yet."""
        self._parts = urlsplit(url)
        self._ticket = ticket
        self._tls = tls
        self._connection: http.client.HTTPConnection | None = None

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Return status and body; OSError or HTTPException when the relay cannot be reached."""
        if self._connection is None:
            self._connection = self._open()
        try:
            self._connection.request(method, path, body, {"Authorization": f"Bearer {self._ticket}"})
            response = self._connection.getresponse()
            data = response.read(PAYLOAD_BYTES_MAX)
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if response.will_close:
            self.close()
        return response.status, data

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            context = self._tls or ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=CONNECTION_SECONDS, context=context)
        return http.client.HTTPConnection(host, port, timeout=CONNECTION_SECONDS)


class Courier:
    """Carries one member's files until it is told to stop. Two threads: what goes out never waits for what comes in."""

    def __init__(self, run_dir: Path, url: str, member: str, ticket: str, tls: ssl.SSLContext | None = None) -> None:
        """Keep where to carry what; `join` comes first."""
        self.folder = run_dir / "exchange"
        self.member = member
        self._stop = threading.Event()
        self._new_line: Callable[[], Line] = lambda: Line(url, ticket, tls)
        self._threads: list[threading.Thread] = []

    def join(self) -> dict[str, Any]:
        """Join the run and write member.json, which the trainer reads; Refused when there is no place."""
        line = self._new_line()
        try:
            answer = self._patiently(partial(line.request, "POST", "/join"))
        finally:
            line.close()
        found = json.loads(answer)
        for name in ("out", "rounds"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        place = {"member": self.member, "workers": found["workers"], "slot": found["slot"]}
        write_whole(self.folder / "member.json", canonical_bytes(place))
        return dict(found)

    def start(self) -> None:
        """Carry in the background."""
        for work in (self._send_all, self._fetch_all):
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Stop carrying, after what is ready to go out has gone."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def leave(self) -> None:
        """Tell the relay that nobody needs to wait for this member any more."""
        line = self._new_line()
        try:
            line.request("POST", "/leave")
        except (OSError, http.client.HTTPException):
            return  # it will be found silent
        finally:
            line.close()

    def _send_all(self) -> None:
        line = self._new_line()
        sent: dict[str, int] = {}
        while True:
            last = self._stop.is_set()
            for path in sorted((self.folder / "out").glob("*.bin")):
                if not self._is_wanted(int(path.stem)):
                    continue
                try:
                    written = path.stat().st_mtime_ns
                    data = path.read_bytes() if sent.get(path.name) != written else None
                except FileNotFoundError:
                    continue  # the trainer removed what is long since closed
                if data is None:
                    continue
                try:
                    self._patiently(partial(line.request, "PUT", f"/rounds/{int(path.stem)}", data))
                except Refused as refusal:
                    if refusal.code == "not_a_member":  # the relay forgot us
                        self._rejoin(line)
                        continue
                except Stopped:
                    break
                sent[path.name] = written
            if last:
                line.close()
                return
            self._stop.wait(LOOK_SECONDS)

    def _fetch_all(self) -> None:
        line = self._new_line()
        number = 0
        while not self._stop.is_set():
            if self._record_path(number).exists():
                number += 1
                continue
            try:
                self._fetch(line, number)
            except Refused as refusal:
                if refusal.code == "not_a_member":
                    self._rejoin(line)
            except Stopped:
                break
        line.close()

    def _fetch(self, line: Line, number: int) -> None:
        """Fetch one round if it is closed: payloads first, its record last."""
        status, record = self._reach(partial(line.request, "GET", f"/rounds/{number}?wait={WAIT_SECONDS}"))
        if status == HTTPStatus.NOT_FOUND:
            return
        _require(status, record)
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
            if payload.sha256(data) == digest:
                write_whole(path, data)
            else:
                return  # damaged on the way: the whole round is asked for again
        write_whole(self._record_path(number), record)

    def _own(self, number: int) -> bytes:
        """Return what we sent in a round; nothing when it is not there."""
        try:
            return (self.folder / "out" / f"{number:0{ROUND_DIGITS}}.bin").read_bytes()
        except FileNotFoundError:
            return b""

    def _is_wanted(self, number: int) -> bool:
        """Say whether a round is open, as far as we know: a delayed trainer may be one round ahead."""
        return not self._record_path(number).exists() and (number == 0 or self._record_path(number - 1).exists())

    def _rejoin(self, line: Line) -> None:
        """Say again who we are, to a relay that forgot it. Places may have changed hands; the trainer keeps its own."""
        try:
            self._patiently(partial(line.request, "POST", "/join"))
        except (Refused, Stopped):
            self._stop.wait(RETRY_SECONDS)

    def _patiently(self, ask: Callable[[], tuple[int, bytes]]) -> bytes:
        """Return the answer; Refused when it is a refusal, Stopped when the courier is to end meanwhile."""
        status, data = self._reach(ask)
        _require(status, data)
        return data

    def _reach(self, ask: Callable[[], tuple[int, bytes]]) -> tuple[int, bytes]:
        while True:
            try:
                status, data = ask()
            except (OSError, http.client.HTTPException):
                status, data = HTTPStatus.SERVICE_UNAVAILABLE, b""
            if status < HTTPStatus.INTERNAL_SERVER_ERROR:
                return status, data
            if self._stop.wait(RETRY_SECONDS):
                raise Stopped

    def _record_path(self, number: int) -> Path:
        return self.folder / "rounds" / f"{number:0{ROUND_DIGITS}}" / "round.json"


class Stopped(Exception):
    """The courier was told to stop while it tried."""


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
    sys.stdin.read()
    courier.stop()
    courier.leave()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
