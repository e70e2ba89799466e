"""Requests to take data out come in and are answered; a voted removal is carried out.

Each service locks, reads the facts, asks the pure rules, writes facts and an event. The clock is a parameter. What
somebody writes in a request and how to reach them is for the stewards alone: the log has digests.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from governance.clock import unix
from governance.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from governance.evidence.canonical import digest as canonical_digest
from governance.models import Community, Proposal, Record
from governance.records import keep
from governance.services import Draft, create_draft, note
from governance.services.common import lock_community
from models_registry.incidents.services import is_steward
from models_registry.models import Dataset, Removal, RemovalRequest
from models_registry.rights import lifecycle, remainder, taking_back
from models_registry.rights.selectors import facts_of, removal_of, what_is_left

REASON_MAX, ANSWER_MAX, CONTACT_MAX = 2_000, 500, 200
# A list of digests must fit into one record (RECORD_BYTES_MAX).
RECORDS_MAX = 5_000
# One month, as Article 12(3) of Regulation (EU) 2016/679 gives it.
ANSWER_DAYS = 30
DAY = timedelta(days=1)
PER_REQUESTER_PER_DAY_MAX = 5
PER_NETWORK_PER_DAY_MAX = 10
# Of everybody together who did not sign in, in one community: members can always ask.
OF_STRANGERS_PER_DAY_MAX = 50
KIND = "dataset_removal"


@dataclass(frozen=True)
class Asking:
    """What somebody asks. `records` are digests or ids, for the scope "records"; `source` its name, for "source"."""

    dataset: str
    scope: str
    reason: str
    records: tuple[str, ...] = ()
    source: str = ""
    contact: str = ""


def ask(asking: Asking, actor: str, now: datetime, network: str = "") -> RemovalRequest:
    """Take a request in; where a contributor asks for their own and the community's rule allows it, remove at once.

    `actor` is empty for whoever did not sign in; `network` names where they come from today (`networks`).
    1. There is such a dataset, and it is still there. 2. The request says what it is about. 3. Not too many came today.
    4. Keep it; the log has its digest. 5. The rule, if there is one.
    """
    dataset = _dataset(asking.dataset)  # 1
    reason, contact = _texts(asking, actor)  # 2
    records = _records_of(dataset, asking, actor)
    salt = secrets.token_hex(16)
    with transaction.atomic():
        lock_community(dataset.community_id)
        _require_room(dataset.community, actor, contact, network, now)  # 3
        request = RemovalRequest.objects.create(  # 4
            community=dataset.community,
            reference=secrets.token_hex(8),
            dataset=dataset,
            scope=asking.scope,
            records=records or [],
            source=asking.source if asking.scope == "source" else "",
            requester=actor,
            contact=contact,
            network="" if actor else network,
            reason=reason,
            salt=salt,
            digest=canonical_digest({"contact": contact, "reason": reason, "salt": salt}),
            asked_at=now,
            due_at=now + ANSWER_DAYS * DAY,
        )
        what: dict[str, Any] = {"request": request.reference, "dataset": dataset.digest, "digest": request.digest}
        note("removal_asked", now, community=dataset.community, actor=actor, **what, scope=asking.scope)
        rule = taking_back.in_force(dataset.community)  # 5
        if rule is not None and asking.scope == "contributor":
            _remove_by_rule(request, rule, now)
    return request


def decline(reference: str, actor: str, reason: str, now: datetime) -> RemovalRequest:
    """Decline a request as a steward, with a reason that everybody can read."""
    reason = _line(reason, "reason", ANSWER_MAX)
    with transaction.atomic():
        request = _open_request(reference, now)
        if not is_steward(request.community, actor, now):
            raise Forbidden("not_a_steward", "stewards answer requests, or a vote does", found=actor)
        request.declined_at, request.declined_by, request.declined_reason = now, actor, reason
        request.save(update_fields=["declined_at", "declined_by", "declined_reason"])
        what = {"request": request.reference, "dataset": request.dataset.digest, "reason": reason}
        note("removal_declined", now, community=request.community, actor=actor, **what)
    return request


def draft_removal(reference: str, author: str, now: datetime) -> Proposal:
    """Write the draft of a proposal that does what a request asks; its author may change it before submitting it.

    Where other records were taken out since, it is about what is left.
    """
    request = _open_request(reference, now)
    dataset = what_is_left(request.dataset)
    payload = {
        "digest": dataset.digest,
        "records": remainder.present(dataset, request.records) or None,
        "why": f"Request {request.reference} asks for it.",
        "follow_up": {"action": "retrain", "days": taking_back.DAYS, "because": ""},
        "request": request.reference,
    }
    title = f"Remove data from “{request.dataset.title[:120]}”"
    return create_draft(request.community, author, Draft(KIND, title, "", payload, {}), now)


def carry_out(proposal: Proposal, execution: Record, now: datetime) -> Removal:
    """Remove what a vote decided. Runs inside the execution's transaction.

    1. The dataset is still there and its rows are those that were voted on. 2. Write the record of the removal. 3. Make
    the dataset that is left, with its record. 4. Write the facts and an event.
    """
    payload = proposal.payload
    dataset = Dataset.objects.select_for_update(of=("self",)).get(
        community=proposal.community, digest=payload["digest"]
    )
    require_standing_dataset(dataset, "payload.digest")  # 1
    if dataset.inclusion_record is None:
        raise Conflict("dataset_not_included", "only an included dataset is removed", found=dataset.digest)
    left = None
    if payload["records"] is not None:
        left = remainder.write(dataset, payload["records"])
        if left.digest != payload["successor"]["digest"]:
            raise Conflict("blocked_payload_changed", "the stored rows are not the ones that were voted on")
    body = {
        "digest": dataset.digest,
        "records": payload["records"],
        "successor": left.digest if left else None,
        "why": payload["why"],
        "follow_up": payload["follow_up"],
        "request": payload["request"],
        "taken_back": None,
    }
    record = keep("removal", f"removal:{dataset.digest}", body, [execution, dataset.inclusion_record])  # 2
    successor = remainder.include(dataset, left, proposal, [execution, record], now) if left else None  # 3
    days = payload["follow_up"]["days"]
    removal = Removal.objects.create(  # 4
        dataset=dataset,
        records=payload["records"],
        successor=successor,
        why=payload["why"],
        follow_up=payload["follow_up"]["action"],
        follow_up_because=payload["follow_up"]["because"],
        due_at=None if days is None else now + days * DAY,
        removed_at=now,
        proposal=proposal,
        record=record,
        request=RemovalRequest.objects.filter(reference=payload["request"]).first() if payload["request"] else None,
    )
    what = {"dataset": dataset.digest, "successor": body["successor"]}
    note("dataset_removed", now, proposal=proposal, **what, records=len(payload["records"] or []))
    return removal


def require_standing_dataset(dataset: Dataset, field: str) -> None:
    """Raise Conflict for a dataset that was removed: no new run may learn from it."""
    removal = removal_of(dataset)
    if removal is not None:
        left = f"; {removal.successor.digest} is what is left of it" if removal.successor else ""
        detail = f"“{dataset.title}” was removed on {removal.removed_at:%Y-%m-%d}: {removal.why}{left}"
        raise Conflict("dataset_removed", detail, field=field, found=dataset.digest)


def _remove_by_rule(request: RemovalRequest, rule: Record, now: datetime) -> None:
    """Bar the dataset from new runs because a contributor takes their rows back, and offer the rest to a vote.

    A dataset that no vote has included has no record, so that of the removal could rest on nothing: then there is none.
    Where the contributor gave every row, the whole dataset goes.
    """
    dataset, taken = request.dataset, request.records
    everything = len(taken) == dataset.records
    left = None if everything else remainder.write(dataset, taken)
    days = rule.body["days"]
    body = {
        "digest": dataset.digest,
        "records": None if everything else taken,
        "successor": left.digest if left else None,
        "why": "A contributor took their records back, as the community's rule allows.",
        "follow_up": {"action": "retrain", "days": days, "because": ""},
        "request": request.reference,
        "taken_back": {"by": request.requester, "at": unix(now)},
    }
    subject, included = f"removal:{dataset.digest}", dataset.inclusion_record
    Removal.objects.create(
        dataset=dataset,
        records=body["records"],
        successor=remainder.register(dataset, left, now) if left else None,
        why=body["why"],
        follow_up="retrain",
        due_at=now + days * DAY,
        removed_at=now,
        request=request,
        record=keep("removal", subject, body, [rule, included]) if included else None,
    )
    what = {"dataset": dataset.digest, "successor": body["successor"], "records": len(taken), "rule": rule.digest}
    note("dataset_removed_by_rule", now, community=request.community, actor=request.requester, **what)


def _dataset(digest: str) -> Dataset:
    found = Dataset.objects.select_related("community", "inclusion_record").filter(digest=digest).first()
    if found is None:
        raise NotFound("unknown_dataset", "there is no such dataset", field="dataset", found=digest)
    require_standing_dataset(found, "dataset")
    return found


def _texts(asking: Asking, actor: str) -> tuple[str, str]:
    reason = asking.reason.strip()
    if not 1 <= len(reason) <= REASON_MAX:
        raise Invalid("length_out_of_range", f"a reason has 1 to {REASON_MAX} characters", field="reason")
    contact = " ".join(asking.contact.split())
    if len(contact) > CONTACT_MAX:
        raise Invalid("length_out_of_range", f"a contact has at most {CONTACT_MAX} characters", field="contact")
    if not actor and not contact:
        detail = "say how to reach you, or sign in: otherwise nobody could tell you the answer"
        raise Invalid("missing_field", detail, field="contact")
    return reason, contact


def _records_of(dataset: Dataset, asking: Asking, actor: str) -> list[str] | None:
    """Return the digests that a request is about, sorted; None for everything of a source."""
    scopes = [scope for scope, _said in RemovalRequest.SCOPES]
    if asking.scope not in scopes:
        raise Invalid("unknown_scope", "no such scope", field="scope", found=asking.scope, allowed=scopes)
    if asking.scope == "source":
        names = [source["name"] for source in dataset.sources]
        if asking.source not in names:
            detail = "the dataset names no such source"
            raise Invalid("unknown_source", detail, field="source", found=asking.source, allowed=names)
        return None
    if asking.scope == "contributor":
        if not actor:
            raise Forbidden("not_signed_in", "sign in with the wallet that is named as the contributor", field="scope")
        found = remainder.records_of_contributor(dataset, actor)
        if not found:
            raise Invalid("not_a_contributor", "the dataset names you for no record", field="scope", found=actor)
    else:
        found = remainder.records_named(dataset, asking.records, field="records")
    if len(found) > RECORDS_MAX:
        detail = "so many records do not fit into one record; ask for the whole dataset in a proposal"
        raise Invalid("too_many_records", detail, field="records", found=len(found), allowed=RECORDS_MAX)
    return sorted(found)


def _require_room(community: Community, actor: str, contact: str, network: str, now: datetime) -> None:
    """Refuse more than one person or one network has to ask in a day; a loud one leaves room for the others."""
    today = RemovalRequest.objects.filter(community=community, asked_at__gt=now - DAY).order_by("asked_at")
    if not actor:
        detail = "so many requests without a sign-in are enough for one day; sign in, or come back tomorrow"
        _require_fewer(today.filter(requester=""), OF_STRANGERS_PER_DAY_MAX, detail, now)
        detail = "so many requests from one network are enough for one day; sign in, or come back tomorrow"
        _require_fewer(today.filter(requester="", network=network), PER_NETWORK_PER_DAY_MAX, detail, now)
    own = today.filter(requester=actor) if actor else today.filter(requester="", contact=contact)
    _require_fewer(own, PER_REQUESTER_PER_DAY_MAX, "so many requests of one person are enough for one day", now)


def _require_fewer(today: QuerySet[RemovalRequest], most: int, detail: str, now: datetime) -> None:
    times = list(today.values_list("asked_at", flat=True))
    if len(times) >= most:
        seconds = int((times[-most] + DAY - now).total_seconds()) + 1
        raise TooMany("too_many_removals_asked", detail, retry_after_seconds=seconds, found=len(times), allowed=most)


def _open_request(reference: str, now: datetime) -> RemovalRequest:
    found = RemovalRequest.objects.select_for_update(of=("self",)).select_related("community", "dataset")
    with transaction.atomic():
        request = found.filter(reference=reference).first()
    if request is None:
        raise NotFound("unknown_request", "there is no such request", found=reference)
    lifecycle.require_open(facts_of(request, now), now)
    return request


def _line(text: str, field: str, longest: int) -> str:
    line = " ".join(text.split())
    if not 1 <= len(line) <= longest:
        raise Invalid("length_out_of_range", f"1 to {longest} characters are allowed", field=field)
    return line
