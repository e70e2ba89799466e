"""The kind of proposal that trains: a model update, by a specification that is frozen into the proposal."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from governance.errors import Conflict, Invalid, Malformed, Refusal
from governance.kinds import Fact, Field, ForOrAgainst, require_keys
from governance.models import Community, Proposal, Record
from models_registry.languages import LANGUAGES, language_names
from models_registry.models import Dataset, EthicsRule, Version
from training_jobs import services
from training_jobs import spec as specs

# What JSON cannot even express is malformed; everything else is well-formed and refused.
_MALFORMED = {"malformed_field"}


class ModelUpdate(ForOrAgainst):
    """Train a new version of a model from an approved specification."""

    name = "model_update"
    label = gettext_lazy("Model update")
    description = gettext_lazy("Train a new version of a model on included datasets and publish it if the rules hold.")
    scope = "models"

    def fields(self, community: Community) -> list[Field]:
        """Ask for everything that decides the result."""
        versions = Version.objects.filter(model__community=community).select_related("model")
        datasets = Dataset.objects.filter(community=community)
        training = datasets.included().filter(role="training")
        suites = datasets.filter(role="evaluation")
        return [
            Field(
                "base",
                _("Start from"),
                "choice",
                _("The version that training continues."),
                options=tuple((version.revision, str(version)) for version in versions),
            ),
            Field(
                "datasets",
                _("Datasets"),
                "choices",
                _("Only datasets that a vote has included."),
                options=tuple((dataset.digest, dataset.title) for dataset in training),
            ),
            Field(
                "languages",
                _("Languages"),
                "choices",
                _("Rows in other languages are left out."),
                initial=("en", "fr"),
                options=tuple((code, str(name)) for code, name in LANGUAGES.items()),
            ),
            Field(
                "suite",
                _("Evaluation suite"),
                "choice",
                _("The held-out questions that the result is measured on."),
                options=tuple((dataset.digest, dataset.title) for dataset in suites),
            ),
            Field(
                "method",
                _("Method"),
                "choice",
                "",
                initial="full",
                options=(("full", _("Full fine-tuning")), ("lora", _("LoRA adapter, merged"))),
            ),
            Field("lora_rank", _("LoRA rank"), "integer", _("Only for LoRA."), required=False, initial="8"),
            Field("learning_rate", _("Learning rate"), "decimal", "", initial="0.002"),
            Field("epochs", _("Epochs"), "integer", "", initial="2"),
            Field("batch_size", _("Batch size"), "integer", "", initial="32"),
            Field("sequence_length", _("Sequence length"), "integer", _("In tokens."), initial="64"),
            Field("seed", _("Seed"), "integer", "", initial="7"),
            Field(
                "device_seconds",
                _("Budget"),
                "integer",
                _("Device-seconds that the run may take at most."),
                initial="300",
            ),
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload that the answers describe; what is not a number stays text and is refused by `clean`."""

        def number(name: str) -> int | str:
            text = str(values.get(name, "")).strip()
            return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else text  # noqa: PLR2004

        version = Version.objects.select_related("model").filter(revision=values.get("base", "")).first()
        method = values.get("method", "full")
        rank = number("lora_rank")
        return {
            "spec": {
                "version": specs.SPEC_VERSION,
                "base": {
                    "model": str(version.model) if version else "",
                    "revision": version.revision if version else "",
                    "manifest_sha256": version.manifest_sha256 if version else "",
                },
                "datasets": [
                    {"digest": digest, "languages": list(values.get("languages", []))}
                    for digest in values.get("datasets", [])
                ],
                "method": method,
                "lora": {"rank": rank, "alpha": rank * 2 if isinstance(rank, int) else rank}
                if method == "lora"
                else None,
                "optimizer": "adamw",
                "learning_rate": str(values.get("learning_rate", "")).strip(),
                "weight_decay": "0",
                "schedule": "cosine",
                "warmup_steps": 10,
                "batch_size": number("batch_size"),
                "sequence_length": number("sequence_length"),
                "epochs": number("epochs"),
                "seed": number("seed"),
                "precision": "float32",
                "strategy": "single",
                "evaluation": {"suite": values.get("suite", "")},
                "output": version.model.name if version else "",
                "budget": {"device_seconds": number("device_seconds")},
            }
        }

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze the specification in its canonical form, after checking that everything in it exists."""
        require_keys(payload, {"spec"})
        spec = _parsed(payload["spec"])
        base = (
            Version.objects.select_related("model")
            .filter(model__community=community, revision=spec.base.revision)
            .first()
        )
        if base is None or str(base.model) != spec.base.model or base.manifest_sha256 != spec.base.manifest_sha256:
            raise Invalid(
                "unknown_base",
                "no version of this community has this model, revision and manifest",
                field="payload.spec.base",
                found=spec.base.revision,
            )
        if spec.output != base.model.name:
            raise Invalid(
                "wrong_output",
                "an update makes a new version of the model it starts from",
                field="payload.spec.output",
                found=spec.output,
                allowed=base.model.name,
            )
        records = {}
        for use in spec.datasets:
            dataset = Dataset.objects.included().filter(community=community, digest=use.digest, role="training").first()
            if dataset is None:
                raise Invalid(
                    "dataset_not_included",
                    "models learn only from datasets that a vote has included",
                    field="payload.spec.datasets",
                    found=use.digest,
                )
            foreign = sorted(set(use.languages) - set(dataset.languages))
            if foreign:
                raise Invalid(
                    "unknown_language",
                    "the dataset has no rows in this language",
                    field="payload.spec.datasets",
                    found=foreign,
                    allowed=dataset.languages,
                )
            records[use.digest] = dataset.records
        if not Dataset.objects.filter(community=community, digest=spec.suite, role="evaluation").exists():
            raise Invalid(
                "unknown_suite",
                "no registered evaluation suite has this digest",
                field="payload.spec.evaluation.suite",
                found=spec.suite,
            )
        if not EthicsRule.objects.in_force(community, base.model.name).exists():
            raise Conflict("no_rules", "adopt an ethics rule first: without one nothing could judge the result")
        _within_budget(spec, records)
        return {"spec": spec.to_dict()}

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        spec = specs.from_payload(payload["spec"])
        return _(
            "a new version of %(model)s is trained, measured against the ethics rules in force, and published only if "
            "every one of them holds."
        ) % {"model": spec.base.model}

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the specification in words."""
        spec = specs.from_payload(payload["spec"])
        titles = dict(
            Dataset.objects.filter(digest__in=[*(use.digest for use in spec.datasets), spec.suite]).values_list(
                "digest", "title"
            )
        )
        method = _("full fine-tuning") if spec.lora is None else _("LoRA of rank %(rank)d") % {"rank": spec.lora.rank}
        seconds = spec.device_seconds
        cost = ngettext("at most %(n)d device-second", "at most %(n)d device-seconds", seconds) % {"n": seconds}
        return [
            Fact(_("Start from"), f"{spec.base.model}@{spec.base.revision[:12]}"),
            *(
                Fact(
                    _("Learns from"),
                    f"{titles.get(use.digest, use.digest[:12])} ({language_names(use.languages)})",
                )
                for use in spec.datasets
            ),
            Fact(_("Measured on"), titles.get(spec.suite, spec.suite[:12])),
            Fact(_("Method"), f"{method}, {spec.optimizer}"),
            Fact(_("Learning rate"), specs.decimal_text(spec.learning_rate)),
            Fact(
                _("Length"),
                ngettext("%(n)d epoch", "%(n)d epochs", spec.epochs) % {"n": spec.epochs},
            ),
            Fact(_("Cost"), cost),
        ]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Make the run. A worker finds it; nothing is started here."""
        services.create_run(proposal, execution, now)


def _parsed(payload: object) -> specs.TrainingSpec:
    """Read a specification, turning its refusals into ours."""
    if not isinstance(payload, Mapping):
        raise Malformed("malformed_field", "the specification is a JSON object", field="payload.spec")
    try:
        return specs.from_payload(payload)
    except specs.SpecError as error:
        raise _refusal(error) from error


def _within_budget(spec: specs.TrainingSpec, records: dict[str, int]) -> None:
    try:
        specs.require_within_budget(spec, records)
    except specs.SpecError as error:
        raise _refusal(error) from error


def _refusal(error: specs.SpecError) -> Refusal:
    group = Malformed if error.code in _MALFORMED else Invalid
    field = f"payload.spec.{error.field}" if error.field else "payload.spec"
    return group(error.code, str(error), field=field, found=error.found, allowed=error.allowed)
