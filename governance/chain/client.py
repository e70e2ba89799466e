"""Reads a chain over JSON-RPC (Ethereum's, HTTP or HTTPS): blocks, and voting power at a pinned block.

web3 carries the questions and eth_abi encodes calls of contracts; the distrust is ours. An answer is checked before
web3 sees it, because web3 pairs answers with questions by their order and takes the last of two equal keys; then
`answers.py` checks every value for its exact form. Each read of the past repeats the hash of the block in the same
request, so that a chain that changed in between is noticed. What is absent raises; it never becomes zero or "latest".

Not protected: a single node that lies consistently (`agreement.py` asks two of different operators and compares), and
a node that sends the HTTP header of its answer byte by byte: the limit of time holds for each wait and for the whole
body, not for the whole header. Proxies and certificates are those that `requests` finds in the environment.

Standards: Ethereum JSON-RPC, EIP-1898 (a block by its hash), ERC-5805 and ERC-6372 (votes and their clock), ERC-5267.
"""

import contextlib
import functools
import io
import time
from collections.abc import Sequence
from http import HTTPStatus
from reprlib import repr as shown
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from governance.chain import Block, ChainAnswerInvalid, ChainUnavailable, Log, RangeRefused, TokenDomain, answers
from governance.eip712 import checksum_address, parse_address
from governance.evidence import canonical

# web3 and eth_abi are imported by the first question: they take some 45 MB and most of a second, and a process whose
# communities vote by a list of members never asks.
if TYPE_CHECKING:
    import requests

TIMEOUT_SECONDS: Final = 3.0
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
# Public nodes commonly refuse batches of more than a hundred calls.
CALLS_PER_BATCH_MAX: Final = 90

# What we ask of a token, by name: the types of the arguments, and of what is returned.
FUNCTIONS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "getPastVotes": (("address", "uint256"), ("uint256",)),
    "getPastTotalSupply": (("uint256",), ("uint256",)),
    "clock": ((), ("uint48",)),
    "delegates": (("address",), ("address",)),
    "nonces": (("address",), ("uint256",)),
    "eip712Domain": ((), ("bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]")),
    # of a Governor, its timelock and its anchor
    "CLOCK_MODE": ((), ("string",)),
    "COUNTING_MODE": ((), ("string",)),
    **dict.fromkeys(("token", "timelock", "owner"), ((), ("address",))),
    **dict.fromkeys(
        ("votingDelay", "votingPeriod", "proposalThreshold", "quorumNumerator", "quorumDenominator"),
        ((), ("uint256",)),
    ),
    "lateQuorumVoteExtension": ((), ("uint48",)),
    "getMinDelay": ((), ("uint256",)),
    "quorum": (("uint256",), ("uint256",)),
    "proposalVotes": (("uint256",), ("uint256", "uint256", "uint256")),
    "proposalDeadline": (("uint256",), ("uint256",)),
    "state": (("uint256",), ("uint8",)),
    "hasVoted": (("uint256", "address"), ("bool",)),
}

_READ_BYTES: Final = 64 * 1024
_READ_GAS: Final = 3_000_000
_NOBODY: Final = f"0x{0:040x}"
# Which fields a domain has (ERC-5267): name, version, chain and contract, the only ones that we can offer to sign.
_DOMAIN_FIELDS: Final = b"\x0f"
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
        return answers.quantity(answers.result(answer, "the chain id"), "the chain id")

    def finalized_block(self) -> Block:
        """Return the newest block that the chain has finalized."""
        block, *_ = self._ask([("eth_getBlockByNumber", ["finalized", False])])
        return answers.block(block, "the finalized block")

    def block_hash(self, number: int) -> str:
        """Return the hash of the block of this number, as the chain is now."""
        block, *_ = self._ask([_block_call(number)])
        return answers.block_of_number(block, number).hash

    def blocks(self, numbers: Sequence[int]) -> list[Block]:
        """Return the blocks of these numbers, as the chain is now."""
        found: list[Block] = []
        for start in range(0, len(numbers), CALLS_PER_BATCH_MAX):
            some = numbers[start : start + CALLS_PER_BATCH_MAX]
            said = self._ask([_block_call(number) for number in some])
            found += [answers.block_of_number(answer, number) for answer, number in zip(said, some, strict=True)]
        return found

    def votes_at(
        self, token: str, voters: Sequence[str], block_number: int, block_hash: str, timepoint: int | None = None
    ) -> dict[str, int]:
        """Return `getPastVotes` of each voter (by checksummed address) at the block of this number and hash.

        A token whose clock counts seconds is asked for `timepoint`, while the block still stands.
        Raises SnapshotReorged when that block is no longer the one of this number.
        """
        addresses = list(dict.fromkeys(parse_address(voter) for voter in voters))
        votes: dict[str, int] = {}
        moment = block_number if timepoint is None else timepoint
        # At least one request even for nobody: the caller relies on the block having been looked at.
        for start in range(0, max(len(addresses), 1), CALLS_PER_BATCH_MAX):
            some = addresses[start : start + CALLS_PER_BATCH_MAX]
            calls = [("getPastVotes", [address, moment]) for address in some]
            votes.update(zip(some, self._past(token, calls, block_number, block_hash), strict=True))
        return votes

    def total_supply_at(self, token: str, block_number: int, block_hash: str, timepoint: int | None = None) -> int:
        """Return `getPastTotalSupply` at the block of this number and hash, or at `timepoint`."""
        moment = block_number if timepoint is None else timepoint
        return self._past(token, [("getPastTotalSupply", [moment])], block_number, block_hash)[0]

    def clock_at(self, token: str, block_hash: str) -> int:
        """Return what the token's own clock (ERC-6372) shows in the block of this hash.

        Needs the state of that block, which nodes keep for recent blocks only: ask when the snapshot is made.
        """
        clock, *_ = self._ask([_call(token, "clock", [], _in_block(block_hash))])
        return int(_returned(clock, "clock")[0])

    def delegates_named(
        self, token: str, first_block: int, last_block: int, block_number: int, block_hash: str
    ) -> tuple[str, ...]:
        """Return whose votes changed from the first to the last block, while the block of this number has this hash.

        1. ask for the block, the logs and the block again, in one request
        2. compare the hashes first: a reorganised chain explains every other oddity
        3. take the delegates

        Nodes refuse long ranges in many ways: an error, another status, silence. RangeRefused is raised when the node
        still answers a simple question; otherwise its silence is what it seems.
        """
        pinned = _block_call(block_number)
        found = {"address": token, "fromBlock": hex(first_block), "toBlock": hex(last_block)}
        question = ("eth_getLogs", [found | {"topics": [answers.DELEGATE_VOTES_CHANGED]}])
        # 1. one request
        try:
            before, logs, after = self._ask([pinned, question, pinned])
        except (ChainUnavailable, ChainAnswerInvalid) as error:
            self.block_hash(block_number)
            raise RangeRefused(f"blocks {first_block} to {last_block}: {error.detail}") from error
        # 2. the same block?
        for answer in (before, after):
            answers.require_pinned(answer, block_number, block_hash)
        # 3. the delegates
        if isinstance(logs, dict) and logs.get("error") is not None:
            raise RangeRefused(f"blocks {first_block} to {last_block}: {shown(logs['error'])}")
        return tuple(sorted(answers.delegates_in_logs(logs, token, first_block, last_block)))

    def logs_of(
        self,
        contracts: Sequence[str],
        events: Sequence[str],
        first_block: int,
        last: Block,
        about: Sequence[str] = (),
    ) -> list[Log]:
        """Return what these contracts said, in the order of the chain; see `delegates_named` for what is refused how.

        1. ask for the last block, the logs and the block again, in one request; 2. the same block? 3. the logs
        """
        pinned = _block_call(last.number)
        topics = [list(events), list(about)] if about else [list(events)]
        wanted = {"address": list(contracts), "fromBlock": hex(first_block), "toBlock": hex(last.number)}
        try:
            before, logs, after = self._ask([pinned, ("eth_getLogs", [wanted | {"topics": topics}]), pinned])
        except (ChainUnavailable, ChainAnswerInvalid) as error:
            self.block_hash(last.number)
            raise RangeRefused(f"blocks {first_block} to {last.number}: {error.detail}") from error
        for answer in (before, after):
            answers.require_pinned(answer, last.number, last.hash)
        if isinstance(logs, dict) and logs.get("error") is not None:
            raise RangeRefused(f"blocks {first_block} to {last.number}: {shown(logs['error'])}")
        found = answers.logs(logs, contracts, events, first_block, last)
        if about and any(len(log.topics) < 2 or log.topics[1] not in about for log in found):  # noqa: PLR2004
            raise ChainAnswerInvalid("a log about something else was sent")
        return found

    def read_newest(self, contract: str, calls: Sequence[Call]) -> list[tuple[Any, ...]]:
        """Return what functions of `FUNCTIONS` return in the newest block, asked in one request."""
        said = self._ask([_call(contract, name, values, "latest") for name, values in calls])
        return [_returned(answer, name) for answer, (name, _) in zip(said, calls, strict=True)]

    def delegate_of(self, token: str, account: str) -> str:
        """Return to whom the account delegates in the newest block, "" for nobody."""
        delegate = checksum_address(self._newest(token, "delegates", [account])[0])
        return "" if delegate == _NOBODY else delegate

    def nonce_of(self, token: str, account: str) -> int:
        """Return the number that the account's next signature for the token must carry, in the newest block."""
        return int(self._newest(token, "nonces", [account])[0])

    def domain_of(self, token: str) -> TokenDomain:
        """Return what signatures for the token are bound to (ERC-5267); a domain that names another one is refused."""
        fields, name, version, chain_id, contract, salt, extensions = self._newest(token, "eip712Domain", [])
        domain = TokenDomain(name, version, chain_id, checksum_address(contract))
        if fields != _DOMAIN_FIELDS or any(salt) or extensions or domain.verifying_contract != parse_address(token):
            raise ChainAnswerInvalid(f"a plain domain of {token} is needed, {shown(domain)} found", permanent=True)
        if self._expected_chain_id is not None and chain_id != self._expected_chain_id:
            raise ChainAnswerInvalid(f"the token's signatures are for chain {chain_id}", permanent=True)
        return domain

    def simulate(self, creation_code: str, gas: int, block_hash: str) -> str:
        """Return, as hex, what creation code would leave behind in the block of this hash; nothing is stored anywhere.

        Needs the state of that block, which nodes keep for recent blocks only.
        """
        answer, *_ = self._ask([("eth_call", [{"data": creation_code, "gas": hex(gas)}, _in_block(block_hash)])])
        return answers.data(answers.result(answer, "the simulation"), "the simulation")

    def read(self, contract: str, data: str, block_hash: str) -> str | None:
        """Return, as hex, what a contract answers to call data in the block of this hash.

        None where the contract refuses the call. Other errors raise, and so does a block that the node does not have.
        """
        call = {"to": parse_address(contract), "data": data, "gas": hex(_READ_GAS)}
        answer, *_ = self._ask([("eth_call", [call, _in_block(block_hash)])])
        if answers.is_revert(answer):
            return None
        return answers.data(answers.result(answer, "a contract's answer"), "a contract's answer")

    def send(self, sender: str, to: str, data: str) -> str:
        """Let the node sign for its own account `sender` and send; return the hash of the transaction.

        Never tried twice. Silence may mean that it was sent, so only what a chain carries out once may be sent so.

        1. the chain's id, and a trial that changes nothing: after sending would be too late
        2. send
        """
        transaction = {"from": sender, "to": to, "data": data}
        # 1. the trial
        chain_id = self.chain_id()
        trial, *_ = self._ask([("eth_call", [transaction, "latest"])])
        answers.result(trial, "the trial of the transaction")
        # 2. the real one
        sent, *_ = self._ask([("eth_sendTransaction", [transaction | {"chainId": hex(chain_id)}])])
        return answers.word(answers.result(sent, "the transaction"), "the transaction")

    def _newest(self, token: str, name: str, values: Sequence[Any]) -> tuple[Any, ...]:
        """Call one of `FUNCTIONS` in the newest block."""
        answer, *_ = self._ask([_call(token, name, values, "latest")])
        return _returned(answer, name)

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
        before, *past, after = self._ask(
            [
                _block_call(block_number),
                *(_call(token, name, values, "latest") for name, values in calls),
                _block_call(block_number),
            ]
        )
        # 2. the same block?
        for answer in (before, after):
            answers.require_pinned(answer, block_number, block_hash)
        # 3. the numbers
        return [int(_returned(answer, name)[0]) for answer, (name, _) in zip(past, calls, strict=True)]

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
            said: list[Any] = provider.make_batch_request(questions)
        except (OSError, HTTPError) as error:
            # Not the library's own words: they repeat the address, whose path is often a secret key.
            raise ChainUnavailable(f"no answer from the node: {type(error).__name__}") from None
        found = answers.quantity(answers.result(said.pop(), "the chain id"), "the chain id")
        expected = self._expected_chain_id
        if expected is not None and found != expected:
            raise ChainAnswerInvalid(f"chain {expected} is needed, the node is of chain {found}", permanent=True)
        return said


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
        said = canonical.strict_loads(body, max_bytes=ANSWER_BYTES_MAX)
    except canonical.CanonicalError as error:
        raise ChainAnswerInvalid(f"the node's answer is not JSON that we take: {shown(body)}") from error
    if not isinstance(said, list):
        # A node that refuses a whole batch answers with one error object.
        answers.result(said, "the batch")
        raise ChainAnswerInvalid(f"a list of answers is needed: {shown(body)}")
    ids = [answer.get("id") for answer in said if isinstance(answer, dict)]
    # By class: True and 1.0 equal 1 and are no ids of ours.
    if len(said) != count or any(number.__class__ is not int for number in ids) or set(ids) != set(range(count)):
        raise ChainAnswerInvalid(f"{count} answers are needed, one for each question: {shown(body)}")


def _in_block(block_hash: str) -> dict[str, Any]:
    """Return how a call names the block in which it is made (EIP-1898)."""
    return {"blockHash": block_hash, "requireCanonical": True}


def _block_call(number: int) -> Call:
    return ("eth_getBlockByNumber", [hex(number), False])


def _call(token: str, name: str, values: Sequence[Any], at: str | dict[str, Any]) -> Call:
    """Return the question that calls one of `FUNCTIONS` in the block `at`."""
    from eth_abi import encode
    from eth_utils.abi import function_signature_to_4byte_selector

    types, _ = FUNCTIONS[name]
    data = function_signature_to_4byte_selector(f"{name}({','.join(types)})") + encode(types, values)
    return ("eth_call", [{"to": parse_address(token), "data": f"0x{data.hex()}"}, at])


def _returned(answer: object, name: str) -> tuple[Any, ...]:
    """Return what one of `FUNCTIONS` returned."""
    return answers.returned(answer, name, FUNCTIONS[name][1])
