"""Everything that changes a review: people are asked, they attest, and the run is judged. The clock is a parameter.

The facts are the run's report, the moment when people were asked, and what they signed. Whatever fulfils a duty, breaks
it or ends its time concludes the review in the same transaction, and a sweep concludes what nobody concluded; so no
message is needed, and nothing depends on one worker. What was not attested in time refuses, and never passes.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from governance import eip712
from governance.clock import unix, whole_second
from governance.errors import Conflict, Forbidden, Invalid, NotFound
from governance.models import Record
from governance.services import note
from governance.wallets.asking import Asked
from governance.wallets.checking import signed_by_voter
from models_registry.duties import tasks
from models_registry.duties.tasks import REASON_MAX
from training_jobs import judging, kept_samples
from training_jobs.leases import Lease, event, locked
from training_jobs.lifecycle import State
from training_jobs.models import Attested, Run
from training_jobs.reviews import asking
from training_jobs.reviews.asking import AskedOf

# So long an offered message can be signed; its time is the offer's.
SIGN_SECONDS_MAX = 3_600


# --- opening ------------------------------------------------------------------------------------------------------


def opens(run: Run, rules: Sequence[Record], said: Mapping[str, Any]) -> bool:
    """Say whether people are asked to look before a run is judged.

    Nobody is asked where a gate rejects the result anyway, or where a duty that binds asks for more than there is to
    read. A duty that only warns is asked for like one that blocks: otherwise nobody could ever do it.
    """
    asked = asking.duties_of(run, rules)
    possible = [each for each in asked if each.duty.samples <= said["samples"]]
    if not possible:
        return False
    by_name = {each.slug for each in possible}
    reasons = judging.verdict(run, rules, said, None).reasons
    return not any(reason.rejects for reason in reasons if reason.rule not in by_name)


def open_review(run: Run, rules: Sequence[Record], said: Mapping[str, Any], now: datetime) -> None:
    """Ask people to look at what was measured. The samples were kept before. The caller saves the run."""
    if any(each.duty.samples for each in asking.duties_of(run, rules)):
        try:
            kept_samples.find(said["samples_sha256"])
        except NotFound as error:
            detail = "a rule asks people to read samples of this run; hand them in with the report"
            raise Conflict("samples_not_kept", detail, found=said["samples_sha256"]) from error
    run.report, run.reviewing_since = dict(said), whole_second(now)
    until = max(each.closes_at for each in asking.asked_of(run))
    event(Lease(run.pk, run.fence), "reviewing", {"until": until}, now)
    note("review_opened", now, proposal=run.proposal, run=run.pk, until=until)


# --- attesting ----------------------------------------------------------------------------------------------------


def offer(run_id: int, slug: str, said: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the message by which a reviewer attests, as typed data; `said` has reviewer, finding and reason.

    Refuses what `attest` would refuse, so that nobody signs in vain.
    """
    run = asking.run_named(run_id)
    asked, signed = _require_acceptable(run, slug, {**said, "at": unix(now)}, now)
    return eip712.review_message(**asked.what.message(asking.domain(run), signed))


def attest(run_id: int, slug: str, said: Mapping[str, Any], signature: str, now: datetime) -> Run:
    """Take in what a reviewer signed; judge the run if that settles it. Said again, the same changes nothing.

    1. The run waits for reviewers, this rule asks, its time is not over and it is not settled; the reviewer may, and
    signed exactly this, or their contract wallet stands by it. 2. It is kept, once for each reviewer and rule. 3. What
    is settled is judged.
    """
    checked, wallet = _signed_by(run_id, slug, said, signature, now)  # 1, before anything is locked
    with transaction.atomic():
        run = locked(run_id)
        same = _earlier(run, slug, said)
        if same is not None:
            if (same.finding, same.reason, same.at, same.signature) == (
                said["finding"],
                said["reason"],
                said["at"],
                signature,
            ):
                return run
            detail = "this address has attested under this rule; it says it once"
            raise Conflict("already_attested", detail, field="reviewer", found=same.finding)
        asked, signed = _require_acceptable(run, slug, said, now)
        if _digest(run, asked, signed) != checked:
            raise Conflict("not_reviewing", "what is reviewed was changed just now; look at it again")
        kept = wallet.to_body() if wallet else None
        Attested.objects.create(  # 2
            run=run, rule=asked.rule, signature=signature, wallet=kept, filed_at=now, **signed
        )
        note(
            "attested",
            now,
            proposal=run.proposal,
            actor=signed["reviewer"],
            run=run.pk,
            rule=slug,
            finding=signed["finding"],
        )
        _conclude_if_over(run, now)  # 3
    return run


def _signed_by(
    run_id: int, slug: str, said: Mapping[str, Any], signature: str, now: datetime
) -> tuple[bytes, Asked | None]:
    """Return what was signed, and the contract wallet that stands by it where no key of the reviewer signed.

    Of what was attested before, nothing is checked again.
    """
    run = asking.run_named(run_id)
    if _earlier(run, slug, said) is not None:
        return b"", None
    asked, signed = _require_acceptable(run, slug, said, now)
    digest = _digest(run, asked, signed)
    return digest, signed_by_voter(run.proposal, signed["reviewer"], digest, signature)


def _digest(run: Run, asked: AskedOf, signed: Mapping[str, Any]) -> bytes:
    return eip712.review_digest(**asked.what.message(asking.domain(run), signed))


def _earlier(run: Run, slug: str, said: Mapping[str, Any]) -> Attested | None:
    """Return what this reviewer attested under this rule before."""
    reviewer = eip712.parse_address(said["reviewer"])
    rule = next((rule for rule in judging.rules_of(run) if rule.body["slug"] == slug), None)
    return run.attested.filter(rule=rule, reviewer=reviewer).first() if rule else None


def _require_acceptable(run: Run, slug: str, said: Mapping[str, Any], now: datetime) -> tuple[AskedOf, dict[str, Any]]:
    """Return what the rule asks and what is signed; raise unless this reviewer may attest this now."""
    found = run.state(now)
    if found is not State.REVIEWING:
        detail = "this run does not wait for reviewers"
        raise Conflict("not_reviewing", detail, found=str(found), allowed=str(State.REVIEWING))
    every = asking.asked_of(run)
    asked = next((each for each in every if each.slug == slug), None)
    if asked is None:
        allowed = [each.slug for each in every]
        raise Invalid("unknown_duty", "no rule of this name asks for it", field="rule", found=slug, allowed=allowed)
    if unix(now) >= asked.closes_at:
        raise Conflict("review_over", "the time for this duty is over", found=unix(now), allowed=asked.closes_at)
    if asked.said.is_settled(asked.duty):
        raise Conflict("duty_settled", "enough reviewers have attested under this rule", found=slug)
    signed = _read(said, asked, now)
    _require_may(run, signed["reviewer"])
    return asked, signed


def _read(said: Mapping[str, Any], asked: AskedOf, now: datetime) -> dict[str, Any]:
    """Return what is signed, in its exact form."""
    finding, reason, at = said["finding"], said["reason"], said["at"]
    if finding not in tasks.FINDINGS:
        allowed = list(tasks.FINDINGS)
        raise Invalid(
            "unknown_finding", "a reviewer finds one of these", field="finding", found=finding, allowed=allowed
        )
    least = 1 if finding == tasks.OBJECTS else 0
    if reason != reason.strip() or "\x00" in reason or not least <= len(reason) <= REASON_MAX:
        detail = f"a reason has {least} to {REASON_MAX} characters, none of them a space at its end"
        raise Invalid("length_out_of_range", detail, field="reason", found=len(reason))
    earliest = max(asked.opened_at, unix(now) - SIGN_SECONDS_MAX)
    if type(at) is not int or not earliest <= at <= unix(now):
        detail = "the time that was signed is not that of a message which was offered within the last hour"
        raise Invalid("attested_at_wrong", detail, field="at", found=at, allowed={"from": earliest, "to": unix(now)})
    return {"reviewer": eip712.parse_address(said["reviewer"]), "finding": finding, "reason": reason, "at": at}


def _require_may(run: Run, reviewer: str) -> None:
    """Refuse the author of the proposal, whoever ran it, and who could not vote on it."""
    if reviewer == run.proposal.author:
        raise Forbidden("own_proposal", "whoever proposed the training does not review its result", found=reviewer)
    if reviewer in asking.executors_of(run):
        raise Forbidden("own_run", "whoever worked on the run does not review its result", found=reviewer)
    if asking.power_of(run, reviewer) <= 0:
        detail = "a reviewer had voting power of their own in the vote on this training"
        raise Forbidden("no_voting_power", detail, found=reviewer)


# --- concluding ---------------------------------------------------------------------------------------------------


def settle(now: datetime) -> list[int]:
    """Judge the runs whose review is over and was not concluded; return them. Safe to repeat."""
    ended = []
    for run_id in Run.objects.unfinished().filter(reviewing_since__isnull=False).values_list("pk", flat=True):
        with transaction.atomic():
            run = locked(run_id)
            if run.state(now) is State.REVIEWING and _conclude_if_over(run, now):
                ended.append(run_id)
    return ended


def _conclude_if_over(run: Run, now: datetime) -> bool:
    """Judge a run whose duties are settled or whose time is over; say whether it was.

    Each duty is settled when it is done, broken by objections, or out of time; the first broken one that binds ends
    the review of all of them.
    """
    asked = asking.asked_of(run)
    moment = unix(now)
    settled = [each for each in asked if each.said.is_settled(each.duty) or moment >= each.closes_at]
    is_broken = any(each.binds and not each.said.holds(each.duty) for each in settled)
    if not is_broken and len(settled) < len(asked):
        return False
    assert run.report is not None
    judging.conclude(run, judging.rules_of(run), run.report, asking.review_of(run), now)
    run.save()
    return True
