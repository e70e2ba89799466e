"""The next step with one digest that is to be posted: a rule over what we did and what the chain shows. Pure.

What is posted once can never be posted again, because the contract refuses it, and one nonce of an account is mined at
most once; so a transaction that was lost is sent again under its own nonce, and whichever copy arrives is the one.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# After so long, a transaction that no block took is sent again with a higher fee.
REPLACE_SECONDS: Final = 90


class Step(StrEnum):
    """What to do next."""

    CONFIRM = "confirm"  # it stands in a block that the chain will not give up
    SEEN = "seen"  # it stands in a block; wait until that is final
    SEND = "send"  # with the nonce and the fee that stand beside this
    WAIT = "wait"  # a transaction is on its way
    TOO_DEAR = "too_dear"  # the chain asks for more than the site pays


@dataclass(frozen=True)
class Sent:
    """The transaction that was sent last and that no block was seen to have."""

    nonce: int
    fee_wei: int
    seconds_ago: int


@dataclass(frozen=True)
class Seen:
    """What the chain shows: when the digest was posted (0 if it was not), and what a transaction needs now."""

    final: int
    newest: int
    next_nonce: int
    fee_wei: int


@dataclass(frozen=True)
class Next:
    """A step, with the nonce and the fee of what is to be sent."""

    step: Step
    nonce: int = 0
    fee_wei: int = 0


def next_step(sent: Sent | None, seen: Seen, fee_wei_max: int) -> Next:
    """Return the next step; the first that fits.

    1. it is posted: for good, or in a block that may still go
    2. nothing is under way, or what was has had its nonce used by something else: send under the next nonce
    3. what is under way gets time, and then a replacement: at least an eighth dearer, as nodes demand
    """
    if seen.final:  # 1
        return Next(Step.CONFIRM)
    if seen.newest:
        return Next(Step.SEEN)
    if sent is None or sent.nonce < seen.next_nonce:  # 2
        return _send(seen.next_nonce, seen.fee_wei, fee_wei_max)
    if sent.seconds_ago < REPLACE_SECONDS:  # 3
        return Next(Step.WAIT)
    if sent.nonce > seen.next_nonce:  # the chain gave up what stood before it
        return _send(seen.next_nonce, seen.fee_wei, fee_wei_max)
    return _send(sent.nonce, max(seen.fee_wei, sent.fee_wei + sent.fee_wei // 8 + 1), fee_wei_max)


def _send(nonce: int, fee_wei: int, fee_wei_max: int) -> Next:
    return Next(Step.TOO_DEAR if fee_wei > fee_wei_max else Step.SEND, nonce, fee_wei)
