"""The kind of proposal that trains: a model update, by a specification that is frozen into the proposal."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from governance import clock
from governance.clock import unix
from governance.errors import Conflict, Invalid, Malformed, Refusal
from governance.kinds import Fact, Field, ForOrAgainst, require_keys
from governance.models import Community, Proposal, Record
from models_registry import promises
from models_registry.languages import LANGUAGES
from models_registry.metrics import METRICS
from models_registry.models import Dataset, EthicsRule, Version
from models_registry.rights.services import require_standing_dataset
from models_registry.row_words import KINDS
from models_registry.withdrawals import require_usable
from training_jobs import base_tokenizers, before_vote, services, spec_words
from training_jobs import spec as specs

# What JSON cannot even express is malformed; everything else is well-formed and refused.
_MALFORMED = {"malformed_field"}

# What the form writes where several sites take part; the API can say every part. With so few exchanges a lower momentum
# than DiLoCo's 0.9 ends at a lower loss, and signs of everything say more than as many bytes of a low rank.
_EXCHANGES: dict[str, dict[str, Any]] = {
    "diloco": {"bits": 4, "outer_momentum": "0.6"},
    "dilocox": {"bits": 1, "outer_momentum": "0.5", "delay": 1, "adaptive": True},
}


class ModelUpdate(ForOrAgainst):
    """Train a new version of a model from an approved specification."""

    name = "model_update"
    label = gettext_lazy("Model update")
    description = gettext_lazy("Train a new version of a model on included datasets and publish it if the rules hold.")
    scope = "models"

    def fields(self, community: Community) -> list[Field]:
        """Ask for everything that decides the result."""
        versions = Version.objects.filter(model__community=community, withdrawn_at__isnull=True).select_related("model")
        datasets = Dataset.objects.filter(community=community)
        training = datasets.standing().filter(role="training")
        suites = datasets.filter(role="evaluation", kind="dialogue")
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
                options=tuple((dataset.digest, f"{dataset.title} ({KINDS[dataset.kind]})") for dataset in training),
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
            _choice("objective", _("What is learned"), spec_words.OBJECTIVES, ""),
            Field(
                "preference_beta",
                _("Hold on the base model"),
                "decimal",
                _("Only for learning which answer is better: the beta of DPO."),
                required=False,
                initial="0.1",
            ),
            _choice("method", _("Method"), _offered(spec_words.METHODS, settings.RUN_METHODS), ""),
            Field("lora_rank", _("LoRA rank"), "integer", _("Only for LoRA."), required=False, initial="8"),
            Field("learning_rate", _("Learning rate"), "decimal", "", initial="0.002"),
            Field("epochs", _("Epochs"), "integer", "", initial="2"),
            Field("batch_size", _("Batch size"), "integer", "", initial="32"),
            Field(
                "accumulation",
                _("Batches per step"),
                "integer",
                _("So many batches are added up before the weights change."),
                initial="1",
            ),
            _choice(
                "template",
                _("Format of the turns"),
                spec_words.TEMPLATES,
                _("The marks around question and answer; the tokenizer of the base must have them."),
            ),
            Field("sequence_length", _("Sequence length"), "integer", _("In tokens."), initial="64"),
            Field("seed", _("Seed"), "integer", "", initial="7"),
            _choice(
                "precision",
                _("Precision"),
                spec_words.PRECISIONS,
                _("What is learned is always kept in 32 bits."),
            ),
            *_places(),
            Field(
                "device_seconds",
                _("Budget"),
                "integer",
                _("Device-seconds that the run may take at most."),
                initial="300",
            ),
            Field(
                "promises",
                _("What it promises to measure"),
                "long_text",
                _("One on each line: a metric, a comparison and a bound, such as answer_accuracy at_least 0.8."),
                required=False,
            ),
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload that the answers describe; what is not a number stays text and is refused by `clean`."""

        def number(name: str) -> int | str:
            text = str(values.get(name, "")).strip()
            return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else text  # noqa: PLR2004

        version = Version.objects.select_related("model").filter(revision=values.get("base", "")).first()
        method = values.get("method", "full")
        objective = values.get("objective") or "supervised"
        strategy = values.get("strategy") or "single"
        rank = number("lora_rank")
        promised = promises.read_lines(str(values.get("promises", "")))
        return {
            **({"promises": promised} if promised else {}),
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
                "objective": objective,
                "preference": {"beta": str(values.get("preference_beta", "")).strip()}
                if objective == "preference"
                else None,
                "method": method,
                "lora": {"rank": rank, "alpha": rank * 2 if isinstance(rank, int) else rank}
                if method in {"lora", "qlora"}
                else None,
                "optimizer": "adamw",
                "learning_rate": str(values.get("learning_rate", "")).strip(),
                "weight_decay": "0",
                "schedule": "cosine",
                "warmup_steps": 10,
                "batch_size": number("batch_size"),
                "accumulation": number("accumulation") if values.get("accumulation") else 1,
                "sequence_length": number("sequence_length"),
                "epochs": number("epochs"),
                "seed": number("seed"),
                "precision": values.get("precision") or "float32",
                "template": values.get("template") or "plain-turns",
                "strategy": strategy,
                "topology": _topology(strategy, number("workers"), number("local_steps")),
                "evaluation": {"suite": values.get("suite", "")},
                "output": version.model.name if version else "",
                "budget": {"device_seconds": number("device_seconds")},
            },
        }

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze the specification in its canonical form, after checking that everything in it exists."""
        require_keys(payload, {"spec"}, frozenset({"promises"}))
        promised = _promises(payload)
        spec = _parsed(payload["spec"])
        _require_offered(spec)
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
        require_usable(base)
        if spec.output != base.model.name:
            raise Invalid(
                "wrong_output",
                "an update makes a new version of the model it starts from",
                field="payload.spec.output",
                found=spec.output,
                allowed=base.model.name,
            )
        _require_marks(base, spec.template)
        datasets = [_dataset(community, use, spec.objective) for use in spec.datasets]
        suites = Dataset.objects.filter(community=community, role="evaluation", kind="dialogue")
        if not suites.filter(digest=spec.suite).exists():
            raise Invalid(
                "unknown_suite",
                "no registered evaluation suite of questions with answers has this digest",
                field="payload.spec.evaluation.suite",
                found=spec.suite,
            )
        if not EthicsRule.objects.binding(community, base.model.name, unix(clock.now())).exists():
            raise Conflict("no_rules", "adopt an ethics rule first: without one nothing could judge the result")
        _within_budget(spec, datasets)
        return {"spec": spec.to_dict(), **({"promises": promised} if promised else {})}

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
        whole = spec.to_dict()
        seconds = spec.device_seconds
        cost = ngettext("at most %(n)d device-second", "at most %(n)d device-seconds", seconds) % {"n": seconds}
        return [
            Fact(_("Start from"), f"{spec.base.model}@{spec.base.revision[:12]}"),
            *(Fact(_("Learns from"), spec_words.dataset(use, titles)) for use in whole["datasets"]),
            Fact(_("Measured on"), titles.get(spec.suite, spec.suite[:12])),
            Fact(_("Method"), f"{spec_words.method(spec.method, whole['lora'])}, {spec.optimizer}"),
            Fact(_("Learning rate"), specs.decimal_text(spec.learning_rate)),
            Fact(
                _("Length"),
                ngettext("%(n)d epoch", "%(n)d epochs", spec.epochs) % {"n": spec.epochs},
            ),
            *(Fact(label, text) for label, text in spec_words.particulars(whole)),
            *(Fact(_("Promise"), _in_words(promise)) for promise in promises.read(payload.get("promises", []))),
            Fact(_("Cost"), cost),
        ]

    def cost(self, payload: dict[str, Any]) -> str:
        """Return the plan of the work, and the budget that the vote approves."""
        planned, most = before_vote.device_seconds(payload)
        if planned is None:
            return _("at most %(most)s") % {"most": _device_time(most)}
        return _("%(estimate)s by its plan, at most %(most)s") % {
            "estimate": _device_time(planned),
            "most": _device_time(most),
        }

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Make the run. A worker finds it; nothing is started here."""
        services.create_run(proposal, execution, now)


def _device_time(seconds: int) -> str:
    """Return device-seconds in words, as device-hours (rounded up) where they are many."""
    if seconds >= 2 * 3600:
        hours = -(-seconds // 3600)
        return ngettext("%(n)d device-hour", "%(n)d device-hours", hours) % {"n": hours}
    return ngettext("%(n)d device-second", "%(n)d device-seconds", seconds) % {"n": seconds}


def _places() -> list[Field]:
    """Ask where to train, where there is a choice."""
    offered = _offered(spec_words.STRATEGIES, settings.RUN_STRATEGIES)
    if list(offered) == ["single"]:
        return []
    return [
        _choice("strategy", _("Where it trains"), offered, ""),
        Field(
            "workers",
            _("Participants"),
            "integer",
            _("Only for several machines or sites: how many take part."),
            required=False,
            initial="2",
        ),
        Field(
            "local_steps",
            _("Steps between two exchanges"),
            "integer",
            _("Only for several sites: how far each goes alone before they exchange."),
            required=False,
            initial="10",
        ),
    ]


def _offered(words: Mapping[str, Promise], names: list[str]) -> dict[str, Promise]:
    """Return those that this site's machines can do, in the order of the table."""
    return {name: said for name, said in words.items() if name in names}


def _require_offered(spec: specs.TrainingSpec) -> None:
    """Refuse what nobody here could execute: a vote must not end in a run that cannot begin."""
    for field, found, allowed in (
        ("method", spec.method, settings.RUN_METHODS),
        ("strategy", spec.strategy, settings.RUN_STRATEGIES),
    ):
        if found not in allowed:
            raise Invalid(
                "not_offered_here",
                "the machines of this site do not offer this",
                field=f"payload.spec.{field}",
                found=found,
                allowed=allowed,
            )


def _choice(name: str, label: str, words: Mapping[str, Promise], help_text: str) -> Field:
    """Return a question with one of a few answers; the first is what authors get who do not choose."""
    options = tuple((value, capfirst(str(said))) for value, said in words.items())
    return Field(name, label, "choice", help_text, initial=options[0][0], options=options)


def _topology(strategy: str, workers: int | str, local_steps: int | str) -> dict[str, Any] | None:
    """Return who takes part, from the answers that the strategy needs; the others are not looked at."""
    if strategy == "single":
        return None
    if strategy not in _EXCHANGES:
        return {"workers": workers}
    return {"workers": workers, "local_steps": local_steps, **_EXCHANGES[strategy]}


def _promises(payload: Mapping[str, Any]) -> list[dict[str, str]]:
    """Read what the update promises, turning its refusals into ours; nothing where it promises nothing."""
    try:
        return [promise.to_dict() for promise in promises.read(payload.get("promises", []), sorted(METRICS))]
    except promises.PromiseError as error:
        field = "payload.promises"
        raise Invalid("promise_invalid", str(error), field=field, found=error.found, allowed=error.allowed) from error


def _in_words(promise: promises.Promise) -> str:
    metric = METRICS.get(promise.metric)
    return f"{metric.label if metric else promise.metric} {_COMPARISONS[promise.comparator]} {promise.text}"


_COMPARISONS = {
    "at_most": gettext_lazy("at most"),
    "at_least": gettext_lazy("at least"),
    "not_below_parent": gettext_lazy("not below the parent version by more than"),
    "not_above_parent": gettext_lazy("not above the parent version by more than"),
}


def _parsed(payload: object) -> specs.TrainingSpec:
    """Read a specification, turning its refusals into ours."""
    if not isinstance(payload, Mapping):
        raise Malformed("malformed_field", "the specification is a JSON object", field="payload.spec")
    try:
        return specs.from_payload(payload)
    except specs.SpecError as error:
        raise _refusal(error) from error


def _require_marks(base: Version, template: str) -> None:
    """Refuse a format of turns that the base's tokenizer cannot write: its run could only fail."""
    missing = base_tokenizers.missing_marks(base, template)
    if missing:
        raise Invalid(
            "tokenizer_without_format",
            f"the tokenizer of {base} lacks {', '.join(missing)}, which {template} needs as special tokens",
            field="payload.spec.template",
            found=", ".join(missing),
            allowed=[name for name in specs.TEMPLATES if not base_tokenizers.missing_marks(base, name)],
        )


def _dataset(community: Community, use: specs.DatasetUse, objective: str) -> Dataset:
    """Return a dataset that may be learned from in this way."""
    dataset = Dataset.objects.included().filter(community=community, digest=use.digest, role="training").first()
    if dataset is None:
        raise Invalid(
            "dataset_not_included",
            "models learn only from datasets that a vote has included",
            field="payload.spec.datasets",
            found=use.digest,
        )
    require_standing_dataset(dataset, "payload.spec.datasets")
    foreign = sorted(set(use.languages) - set(dataset.languages))
    if foreign:
        raise Invalid(
            "unknown_language",
            "the dataset has no rows in this language",
            field="payload.spec.datasets",
            found=foreign,
            allowed=dataset.languages,
        )
    needed = specs.ROWS[objective]
    if dataset.kind != needed:
        raise Invalid(
            "rows_do_not_fit",
            f"{objective} learns from {needed} rows, and the dataset “{dataset.title}” has {dataset.kind} rows",
            field="payload.spec.objective",
            found=dataset.kind,
            allowed=needed,
        )
    return dataset


def _within_budget(spec: specs.TrainingSpec, datasets: list[Dataset]) -> None:
    records = {dataset.digest: dataset.records for dataset in datasets}
    sizes = {dataset.digest: dataset.size for dataset in datasets}
    try:
        specs.require_within_budget(spec, records, sizes)
    except specs.SpecError as error:
        raise _refusal(error) from error


def _refusal(error: specs.SpecError) -> Refusal:
    group = Malformed if error.code in _MALFORMED else Invalid
    field = f"payload.spec.{error.field}" if error.field else "payload.spec"
    return group(error.code, str(error), field=field, found=error.found, allowed=error.allowed)
