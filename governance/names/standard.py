"""What the protocol of names says, as values: how names are written and hashed, and what resolvers are asked.

Standards: EIP-137 (registry, resolvers, hashes of names), EIP-181 (an account's name), EIP-634 (texts), ENSIP-15 (how
names are written; the `ens` package, which web3 brings, knows its tables).
"""

from typing import Final

from governance.eip712.keccak import keccak

# Long names are rare, and would push everything else out of a line.
NAME_CHARACTERS_MAX: Final = 60
_WORD: Final = 32


def normalised(name: str) -> str | None:
    """Return the one way in which a name is written; None for what is no name."""
    import pyunormalize
    from ens import _normalization as brought
    from ens.exceptions import ENSException

    # web3 8.0 hands a list of characters to a function that takes text alone since pyunormalize 18.
    brought.NFC = lambda characters: pyunormalize.NFC("".join(characters))
    try:
        return str(brought.normalize_name_ensip15(name).as_text)
    except (ENSException, ValueError, TypeError, IndexError):
        return None


def can_be_shown(name: str) -> bool:
    """Say whether a name is one that we show: with a dot, not too long, and written in the one way.

    Other spellings are refused rather than mended: they are how one name is made to look like another.
    """
    labels = name.split(".")
    return len(labels) > 1 and all(labels) and len(name) <= NAME_CHARACTERS_MAX and normalised(name) == name


def node_of(name: str) -> bytes:
    """Return the hash of a name (EIP-137): of its parts, from the last to the first."""
    node = bytes(_WORD)
    for label in reversed(name.split(".") if name else []):
        node = keccak(node + keccak(label.encode()))
    return node


def reverse_node(address: str) -> bytes:
    """Return the hash under which an account says its own name (EIP-181)."""
    return node_of(f"{address[2:].lower()}.addr.reverse")


def resolver_question(node: bytes) -> str:
    """Return the call data that asks a registry who answers for a name."""
    return _call("resolver(bytes32)", node)


def address_question(node: bytes) -> str:
    """Return the call data that asks a resolver whose name it is."""
    return _call("addr(bytes32)", node)


def name_question(node: bytes) -> str:
    """Return the call data that asks a resolver for the name of an account."""
    return _call("name(bytes32)", node)


def text_question(node: bytes, key: str) -> str:
    """Return the call data that asks a resolver for a text of a name."""
    text = key.encode()
    padded = text.ljust(-(-len(text) // _WORD) * _WORD, b"\0")
    return _call("text(bytes32,string)", node, _number(2 * _WORD), _number(len(text)), padded)


def address_in(said: str | None) -> str | None:
    """Return the address in an answer, in lower case; None for nobody and for what is no address."""
    data = _bytes(said)
    if len(data) != _WORD or any(data[:12]) or not any(data):
        return None
    return f"0x{data[12:].hex()}"


def text_in(said: str | None) -> str:
    """Return the text in an answer; an empty one for what is no text."""
    data = _bytes(said)
    at = int.from_bytes(data[:_WORD])
    start = at + _WORD
    if len(data) < 2 * _WORD or start > len(data):
        return ""
    length = int.from_bytes(data[at:start])
    text = data[start : start + length]
    try:
        return text.decode() if len(text) == length else ""
    except UnicodeDecodeError:
        return ""


def _bytes(said: str | None) -> bytes:
    return bytes.fromhex((said or "0x")[2:])


def _number(value: int) -> bytes:
    return value.to_bytes(_WORD)


def _call(signature: str, *words: bytes) -> str:
    return "0x" + (keccak(signature.encode())[:4] + b"".join(words)).hex()
