"""Proposals: what was frozen is what the row says, and every fact of a proposal's life stands in the log."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from governance import eip712
from governance.charter import BACKED, draft_digest
from governance.eip712 import Eip712Error
from governance.evidence.canonical import digest
from governance.fsck.ballots import Poll, read_poll
from governance.fsck.census import check_census
from governance.fsck.closings import check_closing
from governance.fsck.finding import Finding, against_record, compare, finding, guarded, seconds
from governance.models import Community, Event, Proposal
from governance.services.common import required_record
from governance.wallets.asking import asked_of

TABLE = "governance_proposal"
_RECORDS = ("record", "census_record", "tally_record", "decision_record", "execution_record")
# What happens to a proposal at most once, and is written into its row.
_ONCE = (
    "proposal_submitted",
    "census_taken",
    "vote_extended",
    "voting_closed",
    "proposal_queued",
    "proposal_executed",
    "proposal_canceled",
    "execution_paused",
    "proposal_vetoed",
)
# A contract may take back that it gave something up; what was canceled then is so no longer.
_TAKEN_BACK = "proposal_returned"


def check_proposals(community: Community, *, signatures: bool) -> Iterator[Finding]:
    """Yield what is wrong with the proposals of a community, one after the other."""
    for proposal in community.proposals.select_related(*_RECORDS).order_by("number"):
        yield from guarded(TABLE, proposal.pk, _check_proposal(community, proposal, signatures=signatures))


def _check_proposal(community: Community, proposal: Proposal, *, signatures: bool) -> Iterator[Finding]:
    """Check one proposal.

    1. the facts of its life are those of the log
    2. what was frozen, and who backed it
    3. its census, 4. its ballots, 5. what they came to.
    """
    facts = _standing(proposal.events.filter(kind__in=(*_ONCE, _TAKEN_BACK)).order_by("position"))
    events = {event.kind: event for event in facts}
    yield from guarded(TABLE, proposal.pk, _check_whole(community, proposal))  # 1
    yield from guarded(TABLE, proposal.pk, _check_facts(proposal, facts, events))
    yield from guarded(TABLE, proposal.pk, _check_voices(proposal))
    if proposal.record is None:
        return
    yield from guarded(TABLE, proposal.pk, _check_frozen(community, proposal, events))  # 2
    yield from guarded(TABLE, proposal.pk, _check_sponsors(community, proposal, signatures=signatures))
    powers: dict[str, tuple[int, int]] = {}
    yield from guarded("governance_censusentry", proposal.pk, check_census(proposal, powers))  # 3
    poll = Poll(community, proposal, powers, signatures=signatures)
    yield from guarded("governance_ballot", f"of proposal {proposal.pk}", read_poll(poll))  # 4
    if proposal.census_record is not None:
        yield from guarded(TABLE, proposal.pk, check_closing(poll))  # 5


def _standing(events: Iterable[Event]) -> list[Event]:
    """Return what happened to a proposal, without the cancellations that were taken back."""
    found: list[Event] = []
    for event in events:
        if event.kind == _TAKEN_BACK:
            found = [each for each in found if each.kind != "proposal_canceled"]
        else:
            found.append(event)
    return found


def _check_whole(community: Community, proposal: Proposal) -> Iterator[Finding]:
    """Yield what the row points to and is not there, and what happened to it in another community."""
    for name in _RECORDS:
        digest = getattr(proposal, f"{name}_id")
        if digest is not None and getattr(proposal, name) is None:
            yield finding(TABLE, proposal.pk, name, f"a record {digest}", "none")
    for event in proposal.events.exclude(community=community).values_list("pk", flat=True):
        yield finding(TABLE, proposal.pk, "community", f"that of event {event}", community.slug)
    sought = proposal.events.filter(kind="draft_seeks_sponsors").exists()
    if proposal.seeks_sponsors is not sought:
        yield finding(TABLE, proposal.pk, "seeks_sponsors", sought, proposal.seeks_sponsors)


def _check_facts(proposal: Proposal, facts: Sequence[Event], events: dict[str, Event]) -> Iterator[Finding]:
    for kind, times in Counter(event.kind for event in facts).items():
        if times > 1:
            yield finding("governance_event", f"of proposal {proposal.pk}", kind, "at most once", times)

    def at(kind: str) -> int | None:
        return seconds(events[kind].at) if kind in events else None

    def said(kind: str, name: str, otherwise: Any = None) -> Any:  # noqa: ANN401 - any JSON
        return events[kind].data.get(name) if kind in events else otherwise

    created = list(proposal.events.filter(kind="draft_created").values_list("actor", flat=True))
    canceled = events.get("proposal_canceled")
    expected = {
        "written by": created,
        "submitted_at": at("proposal_submitted"),
        "census_at": at("census_taken"),
        "census_record": said("census_taken", "census"),
        "extended_by": said("vote_extended", "ballot", ""),
        "passed": said("voting_closed", "passed"),
        "tally_record": said("voting_closed", "tally"),
        "eta": said("proposal_queued", "eta"),
        "executed_at": at("proposal_executed"),
        "execution_record": said("proposal_executed", "execution"),
        "canceled_at": at("proposal_canceled"),
        "canceled_by": canceled.actor if canceled else "",
        "cancel_reason": said("proposal_canceled", "reason", ""),
        "paused_until": said("execution_paused", "until"),
        "vetoed_at": at("proposal_vetoed"),
    }
    found = {
        "written by": [proposal.author],
        "submitted_at": seconds(proposal.submitted_at),
        "census_at": seconds(proposal.census_at),
        "census_record": proposal.census_record_id,
        "extended_by": proposal.extended_by,
        "passed": proposal.passed,
        "tally_record": proposal.tally_record_id,
        "eta": seconds(proposal.eta),
        "executed_at": seconds(proposal.executed_at),
        "execution_record": proposal.execution_record_id,
        "canceled_at": seconds(proposal.canceled_at),
        "canceled_by": proposal.canceled_by,
        "cancel_reason": proposal.cancel_reason,
        "paused_until": seconds(proposal.paused_until),
        "vetoed_at": seconds(proposal.vetoed_at),
    }
    if proposal.record_id and proposal.census_record_id is None and proposal.census_at is not None:
        # A contract takes its powers from its token: the census is of the moment at which voting begins, and follows.
        parameters = required_record(proposal.record).body["snapshot"]["source"]["parameters"]
        expected["census_at"] = parameters.get("timepoint")
    if proposal.passed:  # what did not pass is decided without waiting, and its decision is in no event of its own
        expected["decision_record"] = said("proposal_queued", "decision")
        found["decision_record"] = proposal.decision_record_id
    yield from compare(TABLE, proposal.pk, expected, found)
    if (proposal.record_id is None) is not (proposal.submitted_at is None):
        yield finding(TABLE, proposal.pk, "record", "a record if and only if it was submitted", proposal.record_id)


def _check_frozen(community: Community, proposal: Proposal, events: dict[str, Event]) -> Iterator[Finding]:
    """Compare the row with its record, and find the charter that was in force when it was submitted."""
    record = required_record(proposal.record)
    said = record.body
    body = {
        **said,
        **{name: getattr(proposal, name) for name in ("number", "kind", "tier", "title", "text", "payload", "author")},
        **{name: getattr(proposal, name) for name in ("method", "choices", "seats", "rules")},
        "snapshot": {
            **said["snapshot"],
            "block_number": proposal.snapshot_block,
            "block_hash": proposal.snapshot_hash,
            "total_supply": str(proposal.total_supply),
        },
        "submitted_at": seconds(proposal.submitted_at),
    }
    subject = f"proposal:{community.slug}/{proposal.number}"
    submitted = events.get("proposal_submitted")
    earlier = community.events.filter(kind__in=("community_founded", "charter_adopted"))
    if submitted is not None:
        earlier = earlier.filter(position__lt=submitted.position)
    newest = earlier.order_by("position").last()
    charter = newest.data["charter"] if newest else ""
    yield from against_record(proposal, record, "proposal", subject, body, [community.record_id, charter])
    expected: dict[str, Any] = {
        "payload_digest": digest({"kind": said["kind"], "payload": said["payload"]}),
        "author": submitted.actor if submitted else None,
    }
    found = {"payload_digest": proposal.payload_digest, "author": proposal.author}
    if proposal.census_record is None:
        expected |= {"opens_at": said["opens_at"], "closes_at": said["closes_at"]}
        found |= {"opens_at": seconds(proposal.opens_at), "closes_at": seconds(proposal.closes_at)}
    yield from compare(TABLE, proposal.pk, expected, found)


def _check_sponsors(community: Community, proposal: Proposal, *, signatures: bool) -> Iterator[Finding]:
    """Hold the sponsors in the record against their rows, signatures and events."""
    said = required_record(proposal.record).body
    content = draft_digest({name: said[name] for name in BACKED})
    rows = {row.sponsor: row for row in proposal.sponsorships.filter(content_digest=content)}
    listed = {sponsor["address"]: (sponsor["signature"], sponsor.get("wallet")) for sponsor in said["sponsors"]}
    yield from compare(
        "governance_sponsorship",
        f"of proposal {proposal.pk}",
        listed,
        {sponsor: (row.signature, row.wallet) for sponsor, row in rows.items()},
    )
    events = proposal.events.filter(kind="draft_sponsored").values_list("actor", "at")
    signed = {(actor, seconds(at)) for actor, at in events}
    of = community.record.body
    for sponsor, row in rows.items():
        if (sponsor, seconds(row.at)) not in signed:
            yield finding("governance_sponsorship", row.pk, "at", "an event draft_sponsored at that moment", row.at)
        if row.wallet is not None and asked_of(row.wallet) is None:
            yield finding("governance_sponsorship", row.pk, "wallet", "a wallet that was asked at a block", row.wallet)
        if not signatures or row.wallet is not None:  # only the chain can say what a contract stands by
            continue
        fields = {name: of[name] for name in ("chain_id", "token", "instance")}
        try:
            message = eip712.sponsorship_digest(**fields, community=of["slug"], draft=f"0x{content}", sponsor=sponsor)
            eip712.verify(message, row.signature, sponsor)
        except Eip712Error as error:
            yield finding("governance_sponsorship", row.pk, "signature", f"a signature of {sponsor}", str(error))


def _check_voices(proposal: Proposal) -> Iterator[Finding]:
    """Hold what guardians said against the log."""
    kinds = {"veto_voiced": "veto", "execution_paused": "pause"}
    events = proposal.events.filter(kind__in=kinds).order_by("position")
    heard = Counter((kinds[event.kind], event.actor, event.data.get("reason"), seconds(event.at)) for event in events)
    for row in proposal.guardian_voices.all():
        voice = (row.action, row.guardian, row.reason, seconds(row.at))
        if not heard[voice]:
            yield finding("governance_guardianvoice", row.pk, "voice", "an event that says the same", voice)
        heard[voice] -= 1
    for voice, times in heard.items():
        if times > 0:
            yield finding("governance_guardianvoice", f"of proposal {proposal.pk}", "voice", voice, "no row")
