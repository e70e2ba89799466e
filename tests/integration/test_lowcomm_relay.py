"""The relay and the courier over real sockets: tickets, limits, mutual TLS, restarts, damage on the way."""

import hashlib
import http.client
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.testbed.sites import wait_until
from training_jobs.exchange import payload
from training_jobs.exchange.book import Book
from training_jobs.exchange.courier import Courier, Line, Refused, client_tls
from training_jobs.exchange.relay import Relay, server_tls
from training_jobs.exchange.rounds import Rules

RULES = Rules(workers=2, quorum=1, live_seconds=30, straggler_seconds=30, first_seconds=60)
TICKETS = {name: hashlib.sha256(f"ticket of {name}".encode()).hexdigest() for name in "abc"}


@contextmanager
def serving(folder: Path, **options: Any) -> Iterator[Relay]:
    with Relay(("127.0.0.1", 0), Book(folder, RULES), TICKETS, **options) as relay:
        thread = threading.Thread(target=lambda: relay.serve_forever(poll_interval=0.02))
        thread.start()
        try:
            yield relay
        finally:
            relay.shutdown()
            thread.join()


def url_of(relay: Relay, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{relay.server_address[1]}"


def line_to(relay: Relay, member: str) -> Line:
    return Line(url_of(relay), f"ticket of {member}", None)


def a_payload(member: str, number: int = 0, body: bytes = b"body") -> bytes:
    header = payload.Header(number, member, 10, 2, 0, 4, 1, "0" * 64)
    return payload.join(header, body)


def asked(line: Line, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
    status, data = line.request(method, path, body)
    return status, json.loads(data)


def test_two_members_meet_in_a_round(tmp_path: Path) -> None:
    with serving(tmp_path) as relay:
        a, b = line_to(relay, "a"), line_to(relay, "b")
        assert asked(a, "POST", "/join") == (200, {"slot": 0, "from_round": 0, "round": 0, "workers": 2})
        assert asked(b, "POST", "/join")[1]["slot"] == 1
        assert asked(a, "PUT", "/rounds/0", a_payload("a"))[0] == 200
        assert asked(a, "GET", "/rounds/0") == (404, {"code": "round_open"})
        assert asked(b, "PUT", "/rounds/0", a_payload("b"))[0] == 200
        status, record = asked(a, "GET", "/rounds/0?wait=5")
        assert status == 200
        assert [entry["member"] for entry in record["members"]] == ["a", "b"]
        digest = record["members"][1]["sha256"]
        assert a.request("GET", f"/rounds/0/{digest}") == (200, a_payload("b"))
        for line in (a, b):
            line.close()


def test_strangers_and_members_in_each_others_name_are_refused(tmp_path: Path) -> None:
    with serving(tmp_path) as relay:
        stranger = Line(url_of(relay), "no ticket", None)
        assert asked(stranger, "POST", "/join") == (401, {"code": "ticket_unknown"})
        a = line_to(relay, "a")
        assert asked(a, "PUT", "/rounds/0", a_payload("a")) == (403, {"code": "not_a_member"})
        assert asked(a, "POST", "/join")[0] == 200
        assert asked(a, "PUT", "/rounds/0", a_payload("b")) == (400, {"code": "payload_of_another"})
        assert asked(a, "PUT", "/rounds/0", a_payload("a", 1)) == (400, {"code": "payload_of_another"})
        assert asked(a, "PUT", "/rounds/1", a_payload("a", 1)) == (409, {"code": "round_not_open"})
        a.close()
    assert not list(tmp_path.rglob("*.bin"))


@pytest.mark.parametrize(
    "path", ["/", "/rounds/", "/rounds/-1", "/rounds/0/../../members.json", "/rounds/0/" + "G" * 64]
)
def test_other_addresses_lead_nowhere(tmp_path: Path, path: str) -> None:
    with serving(tmp_path) as relay:
        a = line_to(relay, "a")
        assert asked(a, "POST", "/join")[0] == 200
        assert asked(a, "GET", path) == (404, {"code": "not_found"})
        a.close()


def test_a_body_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with serving(tmp_path, payload_bytes_max=100) as relay:
        connection = http.client.HTTPConnection("127.0.0.1", relay.server_address[1], timeout=10)
        connection.putrequest("PUT", "/rounds/0")
        connection.putheader("Authorization", "Bearer ticket of a")
        connection.putheader("Content-Length", "101")
        connection.endheaders()
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())) == (413, {"code": "body_refused"})
        connection.close()


def test_a_restarted_relay_knows_members_payloads_and_rounds(tmp_path: Path) -> None:
    with serving(tmp_path) as relay:
        a, b = line_to(relay, "a"), line_to(relay, "b")
        for name, line in (("a", a), ("b", b)):
            assert asked(line, "POST", "/join")[0] == 200
            assert asked(line, "PUT", "/rounds/0", a_payload(name))[0] == 200
        assert asked(a, "PUT", "/rounds/1", a_payload("a", 1))[0] == 200
        for line in (a, b):
            line.close()
    with serving(tmp_path) as relay:
        b = line_to(relay, "b")
        assert asked(b, "GET", "/rounds/0")[0] == 200
        assert asked(b, "PUT", "/rounds/1", a_payload("b", 1))[0] == 200
        status, record = asked(b, "GET", "/rounds/1?wait=5")
        assert (status, [entry["member"] for entry in record["members"]]) == (200, ["a", "b"])
        b.close()


def test_a_full_run_takes_no_third_member(tmp_path: Path) -> None:
    with serving(tmp_path / "relay") as relay:
        for name in "ab":
            Courier(tmp_path / name, url_of(relay), name, f"ticket of {name}").join()
        with pytest.raises(Refused, match="run_full"):
            Courier(tmp_path / "c", url_of(relay), "c", "ticket of c").join()
    place = json.loads((tmp_path / "b" / "exchange" / "member.json").read_text())
    assert place == {"member": "b", "workers": 2, "slot": 1}


def test_a_courier_carries_on_after_the_relay_was_gone(tmp_path: Path) -> None:
    courier: Courier | None = None
    with serving(tmp_path / "relay") as relay:
        address = relay.server_address
        courier = Courier(tmp_path / "a", url_of(relay), "a", "ticket of a")
        courier.join()
        courier.start()
    out = tmp_path / "a" / "exchange" / "out"
    (out / "000000.bin").write_bytes(a_payload("a"))
    rules = Rules(workers=1, quorum=1, live_seconds=30, straggler_seconds=30, first_seconds=60)
    with Relay((str(address[0]), int(address[1])), Book(tmp_path / "relay", rules), TICKETS) as relay:
        thread = threading.Thread(target=lambda: relay.serve_forever(poll_interval=0.02))
        thread.start()
        rounds = tmp_path / "a" / "exchange" / "rounds" / "000000"
        wait_until((rounds / "round.json").exists, "the round comes back")
        assert [path.read_bytes() for path in rounds.glob("*.bin")] == [a_payload("a")]
        courier.stop()
        relay.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate authority, one for the relay, and one for a member."""
    folder = tmp_path_factory.mktemp("authority")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, check=True)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2")
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=authority")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    for name in ("relay", "member"):
        openssl("req", *curve[:-2], "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signed = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
        openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.crt", *signed)
    return folder


def test_with_mutual_tls_only_certified_members_get_through(tmp_path: Path, authority: Path) -> None:
    tls = server_tls(authority / "relay.crt", authority / "relay.key", authority / "ca.crt")
    with serving(tmp_path, tls=tls) as relay:
        url = url_of(relay, "https")
        certified = client_tls(authority / "ca.crt", authority / "member.crt", authority / "member.key")
        line = Line(url, "ticket of a", certified)
        assert asked(line, "POST", "/join")[0] == 200
        line.close()
        plain = Line(url, "ticket of b", client_tls(authority / "ca.crt", None, None))
        with pytest.raises((OSError, http.client.HTTPException)):
            plain.request("POST", "/join")
        elsewhere = Line(url, "ticket of b", None)  # the system's authorities do not know ours
        with pytest.raises(OSError, match="certificate"):
            elsewhere.request("POST", "/join")
