"""Posts digests to the anchor contract: one transaction at a time, and each digest exactly once.

The sweeper calls `post`. Every step begins by asking the chain, so that an answer which was lost, a process that died
or a chain that changed its mind only cost time; `steps.py` has the rule. The number of the transaction and its hash are
kept before it is sent. Nothing on the way of a vote or a release waits for any of this.

Not protected: a key that is used for something else, too, makes transactions wait for one another.
"""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from governance.anchoring.kinds import POST, POSTED_AT, kind_word
from governance.anchoring.planning import is_on
from governance.anchoring.steps import Next, Seen, Sent, Step, next_step
from governance.chain import ChainAnswerInvalid, ChainError, ChainUnavailable
from governance.chain.account import CommandTransactionSigner, KeyFileSigner, SignedTransaction, TransactionSigner
from governance.chain.node import Call, Node, NotAnswered, call_of, number, quantity, word
from governance.models import Anchor, Proposal
from governance.services.events import note

# How many digests one sweep looks at, and for how long one belongs to the process that does.
LOOKED_AT_MAX: Final = 10
LEASE_SECONDS: Final = 60
REST_SECONDS: Final = 10
REST_SECONDS_MAX: Final = 900
_DETAIL_CHARACTERS: Final = 300
_GWEI: Final = 10**9
_TIP_WEI_MAX: Final = 2 * _GWEI


def post(now: datetime) -> int:
    """Take the next step with each digest that is due; return how many were found to be posted for good."""
    if not is_on():
        return 0
    done = 0
    for anchor in _due(now):
        if not _claim(anchor, now):
            continue
        try:
            step = _step(anchor, now)
        except (ChainError, NotAnswered, IntegrityError) as error:
            _rest(anchor, now, error)
            break  # the next one would most likely fail like this one, and every wait holds up the sweeper
        done += step is Step.CONFIRM
        if step is Step.SEND:
            break  # one under way at a time: the next nonce is known when a block has this one
    return done


def _due(now: datetime) -> list[Anchor]:
    """Return what to look at: what is under way first, then what waits for finality, then what was never sent.

    While one is under way, nothing new can be sent, and so it is not looked at.
    """
    due = Anchor.objects.filter(next_at__lte=now).select_related("community")
    if Anchor.objects.filter(nonce__isnull=False).exists():
        due = due.exclude(nonce__isnull=True, transaction="")
    return list(due.order_by(F("nonce").asc(nulls_last=True), F("sent_at").asc(nulls_last=True), "pk")[:LOOKED_AT_MAX])


def _step(anchor: Anchor, now: datetime) -> Step:
    """Look at the chain, and do what is due."""
    wait = settings.CHAIN_TIMEOUT_SECONDS
    nodes = [Node(address, timeout_seconds=wait) for address in settings.ANCHOR_RPC.split(",")]
    chain_id, block, seen = _look(nodes, anchor)
    sent = None
    if anchor.nonce is not None and anchor.sent_at is not None:
        sent = Sent(anchor.nonce, int(anchor.fee_wei), int((now - anchor.sent_at).total_seconds()))
    step = next_step(sent, seen, settings.ANCHOR_FEE_GWEI_MAX * _GWEI)
    if step.step is Step.CONFIRM:
        _confirm(anchor, seen, chain_id, block, now)
    elif step.step is Step.SEEN:
        _keep(anchor, nonce=None, error_code="", error_detail="", next_at=now + timedelta(seconds=REST_SECONDS))
    elif step.step is Step.SEND and _is_next(anchor):
        _send(nodes, anchor, step, chain_id, now)
        return Step.SEND
    elif step.step is Step.TOO_DEAR:
        asked = f"the chain asks for {step.fee_wei // _GWEI} gwei, the site pays at most {settings.ANCHOR_FEE_GWEI_MAX}"
        raise ChainUnavailable(asked)
    else:
        _keep(anchor, next_at=now + timedelta(seconds=REST_SECONDS))
    return step.step


def _is_next(anchor: Anchor) -> bool:
    """Say whether no other transaction is under way."""
    return not Anchor.objects.filter(nonce__isnull=False).exclude(pk=anchor.pk).exists()


def _look(nodes: list[Node], anchor: Anchor) -> tuple[int, tuple[int, str], Seen]:
    """Return the chain, its newest final block, and what it shows: final is only what every node says is final."""
    looks = [_look_at(node, anchor) for node in nodes]
    chain_id, block, seen = looks[0]
    for other_id, _, other in looks[1:]:
        if other_id != chain_id or (other.final and seen.final and other.final != seen.final):
            raise NotAnswered("the nodes do not agree on what was posted")
        if not other.final:
            seen = Seen(0, max(seen.newest, other.newest), seen.next_nonce, seen.fee_wei)
    return chain_id, block, seen


def _look_at(node: Node, anchor: Anchor) -> tuple[int, tuple[int, str], Seen]:
    poster, words = settings.ANCHOR_POSTER, [kind_word(anchor.kind), anchor.digest]
    posted = partial(call_of, settings.ANCHOR_CONTRACT, POSTED_AT, words)
    chain, block, newest, nonce, price, latest = node.ask(
        [
            ("eth_chainId", []),
            ("eth_getBlockByNumber", ["finalized", False]),
            posted("latest"),
            ("eth_getTransactionCount", [poster, "latest"]),
            ("eth_gasPrice", []),
            ("eth_getBlockByNumber", ["latest", False]),
        ]
    )
    if not isinstance(block, dict) or not isinstance(latest, dict):
        raise NotAnswered(f"{node.host} does not know its blocks")
    height, block_hash = quantity(block.get("number"), "a block"), word(block.get("hash"), "a block")
    # A contract that is younger than the final block gives no answer there: it is not final yet.
    final = "0x"
    (code,) = node.ask([("eth_getCode", [settings.ANCHOR_CONTRACT, hex(height)])])
    if code != "0x":
        (final,) = node.ask([posted(hex(height))])
    seen = Seen(
        final=0 if final == "0x" else number(final, "a time"),
        newest=number(newest, "a time"),
        next_nonce=quantity(nonce, "the next number"),
        # Room for the base fee to double before this transaction finds a block.
        fee_wei=max(quantity(price, "the price of gas"), 2 * _base_fee(latest) + _TIP_WEI_MAX),
    )
    return quantity(chain, "the chain id"), (height, block_hash), seen


def _base_fee(block: dict[str, object]) -> int:
    return quantity(block.get("baseFeePerGas", "0x0"), "the base fee")


def _send(nodes: list[Node], anchor: Anchor, step: Next, chain_id: int, now: datetime) -> None:
    """Send the transaction.

    1. a trial that changes nothing: what would be refused, for want of the role or of money, is not sent
    2. sign, and keep number and hash, so that a process that dies here finds its transaction again
    3. send to every node; one that takes it is enough
    """
    data = _data(anchor)
    call = {"from": settings.ANCHOR_POSTER, "to": settings.ANCHOR_CONTRACT, "data": data}
    try:
        (gas,) = nodes[0].ask([("eth_estimateGas", [call])])  # 1
    except NotAnswered as error:
        raise ChainAnswerInvalid(f"the trial of the transaction failed: {error}") from error
    limit = quantity(gas, "the gas") * 5 // 4
    signed = _signed(anchor, step, chain_id, limit)  # 2
    kept = _keep(
        anchor,
        nonce=step.nonce,
        fee_wei=step.fee_wei,
        transaction=signed.hash,
        sent_at=now,
        attempts=0,
        error_code="",
        error_detail="",
        next_at=now + timedelta(seconds=REST_SECONDS),
    )
    if not kept:
        return  # somebody else took over
    send: Call = ("eth_sendRawTransaction", [signed.raw])  # 3
    refused = [error for error in (_sent_to(node, send) for node in nodes) if error is not None]
    if len(refused) == len(nodes):
        raise refused[0]


def _sent_to(node: Node, send: Call) -> NotAnswered | None:
    """Send to one node; return why it did not take it."""
    try:
        node.ask([send])
    except NotAnswered as error:
        return error
    return None


def _data(anchor: Anchor) -> str:
    (_, parameters) = call_of(settings.ANCHOR_CONTRACT, POST, [kind_word(anchor.kind), anchor.digest])
    return str(parameters[0]["data"])


def _signed(anchor: Anchor, step: Next, chain_id: int, gas: int) -> SignedTransaction:
    transaction_ = {
        "type": 2,
        "chainId": chain_id,
        "nonce": step.nonce,
        "to": settings.ANCHOR_CONTRACT,
        "data": _data(anchor),
        "value": 0,
        "gas": gas,
        "maxFeePerGas": step.fee_wei,
        "maxPriorityFeePerGas": min(_TIP_WEI_MAX, step.fee_wei),
    }
    return _signer().sign(transaction_)


def _signer() -> TransactionSigner:
    if settings.ANCHOR_SIGNER_COMMAND:
        seconds = settings.SIGNER_TIMEOUT_SECONDS
        return CommandTransactionSigner(settings.ANCHOR_POSTER, settings.ANCHOR_SIGNER_COMMAND, timeout_seconds=seconds)
    return KeyFileSigner(settings.ANCHOR_POSTER, settings.ANCHOR_KEY_FILE)


def _confirm(anchor: Anchor, seen: Seen, chain_id: int, block: tuple[int, str], now: datetime) -> None:
    """Write that it is posted for good, once, and say so in the community's log."""
    posted_at = datetime.fromtimestamp(seen.final, UTC)
    with transaction.atomic():
        done = _keep(
            anchor,
            nonce=None,
            next_at=None,
            error_code="",
            error_detail="",
            posted_at=posted_at,
            chain_id=chain_id,
            contract=settings.ANCHOR_CONTRACT,
            block_number=block[0],
            block_hash=block[1],
        )
        if done:
            vote = Proposal.objects.filter(tally_record=anchor.record_id).first()
            said = {"what": anchor.kind, "digest": anchor.digest, "record": anchor.record_id, "posted_at": seen.final}
            place = {"chain_id": chain_id, "contract": settings.ANCHOR_CONTRACT}
            note("anchored", now, community=anchor.community, proposal=vote, **said, **place)


def _claim(anchor: Anchor, now: datetime) -> bool:
    """Take a digest, or find that somebody else was faster."""
    until = now + timedelta(seconds=LEASE_SECONDS)
    taken = Anchor.objects.filter(pk=anchor.pk, fence=anchor.fence, next_at__lte=now)
    if not taken.update(fence=F("fence") + 1, next_at=until):
        return False
    anchor.fence += 1
    return True


def _keep(anchor: Anchor, **facts: object) -> bool:
    """Write what was found out, unless somebody else took over meanwhile."""
    return bool(Anchor.objects.filter(pk=anchor.pk, fence=anchor.fence, next_at__isnull=False).update(**facts))


def _rest(anchor: Anchor, now: datetime, error: Exception) -> None:
    """Keep the reason, and wait longer each time."""
    seconds = min(REST_SECONDS * 2 ** min(anchor.attempts, 10), REST_SECONDS_MAX)
    detail = str(getattr(error, "detail", error))[:_DETAIL_CHARACTERS]
    _keep(
        anchor,
        attempts=anchor.attempts + 1,
        error_code=getattr(error, "code", "chain_unavailable"),
        error_detail=detail,
        next_at=now + timedelta(seconds=seconds),
    )
