"""What an answer of a node must look like before it is believed: each reader here takes one form and raises otherwise.

Pure but for eth_abi, which decodes what contracts return and is loaded by the first answer of one. Absent, null,
longer, shorter or differently spelled is ChainAnswerInvalid; nothing becomes zero.

Standards: Ethereum JSON-RPC, the contract ABI, ERC-5805 (DelegateVotesChanged).
"""

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from reprlib import repr as shown
from typing import Any, Final

from governance.chain import Block, ChainAnswerInvalid, ChainUnavailable, Log, SnapshotReorged
from governance.eip712 import checksum_address

# Keccak-256 of "DelegateVotesChanged(address,uint256,uint256)", by which nodes find the event.
DELEGATE_VOTES_CHANGED: Final = "0xdec2bacdd2f05b59de34da9b523dff8be42e5e38e818c82fdb0bae774387a724"

_QUANTITY: Final = re.compile(r"0x(?:0|[1-9a-fA-F][0-9a-fA-F]{0,63})")
_WORD: Final = re.compile(r"0x[0-9a-fA-F]{64}")
_BYTES: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})+")
_DATA: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_ADDRESS_WORD: Final = re.compile(r"0x0{24}([0-9a-fA-F]{40})")
_TWO_WORDS: Final = re.compile(r"0x[0-9a-fA-F]{128}")
# JSON-RPC error codes that ask for patience: limit exceeded (EIP-1474), and the HTTP status that some repeat here.
_BUSY_CODES: Final = (-32005, 429)
_REVERTED_CODE: Final = 3


def result(answer: object, what: str) -> object:
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


def block(answer: object, what: str) -> Block:
    """Return a block."""
    found = result(answer, what)
    if not isinstance(found, dict):
        raise ChainAnswerInvalid(f"a block is needed for {what}, {shown(found)} found")
    return Block(
        number=quantity(found.get("number"), f"the number of {what}"),
        hash=word(found.get("hash"), f"the hash of {what}"),
        timestamp=quantity(found.get("timestamp"), f"the time of {what}"),
    )


def block_of_number(answer: object, number: int) -> Block:
    """Return the block that was asked for by its number."""
    found = block(answer, f"block {number}")
    if found.number != number:
        raise ChainAnswerInvalid(f"block {number} was asked for, the node sent block {found.number}")
    return found


def require_pinned(answer: object, block_number: int, block_hash: str) -> None:
    """Raise SnapshotReorged unless the block of this number still has this hash."""
    found = block_of_number(answer, block_number).hash
    if found != block_hash:
        raise SnapshotReorged(block_number, block_hash, found)


def quantity(value: object, what: str) -> int:
    """Return a number in the spelling of JSON-RPC."""
    if not isinstance(value, str) or _QUANTITY.fullmatch(value) is None:
        raise ChainAnswerInvalid(f"a hex number is needed for {what}, {shown(value)} found")
    return int(value, 16)


def word(value: object, what: str) -> str:
    """Return 32 bytes as lower-case hex."""
    if not isinstance(value, str) or _WORD.fullmatch(value) is None:
        raise ChainAnswerInvalid(f"32 bytes are needed for {what}, {shown(value)} found")
    return value.lower()


def data(value: object, what: str) -> str:
    """Return any number of bytes as lower-case hex, none included."""
    if not isinstance(value, str) or (value != "0x" and _BYTES.fullmatch(value) is None):
        raise ChainAnswerInvalid(f"bytes are needed for {what}, {shown(value)} found")
    return value.lower()


def is_revert(answer: object) -> bool:
    """Say whether a node answers that a contract refused the call: by the code 3 that nodes share, or in words."""
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict):
        return False
    said = error.get("message")
    return error.get("code") == _REVERTED_CODE or (isinstance(said, str) and "revert" in said.lower())


def returned(answer: object, name: str, types: tuple[str, ...]) -> tuple[Any, ...]:
    """Return what a function of a contract returned. `0x` means that no contract was there.

    eth_abi would take a longer answer for its beginning, so what was read must encode to the very same bytes.
    """
    from eth_abi import decode, encode
    from eth_abi.exceptions import DecodingError

    value = result(answer, name)
    if not isinstance(value, str) or _BYTES.fullmatch(value) is None:
        raise ChainAnswerInvalid(f"bytes are needed for {name}, {shown(value)} found")
    data = bytes.fromhex(value[2:])
    try:
        values: tuple[Any, ...] = decode(types, data)
    except (DecodingError, ValueError, OverflowError) as error:
        raise ChainAnswerInvalid(f"({', '.join(types)}) is needed for {name}, {shown(value)} found") from error
    if encode(types, values) != data:
        raise ChainAnswerInvalid(f"({', '.join(types)}) alone is needed for {name}, {shown(value)} found")
    return values


def delegates_in_logs(answer: object, token: str, first_block: int, last_block: int) -> set[str]:
    """Return the checksummed delegates of `DelegateVotesChanged` logs; one log that does not belong raises."""
    logs = result(answer, "the logs")
    if not isinstance(logs, list):
        raise ChainAnswerInvalid(f"a list of logs is needed, {shown(logs)} found")
    return {_delegate(log, token, first_block, last_block) for log in logs}


def logs(answer: object, contracts: Sequence[str], events: Sequence[str], first_block: int, last: Block) -> list[Log]:
    """Return these contracts' logs in the order of the chain; one that does not belong, or twice, raises."""
    found = result(answer, "the logs")
    if not isinstance(found, list):
        raise ChainAnswerInvalid(f"a list of logs is needed, {shown(found)} found")
    emitters = {contract.lower(): contract for contract in contracts}
    named = set(events)
    read = [_log(each, emitters, named, first_block, last) for each in found]
    places = [(log.block_number, log.position) for log in read]
    if any(later <= earlier for earlier, later in pairwise(places)):
        raise ChainAnswerInvalid("logs in the order of the chain are needed, each once")
    return read


def _log(log: object, emitters: Mapping[str, str], events: Collection[str], first_block: int, last: Block) -> Log:
    if not isinstance(log, dict) or log.get("removed", False) is not False:
        raise ChainAnswerInvalid(f"a log that was not removed is needed, {shown(log)} found")
    emitter, topics, data = str(log.get("address")).lower(), log.get("topics"), log.get("data")
    if not isinstance(topics, list) or not topics or not isinstance(data, str) or not _DATA.fullmatch(data):
        raise ChainAnswerInvalid(f"topics and data are needed in a log, {shown(log)} found")
    words = tuple(word(topic, "a topic") for topic in topics)
    if emitter not in emitters or words[0] not in events:
        raise ChainAnswerInvalid(f"a log of another contract or event was sent: {shown(log)}")
    number = quantity(log.get("blockNumber"), "the block of a log")
    block_hash = word(log.get("blockHash"), "the block of a log")
    if not first_block <= number <= last.number or (number == last.number and block_hash != last.hash):
        raise ChainAnswerInvalid(f"a log of blocks {first_block} to {last.number} is needed, one of {number} found")
    return Log(
        emitters[emitter],
        words,
        data,
        number,
        block_hash,
        word(log.get("transactionHash"), "the transaction of a log"),
        quantity(log.get("logIndex"), "the place of a log"),
        quantity(log["blockTimestamp"], "the time of a log") if "blockTimestamp" in log else None,
    )


def _delegate(log: object, token: str, first_block: int, last_block: int) -> str:
    """Return the delegate that one log names.

    1. a log that the chain has kept, of this token; 2. from the blocks that were asked for; 3. of this event
    """
    if not isinstance(log, dict):
        raise ChainAnswerInvalid(f"a log is needed, {shown(log)} found")
    # 1. the log
    emitter = log.get("address")
    if not isinstance(emitter, str) or emitter.lower() != token.lower() or log.get("removed", False) is not False:
        raise ChainAnswerInvalid(f"a log of {token} that was not removed is needed, {shown(log)} found")
    # 2. its block
    number = quantity(log.get("blockNumber"), "the block of a log")
    word(log.get("blockHash"), "the block of a log")
    if not first_block <= number <= last_block:
        raise ChainAnswerInvalid(f"a log of blocks {first_block} to {last_block} is needed, one of {number} found")
    # 3. the event: its name, the delegate, and the votes before and after
    topics, data = log.get("topics"), log.get("data")
    match topics:
        case [str(event), str(delegate)] if event.lower() == DELEGATE_VOTES_CHANGED:
            named = _ADDRESS_WORD.fullmatch(delegate)
        case _:
            named = None
    if named is None or not isinstance(data, str) or _TWO_WORDS.fullmatch(data) is None:
        raise ChainAnswerInvalid(f"DelegateVotesChanged is needed, {shown(topics)} with {shown(data)} found")
    return checksum_address(f"0x{named.group(1)}")
