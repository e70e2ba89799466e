"""Questions about sealed votes that the services of a proposal's life ask; it imports none of them."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from governance.evidence.record import Record as RecordValue
from governance.models import Proposal, Record, SealedVote
from governance.records import keep
from governance.sealed.opening import Keys
from governance.sealed.terms import Sealing


@lru_cache(maxsize=256)
def _sealing(canonical: str) -> Sealing | None:
    body = RecordValue.from_bytes(canonical.encode()).body
    return Sealing.from_body(body["sealing"]) if "sealing" in body else None


def sealing_of(proposal: Proposal) -> Sealing | None:
    """Return who opens the ballots of a proposal; None where they are open, or nothing is submitted yet."""
    return None if proposal.record is None else _sealing(proposal.record.canonical)


def waits_for_keys(proposal: Proposal, now: datetime) -> bool:
    """Say whether voting cannot open because keys are missing: any at first, too many once the wait is over."""
    sealing = sealing_of(proposal)
    if sealing is None:
        return False
    needed = sealing.threshold if _wait_is_over(proposal, now) else len(sealing.keyholders)
    return proposal.sealing_keys.count() < needed


def keys_never_came(proposal: Proposal, now: datetime) -> bool:
    """Say whether the wait for keys is over and there are too few to open any ballot."""
    return proposal.census_at is None and _wait_is_over(proposal, now) and waits_for_keys(proposal, now)


def _wait_is_over(proposal: Proposal, now: datetime) -> bool:
    until = keys_until(proposal)
    return until is not None and now >= until


def keys_until(proposal: Proposal) -> datetime | None:
    """Return how long voting waits for keys; None where it waits for all of them, however long that takes."""
    sealing = sealing_of(proposal)
    if sealing is None or sealing.keys_wait_seconds is None or proposal.submitted_at is None:
        return None
    return proposal.submitted_at + timedelta(seconds=sealing.keys_wait_seconds)


def secrets_until(proposal: Proposal) -> datetime | None:
    """Return how long the count waits for secrets."""
    sealing = sealing_of(proposal)
    if sealing is None or proposal.closes_at is None:
        return None
    return proposal.closes_at + timedelta(seconds=sealing.wait_seconds)


def keep_sealing(proposal: Proposal) -> None:
    """Freeze the public keys as a record: voters seal for exactly these."""
    if proposal.record is None or sealing_of(proposal) is None:
        return
    keys = [
        {"keyholder": row.keyholder, "public_key": row.public_key, "signature": row.signature}
        for row in proposal.sealing_keys.order_by("place")
    ]
    record = keep("sealing", f"sealing:{proposal.record_id}", {"keys": keys}, [proposal.record])
    SealedVote.objects.create(proposal=proposal, sealing_record=record)


def keys_of(proposal: Proposal) -> Keys:
    """Return the keys of a proposal, with the secrets that were published so far."""
    sealing, rows = sealing_of(proposal), list(proposal.sealing_keys.order_by("place"))
    threshold = sealing.threshold if sealing else 0
    # A share's place is that among the keys that there are, whatever place the charter gives their keyholder.
    secrets = {place: bytes.fromhex(row.secret) for place, row in enumerate(rows, 1) if row.secret}
    return Keys(
        str(proposal.record_id),
        threshold,
        tuple(bytes.fromhex(row.public_key) for row in rows),
        secrets,
        tuple(row.keyholder for row in rows),
    )


def secrets_in_count(proposal: Proposal) -> int:
    """Return how many keyholders opened the ballots of a sealed vote: what its outcome depends on."""
    return sum(len(record.body["secrets"]) for record in unsealing_records(proposal))


def unsealing_records(proposal: Proposal) -> list[Record]:
    """Return the record of the secrets, once the ballots of a sealed vote are opened."""
    if sealing_of(proposal) is None:
        return []
    vote = SealedVote.objects.select_related("unsealing_record").filter(proposal=proposal).first()
    return [vote.unsealing_record] if vote and vote.unsealing_record else []


def issuer_of(proposal: Proposal) -> dict[str, Any]:
    """Return the fields that every signature in the community shares."""
    community = proposal.community
    return {
        "chain_id": community.chain_id,
        "token": community.token,
        "instance": community.instance,
        "community": community.slug,
    }
