"""Reads a chain over JSON-RPC (Ethereum's, HTTP or HTTPS): blocks, and voting power at a pinned block.

Trusts nothing in an answer: every value is checked for its exact form, answers are matched to questions by
their id, size and total time are bounded, and each read of power repeats the hash of the block in the same
request, so that a chain that changed in between is noticed. What is absent raises; it never becomes zero or
"latest".

Not protected: a single node that lies consistently. Whoever needs that asks two of different operators and
compares.

Plain `http.client` and hand-made calls of three functions instead of web3: that library adds 37 MB and a
second to every process, repeats timed-out requests five times on its own, and has no limit for a slow trickle
of bytes.

Standards: Ethereum JSON-RPC, EIP-1898 (a block by its hash), ERC-5805 and ERC-6372 (votes and their clock).
"""

import contextlib
import http.client
import itertools
import json
import re
import socket
import ssl
import threading
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from governance.chain import Block, ChainAnswerInvalid, ChainUnavailable, SnapshotReorged
from governance.eip712 import parse_address
from governance.evidence import canonical

TIMEOUT_SECONDS: Final = 3.0
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
# Public nodes commonly refuse batches of more than a hundred calls.
CALLS_PER_BATCH_MAX: Final = 90

# The first four bytes of the Keccak-256 of each signature; a test computes them again.
SELECTORS: Final = {
    "getPastVotes(address,uint256)": "3a46b1a8",
    "getPastTotalSupply(uint256)": "8e539e8c",
    "clock()": "91ddadf4",
}

_QUANTITY: Final = re.compile(r"0x(?:0|[1-9a-fA-F][0-9a-fA-F]{0,63})")
_WORD: Final = re.compile(r"0x[0-9a-fA-F]{64}")
_SHOWN_CHARACTERS: Final = 120
_HTTP_OK: Final = 200
_HTTP_TOO_MANY_REQUESTS: Final = 429
_HTTP_SERVER_ERROR: Final = 500
# JSON-RPC error codes that ask for patience: limit exceeded (EIP-1474), and the HTTP status that some repeat
# here.
_BUSY_CODES: Final = (-32005, 429)

Call = tuple[str, list[Any]]


class ChainClient:
    """A node at `rpc_url`. With `chain_id`, every read also makes sure that it is that chain which answers.

    Safe to share between threads: it holds no connection and no state.
    """

    def __init__(self, rpc_url: str, timeout: float = TIMEOUT_SECONDS, *, expected_chain_id: int | None = None) -> None:
        """Take the address of the node; nothing is sent yet."""
        parts = urlsplit(rpc_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
            raise ValueError("the RPC address must be http(s)://host… without a user name")
        self._secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._timeout = timeout
        self._expected_chain_id = expected_chain_id
        self._ids = itertools.count(1)

    def chain_id(self) -> int:
        """Return the chain's id."""
        (answer,) = self._ask([("eth_chainId", [])])
        return _chain_id(answer, self._expected_chain_id)

    def finalized_block(self) -> Block:
        """Return the newest block that the chain has finalized."""
        block, *_ = self._ask_chain([("eth_getBlockByNumber", ["finalized", False])])
        return _block(block, "the finalized block")

    def block_hash(self, number: int) -> str:
        """Return the hash of the block of this number, as the chain is now."""
        block, *_ = self._ask_chain([_block_call(number)])
        return _block_of_number(block, number).hash

    def votes_at(self, token: str, voters: Sequence[str], block_number: int, block_hash: str) -> dict[str, int]:
        """Return `getPastVotes` of each voter (by checksummed address) at the block of this number and hash.

        Raises SnapshotReorged when that block is no longer the one of this number.
        """
        addresses = list(dict.fromkeys(parse_address(voter) for voter in voters))
        votes: dict[str, int] = {}
        # At least one request even for nobody: the caller relies on the block having been looked at.
        for start in range(0, max(len(addresses), 1), CALLS_PER_BATCH_MAX):
            some = addresses[start : start + CALLS_PER_BATCH_MAX]
            calls = [("getPastVotes(address,uint256)", [int(address, 16), block_number]) for address in some]
            votes.update(zip(some, self._past(token, calls, block_number, block_hash), strict=True))
        return votes

    def total_supply_at(self, token: str, block_number: int, block_hash: str) -> int:
        """Return `getPastTotalSupply` at the block of this number and hash."""
        calls = [("getPastTotalSupply(uint256)", [block_number])]
        return self._past(token, calls, block_number, block_hash)[0]

    def clock_at(self, token: str, block_hash: str) -> int:
        """Return what the token's own clock (ERC-6372) shows in the block of this hash.

        Needs the state of that block, which nodes keep for recent blocks only: ask when the snapshot is made.
        """
        at = {"blockHash": block_hash, "requireCanonical": True}
        clock, *_ = self._ask_chain([_call(token, "clock()", [], at)])
        return _word(clock, "clock()")

    def _past(
        self, token: str, calls: Sequence[tuple[str, Sequence[int]]], block_number: int, block_hash: str
    ) -> list[int]:
        """Read the past of a token at a block that must still be the pinned one.

        The functions are asked in the newest block, because a token knows its past only (a block's end is not
        yet past within that block) and because nodes forget the state of old blocks. They look back to
        `block_number` in that chain, so the chain must have the pinned block under this number, before and
        after the reading.

        1. ask everything in one request: the block of that number, the functions, the block again
        2. compare the hashes first: a reorganised chain explains every other oddity
        3. take the numbers
        """
        # 1. one request
        before, *answers, after = self._ask_chain(
            [
                _block_call(block_number),
                *(_call(token, name, values, "latest") for name, values in calls),
                _block_call(block_number),
            ]
        )
        # 2. the same block?
        for answer in (before, after):
            found = _block_of_number(answer, block_number).hash
            if found != block_hash:
                raise SnapshotReorged(block_number, block_hash, found)
        # 3. the numbers
        return [_word(answer, name) for answer, (name, _) in zip(answers, calls, strict=True)]

    def _ask_chain(self, calls: Sequence[Call]) -> list[Any]:
        """Ask, and check in the same request that it is the expected chain which answers."""
        if self._expected_chain_id is None:
            return self._ask(calls)
        *answers, chain = self._ask([*calls, ("eth_chainId", [])])
        _chain_id(chain, self._expected_chain_id)
        return answers

    def _ask(self, calls: Sequence[Call]) -> list[Any]:
        """Send calls as one batch; return one answer object for each, in order of the calls."""
        ids = [next(self._ids) for _ in calls]
        questions = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
            for number, (method, parameters) in zip(ids, calls, strict=True)
        ]
        body = self._post(json.dumps(questions).encode())
        try:
            answers = canonical.strict_loads(body, max_bytes=ANSWER_BYTES_MAX)
        except canonical.CanonicalError as error:
            raise ChainAnswerInvalid(f"the node's answer is not JSON that we take: {_shown(body)}") from error
        if not isinstance(answers, list):
            # A node that refuses a whole batch answers with one error object.
            _result(answers, "the batch")
            raise ChainAnswerInvalid(f"a list of answers is needed: {_shown(body)}")
        by_id = {
            answer["id"]: answer for answer in answers if isinstance(answer, dict) and answer.get("id").__class__ is int
        }
        if len(answers) != len(ids) or set(by_id) != set(ids):
            raise ChainAnswerInvalid(f"{len(ids)} answers are needed, one for each question: {_shown(body)}")
        return [by_id[number] for number in ids]

    def _post(self, body: bytes) -> bytes:
        """Return the body of the answer to one POST, whole, within the time limit for everything together."""
        factory = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = factory(self._host, self._port, timeout=self._timeout)
        # The socket's own limit starts anew with every byte received; the guard ends the request for good.
        guard = _Guard(self._timeout)
        try:
            connection.connect()
            guard.watch(connection.sock)
            headers = {"Content-Type": "application/json", "Accept": "application/json"}
            connection.request("POST", self._path, body=body, headers=headers)
            with connection.getresponse() as response:
                data = response.read(ANSWER_BYTES_MAX + 1)
        except (OSError, http.client.HTTPException, ssl.SSLError) as error:
            reason = guard.reason or str(error) or type(error).__name__
            raise ChainUnavailable(f"no answer from the node: {reason}") from error
        finally:
            guard.stop()
            connection.close()
        if guard.reason:
            raise ChainUnavailable(f"no answer from the node: {guard.reason}")
        if response.status == _HTTP_TOO_MANY_REQUESTS or response.status >= _HTTP_SERVER_ERROR:
            raise ChainUnavailable(f"the node answered with HTTP status {response.status}")
        if response.status != _HTTP_OK:
            raise ChainAnswerInvalid(f"the node answered with HTTP status {response.status}")
        if len(data) > ANSWER_BYTES_MAX:
            raise ChainAnswerInvalid(f"the node's answer is longer than {ANSWER_BYTES_MAX} bytes")
        return data


class _Guard:
    """Cuts a connection off when its time is up; `reason` then says so."""

    def __init__(self, seconds: float) -> None:
        self.reason = ""
        self._seconds = seconds
        self._timer: threading.Timer | None = None

    def watch(self, open_socket: socket.socket) -> None:
        self._timer = threading.Timer(self._seconds, self._cut, [open_socket])
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _cut(self, open_socket: socket.socket) -> None:
        self.reason = f"more than {self._seconds} s"
        # Of the plain socket, also under TLS: the reader wakes up with an end of file and closes in its own
        # thread.
        with contextlib.suppress(OSError):  # closed in this very moment by the reader: nothing left to cut
            socket.socket.shutdown(open_socket, socket.SHUT_RDWR)


def _block_call(number: int) -> Call:
    return ("eth_getBlockByNumber", [hex(number), False])


def _call(token: str, signature: str, values: Sequence[int], at: str | dict[str, Any]) -> Call:
    """Return the call of a view function whose arguments are numbers, or addresses as numbers."""
    data = "0x" + SELECTORS[signature] + "".join(f"{value:064x}" for value in values)
    return ("eth_call", [{"to": parse_address(token), "data": data}, at])


def _result(answer: object, what: str) -> object:
    """Return the result of one answer object; an error or the absence of both raises."""
    if not isinstance(answer, dict):
        raise ChainAnswerInvalid(f"an answer object is needed for {what}, {_shown(answer)} found")
    error = answer.get("error")
    if error is not None:
        code = error.get("code") if isinstance(error, dict) else None
        kind = ChainUnavailable if code in _BUSY_CODES else ChainAnswerInvalid
        raise kind(f"the node answered {what} with an error: {_shown(error)}")
    if answer.get("result") is None:
        raise ChainAnswerInvalid(f"the node has no answer for {what}")
    return answer["result"]


def _chain_id(answer: object, expected: int | None) -> int:
    found = _quantity(_result(answer, "the chain id"), "the chain id")
    if expected is not None and found != expected:
        raise ChainAnswerInvalid(f"chain {expected} is needed, the node is of chain {found}", permanent=True)
    return found


def _block(answer: object, what: str) -> Block:
    block = _result(answer, what)
    if not isinstance(block, dict):
        raise ChainAnswerInvalid(f"a block is needed for {what}, {_shown(block)} found")
    block_hash = block.get("hash")
    if not isinstance(block_hash, str) or _WORD.fullmatch(block_hash) is None:
        raise ChainAnswerInvalid(f"{what} has no hash: {_shown(block_hash)}")
    return Block(
        number=_quantity(block.get("number"), f"the number of {what}"),
        hash=block_hash.lower(),
        timestamp=_quantity(block.get("timestamp"), f"the time of {what}"),
    )


def _block_of_number(answer: object, number: int) -> Block:
    block = _block(answer, f"block {number}")
    if block.number != number:
        raise ChainAnswerInvalid(f"block {number} was asked for, the node sent block {block.number}")
    return block


def _quantity(value: object, what: str) -> int:
    if not isinstance(value, str) or _QUANTITY.fullmatch(value) is None:
        raise ChainAnswerInvalid(f"a hex number is needed for {what}, {_shown(value)} found")
    return int(value, 16)


def _word(answer: object, what: str) -> int:
    """Return the one 32-byte number of a view function. `0x` means that no contract was there."""
    value = _result(answer, what)
    if not isinstance(value, str) or _WORD.fullmatch(value) is None:
        raise ChainAnswerInvalid(f"32 bytes are needed for {what}, {_shown(value)} found")
    return int(value, 16)


def _shown(value: object) -> str:
    """Return a short printable form for an error message; a node may send anything."""
    text = ascii(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 3]}..."
