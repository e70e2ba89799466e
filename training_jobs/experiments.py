"""Experiments: a member tries something small without a vote, on their own quota, in one step.

An experiment is a draft of a model update with usual values, and its preview; there is nothing else to it, so quota,
scheduler, report and pages are those of previews (`previews.services`). Only its author sees it until they submit it.
The bounds are the preview's: so many steps, so many device-seconds, no weights are kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext as _

from governance.errors import Conflict, Invalid
from governance.kinds import Field, kind_named
from governance.models import Community, Proposal
from governance.services import Draft, create_draft, unsaved_draft
from governance.services.drafts import TITLE_MAX
from models_registry.models import Dataset, Version
from training_jobs import base_tokenizers
from training_jobs import spec as specs
from training_jobs.before_vote import TRAINS, device_seconds
from training_jobs.commons import requests
from training_jobs.models import Preview
from training_jobs.previews import services as previews
from training_jobs.previews.selectors import Shown, shown_of

SHOWN_MAX: Final = 20
DATASETS_MAX: Final = 8
RATES: Final = ("0.0002", "0.0005", "0.001", "0.002", "0.005")  # what the page offers; the API takes any
RATE_USUAL: Final = "0.002"
_Options = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Wanted:
    """What a member chose: the revision of a version, digests of datasets, a learning rate as text."""

    base: str
    datasets: Sequence[str]
    learning_rate: str


@dataclass(frozen=True)
class Offer:
    """What there is to choose from, as pairs of a value and its name, and how much a member may still do."""

    bases: _Options
    datasets: _Options
    left_today: int
    steps_max: int
    seconds_each: int
    seconds_used: int  # of the last seven days
    seconds_week: int | None  # None: no shared site makes previews here, so only the number of a day is bounded

    @property
    def is_possible(self) -> bool:
        """Say whether there is anything to try, and machines for it."""
        return settings.PREVIEWS and bool(self.bases and self.datasets)


def offer_of(community: Community, member: str, now: datetime) -> Offer:
    """Return what a member may choose from, and what is left of their quota."""
    fields = _fields(community)
    return Offer(
        fields["base"].options,
        fields["datasets"].options,
        previews.left_today(Proposal(community=community), member, now),
        settings.PREVIEW_STEPS,
        settings.PREVIEW_SECONDS,
        requests.quota_used(community, member, now),
        settings.SANDBOX_SECONDS_PER_WEEK if requests.draws_on_quota(community) else None,
    )


def experiments_of(community: Community, member: str, now: datetime) -> list[Shown]:
    """Return the newest previews of trainings that a member wrote and asked for."""
    mine = Preview.objects.filter(proposal__community=community, requested_by=member, kind=Preview.TRAINING)
    found = mine.filter(proposal__author=member).select_related("proposal__community", "proposal__record")
    return [shown_of(each, now) for each in found.order_by("-pk")[:SHOWN_MAX]]


def begin(community: Community, member: str, wanted: Wanted, now: datetime) -> Preview:
    """Order an experiment.

    1. there are machines for it, and whoever asks has the power that such a proposal needs, or is a newcomer;
    2. what was chosen makes a whole training; a draft of this member for the very same is used again;
    3. its preview is ordered, with all that previews refuse. A draft whose preview was refused stays, for later.
    """
    if not settings.PREVIEWS:
        raise Conflict("previews_off", "the machines of this site make no previews")
    previews.require_may_try(community, member, TRAINS, now)  # 1
    draft = _draft(community, wanted)
    known = _same(community, member, unsaved_draft(community, member, draft).payload)  # 2
    made = known or create_draft(community, member, draft, now)
    return previews.order(made.pk, member, now)  # 3


def _same(community: Community, member: str, payload: dict[str, Any]) -> Proposal | None:
    """Return the newest draft of a member that trains the same."""
    mine = community.proposals.filter(author=member, kind=TRAINS, submitted_at__isnull=True, canceled_at__isnull=True)
    return next((each for each in mine.order_by("-pk") if each.payload.get("spec") == payload["spec"]), None)


def _draft(community: Community, wanted: Wanted) -> Draft:
    """Return a model update with usual values around what was chosen; raise Invalid for what cannot be chosen."""
    fields = _fields(community)
    base = Version.objects.filter(revision=_chosen(fields["base"], "base", wanted.base)).select_related("model").get()
    if not 1 <= len(set(wanted.datasets)) == len(wanted.datasets) <= DATASETS_MAX:
        detail, found = "choose one or more different datasets to learn from", len(wanted.datasets)
        raise Invalid("no_dataset_chosen", detail, field="datasets", found=found, allowed=DATASETS_MAX)
    digests = [_chosen(fields["datasets"], "datasets", each) for each in wanted.datasets]
    if not fields["suite"].options:
        raise Conflict("no_suite_to_try", "register an evaluation suite of questions with answers first")
    values = {name: field.initial for name, field in fields.items()}
    values |= {"base": base.revision, "learning_rate": wanted.learning_rate, "suite": fields["suite"].options[0][0]}
    payload = kind_named(TRAINS).from_form(values)
    _fit(payload["spec"], base, _datasets(community, digests))
    title = _("Experiment: %(model)s at a learning rate of %(rate)s") % {
        "model": str(base.model),
        "rate": wanted.learning_rate[:20],
    }
    return Draft(TRAINS, title[:TITLE_MAX], "", payload, {})


def _fit(spec: dict[str, Any], base: Version, datasets: list[Dataset]) -> None:
    """Change what depends on the choice: languages, objective, format of turns, and a budget that is enough."""
    spec["datasets"] = [{"digest": each.digest, "languages": each.languages} for each in datasets]
    objectives = {rows: objective for objective, rows in reversed(specs.ROWS.items())}
    spec["objective"] = objectives.get(datasets[0].kind, spec["objective"])
    spec["preference"] = {"beta": "0.1"} if spec["objective"] == "preference" else None
    written = (name for name in specs.TEMPLATES if not base_tokenizers.missing_marks(base, name))
    spec["template"] = next(written, spec["template"])
    try:
        planned = device_seconds({"spec": {**spec, "budget": {"device_seconds": specs.DEVICE_SECONDS_MAX}}})[0]
    except specs.SpecError:  # `clean` says what is wrong
        return
    spec["budget"]["device_seconds"] = max(spec["budget"]["device_seconds"], planned or 0)


def _datasets(community: Community, digests: list[str]) -> list[Dataset]:
    known = {each.digest: each for each in Dataset.objects.filter(community=community, digest__in=digests)}
    return [known[digest] for digest in digests]


def _fields(community: Community) -> dict[str, Field]:
    return {field.name: field for field in kind_named(TRAINS).fields(community)}


def _chosen(field: Field, name: str, value: str) -> str:
    """Return a value that is among those offered; raise Invalid for any other."""
    if not field.options:
        raise Conflict("nothing_to_choose", "there is nothing to choose from yet", field=name)
    if value not in dict(field.options):
        detail = "choose one of those that are offered"
        allowed = [key for key, _name in field.options]
        raise Invalid("not_offered", detail, field=name, found=value[:80], allowed=allowed)
    return value
