"""Everything that changes what the site knows of runners: registering, tokens, capabilities. Runs are for `work`.

Who may register a machine: whoever holds the voting power that proposing a model update takes. A machine can use up a
run's attempts, so a stranger may not bring one; whoever may ask for a run may also lend the machine for it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from governance.errors import Conflict, Forbidden, NotFound
from governance.models import Community
from governance.services import note, require_standing
from training_jobs.models import Runner, RunnerToken, Site
from training_jobs.runners import tokens
from training_jobs.sites import measuring, telling

STANDING = "model_update"
RUNNERS_PER_MEMBER_MAX = 20
DAYS_DEFAULT, DAYS_MAX = 90, 365
# For so long a token that was rotated still lets in: whoever could not keep the new one asks again with the old.
OVERLAP = timedelta(hours=1)
TOKENS_MAX = 5  # that hold at once: the newest, and those in their overlap
SEEN_EVERY = timedelta(seconds=15)


@dataclass(frozen=True)
class NewToken:
    """A token as its owner sees it, once. Only its digest is stored."""

    runner: Runner
    text: str
    row: RunnerToken


def register(community: Community, actor: str, name: str, scopes: list[str], days: int, now: datetime) -> NewToken:
    """Let a member's machine in; return its token. Raises Forbidden below the standing that this takes."""
    require_standing(community, actor, STANDING)
    try:
        with transaction.atomic():
            Community.objects.select_for_update(no_key=True).get(pk=community.pk)
            if Runner.objects.at_work().filter(community=community, owner=actor).count() >= RUNNERS_PER_MEMBER_MAX:
                raise Conflict("too_many_runners", "revoke a runner first", allowed=RUNNERS_PER_MEMBER_MAX)
            runner = Runner.objects.create(community=community, owner=actor, name=name, created_at=now)
            made = _issue(runner, scopes, days, now)
            note("runner_registered", now, community=community, actor=actor, runner=runner.pk, name=name)
    except IntegrityError as error:
        raise Conflict("name_taken", "another runner has this name", field="name", found=name) from error
    return made


def rotate(runner_id: int, actor: str, now: datetime) -> NewToken:
    """Give one's own runner a new token; those it has hold for an overlap only."""
    with transaction.atomic():
        runner = owned(runner_id, actor)
        newest = runner.tokens.first()
        scopes = newest.scopes if newest else list(tokens.SCOPES)
        return _replace(runner, scopes, newest.days if newest else DAYS_DEFAULT, actor, now)


def rotate_itself(token: RunnerToken, now: datetime) -> NewToken:
    """Give a runner a new token for the one that it shows: no more scopes, no longer life."""
    with transaction.atomic():
        Runner.objects.select_for_update().get(pk=token.runner_id)
        fresh = RunnerToken.objects.select_related("runner__community").get(pk=token.pk)
        if not fresh.holds(now):
            raise Forbidden("token_rejected", "this token was revoked")
        return _replace(fresh.runner, fresh.scopes, fresh.days, fresh.runner.lease_name, now)


def revoke(runner_id: int, actor: str, now: datetime) -> Runner:
    """Shut one's own runner out at once. A run that it holds is taken over when its lease has run out. Repeatable.

    Where it stands at a site, its devices count there no longer.
    """
    with transaction.atomic():
        site = Site.objects.select_for_update(of=("self",)).filter(runners=runner_id).first()  # before the runner
        runner = owned(runner_id, actor)
        if runner.revoked_at is None:
            runner.revoked_at = now
            runner.save(update_fields=["revoked_at"])
            note("runner_revoked", now, community=runner.community, actor=actor, runner=runner.pk, name=runner.name)
            if site is not None:
                measuring.add_up(site)
                telling.standing(site, "measured", now, actor)
    return runner


def owned(runner_id: int, actor: str) -> Runner:
    """Return the locked runner of its owner, or raise."""
    runner = Runner.objects.select_for_update(of=("self",)).select_related("community").filter(pk=runner_id).first()
    if runner is None:
        raise NotFound("unknown_runner", "there is no such runner", found=runner_id)
    if runner.owner != actor:
        raise Forbidden("not_the_owner", "only the member who registered a runner may do this")
    return runner


def token_named(text: str, now: datetime) -> RunnerToken | None:
    """Return the token with this text if it lets in now, and note that it was used."""
    found = RunnerToken.objects.select_related("runner__community").filter(digest=tokens.digest(text)).first()
    if found is None or not found.holds(now):
        return None
    if found.last_used_at is None or now - found.last_used_at >= SEEN_EVERY:
        RunnerToken.objects.filter(pk=found.pk).update(last_used_at=now)
        Runner.objects.filter(pk=found.runner_id).update(last_seen_at=now)
    return found


def hello(runner: Runner, capabilities: dict[str, Any]) -> Runner:
    """Keep what a machine says of itself: shown to everybody, believed by nobody."""
    Runner.objects.filter(pk=runner.pk).update(capabilities=capabilities)
    runner.capabilities = capabilities
    return runner


def _replace(runner: Runner, scopes: list[str], days: int, actor: str, now: datetime) -> NewToken:
    if runner.revoked_at is not None:
        raise Conflict("runner_revoked", "this runner was revoked; register it again")
    runner.tokens.filter(expires_at__lte=now).delete()
    if runner.tokens.count() >= TOKENS_MAX:
        raise Conflict("too_many_tokens", "this runner was given new tokens often; wait an hour", allowed=TOKENS_MAX)
    runner.tokens.filter(expires_at__gt=now + OVERLAP).update(expires_at=now + OVERLAP)
    made = _issue(runner, scopes, days, now)
    note("runner_token_rotated", now, community=runner.community, actor=actor, runner=runner.pk, name=runner.name)
    return made


def _issue(runner: Runner, scopes: list[str], days: int, now: datetime) -> NewToken:
    text = tokens.make()
    row = RunnerToken.objects.create(
        runner=runner,
        digest=tokens.digest(text),
        scopes=scopes,
        days=days,
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    return NewToken(runner, text, row)
