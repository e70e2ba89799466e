"""The relay and the courier over real sockets: tickets, limits, mutual TLS, restarts, damage on the way."""

import http.client
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.trainer_runs import REPOSITORY
from tests.testbed.sites import RUN, SECRET, serving, ticket_of, url_of, wait_until
from training_jobs.beside import Work
from training_jobs.exchange import payload, tickets
from training_jobs.exchange.courier import Courier, Refused, Stopped, client_tls
from training_jobs.exchange.line import Line
from training_jobs.exchange.relay import Relay, server_tls
from training_jobs.exchange.rounds import RoundRefusal, Rules
from training_jobs.exchange.shelf import IDLE_SECONDS, Shelf

RULES = Rules(workers=2, quorum=1, live_seconds=30, straggler_seconds=30, first_seconds=60)


def line_to(relay: Relay, member: str, **changes: Any) -> Line:
    return Line(url_of(relay), tickets.issue(ticket_of(member, **{"workers": 2, **changes}), SECRET), None)


def courier_of(run_dir: Path, url: str, name: str, fence: int = 1) -> Courier:
    ticket = ticket_of(name, 2, fence)
    return Courier(run_dir, url, ticket.member, tickets.issue(ticket, SECRET))


def trainer_needs(run_dir: Path, first: int = 0) -> None:
    (run_dir / "exchange" / "from.json").write_text(json.dumps({"round": first}))


def a_payload(member: str, number: int = 0, body: bytes = b"body") -> bytes:
    header = payload.Header(number, ticket_of(member, 2).member, 10, 2, 0, 4, 1, "0" * 64)
    return payload.join(header, body)


def asked(line: Line, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
    status, data = line.request(method, path, body)
    return status, json.loads(data)


def asked_once(relay: Relay, member: str, *request: Any, **changes: Any) -> tuple[int, Any]:
    with closing(line_to(relay, member, **changes)) as line:
        return asked(line, *request)


def test_two_members_meet_in_a_round(tmp_path: Path) -> None:
    with serving(tmp_path, RULES) as relay:
        a, b = line_to(relay, "a"), line_to(relay, "b")
        assert asked(a, "POST", "/join") == (200, {"slot": 0, "from_round": 0, "round": 0, "workers": 2})
        assert asked(b, "POST", "/join")[1]["slot"] == 1
        assert asked(a, "PUT", "/rounds/0", a_payload("a"))[0] == 200
        assert asked(a, "GET", "/rounds/0") == (404, {"code": "round_open"})
        assert asked(b, "PUT", "/rounds/0", a_payload("b"))[0] == 200
        status, record = asked(a, "GET", "/rounds/0?wait=5")
        assert status == 200
        assert [entry["member"] for entry in record["members"]] == ["00-1", "01-1"]
        digest = record["members"][1]["sha256"]
        assert a.request("GET", f"/rounds/0/{digest}") == (200, a_payload("b"))
        for line in (a, b):
            line.close()


def test_strangers_and_members_in_each_others_name_are_refused(tmp_path: Path) -> None:
    with serving(tmp_path, RULES) as relay:
        other_secret = tickets.issue(ticket_of("a", 2), b"another secret of thirty-two bytes")
        for given, code in [("no ticket", "malformed"), ("", "malformed"), (other_secret, "forged")]:
            with closing(Line(url_of(relay), given, None)) as stranger:
                assert asked(stranger, "POST", "/join") == (401, {"code": f"ticket_{code}"})
        assert asked_once(relay, "a", "POST", "/join", seconds=-1) == (401, {"code": "ticket_expired"})
        assert list(tmp_path.iterdir()) == []
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
    with serving(tmp_path, RULES) as relay:
        a = line_to(relay, "a")
        assert asked(a, "POST", "/join")[0] == 200
        assert asked(a, "GET", path) == (404, {"code": "not_found"})
        a.close()


def test_a_body_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with serving(tmp_path, RULES, payload_bytes_max=100) as relay:
        connection = http.client.HTTPConnection("127.0.0.1", relay.server_address[1], timeout=10)
        connection.putrequest("PUT", "/rounds/0")
        connection.putheader("Authorization", f"Bearer {tickets.issue(ticket_of('a', 2), SECRET)}")
        connection.putheader("Content-Length", "101")
        connection.endheaders()
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())) == (413, {"code": "body_refused"})
        connection.close()


def test_a_restarted_relay_knows_members_payloads_and_rounds(tmp_path: Path) -> None:
    with serving(tmp_path, RULES) as relay:
        a, b = line_to(relay, "a"), line_to(relay, "b")
        for name, line in (("a", a), ("b", b)):
            assert asked(line, "POST", "/join")[0] == 200
            assert asked(line, "PUT", "/rounds/0", a_payload(name))[0] == 200
        assert asked(a, "PUT", "/rounds/1", a_payload("a", 1))[0] == 200
        for line in (a, b):
            line.close()
    with serving(tmp_path, RULES) as relay:
        b = line_to(relay, "b")
        assert asked(b, "GET", "/rounds/0")[0] == 200
        assert asked(b, "PUT", "/rounds/1", a_payload("b", 1))[0] == 200
        status, record = asked(b, "GET", "/rounds/1?wait=5")
        assert (status, [entry["member"] for entry in record["members"]]) == (200, ["00-1", "01-1"])
        b.close()


def test_a_takeover_shuts_the_older_member_out_also_after_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path, RULES) as relay:
        older, newer = line_to(relay, "a"), line_to(relay, "a", fence=2)
        assert asked(older, "POST", "/join")[0] == 200
        assert asked(newer, "POST", "/join")[0] == 200
        assert asked(older, "POST", "/join") == (403, {"code": "ticket_superseded"})
        assert asked(older, "PUT", "/rounds/0", a_payload("a")) == (403, {"code": "not_a_member"})
        assert asked(newer, "POST", "/leave")[0] == 200
        older.close()
        newer.close()
    with serving(tmp_path, RULES) as relay:
        older = line_to(relay, "a")
        assert asked(older, "POST", "/join") == (403, {"code": "ticket_superseded"})
        older.close()


def test_runs_do_not_see_each_other_and_agree_about_their_seats(tmp_path: Path) -> None:
    with serving(tmp_path, RULES) as relay:
        here, there = line_to(relay, "a"), line_to(relay, "a", run="c0ffee-2", workers=3)
        assert asked(here, "POST", "/join")[1]["workers"] == 2
        assert asked(there, "GET", "/rounds/0") == (403, {"code": "not_a_member"})
        assert asked(there, "POST", "/join")[1]["workers"] == 3
        assert asked(here, "PUT", "/rounds/0", a_payload("a"))[0] == 200
        assert list((tmp_path / "c0ffee-2" / "rounds").iterdir()) == []
        other = line_to(relay, "b", workers=3)
        assert asked(other, "POST", "/join") == (409, {"code": "workers_differ"})
        for line in (here, there, other):
            line.close()


def test_an_idle_run_leaves_the_memory_and_comes_back_and_an_old_one_leaves_the_disk(tmp_path: Path) -> None:
    now = [0.0]
    shelf = Shelf(tmp_path, lambda _workers: RULES, keep_seconds=1_000, clock=lambda: now[0])
    a = ticket_of("a", 2)
    with shelf.book(a, new=True) as book:
        book.join(a)
        now[0] += 2 * IDLE_SECONDS
        shelf.tidy(time.time())
        with shelf.book(a) as again:
            assert again is book, "it is held"
    now[0] += IDLE_SECONDS
    shelf.tidy(time.time())
    with shelf.book(a) as again:
        assert again is not book
        assert again.join(a)["from_round"] == 0
    shelf.tidy(time.time() + 2_000)
    assert (tmp_path / RUN).exists(), "it was just used"
    now[0] += IDLE_SECONDS
    shelf.tidy(time.time() + 2_000)
    assert not (tmp_path / RUN).exists()
    with pytest.raises(RoundRefusal, match="not_a_member"), shelf.book(a):
        pass


def test_a_courier_whose_seat_was_taken_over_says_so_and_carries_no_more(tmp_path: Path) -> None:
    with serving(tmp_path / "relay", RULES) as relay:
        older = courier_of(tmp_path / "old", url_of(relay), "a")
        older.join()
        trainer_needs(tmp_path / "old")
        older.start()
        assert asked_once(relay, "a", "POST", "/join", fence=2)[0] == 200
        (tmp_path / "old" / "exchange" / "out" / "000000.bin").write_bytes(a_payload("a"))
        wait_until(lambda: older.trouble, "the relay tells it")
        assert isinstance(older.trouble, Refused)
        assert older.trouble.code == "ticket_superseded"
        older.stop()


@contextmanager
def relay_process(folder: Path, listen: str = "127.0.0.1:0") -> Iterator[str]:
    """Run a relay as its operator does; kill it at the end."""
    (folder / "secret").write_bytes(SECRET)
    command = [sys.executable, "-m", "training_jobs.exchange.relay", str(folder / "relay"), "--listen", listen]
    command += ["--secret-file", str(folder / "secret"), "--keep-days", "30"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


def test_a_courier_carries_on_after_the_relay_was_gone(tmp_path: Path) -> None:
    with relay_process(tmp_path) as url:
        courier = courier_of(tmp_path / "a", url, "a")
        courier.join()
        trainer_needs(tmp_path / "a")
        courier.start()
        other = courier_of(tmp_path / "b", url, "b")
        other.join()
        trainer_needs(tmp_path / "b")
    for name in "ab":
        (tmp_path / name / "exchange" / "out" / "000000.bin").write_bytes(a_payload(name))
    with relay_process(tmp_path, url.removeprefix("http://")):
        other.start()
        for name in "ab":
            rounds = tmp_path / name / "exchange" / "rounds" / "000000"
            wait_until((rounds / "round.json").exists, "the round comes back")
            assert {path.read_bytes() for path in rounds.glob("*.bin")} == {a_payload("a"), a_payload("b")}
        courier.stop()
        other.stop()


def test_a_relay_does_not_start_with_a_secret_that_could_be_guessed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush")
    command = [sys.executable, "-m", "training_jobs.exchange.relay", str(tmp_path / "relay")]
    command += ["--secret-file", str(tmp_path / "secret")]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert ended.returncode == 2
    assert "has 4 bytes, 32 to 10000 are expected" in ended.stderr


def test_a_courier_fetches_what_its_trainer_needs_and_nothing_before(tmp_path: Path) -> None:
    with serving(tmp_path / "relay", RULES) as relay:
        for name in "ab":
            assert asked_once(relay, name, "POST", "/join")[0] == 200

        def close(number: int) -> None:
            for name in "ab":
                assert asked_once(relay, name, "PUT", f"/rounds/{number}", a_payload(name, number))[0] == 200

        for number in range(4):
            close(number)
        b = courier_of(tmp_path / "b", url_of(relay), "b")
        assert b.join()["round"] == 4
        b.start()
        rounds = tmp_path / "b" / "exchange" / "rounds"
        trainer_needs(tmp_path / "b", 2)
        wait_until((rounds / "000003" / "round.json").exists, "all that is closed is there")
        assert sorted(path.name for path in rounds.iterdir()) == ["000002", "000003"]
        shutil.rmtree(rounds / "000002")  # found damaged
        close(4)
        wait_until((rounds / "000002" / "round.json").exists, "it is fetched again")
        b.stop()


def timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def test_a_courier_stops_at_once_in_the_middle_of_a_long_poll(tmp_path: Path) -> None:
    with serving(tmp_path / "relay", RULES) as relay:
        courier = courier_of(tmp_path / "a", url_of(relay), "a")
        courier.join()
        trainer_needs(tmp_path / "a")
        courier.start()
        (tmp_path / "a" / "exchange" / "out" / "000000.bin").write_bytes(a_payload("a"))
        assert timed(courier.stop) < 2
        kept = list((tmp_path / "relay" / RUN / "rounds" / "000000").glob("*.bin"))
        assert [path.read_bytes() for path in kept] == [a_payload("a")], "what was ready went out"


def test_a_courier_stops_soon_when_the_relay_is_a_black_hole(tmp_path: Path) -> None:
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(8)  # takes connections, and never answers
        courier = courier_of(tmp_path / "a", f"http://127.0.0.1:{hole.getsockname()[1]}", "a")
        (tmp_path / "a" / "exchange" / "out").mkdir(parents=True)
        (tmp_path / "a" / "exchange" / "out" / "000000.bin").write_bytes(a_payload("a"))
        trainer_needs(tmp_path / "a")
        courier.start()
        assert timed(courier.stop) < 5
        assert timed(lambda: courier.stop(0)) < 1.5
        assert timed(courier.leave) < 2.5


def test_joining_waits_for_a_relay_that_does_not_answer_until_it_is_told_to_stop(tmp_path: Path) -> None:
    courier = courier_of(tmp_path / "a", "http://127.0.0.1:9", "a")
    joining = Work(courier.join)
    joining.start()
    courier.stop()
    joining.join(5)
    with pytest.raises(Stopped):
        joining.result()
    assert not (tmp_path / "a" / "exchange").exists()


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
    with serving(tmp_path, RULES, tls=tls) as relay:
        url = url_of(relay, "https")
        certified = client_tls(authority / "ca.crt", authority / "member.crt", authority / "member.key")
        line = Line(url, tickets.issue(ticket_of("a", 2), SECRET), certified)
        assert asked(line, "POST", "/join")[0] == 200
        line.close()
        ticket = tickets.issue(ticket_of("b", 2), SECRET)
        plain = Line(url, ticket, client_tls(authority / "ca.crt", None, None))
        with pytest.raises((OSError, http.client.HTTPException)):
            plain.request("POST", "/join")
        elsewhere = Line(url, ticket, None)  # the system's authorities do not know ours
        with pytest.raises(OSError, match="certificate"):
            elsewhere.request("POST", "/join")
