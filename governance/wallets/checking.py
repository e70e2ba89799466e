"""Asks a contract wallet whether it stands by a signature, at the newest finalized block of the community's chain.

Finalized, because the answer is evidence: the block must still be there when somebody asks again. What a wallet's
owners change counts here once it is final. Anybody may send a signature, so the chain is asked only about those who
have a say in an open vote, and only about a few at once.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from django.core.cache import cache
from django.db.models import QuerySet

from governance import eip712, lifecycle
from governance.chain import Block, ChainAnswerInvalid, ChainReader
from governance.chain.factory import chain_for
from governance.eip712 import SignatureError
from governance.errors import Invalid, Unavailable
from governance.lifecycle import Action
from governance.models import Community, Proposal
from governance.onchain import SOURCE as BY_CONTRACT
from governance.services.common import charter_of, required_record, roll_of
from governance.wallets.asking import (
    GAS,
    ON_CHAIN,
    REFUSED,
    Asked,
    Verdict,
    answered,
    asked_of,
    bytes_of,
    is_of_key,
    question,
)

AT_ONCE_MAX: Final = 4
WAIT_SECONDS: Final = 2.0
EMPTY_SECONDS: Final = 60  # so long an address where no contract stood is not asked about again
_READ_FROM_CHAIN: Final = ON_CHAIN | {BY_CONTRACT}
_turns: Final = threading.BoundedSemaphore(AT_ONCE_MAX)


def asks_wallets(proposal: Proposal) -> bool:
    """Say whether contract wallets can vote on a submitted proposal: where power is read from a chain."""
    source = required_record(proposal.record).body["snapshot"]["source"]["name"]
    return source in ON_CHAIN


def asks_wallets_of(community: Community) -> bool:
    """Say whether contract wallets can sign anything else in a community as it is today."""
    return charter_of(community).power["source"] in ON_CHAIN


def signed_by_member(
    community: Community, member: str, digest: bytes, signature: str, require_say: Callable[[], None]
) -> Asked | None:
    """Return nothing where a member's own key signed; else what is to be kept of the wallet that stands by it.

    `require_say` raises for who has no say. It comes before any wallet is asked: anybody may send a signature.
    """
    try:
        eip712.verify(digest, signature, member)
    except SignatureError as refused:
        if bytes_of(signature) is None or not asks_wallets_of(community):
            raise
        require_say()
        return _asked_for(community, member, digest, signature, refused)
    require_say()
    return None


def signed_by_voter(proposal: Proposal, voter: str, digest: bytes, signature: str) -> Asked | None:
    """Do the same for what somebody signs who was seen to have a say in a submitted proposal."""
    try:
        eip712.verify(digest, signature, voter)
    except SignatureError as refused:
        if bytes_of(signature) is None or not asks_wallets(proposal):
            raise
        return _asked_for(proposal.community, voter, digest, signature, refused)
    return None


def require_ballot_of_wallet(
    proposal: Proposal, said: Mapping[str, Any], digest: bytes, refused: SignatureError, now: datetime
) -> Asked:
    """Return what is to be kept of a ballot that no key of the voter signed; raise `refused` where no wallet is asked.

    `said` has the fields of the ballot as they were sent, of an open or of a sealed one.

    1. contract wallets can vote there, and this may be what one answers
    2. a ballot that was accepted before needs no second look
    3. voting is open, and the voter has a say
    4. the wallet stands by it
    """
    voter, signature = said["voter"], said["signature"]
    if bytes_of(signature) is None or not asks_wallets(proposal):  # 1
        raise refused
    rows: QuerySet[Any] = proposal.sealed_ballots.all() if "sealed" in said else proposal.ballots.all()
    before = rows.filter(**said).select_related("record").first()  # 2
    if before is not None and (kept := asked_of(before.record.body.get("wallet"))) is not None:
        return kept
    lifecycle.require(Action.VOTE, proposal.facts, now)  # 3
    if not _has_say(proposal, voter):
        raise refused
    return _asked_for(proposal.community, voter, digest, signature, refused)  # 4


def _asked_for(community: Community, signer: str, digest: bytes, signature: str, refused: SignatureError) -> Asked:
    """Ask the wallet; where no contract stands, say what was wrong with the signature as one of a key."""
    try:
        return stands_by(chain_for(community.chain_id), signer, digest, signature)
    except _NoContract:
        if refused.code != "malformed_field":
            raise refused from None
        raise Invalid(
            "wallet_unknown",
            "this is no signature of a key, and no contract stands at the signer's address in the newest final block",
            field="signature",
            found=signer,
        ) from None


def account_stands_by(chain_id: int, account: str, digest: bytes, signature: str) -> bool:
    """Say whether the contract at an account's address stands by a signature.

    False where no community of this chain reads from it, and where no contract is: as the chain said now or, about a
    signature of the length that keys make, a moment ago. Raises as `stands_by` does.
    """
    empty = f"no-contract:{chain_id}:{account}"
    if is_of_key(signature) and cache.get(empty):
        return False
    here = Community.objects.filter(chain_id=chain_id)
    if bytes_of(signature) is None or not any(charter_of(each).power["source"] in _READ_FROM_CHAIN for each in here):
        return False
    try:
        stands_by(chain_for(chain_id), account, digest, signature)
    except _NoContract:
        cache.set(empty, True, EMPTY_SECONDS)
        return False
    return True


def stands_by(chain: ChainReader, wallet: str, digest: bytes, signature: str) -> Asked:
    """Return at which block a contract wallet stood by a signature; raise Invalid where it does not.

    Raises ChainError when the chain does not answer, and Unavailable when too many ask at once.
    """
    asked = question(wallet, digest, signature)
    if not _turns.acquire(timeout=WAIT_SECONDS):
        raise Unavailable("wallets_busy", "too many wallets are asked at this moment; nothing was changed, try again")
    try:
        block = chain.finalized_block()
        said = chain.simulate(asked, GAS, block.hash)
    finally:
        _turns.release()
    return _believed(said, wallet, block)


class _NoContract(Invalid):
    """There is no contract at this address."""


def _believed(said: str, wallet: str, block: Block) -> Asked:
    try:
        verdict, kind = answered(said)
    except ValueError as error:
        raise ChainAnswerInvalid(f"an answer about a wallet is needed: {error}") from error
    if verdict is Verdict.VALID:
        return Asked(kind, block.number, block.hash)
    if verdict is Verdict.NO_CODE:
        raise _NoContract("wallet_unknown", f"no contract stands at this address at block {block.number}", found=wallet)
    code, detail = REFUSED[verdict]
    raise Invalid(code, f"{detail}, at block {block.number}", field="signature", found=wallet)


def _has_say(proposal: Proposal, voter: str) -> bool:
    if proposal.census.filter(voter_key=voter.lower()).exists():
        return True
    return any(edge.delegate == voter for edge in roll_of(proposal).edges)
