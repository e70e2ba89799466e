"""Names of accounts as values: hashes of the standard, which names are shown, what answers mean, and pictures."""

import base64
import io

import pytest
from PIL import Image

from governance.names import avatars, standard

EMPTY_WORD = "00" * 32


def answer(*words: str) -> str:
    return "0x" + "".join(words)


def test_names_hash_as_eip_137_says():
    assert standard.node_of("") == bytes(32)
    assert standard.node_of("eth").hex() == "93cdeb708b7545dc668eb9280176169d1c33cfd8ed6f04690a0bcc88a93fc4ae"
    assert standard.node_of("foo.eth").hex() == "de9b09fd7c5f901e23a3f19fecc54828e9c848539801e86591bd9801b019f84f"


@pytest.mark.parametrize("name", ["river.eth", "été.eth", "a.b.c.eth", "\U0001f4a7.eth", "9-1.eth"])
def test_names_in_their_one_spelling_are_shown(name):
    assert standard.can_be_shown(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Alice",
        "alice",
        "River.eth",
        ".eth",
        "a..eth",
        "r\u0456ver.eth",  # a Cyrillic letter among Latin ones
        "river\u202e.eth",
        "river\u200b.eth",
        "e\u0301.eth",
        "xn--rver-8ra.eth",
        "<b>.eth",
        "a" * 60 + ".eth",
    ],
)
def test_other_spellings_and_look_alikes_are_not(name):
    assert not standard.can_be_shown(name)


def test_answers_that_are_none_mean_nothing_and_raise_nothing():
    word = "00" * 12 + "ab" * 20
    assert standard.address_in(answer(word)) == "0x" + "ab" * 20
    for said in (None, "0x", answer(EMPTY_WORD), answer("01" + word[2:]), answer(word, word)):
        assert standard.address_in(said) is None
    text = answer(f"{32:064x}", f"{5:064x}", b"r.eth".hex().ljust(64, "0"))
    assert standard.text_in(text) == "r.eth"
    for said in (
        None,
        "0x",
        answer("ff" * 32),
        text[:100],
        answer(f"{32:064x}", "ff" * 32),
        answer(f"{32:064x}", f"{1:064x}", "ff"),
    ):
        assert standard.text_in(said) == ""


def png(side: int, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, side), "teal").save(out, kind)
    return out.getvalue()


def inline(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def test_pictures_are_drawn_again_small_whatever_they_were():
    asked: list[str] = []

    def fetch(address: str) -> bytes:
        asked.append(address)
        return png(300, "JPEG") + b"<script>"

    for avatar in (
        inline(png(8)),
        "https://example.org/me.jpg",
        "ipfs://QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKo1Ac/me",
    ):
        drawn = avatars.picture(avatar, "https://gateway.example", fetch)
        assert Image.open(io.BytesIO(drawn)).size == (avatars.SIDE, avatars.SIDE)
        assert b"script" not in drawn
    assert asked[1].startswith("https://gateway.example/ipfs/Qm")


def test_what_is_no_picture_or_lies_where_we_do_not_look_is_none():
    def fetch(address: str) -> bytes | None:
        return {"https://example.org/page": b"<html>", "https://example.org/wide": wide}.get(address)

    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    wide = out.getvalue()
    assert len(wide) < avatars.BYTES_MAX
    for avatar in (
        "",
        "eip155:1/erc721:0x00/1",
        "http://example.org/me.png",
        "javascript:alert(1)",
        "data:image/svg+xml;base64,PHN2Zy8+",
        inline(b"<svg onload=alert(1)>"),
        "data:image/png;base64,AAAA=AAA",
        "https://example.org/page",
        "https://example.org/wide",
        "https://example.org/gone",
        "ipfs://QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKo1Ac",  # no gateway
    ):
        assert avatars.picture(avatar, "", fetch) == b"", avatar
