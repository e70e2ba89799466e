"""The one parser from a proposal's payload to a specification."""

import re
from collections.abc import Mapping
from dataclasses import MISSING, fields
from decimal import Decimal
from typing import Any

from training_jobs.spec import shape
from training_jobs.spec.reading import (
    MODEL,
    SpecError,
    boolean,
    choice,
    decimal,
    digest_of,
    integer,
    name,
    refuse_dangerous_keys,
    require_keys,
)
from training_jobs.spec.shape import (
    BaseModel,
    DatasetUse,
    Lora,
    Money,
    Preference,
    Topology,
    TrainingSpec,
    plain,
)
from training_jobs.spec.templates import TEMPLATES

# No device takes more optimizer steps than this in a second; an epoch has at least one step. Together they bound the
# epochs before anybody knows how many records the datasets hold.
STEPS_PER_DEVICE_SECOND_MAX = 1_000

DEVICE_SECONDS_MAX = 7 * 24 * 3600
DEADLINE_SECONDS_MAX = 366 * 24 * 3600
CARBON_GRAMS_MAX = 10**9
MONEY_MAX = 10**9
MONEY_DECIMALS_MAX = 2
WARMUP_STEPS_MAX = 100_000
BATCH_SIZE_MAX = 4_096
ACCUMULATION_MAX = 1_024
SEQUENCE_LENGTH_MIN = 8
SEQUENCE_LENGTH_MAX = 8_192
GRADIENT_CLIP_MAX = 1_000
CHECKPOINT_STEPS_MAX = 100_000
BETA_MAX = 10
SEED_MAX = 2**32 - 1
LORA_RANK_MAX = 256
LORA_ALPHA_MAX = 1_024
DATASETS_MAX = 64
WEIGHT_MAX = 16
LANGUAGES_MAX = 32
WORKERS_MIN, WORKERS_MAX = 2, 64
LOCAL_STEPS_MAX = 1_000
STAGES_MAX = 64
OUTER_LEARNING_RATE_MAX = 10
TOPOLOGY_RANK_MAX = 1_024
BITS = (32, 8, 4, 1)
DELAYS = (0, 1)
# An aggregation that withstands f poisoned workers needs 2f + 3 of them (Krum, NeurIPS 2017, proposition 1); f is 1.
WITHSTANDING = ("trimmed_mean", "krum")
WITHSTANDING_WORKERS_MIN = 5

_REVISION = re.compile(r"[0-9a-f]{40}")
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_CURRENCY = re.compile(r"[A-Z]{3}")

_KEYS = (
    "version",
    "base",
    "datasets",
    "objective",
    "preference",
    "method",
    "lora",
    "optimizer",
    "learning_rate",
    "weight_decay",
    "betas",
    "epsilon",
    "gradient_clip",
    "schedule",
    "warmup_steps",
    "batch_size",
    "accumulation",
    "sequence_length",
    "packing",
    "epochs",
    "seed",
    "precision",
    "template",
    "strategy",
    "topology",
    "checkpoint_steps",
    "environment",
    "code",
    "evaluation",
    "output",
    "budget",
    "deadline_seconds",
)
_BUDGET_KEYS = ("device_seconds", "carbon_grams", "money")
_TOPOLOGY_KEYS = tuple(field.name for field in fields(Topology))

# What a payload means that leaves a key out.
DEFAULTS: dict[str, Any] = {"lora": None} | {
    field.name: plain(field.default)
    for field in fields(TrainingSpec)
    if field.default is not MISSING and field.name in _KEYS
}
_BUDGET_DEFAULTS = {"carbon_grams": None, "money": None}
# Outer rate and momentum as DiLoCo found them best (arXiv 2311.08105, section 3); nothing compressed, nothing delayed.
_EXCHANGE_DEFAULTS = {
    "outer_learning_rate": "0.7",
    "outer_momentum": "0.9",
    "rank": 0,
    "bits": 32,
    "delay": 0,
    "adaptive": False,
    "aggregation": "mean",
    "stages": 1,
}
# The parts of DiLoCoX that plain DiLoCo does not have.
_ONLY_DILOCOX = {"rank": 0, "delay": 0, "adaptive": False}


def from_payload(payload: Mapping[str, Any]) -> TrainingSpec:
    """Read a specification from parsed JSON, or raise SpecError with the first thing that is wrong.

    1. Dangerous keys are refused wherever they stand. 2. Keys must be those of version 1. 3. Fields are read one by
    one. 4. Parts must not contradict each other. 5. The work must be able to fit into the budget.
    """
    if not isinstance(payload, Mapping):
        raise SpecError("malformed_field", "", payload, "an object")
    refuse_dangerous_keys(payload)  # 1
    values = require_keys(payload, _KEYS, "", defaults=DEFAULTS)  # 2
    choice(values, "version", (shape.SPEC_VERSION,))  # 3
    spec = _read(values)
    _refuse_contradictions(spec)  # 4
    epochs_payable = spec.device_seconds * STEPS_PER_DEVICE_SECOND_MAX  # 5
    if spec.epochs > epochs_payable:
        raise SpecError("budget_exceeded", "epochs", spec.epochs, f"at most {epochs_payable} within the budget")
    return spec


def _read(values: Mapping[str, Any]) -> TrainingSpec:
    objective = choice(values, "objective", shape.OBJECTIVES)
    method = choice(values, "method", shape.METHODS)
    strategy = choice(values, "strategy", shape.STRATEGIES)
    budget = require_keys(values["budget"], _BUDGET_KEYS, "budget", defaults=_BUDGET_DEFAULTS)
    return TrainingSpec(
        base=_base(values["base"]),
        datasets=_datasets(values["datasets"]),
        objective=objective,
        preference=_preference(values["preference"], objective),
        method=method,
        lora=_lora(values["lora"], method),
        optimizer=choice(values, "optimizer", shape.OPTIMIZERS),
        learning_rate=decimal(values, "learning_rate", above=0, largest=1),
        weight_decay=decimal(values, "weight_decay", smallest=0, largest=1),
        betas=_betas(values["betas"]),
        epsilon=decimal(values, "epsilon", above=0, largest=1),
        gradient_clip=_gradient_clip(values),
        schedule=choice(values, "schedule", shape.SCHEDULES),
        warmup_steps=integer(values, "warmup_steps", 0, WARMUP_STEPS_MAX),
        batch_size=integer(values, "batch_size", 1, BATCH_SIZE_MAX),
        accumulation=integer(values, "accumulation", 1, ACCUMULATION_MAX),
        sequence_length=integer(values, "sequence_length", SEQUENCE_LENGTH_MIN, SEQUENCE_LENGTH_MAX),
        packing=boolean(values, "packing"),
        epochs=integer(values, "epochs", 1, None),
        seed=integer(values, "seed", 0, SEED_MAX),
        precision=choice(values, "precision", shape.PRECISIONS),
        template=choice(values, "template", tuple(TEMPLATES)),
        strategy=strategy,
        topology=_topology(values["topology"], strategy),
        checkpoint_steps=integer(values, "checkpoint_steps", 1, CHECKPOINT_STEPS_MAX),
        environment=_optional_digest(values, "environment"),
        code=_optional_digest(values, "code"),
        suite=_suite(values["evaluation"]),
        output=name(values["output"], "output", _SLUG, "lower-case letters, digits and hyphens, at most 64"),
        device_seconds=integer(budget, "device_seconds", 1, DEVICE_SECONDS_MAX, where="budget"),
        carbon_grams=_optional_integer(budget, "carbon_grams", CARBON_GRAMS_MAX, where="budget"),
        money=_money(budget["money"]),
        deadline_seconds=_optional_integer(values, "deadline_seconds", DEADLINE_SECONDS_MAX),
    )


def _refuse_contradictions(spec: TrainingSpec) -> None:
    """Refuse parts that are well-formed one by one and impossible together."""
    if spec.packing and spec.objective == "preference":
        raise SpecError("value_out_of_range", "packing", spec.packing, "false, because the objective is preference")
    if spec.strategy == "pipeline" and spec.objective == "preference":
        raise SpecError("value_out_of_range", "strategy", spec.strategy, "another, because the objective is preference")
    if spec.stages > 1 and spec.objective == "preference":
        raise SpecError("value_out_of_range", "topology.stages", spec.stages, "1, because the objective is preference")


def _base(value: object) -> BaseModel:
    base = require_keys(value, ("model", "revision", "manifest_sha256"), "base")
    revision = base["revision"]
    model = name(base["model"], "base.model", MODEL, "namespace/name in lower case")
    if not isinstance(revision, str) or not _REVISION.fullmatch(revision):
        raise SpecError("revision_not_pinned", "base.revision", revision, "a commit of 40 lower-case hex characters")
    return BaseModel(model, revision, digest_of(base["manifest_sha256"], "base.manifest_sha256"))


def _datasets(value: object) -> tuple[DatasetUse, ...]:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= DATASETS_MAX:
        raise SpecError("malformed_field", "datasets", value, f"a list of 1 to {DATASETS_MAX} datasets")
    uses = [_dataset(item, f"datasets[{index}]") for index, item in enumerate(value)]
    digests = [use.digest for use in uses]
    if len(set(digests)) != len(digests):
        raise SpecError("malformed_field", "datasets", digests, "each dataset once")
    # The order that people wrote them in means nothing, so it must not change the digest.
    return tuple(sorted(uses, key=lambda use: use.digest))


def _dataset(value: object, where: str) -> DatasetUse:
    use = require_keys(value, ("digest", "languages", "weight"), where, defaults={"weight": 1})
    return DatasetUse(
        digest=digest_of(use["digest"], f"{where}.digest"),
        languages=_languages(use["languages"], f"{where}.languages"),
        weight=integer(use, "weight", 1, WEIGHT_MAX, where=where),
    )


def _languages(value: object, field: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= LANGUAGES_MAX:
        raise SpecError("malformed_field", field, value, f"a list of 1 to {LANGUAGES_MAX} language codes")
    for language in value:
        if not isinstance(language, str) or not _LANGUAGE.fullmatch(language):
            raise SpecError("malformed_field", field, language, "a language code of two or three lower-case letters")
    return tuple(sorted(set(value)))


def _preference(value: object, objective: str) -> Preference | None:
    if objective != "preference":
        _require_null(value, "preference", "unless the objective is preference")
        return None
    preference = require_keys(value, ("beta",), "preference")
    return Preference(decimal(preference, "beta", above=0, largest=BETA_MAX, where="preference"))


def _lora(value: object, method: str) -> Lora | None:
    if method not in {"lora", "qlora"}:
        _require_null(value, "lora", "unless the method is lora or qlora")
        return None
    lora = require_keys(value, ("rank", "alpha"), "lora")
    return Lora(
        rank=integer(lora, "rank", 1, LORA_RANK_MAX, where="lora"),
        alpha=integer(lora, "alpha", 1, LORA_ALPHA_MAX, where="lora"),
    )


def _betas(value: object) -> tuple[Decimal, Decimal]:
    if not isinstance(value, list | tuple) or len(value) != 2:  # noqa: PLR2004 - Adam has two
        raise SpecError("malformed_field", "betas", value, "a list of two decimals")
    named = {f"betas[{index}]": item for index, item in enumerate(value)}
    first, second = (decimal(named, key, smallest=0, below=1) for key in named)
    return first, second


def _gradient_clip(values: Mapping[str, Any]) -> Decimal | None:
    if values["gradient_clip"] is None:
        return None
    return decimal(values, "gradient_clip", above=0, largest=GRADIENT_CLIP_MAX)


def _topology(value: object, strategy: str) -> Topology | None:
    """Read who takes part: nothing for one machine, workers inside one site, everything for those that exchange."""
    if strategy == "single":
        _require_null(value, "topology", "because the strategy is single")
        return None
    exchanging = strategy in shape.EXCHANGING
    absent = dict.fromkeys(_EXCHANGE_DEFAULTS) | {"local_steps": None}
    parts = require_keys(value, _TOPOLOGY_KEYS, "topology", defaults=_EXCHANGE_DEFAULTS if exchanging else absent)
    workers = integer(parts, "workers", WORKERS_MIN, WORKERS_MAX, where="topology")
    if not exchanging:
        for key in absent:
            _require_null(parts[key], f"topology.{key}", f"because the strategy is {strategy}")
        return Topology(workers)
    topology = Topology(
        workers=workers,
        local_steps=integer(parts, "local_steps", 1, LOCAL_STEPS_MAX, where="topology"),
        outer_learning_rate=decimal(
            parts, "outer_learning_rate", above=0, largest=OUTER_LEARNING_RATE_MAX, where="topology"
        ),
        outer_momentum=decimal(parts, "outer_momentum", smallest=0, below=1, where="topology"),
        rank=integer(parts, "rank", 0, TOPOLOGY_RANK_MAX, where="topology"),
        bits=choice(parts, "bits", BITS, where="topology"),
        delay=choice(parts, "delay", DELAYS, where="topology"),
        adaptive=boolean(parts, "adaptive", where="topology"),
        aggregation=choice(parts, "aggregation", shape.AGGREGATIONS, where="topology"),
        stages=integer(parts, "stages", 1, STAGES_MAX, where="topology"),
    )
    _refuse_contradicting_topology(topology, strategy)
    return topology


def _refuse_contradicting_topology(topology: Topology, strategy: str) -> None:
    if strategy == "diloco":
        for key, only in _ONLY_DILOCOX.items():
            if (found := getattr(topology, key)) != only:
                raise SpecError(
                    "value_out_of_range", f"topology.{key}", found, f"{only} unless the strategy is dilocox"
                )
    if topology.bits == 1 and topology.rank:
        raise SpecError("value_out_of_range", "topology.rank", topology.rank, "0, because bits is 1")
    if topology.aggregation in WITHSTANDING and topology.workers < WITHSTANDING_WORKERS_MIN:
        allowed = f"at least {WITHSTANDING_WORKERS_MIN}, because the aggregation is {topology.aggregation}"
        raise SpecError("value_out_of_range", "topology.workers", topology.workers, allowed)


def _suite(value: object) -> str:
    return digest_of(require_keys(value, ("suite",), "evaluation")["suite"], "evaluation.suite")


def _money(value: object) -> Money | None:
    if value is None:
        return None
    money = require_keys(value, ("amount", "currency"), "budget.money")
    amount = decimal(money, "amount", above=0, largest=MONEY_MAX, where="budget.money")
    if amount != round(amount, MONEY_DECIMALS_MAX):
        raise SpecError("malformed_field", "budget.money.amount", money["amount"], "at most two decimals")
    currency = name(money["currency"], "budget.money.currency", _CURRENCY, "an ISO 4217 code such as EUR")
    return Money(amount, currency)


def _optional_integer(values: Mapping[str, Any], key: str, largest: int, *, where: str = "") -> int | None:
    return None if values[key] is None else integer(values, key, 1, largest, where=where)


def _optional_digest(values: Mapping[str, Any], key: str) -> str | None:
    return None if values[key] is None else digest_of(values[key], key)


def _require_null(value: object, field: str, why: str) -> None:
    if value is not None:
        raise SpecError("value_out_of_range", field, value, f"null {why}")
