"""Opening the ballots of a sealed vote: a step of its closing, in the same transaction as the count."""

from datetime import datetime, timedelta

from governance.clock import unix, whole_second
from governance.models import Ballot, Proposal, SealedVote
from governance.records import keep
from governance.sealed import box
from governance.sealed.facts import keys_of, sealing_of
from governance.services.common import required_record, terms_of
from governance.services.events import note

WRITTEN_AT_ONCE = 500


def unseal(proposal: Proposal, now: datetime) -> bool:
    """Open all ballots once there are secrets enough, or the wait is over; say whether the count can be made.

    After the wait every ballot is void: the vote does not pass, and its decision says that too few opened it.
    """
    sealing = sealing_of(proposal)
    if sealing is None:
        return True
    vote = SealedVote.objects.select_for_update().get(proposal=proposal)
    if vote.unsealing_record is not None:
        return True
    keys = keys_of(proposal)
    closes_at = proposal.closes_at or now
    if not keys.is_open and now < closes_at + timedelta(seconds=sealing.wait_seconds):
        return False
    terms, opened = terms_of(proposal), []
    for row in proposal.sealed_ballots.order_by("pk").iterator(chunk_size=WRITTEN_AT_ONCE):
        choice, reason = keys.opened(row.voter, box.from_text(row.sealed), terms.method, len(terms.choices))
        opened.append(
            Ballot(
                proposal=proposal,
                voter=row.voter,
                voter_key=row.voter_key,
                choice=choice,
                reason=reason,
                nonce=row.nonce,
                power=row.power,
                house_power=row.house_power,
                signature=row.signature,
                record_id=row.record_id,
                position=row.position,
                cast_at=row.cast_at,
                superseded_at=row.superseded_at,
            )
        )
    Ballot.objects.bulk_create(opened, batch_size=WRITTEN_AT_ONCE)
    secrets = [
        {"keyholder": keys.keyholders[place - 1], "secret": secret.hex()} for place, secret in keys.secrets.items()
    ]
    opened_at = whole_second(now)
    vote.unsealing_record = keep(
        "unsealing",
        f"unsealing:{proposal.record_id}",
        {"secrets": secrets, "opened_at": unix(opened_at)},
        [required_record(proposal.record), vote.sealing_record],
    )
    vote.save(update_fields=["unsealing_record"])
    note(
        "ballots_opened",
        now,
        proposal=proposal,
        unsealing=vote.unsealing_record.digest,
        secrets=len(secrets),
        needed=sealing.threshold,
        ballots=len(opened),
    )
    return True
