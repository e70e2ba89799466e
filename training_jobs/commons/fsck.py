"""What `fsck` says of shared computing: requests, allotments, policies and attestations are what the log was told.

Replays of proposed policies are told to no log, as they decide nothing: they are looked at for figures that cannot be.

As `governance.fsck`: the log is the truth. Reads only. Requests for previews of drafts that nobody was shown stay
behind when a community leaves; so of requests an event without its row is found only where it is for a run.
"""

from collections import defaultdict
from collections.abc import Iterator

from django.db.models import F

from governance.errors import Invalid
from governance.fsck import Finding
from governance.fsck.finding import advised, compare, finding, guarded, seconds
from governance.models import Community, Event
from training_jobs.commons import ceilings, door, naming, raising_fsck, waiting_fsck
from training_jobs.commons.replaying import ATTEMPTS_MAX, is_replayed
from training_jobs.models import Allotment, Attempt, ComputePolicy, ComputeRequest, NewcomerAttestation, PolicyReplay
from training_jobs.scheduling.events import ComputeEmitted, read

REQUEST, ALLOTMENT = "training_jobs_computerequest", "training_jobs_allotment"
POLICY, ATTESTATION = "training_jobs_computepolicy", "training_jobs_newcomerattestation"
REPLAY = "training_jobs_policyreplay"
AGAIN = "delete the row: while the vote is open the figures are computed again"
RESTORE = "restore the row from a backup; the log has what was asked, allotted, adopted or attested"
_FIGURE = 3  # columns
_ASKED = ("origin", "devices", "memory_bytes", "seconds", "ceiling", "slack")


def check_one(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with the shared computing of one community; nothing for a sound database."""
    yield from advised(RESTORE, guarded(REQUEST, community.slug, _requests(community)))
    yield from advised(RESTORE, guarded(REQUEST, community.slug, waiting_fsck.check(community)))
    yield from guarded("governance_event", community.slug, door.check(community))
    yield from advised(RESTORE, guarded(raising_fsck.TABLE, community.slug, raising_fsck.check(community)))
    yield from advised(RESTORE, guarded(ALLOTMENT, community.slug, _allotments(community)))
    yield from advised(RESTORE, guarded(ALLOTMENT, community.slug, _emitted(community)))
    yield from advised(RESTORE, guarded(POLICY, community.slug, _policies(community)))
    yield from advised(RESTORE, guarded(ATTESTATION, community.slug, _attestations(community)))
    yield from advised(AGAIN, guarded(REPLAY, community.slug, _replays(community)))


def _requests(community: Community) -> Iterator[Finding]:
    """Each request was told, with all that the scheduler decides by; and so was its end."""
    asked, ended = (
        _by_request(community, "compute_requested"),
        _by_request(community, "compute_ended", "compute_refused"),
    )
    more = _by_request(community, "compute_needs_more")
    rows = ComputeRequest.objects.filter(community=community).select_related("run__proposal").order_by("pk")
    for row in rows.iterator(chunk_size=500):
        began, over = asked.get(row.name), ended.get(row.name)
        if began is None:
            yield finding(REQUEST, row.pk, "event", "compute_requested in the log", "none: it was slipped in")
            continue
        told = began[-1]
        expected = {name: told.data.get(name) for name in _ASKED}
        raised = ceilings.raised_share(row)
        expected |= {} if raised is None else {"ceiling": raised}
        expected |= {"memory_bytes": more[row.name][-1].data.get("memory_bytes")} if row.name in more else {}
        expected |= {"requester": told.data.get("requester"), "proposal_number": told.data.get("proposal_number")}
        expected |= {"member": told.actor, "requested_at": seconds(told.at)}
        found = {name: getattr(row, name) for name in _ASKED}
        found |= {"requester": "newcomer" if row.newcomer else "member", "member": row.member}
        found |= {
            "proposal_number": row.run.proposal.number if row.run else None,
            "requested_at": seconds(row.requested_at),
        }
        yield from compare(REQUEST, row.pk, expected, found)
        yield from compare(REQUEST, row.pk, _end(over[-1] if over else None), _kept_end(row))
    there = set(rows.values_list("name", flat=True))
    yield from _missing({name: events for name, events in asked.items() if name not in there}, REQUEST)


def _end(event: Event | None) -> dict[str, object]:
    if event is None:
        return {"ended_at": None, "outcome": "", "reason": ""}
    refused = event.kind == "compute_refused"
    outcome = ComputeRequest.REFUSED if refused else event.data.get("outcome")
    return {"ended_at": seconds(event.at), "outcome": outcome, "reason": event.data.get("reason") if refused else ""}


def _kept_end(row: ComputeRequest) -> dict[str, object]:
    return {"ended_at": seconds(row.ended_at), "outcome": row.outcome, "reason": row.reason}


def _allotments(community: Community) -> Iterator[Finding]:
    """Each allotment was told when it began, and where its request waits again, why."""
    began, stopped = _by_request(community, "compute_started"), _by_request(community, "compute_interrupted")
    rows = Allotment.objects.filter(request__community=community).select_related("request", "site").order_by("pk")
    for row in rows.iterator(chunk_size=500):
        name, site = row.request.name, row.site.slug
        here = [event for event in began.get(name, []) if seconds(event.at) == seconds(row.allotted_at)]
        if not here:
            yield finding(ALLOTMENT, row.pk, "event", "compute_started in the log", "none: it was slipped in")
            continue
        began[name].remove(here[0])
        told = here[0].data
        expected = {key: told.get(key) for key in ("site", "why", "price", "until")}
        found = {"site": site, "why": row.why, "price": row.price, "until": seconds(row.until)}
        yield from compare(ALLOTMENT, row.pk, expected, found)
        if row.ended_at is not None and row.how != "ended":
            ends = {seconds(event.at) for event in stopped.get(name, []) if event.data.get("site") == site}
            if seconds(row.ended_at) not in ends:
                yield finding(ALLOTMENT, row.pk, "ended_at", "compute_interrupted in the log", seconds(row.ended_at))
    yield from _missing(began, ALLOTMENT)


def _emitted(community: Community) -> Iterator[Finding]:
    """Carbon in the log can be computed from its event again, and is of the time that an attempt took."""
    attempts = Attempt.objects.filter(
        run__requests__community=community, run__requests__slot=F("slot"), ended_at__isnull=False
    )
    rows = attempts.values_list("run__requests__name", "number", "started_at", "ended_at")
    times = {(name, number): (seconds(began), seconds(ended)) for name, number, began, ended in rows}
    there: set[tuple[str, int]] = set()
    for event in community.events.filter(kind=ComputeEmitted.kind).order_by("position").iterator(chunk_size=500):
        try:
            said = read(event.kind, event.data)
        except Invalid as error:
            yield finding("governance_event", event.pk, error.field or "data", error.allowed, error.found)
            continue
        assert isinstance(said, ComputeEmitted)
        key = (said.request, said.part)
        if key in there:
            yield finding("governance_event", event.pk, event.kind, "one for each part", "another one")
        there.add(key)
        if said.request.startswith(naming.OF_A_RUN):
            began, ended = times.get(key, (None, None))
            until = None if began is None or ended is None else max(ended, began + 1)
            expected: dict[str, object] = {"since": began, "until": until}
            yield from compare("governance_event", event.pk, expected, {"since": said.since, "until": said.until})


def _missing(told: dict[str, list[Event]], table: str) -> Iterator[Finding]:
    """Yield what the log has of places of runs, and no row."""
    for name, events in told.items():
        if name.startswith(naming.OF_A_RUN):
            for event in events:
                yield finding("governance_event", event.pk, event.kind, f"a row of {table}", "none")


def _policies(community: Community) -> Iterator[Finding]:
    """Each policy is what its vote adopted, and each that was adopted is here."""
    told = {event.proposal_id: event for event in community.events.filter(kind="compute_policy_adopted")}
    for row in ComputePolicy.objects.filter(community=community).select_related("proposal").order_by("pk"):
        event = told.pop(row.proposal_id, None)
        body = {name: value for name, value in row.proposal.payload.items() if name != "before"}
        expected = {**body, "adopted_at": seconds(event.at) if event else None}
        yield from compare(POLICY, row.pk, expected, {**row.body, "adopted_at": seconds(row.adopted_at)})
    for number in told:
        yield finding("governance_proposal", number, "compute policy", f"a row of {POLICY}", "none")


def _attestations(community: Community) -> Iterator[Finding]:
    """Each attestation, but for the reason that can be erased, is what the log says, and so is its end."""
    given: dict[tuple[object, ...], list[Event]] = defaultdict(list)
    for event in community.events.filter(kind="newcomer_attested").order_by("position"):
        given[_attested(event.data, event.at)].append(event)
    taken = {
        (event.data.get("attestation"), event.data.get("member"), event.data.get("peer")): event
        for event in community.events.filter(kind="newcomer_withdrawn")
    }
    for row in NewcomerAttestation.objects.filter(community=community).order_by("pk"):
        said = {"member": row.member, "peer": row.peer, "newcomer": row.kind, "until": seconds(row.expires_at)}
        events = given[_attested(said, row.attested_at)]
        if not events:
            yield finding(ATTESTATION, row.pk, "event", "newcomer_attested in the log", "none: it was slipped in")
            continue
        event = events.pop(0)
        end = taken.pop((event.data.get("attestation"), row.member, row.peer), None)
        kept = {"withdrawn_at": seconds(row.withdrawn_at), "withdrawn_by": row.withdrawn_by}
        if end is not None:
            yield from compare(ATTESTATION, row.pk, {"withdrawn_at": seconds(end.at), "withdrawn_by": end.actor}, kept)
        elif row.withdrawn_at is not None and not _said_again(row):
            yield finding(ATTESTATION, row.pk, "withdrawn_at", "newcomer_withdrawn in the log", kept["withdrawn_at"])
    for events in given.values():
        for event in events:
            yield finding("governance_event", event.pk, event.kind, f"a row of {ATTESTATION}", "none")
    for event in taken.values():
        yield finding("governance_event", event.pk, event.kind, f"a row of {ATTESTATION}", "none")


def _replays(community: Community) -> Iterator[Finding]:
    """Each replay is of a proposed policy, of a history that was over by then, and compares two figures by name."""
    rows = PolicyReplay.objects.filter(proposal__community=community).select_related("proposal").order_by("pk")
    for row in rows:
        if not is_replayed(row.proposal):
            yield finding(REPLAY, row.pk, "proposal", "a proposed policy", row.proposal.kind)
        if row.attempts > ATTEMPTS_MAX:
            yield finding(REPLAY, row.pk, "attempts", f"at most {ATTEMPTS_MAX}", row.attempts)
        moments = [moment for moment in (row.ordered_at, row.started_at, row.finished_at) if moment is not None]
        if moments != sorted(moments):
            yield finding(REPLAY, row.pk, "finished_at", "ordered, started, finished", [str(each) for each in moments])
        since, until = row.about.get("since", 0), row.about.get("until", 0)
        if not since <= until <= (seconds(row.finished_at) or until):
            yield finding(REPLAY, row.pk, "about", "a history that was over by then", [since, until])
        for each in row.rows:
            if not isinstance(each, list) or len(each) != _FIGURE or not isinstance(each[0], str):
                yield finding(REPLAY, row.pk, "rows", "name, before, after", each)


def _said_again(row: NewcomerAttestation) -> bool:
    """Say whether its peer said it anew at that moment, which takes the place of what was said before."""
    again = NewcomerAttestation.objects.filter(community=row.community, member=row.member, peer=row.peer)
    return again.filter(attested_at=row.withdrawn_at).exclude(pk=row.pk).exists() and row.withdrawn_by == row.peer


def _attested(said: dict[str, object], at: object) -> tuple[object, ...]:
    moment = seconds(at)  # type: ignore[arg-type]  # a moment of a row or an event
    return said.get("member"), said.get("peer"), said.get("newcomer"), said.get("until"), moment


def _by_request(community: Community, *kinds: str) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = defaultdict(list)
    for event in community.events.filter(kind__in=kinds).order_by("position").iterator(chunk_size=500):
        found[str(event.data.get("request"))].append(event)
    return found
