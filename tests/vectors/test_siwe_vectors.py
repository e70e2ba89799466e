"""Our sign-in texts against independent implementations: golden vectors, and npm siwe and viem live."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from governance import eip712, siwe
from tests.vectors.peer import Peer

GOLDEN = json.loads(Path(__file__).with_name("siwe.json").read_bytes())["messages"]


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    with Peer() as running:
        yield running


def comparable(message: siwe.SiweMessage) -> dict[str, Any]:
    """Return a message as the vectors have it, times as moments."""
    return {
        "scheme": message.scheme,
        "domain": message.domain,
        "address": message.address,
        "statement": message.statement,
        "uri": message.uri,
        "chain_id": message.chain_id,
        "nonce": message.nonce,
        "issued_at": message.issued_at,
        "expiration_time": message.expiration_time,
        "not_before": message.not_before,
        "request_id": message.request_id,
        "resources": list(message.resources),
    }


def with_moments(fields: dict[str, Any]) -> dict[str, Any]:
    times = ("issued_at", "expiration_time", "not_before")
    moments = {name: fields[name] and datetime.fromisoformat(fields[name]) for name in times}
    return {**fields, "resources": fields["resources"] or [], **moments}


@pytest.mark.parametrize("vector", GOLDEN)
def test_golden_texts_parse_to_their_fields_and_verify(vector: dict[str, Any]) -> None:
    message = siwe.parse(vector["text"])
    assert comparable(message) == with_moments(vector["fields"])
    eip712.verify(eip712.personal_message_digest(vector["text"]), vector["signature"], message.address)


def random_message(source: random.Random) -> siwe.SiweMessage:
    def maybe(value: Any) -> Any:
        return value if source.random() < 0.5 else None

    host = source.choice(["commons.example", "localhost:8000", "127.0.0.1", "a-b.c_d~e.example:443", "[::1]:8000"])
    scheme = source.choice(["https", "http"])
    issued = datetime(2026, 11, 21, tzinfo=UTC) + timedelta(milliseconds=source.randrange(10**9))
    statement = "".join(source.choice("abc XYZ0129-._~:/?#[]@!$&'()*+,;=") for _ in range(source.randrange(1, 60)))
    path = source.choice(["", "/", "/a/b", "/a%20b?x=1&y=/?#top", "?q", "#f"])
    return siwe.SiweMessage(
        scheme=maybe(scheme),
        domain=host,
        address=eip712.checksum_address("0x" + source.randbytes(20).hex()),
        statement=maybe(statement),
        uri=f"{scheme}://{host}{path}",
        chain_id=source.randrange(1, 2**40),
        nonce="".join(source.choice("abcXYZ019") for _ in range(source.randrange(8, 40))),
        issued_at=issued,
        expiration_time=maybe(issued + timedelta(hours=1)),
        not_before=maybe(issued),
        request_id=maybe(source.choice(["1", "abc-._~", "x:y@z", "a%2Fb"])),
        resources=tuple(f"https://commons.example/{n}" for n in range(source.randrange(3))),
    )


def test_what_we_render_the_peers_read_in_the_same_way(peer: Peer) -> None:
    source = random.Random(11)
    for _ in range(120):
        message = random_message(source)
        answer = peer.ask("siwe_parse", text=siwe.render(message))
        assert "error" not in answer, (siwe.render(message), answer)
        theirs = with_moments({k: v for k, v in answer["siwe"].items() if k != "version"})
        # The grammar allows an empty list of resources after its heading and an absent one; both read as
        # empty.
        assert theirs == comparable(message)


def test_whatever_we_accept_the_strictest_peer_accepts_too(peer: Peer) -> None:
    """One random change to a good text: we may refuse more than the grammar does, never less."""
    source = random.Random(12)
    accepted = 0
    for _ in range(600):
        text = siwe.render(random_message(source))
        at = source.randrange(len(text))
        cut, new = source.choice([(0, 1), (1, 0), (1, 1)])
        changed = text[:at] + (source.choice('aZ0 \n:/-.%[]@"\\{}é\r\t') if new else "") + text[at + cut :]
        try:
            siwe.parse(changed)
        except siwe.SiweError:
            continue
        accepted += 1
        assert "error" not in peer.ask("siwe_parse", text=changed), changed
    assert accepted > 50
