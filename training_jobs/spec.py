"""The training specification: everything that determines a training run, frozen, checked, and named by its digest.

Holds the one parser from a proposal's payload to a `TrainingSpec`, and the estimate of what a run costs. Pure: standard
library and `governance.evidence` only. It does not know whether the base or the datasets exist; who executes the
proposal looks that up. What follows is refused, because a vote must settle all of it: keys that are not understood,
values that point outside (paths, addresses), code to be run, inputs that can change after the vote, and work nobody
could pay.

Error codes (`SpecError.code`):

    spec_forbidden_key   a key that would load code: trust_remote_code, auto_map, *attn_implementation*, custom_*
    path_forbidden       a path where a name belongs, or any key that names an output folder or a path
    url_forbidden        an address where a digest or a name belongs, or any key that names one
    spec_unknown_key     a key this version of the specification does not have
    revision_not_pinned  a base revision that is not a commit of 40 hex characters
    malformed_field      a value of the wrong type or form, or one that is missing
    value_out_of_range   a well-formed value outside what is allowed, such as an optimizer that is not offered
    budget_exceeded      more work than the approved budget pays for

Wrong in several ways, a payload gets the first of: dangerous keys anywhere, unknown or missing keys, fields in order.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from governance.evidence.canonical import digest

SPEC_VERSION = 1

METHODS = ("full", "lora")
OPTIMIZERS = ("adamw",)
SCHEDULES = ("constant", "cosine")
PRECISIONS = ("float32",)
STRATEGIES = ("single",)  # the same names as training_jobs.trainer.strategies.STRATEGIES, without importing torch

# What the estimate assumes of one device-second (one second of a two-core machine). The estimate is an upper bound in
# tokens, and this constant is a lower bound in speed, so that an approved budget is enough on a busy machine too.
TOKENS_PER_DEVICE_SECOND = 2_500
# No device takes more optimizer steps than this in a second; an epoch has at least one step. Together they bound the
# epochs before anybody knows how many records the datasets hold.
STEPS_PER_DEVICE_SECOND_MAX = 1_000

DEVICE_SECONDS_MAX = 7 * 24 * 3600
LEARNING_RATE_MAX = Decimal(1)
WEIGHT_DECAY_MAX = Decimal(1)
WARMUP_STEPS_MAX = 100_000
BATCH_SIZE_MAX = 4_096
SEQUENCE_LENGTH_MIN = 8
SEQUENCE_LENGTH_MAX = 8_192
SEED_MAX = 2**32 - 1
LORA_RANK_MAX = 256
LORA_ALPHA_MAX = 1_024
DATASETS_MAX = 64
FOUND_CHARACTERS_MAX = 80
LANGUAGES_MAX = 32

_DIGEST = re.compile(r"[0-9a-f]{64}")
_REVISION = re.compile(r"[0-9a-f]{40}")
_MODEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}/[a-z0-9][a-z0-9._-]{0,63}")
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_DECIMAL = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,18})?")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)

_CODE_KEYS = re.compile(r"trust_remote_code|auto_map|.*attn_implementation.*|custom_.*|.*code_revision", re.IGNORECASE)
_PATH_KEYS = re.compile(r"output_dir|output_path|.*_dir|.*_path|path|dir|directory|folder", re.IGNORECASE)
_URL_KEYS = re.compile(r"ur[li]|.*_ur[li]|endpoint", re.IGNORECASE)

_KEYS = (
    "version",
    "base",
    "datasets",
    "method",
    "lora",
    "optimizer",
    "learning_rate",
    "weight_decay",
    "schedule",
    "warmup_steps",
    "batch_size",
    "sequence_length",
    "epochs",
    "seed",
    "precision",
    "strategy",
    "evaluation",
    "output",
    "budget",
)


class SpecError(ValueError):
    """A specification that is refused: `code` is stable, `field` says where, `found` and `allowed` say why."""

    def __init__(self, code: str, field: str, found: object, allowed: str) -> None:
        """Keep the four parts; `found` is shortened, because it comes from a stranger."""
        self.code = code
        self.field = field
        self.found = _shown(found)
        self.allowed = allowed
        super().__init__(f"{code}: {field or 'the specification'} is {self.found}; allowed: {allowed}")


@dataclass(frozen=True)
class BaseModel:
    """The exact version that training starts from."""

    model: str
    revision: str
    manifest_sha256: str


@dataclass(frozen=True)
class DatasetUse:
    """One dataset by its digest, and the languages whose rows are used."""

    digest: str
    languages: tuple[str, ...]


@dataclass(frozen=True)
class Lora:
    """Size and strength of a low-rank adapter."""

    rank: int
    alpha: int


@dataclass(frozen=True)
class TrainingSpec:
    """All that determines a run: equal specifications give equal weights on machines of one class."""

    base: BaseModel
    datasets: tuple[DatasetUse, ...]
    method: str
    lora: Lora | None
    optimizer: str
    learning_rate: Decimal
    weight_decay: Decimal
    schedule: str
    warmup_steps: int
    batch_size: int
    sequence_length: int
    epochs: int
    seed: int
    precision: str
    strategy: str
    suite: str
    output: str
    device_seconds: int

    def to_dict(self) -> dict[str, Any]:
        """Return the canonical JSON form, which `from_payload` reads back to an equal value."""
        return {
            "version": SPEC_VERSION,
            "base": {
                "model": self.base.model,
                "revision": self.base.revision,
                "manifest_sha256": self.base.manifest_sha256,
            },
            "datasets": [{"digest": use.digest, "languages": list(use.languages)} for use in self.datasets],
            "method": self.method,
            "lora": None if self.lora is None else {"rank": self.lora.rank, "alpha": self.lora.alpha},
            "optimizer": self.optimizer,
            "learning_rate": decimal_text(self.learning_rate),
            "weight_decay": decimal_text(self.weight_decay),
            "schedule": self.schedule,
            "warmup_steps": self.warmup_steps,
            "batch_size": self.batch_size,
            "sequence_length": self.sequence_length,
            "epochs": self.epochs,
            "seed": self.seed,
            "precision": self.precision,
            "strategy": self.strategy,
            "evaluation": {"suite": self.suite},
            "output": self.output,
            "budget": {"device_seconds": self.device_seconds},
        }

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical form: the name of this specification."""
        return digest(self.to_dict())


@dataclass(frozen=True)
class Estimate:
    """An upper bound of what a run does and takes, before it starts."""

    steps: int
    tokens: int
    device_seconds: int


def from_payload(payload: Mapping[str, Any]) -> TrainingSpec:
    """Read a specification from parsed JSON, or raise SpecError with the first thing that is wrong.

    1. Dangerous keys are refused wherever they stand. 2. Keys must be exactly those of version 1. 3. Fields are read
    one by one. 4. The work must be able to fit into the budget.
    """
    if not isinstance(payload, Mapping):
        raise SpecError("malformed_field", "", payload, "an object")
    _refuse_dangerous_keys(payload, "")  # 1
    _require_keys(payload, _KEYS, "", optional=("lora",))  # 2
    _choice(payload, "version", (SPEC_VERSION,))  # 3
    method = _choice(payload, "method", METHODS)
    spec = TrainingSpec(
        base=_base(payload["base"]),
        datasets=_datasets(payload["datasets"]),
        method=method,
        lora=_lora(payload.get("lora"), method),
        optimizer=_choice(payload, "optimizer", OPTIMIZERS),
        learning_rate=_decimal(payload, "learning_rate", above_zero=True, largest=LEARNING_RATE_MAX),
        weight_decay=_decimal(payload, "weight_decay", above_zero=False, largest=WEIGHT_DECAY_MAX),
        schedule=_choice(payload, "schedule", SCHEDULES),
        warmup_steps=_integer(payload, "warmup_steps", 0, WARMUP_STEPS_MAX),
        batch_size=_integer(payload, "batch_size", 1, BATCH_SIZE_MAX),
        sequence_length=_integer(payload, "sequence_length", SEQUENCE_LENGTH_MIN, SEQUENCE_LENGTH_MAX),
        epochs=_integer(payload, "epochs", 1, None),
        seed=_integer(payload, "seed", 0, SEED_MAX),
        precision=_choice(payload, "precision", PRECISIONS),
        strategy=_choice(payload, "strategy", STRATEGIES),
        suite=_suite(payload["evaluation"]),
        output=_name(payload["output"], "output", _SLUG, "lower-case letters, digits and hyphens, at most 64"),
        device_seconds=_budget(payload["budget"]),
    )
    epochs_payable = spec.device_seconds * STEPS_PER_DEVICE_SECOND_MAX  # 4
    if spec.epochs > epochs_payable:
        raise SpecError("budget_exceeded", "epochs", spec.epochs, f"at most {epochs_payable} within the budget")
    return spec


def estimate(spec: TrainingSpec, records_by_digest: Mapping[str, int]) -> Estimate:
    """Return an upper bound of steps, tokens and device-seconds, from the number of records in each dataset.

    Every record is counted, whatever its language, and every sequence at full length. A dataset without a count raises
    KeyError: absent data never becomes zero.
    """
    records = sum(records_by_digest[use.digest] for use in spec.datasets)
    steps = spec.epochs * _ceiling(records, spec.batch_size)
    tokens = spec.epochs * records * spec.sequence_length
    return Estimate(steps, tokens, _ceiling(tokens, TOKENS_PER_DEVICE_SECOND))


def require_within_budget(spec: TrainingSpec, records_by_digest: Mapping[str, int]) -> Estimate:
    """Return the estimate, or raise SpecError `budget_exceeded` when the budget does not cover it."""
    needed = estimate(spec, records_by_digest)
    if needed.device_seconds > spec.device_seconds:
        raise SpecError(
            "budget_exceeded",
            "budget.device_seconds",
            spec.device_seconds,
            f"at least {needed.device_seconds} for {needed.steps} steps",
        )
    return needed


def decimal_text(value: Decimal) -> str:
    """Return a decimal in its one plain spelling: no exponent, no trailing zeros, no negative zero."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _refuse_dangerous_keys(value: object, where: str) -> None:
    """Walk the whole payload: a dangerous key is named as such even where no key would be expected."""
    for key, item, field in _children(value, where):
        if isinstance(key, str):
            if _CODE_KEYS.fullmatch(key):
                raise SpecError("spec_forbidden_key", field, item, "no key that loads or runs code")
            if _URL_KEYS.fullmatch(key):
                raise SpecError("url_forbidden", field, item, "inputs are named by digest, never by address")
            if _PATH_KEYS.fullmatch(key):
                raise SpecError("path_forbidden", field, item, "outputs are named, never placed")
        _refuse_dangerous_keys(item, field)


def _children(value: object, where: str) -> Iterator[tuple[object, object, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield key, item, f"{where}.{_shown(key)}" if where else _shown(key)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield None, item, f"{where}[{index}]"


def _require_keys(value: object, keys: Sequence[str], where: str, optional: Sequence[str] = ()) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise SpecError("malformed_field", where, value, "an object")
    for key in value:
        if key not in keys:
            field = f"{where}.{_shown(key)}" if where else _shown(key)
            raise SpecError("spec_unknown_key", field, key, f"only {', '.join(keys)}")
    for key in keys:
        if key not in value and key not in optional:
            raise SpecError("malformed_field", f"{where}.{key}" if where else key, "missing", "a value")
    return value


def _base(value: object) -> BaseModel:
    base = _require_keys(value, ("model", "revision", "manifest_sha256"), "base")
    revision = base["revision"]
    model = _name(base["model"], "base.model", _MODEL, "namespace/name in lower case")
    if not isinstance(revision, str) or not _REVISION.fullmatch(revision):
        raise SpecError("revision_not_pinned", "base.revision", revision, "a commit of 40 lower-case hex characters")
    return BaseModel(model, revision, _digest(base["manifest_sha256"], "base.manifest_sha256"))


def _datasets(value: object) -> tuple[DatasetUse, ...]:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= DATASETS_MAX:
        raise SpecError("malformed_field", "datasets", value, f"a list of 1 to {DATASETS_MAX} datasets")
    uses = []
    for index, item in enumerate(value):
        where = f"datasets[{index}]"
        use = _require_keys(item, ("digest", "languages"), where)
        uses.append(DatasetUse(_digest(use["digest"], f"{where}.digest"), _languages(use["languages"], where)))
    digests = [use.digest for use in uses]
    if len(set(digests)) != len(digests):
        raise SpecError("malformed_field", "datasets", digests, "each dataset once")
    # The order that people wrote them in means nothing, so it must not change the digest.
    return tuple(sorted(uses, key=lambda use: use.digest))


def _languages(value: object, where: str) -> tuple[str, ...]:
    field = f"{where}.languages"
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= LANGUAGES_MAX:
        raise SpecError("malformed_field", field, value, f"a list of 1 to {LANGUAGES_MAX} language codes")
    for language in value:
        if not isinstance(language, str) or not _LANGUAGE.fullmatch(language):
            raise SpecError("malformed_field", field, language, "a language code of two or three lower-case letters")
    return tuple(sorted(set(value)))


def _lora(value: object, method: str) -> Lora | None:
    if method != "lora":
        if value is not None:
            raise SpecError("value_out_of_range", "lora", value, "null unless the method is lora")
        return None
    lora = _require_keys(value, ("rank", "alpha"), "lora")
    return Lora(
        rank=_integer(lora, "rank", 1, LORA_RANK_MAX, where="lora.rank"),
        alpha=_integer(lora, "alpha", 1, LORA_ALPHA_MAX, where="lora.alpha"),
    )


def _suite(value: object) -> str:
    return _digest(_require_keys(value, ("suite",), "evaluation")["suite"], "evaluation.suite")


def _budget(value: object) -> int:
    budget = _require_keys(value, ("device_seconds",), "budget")
    return _integer(budget, "device_seconds", 1, DEVICE_SECONDS_MAX, where="budget.device_seconds")


def _choice(payload: Mapping[str, Any], field: str, allowed: Sequence[Any]) -> Any:  # noqa: ANN401 - text or integer
    value = payload[field]
    if isinstance(value, bool) or type(value) is not type(allowed[0]):
        raise SpecError("malformed_field", field, value, f"one of {', '.join(map(str, allowed))}")
    if value not in allowed:
        raise SpecError("value_out_of_range", field, value, f"one of {', '.join(map(str, allowed))}")
    return value


def _integer(
    payload: Mapping[str, Any], field: str, smallest: int, largest: int | None, *, where: str | None = None
) -> int:
    """Read an integer. Booleans and whole decimals are not integers here: one spelling, one digest."""
    value = payload[field]
    where = where or field
    if type(value) is not int:
        raise SpecError("malformed_field", where, value, "an integer")
    if value < smallest or (largest is not None and value > largest):
        allowed = f"{smallest} to {largest}" if largest is not None else f"at least {smallest}"
        raise SpecError("value_out_of_range", where, value, allowed)
    return value


def _decimal(payload: Mapping[str, Any], field: str, *, above_zero: bool, largest: Decimal) -> Decimal:
    """Read a decimal from plain text or a parsed JSON number; a float has already lost digits, so it is refused."""
    value = payload[field]
    number = Decimal(value) if type(value) is int else value
    if isinstance(number, Decimal):
        # Bounded before it is spelled out: 1e400 in plain digits is a long text.
        plain = number.is_finite() and -18 <= number.adjusted() <= 12  # noqa: PLR2004 - the digits that _DECIMAL allows
        text = decimal_text(number) if plain or number == 0 else ""
    else:
        text = value if isinstance(value, str) else ""
    if not _DECIMAL.fullmatch(text):
        raise SpecError("malformed_field", field, value, "a plain decimal such as 0.003, as text or a JSON number")
    result = Decimal(decimal_text(Decimal(text)))
    if result < 0 or result > largest or (above_zero and result == 0):
        raise SpecError("value_out_of_range", field, value, f"{'above' if above_zero else 'from'} 0 to {largest}")
    return result


def _digest(value: object, field: str) -> str:
    return _name(value, field, _DIGEST, "a SHA-256 of 64 lower-case hex characters")


def _name(value: object, field: str, pattern: re.Pattern[str], allowed: str) -> str:
    """Read a name or digest; say so when somebody wrote an address or a path instead."""
    if isinstance(value, str) and pattern.fullmatch(value) and ".." not in value:
        return value
    if isinstance(value, str):
        if _SCHEME.match(value) or "://" in value:
            raise SpecError("url_forbidden", field, value, allowed)
        slashes_allowed = 1 if pattern is _MODEL else 0
        if ".." in value or "\\" in value or value.startswith(("/", ".", "~")) or value.count("/") > slashes_allowed:
            raise SpecError("path_forbidden", field, value, allowed)
    raise SpecError("malformed_field", field, value, allowed)


def _ceiling(amount: int, unit: int) -> int:
    return -(-amount // unit)


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= FOUND_CHARACTERS_MAX else f"{text[:FOUND_CHARACTERS_MAX]}…"
