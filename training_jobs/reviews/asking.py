"""What a run asks of reviewers, who they may be, and what they said so far. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from governance.clock import unix
from governance.errors import NotFound
from governance.models import Record
from models_registry import gates
from models_registry.duties import signing, tasks
from models_registry.duties.tasks import Duty, Said
from training_jobs import judging
from training_jobs.models import Attested, Run, Runner

_PREFIX = "runner:"


@dataclass(frozen=True)
class DutyOf:
    """One duty of a run: the record of its rule, and whether breaking it rejects the result."""

    rule: Record
    duty: Duty
    binds: bool

    @property
    def slug(self) -> str:
        """Return the name of the rule."""
        return str(self.rule.body["slug"])


@dataclass(frozen=True)
class AskedOf(DutyOf):
    """A duty of a run that waits for reviewers, or did: what is to be looked at, in what time, and who said what.

    Times are UNIX seconds; nothing is taken in from `closes_at` on.
    """

    what: signing.Asked
    opened_at: int
    closes_at: int
    attested: tuple[Attested, ...]
    said: Said


def duties_of(run: Run, rules: Iterable[Record]) -> list[DutyOf]:
    """Return the duties that hold for a run, by name: of its model, and not past their sunset when it was approved."""
    at = unix(run.created_at)
    read = [(record, gates.Rule.from_record(record.body)) for record in rules]
    found = [
        DutyOf(record, rule.duty, rule.binds(at))
        for record, rule in read
        if rule.duty is not None and rule.applies_to(run.model.name) and not rule.is_over(at)
    ]
    return sorted(found, key=lambda each: each.slug)


def asked_of(run: Run) -> list[AskedOf]:
    """Return what a run in review, or after it, asked of people; nothing for a run that asked nobody."""
    if run.report is None or run.reviewing_since is None or run.run_record is None:
        return []
    opened = unix(run.reviewing_since)
    rows = list(run.attested.all())
    found = []
    for each in duties_of(run, judging.rules_of(run)):
        if each.duty.samples > run.report["samples"]:
            continue  # it only warns, and asks for more than there is
        mine = tuple(row for row in rows if row.rule_id == each.rule.pk)
        said = tasks.said_under(each.slug, map(entry_of, mine))
        what = signing.asked(each.duty, each.rule.pk, run.run_record.body, run.report)
        found.append(AskedOf(each.rule, each.duty, each.binds, what, opened, each.duty.deadline(opened), mine, said))
    return found


def entry_of(row: Attested) -> dict[str, Any]:
    """Return an attestation as it stands in the record of the evaluation."""
    said = {name: getattr(row, name) for name in ("reviewer", "finding", "reason", "at", "signature")}
    wallet = {} if row.wallet is None else {"wallet": row.wallet}
    return {"rule": row.rule.body["slug"], **said, **wallet}


def review_of(run: Run) -> dict[str, Any]:
    """Return the part of an evaluation's record that says who attested what, in its one order."""
    assert run.reviewing_since is not None
    said = [entry_of(row) for row in run.attested.select_related("rule")]
    return {
        "opened_at": unix(run.reviewing_since),
        "executors": executors_of(run),
        "attestations": sorted(said, key=lambda each: (each["rule"], each["reviewer"].lower())),
    }


def executors_of(run: Run) -> list[str]:
    """Return the members whose machines worked on a run, in order; a machine of the site is nobody's."""
    owners = run.attempts.filter(owner__startswith=_PREFIX).values_list("owner", flat=True)
    numbers = {int(owner.removeprefix(_PREFIX)) for owner in owners if owner.removeprefix(_PREFIX).isdecimal()}
    found = Runner.objects.filter(pk__in=numbers).values_list("owner", flat=True).distinct()
    return sorted(found, key=str.lower)


def power_of(run: Run, address: str) -> int:
    """Return the power of their own that somebody had in the vote on the training of a run."""
    entry = run.proposal.census.filter(voter_key=address.lower()).first()
    return int(entry.power or 0) if entry else 0


def domain(run: Run) -> dict[str, Any]:
    """Return what every signature in the community of a run names."""
    community = run.proposal.community
    return {
        "chain_id": community.chain_id,
        "token": community.token,
        "instance": community.instance,
        "community": community.slug,
    }


def run_named(run_id: int) -> Run:
    """Return a run with what its review needs, or raise NotFound."""
    joined = Run.objects.select_related(
        "spec_record", "run_record", "evaluation_record", "model", "proposal__community"
    )
    run = joined.filter(pk=run_id).first()
    if run is None:
        raise NotFound("unknown_run", "there is no such run", found=run_id)
    return run
