"""Reads a chain over JSON-RPC (Ethereum's, HTTP or HTTPS): blocks, and voting power at a pinned block.

web3 carries the questions and eth_abi encodes calls of contracts; the distrust is ours. An answer is checked before
web3 sees it, because web3 pairs answers with questions by their order and takes the last of two equal keys; then every
value is checked for its exact form. Each read of power repeats the hash of the block in the same request, so that a
chain that changed in between is noticed. What is absent raises; it never becomes zero or "latest".

Not protected: a single node that lies consistently (whoever needs that asks two of different operators and compares),
and a node that sends the HTTP header of its answer byte by byte: the limit of time holds for each wait and for the
whole body, not for the whole header. Proxies and certificates are those that `requests` finds in the environment.

Standards: Ethereum JSON-RPC, EIP-1898 (a block by its hash), ERC-5805 and ERC-6372 (votes and their clock).
"""

import contextlib
import functools
import io
import re
import time
from collections.abc import Sequence
from http import HTTPStatus
from reprlib import repr as shown
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from governance.chain import Block, ChainAnswerInvalid, ChainUnavailable, SnapshotReorged
from governance.eip712 import parse_address
from governance.evidence import canonical

# web3 and eth_abi are imported by the first question: they take some 45 MB and most of a second, and a process whose
# communities vote by a list of members never asks.
if TYPE_CHECKING:
    import requests

TIMEOUT_SECONDS: Final = 3.0
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
# Public nodes commonly refuse batches of more than a hundred calls.
CALLS_PER_BATCH_MAX: Final = 90

# What we ask of a token: the types of the arguments, by name. Each returns one unsigned integer.
FUNCTIONS: Final[dict[str, tuple[str, ...]]] = {
    "getPastVotes": ("address", "uint256"),
    "getPastTotalSupply": ("uint256",),
    "clock": (),
}

_QUANTITY: Final = re.compile(r"0x(?:0|[1-9a-fA-F][0-9a-fA-F]{0,63})")
_WORD: Final = re.compile(r"0x[0-9a-fA-F]{64}")
_READ_BYTES: Final = 64 * 1024
# JSON-RPC error codes that ask for patience: limit exceeded (EIP-1474), and the HTTP status that some repeat here.
_BUSY_CODES: Final = (-32005, 429)
# No compression, so that the limit of length holds for what is parsed; no open connection, so that nothing is shared.
_HEADERS: Final = {"Content-Type": "application/json", "Accept-Encoding": "identity", "Connection": "close"}

Call = tuple[str, list[Any]]


class ChainClient:
    """A node at `rpc_url`. With `expected_chain_id`, every read also makes sure that it is that chain which answers.

    Safe to share between threads: it holds no connection and no state.
    """

    def __init__(self, rpc_url: str, timeout: float = TIMEOUT_SECONDS, *, expected_chain_id: int | None = None) -> None:
        """Take the address of the node; nothing is sent yet."""
        parts = urlsplit(rpc_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None or parts.port == 0:
            raise ValueError("the RPC address must be http(s)://host… without a user name")
        self._rpc_url = rpc_url
        self._timeout = timeout
        self._expected_chain_id = expected_chain_id

    def chain_id(self) -> int:
        """Return the chain's id."""
        (answer,) = self._ask([("eth_chainId", [])])
        return _quantity(_result(answer, "the chain id"), "the chain id")

    def finalized_block(self) -> Block:
        """Return the newest block that the chain has finalized."""
        block, *_ = self._ask([("eth_getBlockByNumber", ["finalized", False])])
        return _block(block, "the finalized block")

    def block_hash(self, number: int) -> str:
        """Return the hash of the block of this number, as the chain is now."""
        block, *_ = self._ask([_block_call(number)])
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
            calls = [("getPastVotes", [address, block_number]) for address in some]
            votes.update(zip(some, self._past(token, calls, block_number, block_hash), strict=True))
        return votes

    def total_supply_at(self, token: str, block_number: int, block_hash: str) -> int:
        """Return `getPastTotalSupply` at the block of this number and hash."""
        return self._past(token, [("getPastTotalSupply", [block_number])], block_number, block_hash)[0]

    def clock_at(self, token: str, block_hash: str) -> int:
        """Return what the token's own clock (ERC-6372) shows in the block of this hash.

        Needs the state of that block, which nodes keep for recent blocks only: ask when the snapshot is made.
        """
        at = {"blockHash": block_hash, "requireCanonical": True}
        clock, *_ = self._ask([_call(token, "clock", [], at)])
        return _returned(clock, "clock")

    def _past(self, token: str, calls: Sequence[Call], block_number: int, block_hash: str) -> list[int]:
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
        before, *answers, after = self._ask(
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
        return [_returned(answer, name) for answer, (name, _) in zip(answers, calls, strict=True)]

    def _ask(self, calls: Sequence[Call]) -> list[Any]:
        """Send calls as one batch; return one answer object for each, all of them by the expected chain."""
        from urllib3.exceptions import HTTPError
        from web3 import HTTPProvider

        questions = [*calls, ("eth_chainId", [])]
        check = functools.partial(_check_answers, count=len(questions), deadline=time.monotonic() + self._timeout)
        # A provider for each batch, because its ids start at 0. Whether to try again is for the caller to say.
        provider = HTTPProvider(
            self._rpc_url,
            request_kwargs={"timeout": self._timeout, "headers": _HEADERS, "hooks": {"response": check}},
            exception_retry_configuration=None,
        )
        try:
            answers: list[Any] = provider.make_batch_request(questions)
        except (OSError, HTTPError) as error:
            # Not the library's own words: they repeat the address, whose path is often a secret key.
            raise ChainUnavailable(f"no answer from the node: {type(error).__name__}") from None
        found = _quantity(_result(answers.pop(), "the chain id"), "the chain id")
        expected = self._expected_chain_id
        if expected is not None and found != expected:
            raise ChainAnswerInvalid(f"chain {expected} is needed, the node is of chain {found}", permanent=True)
        return answers


def _check_answers(response: "requests.Response", *, count: int, deadline: float, **_: object) -> None:
    """Refuse what is not one answer for each of `count` questions; a hook that `requests` calls before web3 reads.

    1. the status: a redirection is not followed either
    2. the body: all of it in time, and not too long
    3. strict JSON, and each id once: web3 parses the same bytes again, but then no two readings are possible
    """
    with contextlib.closing(response.raw) as raw:
        # 1. the status
        status = response.status_code
        if status != HTTPStatus.OK:
            busy = status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR
            raise (ChainUnavailable if busy else ChainAnswerInvalid)(f"the node answered with HTTP status {status}")
        # 2. the body. read1 waits once; a plain read would wait for every trickled byte.
        body = b""
        while chunk := raw.read1(_READ_BYTES):
            body += chunk
            if len(body) > ANSWER_BYTES_MAX:
                raise ChainAnswerInvalid(f"the node's answer is longer than {ANSWER_BYTES_MAX} bytes")
            if time.monotonic() > deadline:
                raise ChainUnavailable("no answer from the node: the whole of it took too long")
    response.raw = io.BytesIO(body)
    # 3. the answers
    try:
        answers = canonical.strict_loads(body, max_bytes=ANSWER_BYTES_MAX)
    except canonical.CanonicalError as error:
        raise ChainAnswerInvalid(f"the node's answer is not JSON that we take: {shown(body)}") from error
    if not isinstance(answers, list):
        # A node that refuses a whole batch answers with one error object.
        _result(answers, "the batch")
        raise ChainAnswerInvalid(f"a list of answers is needed: {shown(body)}")
    ids = [answer.get("id") for answer in answers if isinstance(answer, dict)]
    # By class: True and 1.0 equal 1 and are no ids of ours.
    if len(answers) != count or any(number.__class__ is not int for number in ids) or set(ids) != set(range(count)):
        raise ChainAnswerInvalid(f"{count} answers are needed, one for each question: {shown(body)}")


def _block_call(number: int) -> Call:
    return ("eth_getBlockByNumber", [hex(number), False])


def _call(token: str, name: str, values: Sequence[Any], at: str | dict[str, Any]) -> Call:
    """Return the question that calls one of `FUNCTIONS` in the block `at`."""
    from eth_abi import encode
    from eth_utils.abi import function_signature_to_4byte_selector

    types = FUNCTIONS[name]
    data = function_signature_to_4byte_selector(f"{name}({','.join(types)})") + encode(types, values)
    return ("eth_call", [{"to": parse_address(token), "data": f"0x{data.hex()}"}, at])


def _result(answer: object, what: str) -> object:
    """Return the result of one answer object; an error or the absence of both raises."""
    if not isinstance(answer, dict):
        raise ChainAnswerInvalid(f"an answer object is needed for {what}, {shown(answer)} found")
    error = answer.get("error")
    if error is not None:
        code = error.get("code") if isinstance(error, dict) else None
        kind = ChainUnavailable if code in _BUSY_CODES else ChainAnswerInvalid
        raise kind(f"the node answered {what} with an error: {shown(error)}")
    if answer.get("result") is None:
        raise ChainAnswerInvalid(f"the node has no answer for {what}")
    return answer["result"]


def _block(answer: object, what: str) -> Block:
    block = _result(answer, what)
    if not isinstance(block, dict):
        raise ChainAnswerInvalid(f"a block is needed for {what}, {shown(block)} found")
    block_hash = block.get("hash")
    if not isinstance(block_hash, str) or _WORD.fullmatch(block_hash) is None:
        raise ChainAnswerInvalid(f"{what} has no hash: {shown(block_hash)}")
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
        raise ChainAnswerInvalid(f"a hex number is needed for {what}, {shown(value)} found")
    return int(value, 16)


def _returned(answer: object, name: str) -> int:
    """Return the number that one of `FUNCTIONS` returned. `0x` means that no contract was there."""
    from eth_abi import decode

    value = _result(answer, name)
    # eth_abi would take a longer answer for its first 32 bytes.
    if not isinstance(value, str) or _WORD.fullmatch(value) is None:
        raise ChainAnswerInvalid(f"32 bytes are needed for {name}, {shown(value)} found")
    (number,) = decode(["uint256"], bytes.fromhex(value[2:]))
    return int(number)
