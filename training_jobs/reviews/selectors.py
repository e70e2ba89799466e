"""Questions that pages and the API ask about reviews: who is asked for what, what they read, and what they said."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.clock import unix
from governance.errors import Invalid, NotFound
from governance.evidence.canonical import strict_loads
from training_jobs import kept_samples
from training_jobs.evaluation.report import LINE_BYTES_MAX
from training_jobs.evaluation.samples import Asked, Compared, Sample, read_line
from training_jobs.lifecycle import State
from training_jobs.models import Run
from training_jobs.reviews import asking
from training_jobs.reviews.asking import AskedOf


@dataclass(frozen=True)
class SampleRow:
    """One drawn sample side by side: what both models were given, what was expected, and what each made of it.

    `place` counts from 1, as lines of the file do. Of a text the models write nothing; then both are how surprised they
    were, in thousandths of a bit.
    """

    place: int
    language: str
    given: str
    expected: str
    before: str
    after: str


@dataclass(frozen=True)
class Review:
    """The review of one run, while it waits and afterwards."""

    run: Run
    state: State
    duties: tuple[AskedOf, ...]
    now: int

    @property
    def is_open(self) -> bool:
        """Say whether attestations are taken in."""
        return self.state is State.REVIEWING

    @property
    def closes_at(self) -> int:
        """Return the UNIX second at which the last duty is over."""
        return max(each.closes_at for each in self.duties)

    @property
    def missing(self) -> int:
        """Return how many reviewers are still needed, by the duty that needs most."""
        return max((max(0, each.duty.people - each.said.agreeing) for each in self.duties), default=0)

    def waits_for(self, asked: AskedOf) -> bool:
        """Say whether this duty can still be attested."""
        return self.is_open and self.now < asked.closes_at and not asked.said.is_settled(asked.duty)


def review(run_id: int, now: datetime) -> Review:
    """Return the review of a run, or raise NotFound for one that asked nobody."""
    found = review_of(asking.run_named(run_id), now)
    if found is None:
        raise NotFound("no_review", "nobody is asked to review this run", field="id", found=run_id)
    return found


def review_of(run: Run, now: datetime) -> Review | None:
    """Return the review of a run; None for one that asked nobody."""
    duties = asking.asked_of(run)
    return Review(run, run.state(now), tuple(duties), unix(now)) if duties else None


def duty_named(found: Review, slug: str) -> AskedOf:
    """Return the duty of this name, or raise Invalid."""
    asked = next((each for each in found.duties if each.slug == slug), None)
    if asked is None:
        allowed = [each.slug for each in found.duties]
        raise Invalid("unknown_duty", "no rule of this name asks for it", field="rule", found=slug, allowed=allowed)
    return asked


def may_review(found: Review, viewer: str) -> str:
    """Return why somebody cannot review this run, as a code; empty for who can, and for nobody in particular."""
    if not viewer:
        return ""
    if viewer == found.run.proposal.author:
        return "own_proposal"
    if viewer in asking.executors_of(found.run):
        return "own_run"
    return "" if asking.power_of(found.run, viewer) > 0 else "no_voting_power"


def samples_of(asked: AskedOf) -> list[SampleRow]:
    """Return the samples that a duty draws, in their order; raise NotFound where they are not kept."""
    wanted = set(asked.what.lines)
    if not wanted:
        return []
    found = []
    with kept_samples.find(asked.what.samples_sha256).open("rb") as file:
        for place, line in enumerate(file):
            if place in wanted:
                found.append(_row(place + 1, strict_loads(line.rstrip(b"\n"), max_bytes=LINE_BYTES_MAX)))
    return found


def _row(place: int, line: Mapping[str, Any]) -> SampleRow:
    candidate, parent = read_line(line)
    language = candidate.language
    if isinstance(candidate, Asked) and isinstance(parent, Asked):
        return SampleRow(place, language, candidate.question, candidate.expected, parent.answer, candidate.answer)
    given = f"{candidate.stereotype} / {candidate.counter}" if isinstance(candidate, Compared) else candidate.text
    return SampleRow(place, language, given, "", _surprise(parent), _surprise(candidate))


def _surprise(sample: Sample) -> str:
    if isinstance(sample, Compared):
        return f"{sample.stereotype_millibits} / {sample.counter_millibits}"
    return str(sample.millibits)
