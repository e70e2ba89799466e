"""What a trial of a dataset trains, derived from what the community has: nobody chooses it, so nobody chooses it well.

1. The version: the newest that is handed out, of any model of the community. 2. The recipe: that of the run which made
it, if it learns from such rows; otherwise the usual one (`USUAL`), with the objective that does. 3. The mixture: the
datasets of the recipe that still stand (of the usual one: all that do), and the one on trial. 4. The suite: that of the
recipe, or the newest registered one of questions. 5. The rules in force, which judge both models. All of it on one
machine, for so many steps as the site allows; the specification is the whole, and the dataset is left out once.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from governance.errors import Conflict, Invalid
from governance.models import Community
from models_registry import services as registry
from models_registry.models import Dataset, EthicsRule, Version
from models_registry.withdrawals import stop_of
from training_jobs import base_tokenizers
from training_jobs import spec as specs
from training_jobs.models import Run
from training_jobs.spec.payload import DATASETS_MAX, LANGUAGES_MAX

USUAL: dict[str, Any] = {
    "method": "full",
    "optimizer": "adamw",
    "learning_rate": "0.002",
    "weight_decay": "0",
    "schedule": "constant",
    "warmup_steps": 10,
    "batch_size": 16,
    "epochs": 1,
    "seed": 7,
    "precision": "float32",
}
SEQUENCE_LENGTH_USUAL = 512
_OBJECTIVES = {rows: objective for objective, rows in specs.ROWS.items()}
# What a recipe says of its own run, and a trial does not take over.
_OWN = ("base", "datasets", "strategy", "topology", "environment", "code", "evaluation", "output", "budget")


@dataclass(frozen=True)
class TrialPlan:
    """The specification with the dataset in it, and what it was derived from: JSON, as it is stored."""

    spec: dict[str, Any]
    plan: dict[str, Any]


def plan_of(community: Community, dataset: Dataset, now: datetime) -> TrialPlan:
    """Derive the trial of a dataset; raise Conflict or Invalid where the community has nothing to try it on."""
    version = _version(community, now)  # 1
    run = _run(version, dataset)  # 2
    recipe = run.spec_record.body if run else None
    objective = _OBJECTIVES.get(dataset.kind)
    if objective is None:
        raise Invalid(
            "nothing_to_try",
            "no training learns from such rows",
            field="payload.digest",
            found=dataset.kind,
            allowed=sorted(_OBJECTIVES),
        )
    spec = {
        "version": specs.SPEC_VERSION,
        **(_of(recipe) if recipe else _usual(version, objective)),
        "base": {
            "model": str(version.model),
            "revision": version.revision,
            "manifest_sha256": version.manifest_sha256,
        },
        "datasets": [*_others(community, dataset, recipe), _use(dataset)],  # 3
        "strategy": "single",
        "topology": None,
        "evaluation": {"suite": _suite(community, recipe)},  # 4
        "output": version.model.name,
        "budget": {"device_seconds": settings.TRIAL_SECONDS},
    }
    rules = EthicsRule.objects.in_force(community, version.model.name).order_by("record_id")  # 5
    plan = {
        "dataset": dataset.digest,
        "title": dataset.title,
        "model": version.model.name,
        "version": version.number,
        "recipe": run.pk if run else None,
        "rules": list(rules.values_list("record_id", flat=True)),
    }
    try:
        return TrialPlan(specs.from_payload(spec).to_dict(), plan)
    except specs.SpecError as error:
        raise Invalid(error.code, str(error), field=error.field, found=error.found, allowed=error.allowed) from error


def _version(community: Community, now: datetime) -> Version:
    """Return the newest version that is handed out."""
    found = Version.objects.filter(model__community=community, set_back_at__isnull=True).select_related("model")
    newest = (version for version in found.order_by("-created_at", "-pk") if stop_of(version, now) is None)
    version = next(newest, None)
    if version is None:
        raise Conflict("no_model_to_try", "the community has no model yet that a dataset could be tried on")
    return version


def _run(version: Version, dataset: Dataset) -> Run | None:
    """Return the run that made a version, if its recipe learns from rows of this kind."""
    run = Run.objects.select_related("spec_record").filter(version=version).first()
    if run is None or specs.ROWS[run.spec_record.body["objective"]] != dataset.kind:
        return None
    return run


def _of(recipe: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in recipe.items() if key not in {*_OWN, "version", "deadline_seconds"}}


def _usual(version: Version, objective: str) -> dict[str, Any]:
    """Return the usual recipe, in a format of turns that the version's tokenizer can write, at a length that it can."""
    formats = [name for name in specs.TEMPLATES if not base_tokenizers.missing_marks(version, name)]
    preference = {"beta": "0.1"} if objective == "preference" else None
    return {
        **USUAL,
        "objective": objective,
        "preference": preference,
        "template": formats[0] if formats else next(iter(specs.TEMPLATES)),
        "sequence_length": min(SEQUENCE_LENGTH_USUAL, _room(version)),
    }


def _room(version: Version) -> int:
    """Return how many tokens a version can look at, as its configuration says; the usual length where it is silent."""
    try:
        found = json.loads((registry.version_folder(version) / "config.json").read_bytes())["max_position_embeddings"]
    except (OSError, ValueError, KeyError, TypeError):
        return SEQUENCE_LENGTH_USUAL
    return found if type(found) is int and found > 0 else SEQUENCE_LENGTH_USUAL


def _others(community: Community, dataset: Dataset, recipe: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return what is learned from beside the dataset on trial: only what stands, and is of the same kind of rows."""
    standing = Dataset.objects.filter(community=community, role="training", kind=dataset.kind).standing()
    known = {found.digest: found for found in standing.exclude(digest=dataset.digest).order_by("included_at", "pk")}
    if recipe is None:
        return [_use(found) for found in known.values()][: DATASETS_MAX - 1]
    return [use for use in recipe["datasets"] if use["digest"] in known]


def _use(dataset: Dataset) -> dict[str, Any]:
    return {"digest": dataset.digest, "languages": sorted(dataset.languages)[:LANGUAGES_MAX]}


def _suite(community: Community, recipe: dict[str, Any] | None) -> str:
    """Return the digest of the suite of questions that both models are measured on."""
    suites = Dataset.objects.filter(community=community, role="evaluation", kind="dialogue", records__gt=0)
    if recipe is not None and suites.filter(digest=recipe["evaluation"]["suite"]).exists():
        return str(recipe["evaluation"]["suite"])
    newest = suites.order_by("-registered_at", "-pk").first()
    if newest is None:
        raise Conflict("no_suite_to_try", "register an evaluation suite of questions with answers first")
    return newest.digest
