"""The values of a specification, their names, and the one JSON form that gives the digest.

A dataclass default is what a payload means that leaves the key out; `to_dict` always writes every key, so one meaning
has one spelling. Decimals stay exact; whoever computes with them converts them.
"""

from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from governance.evidence.canonical import digest

SPEC_VERSION = 1

# supervised: question and answer, only the answer is learned; continued: plain text, every token is learned;
# preference: of two answers the chosen one (DPO, arXiv 2305.18290).
OBJECTIVES = ("supervised", "continued", "preference")
# Of each objective the kind of rows (`models_registry.datasets.kinds`) that it learns from.
ROWS = {"supervised": "dialogue", "continued": "text", "preference": "preference"}
METHODS = ("full", "lora", "qlora")
OPTIMIZERS = ("adamw",)
SCHEDULES = ("constant", "cosine")
PRECISIONS = ("float32", "bfloat16")  # bfloat16: autocast; the weights that are learned stay float32
# The names of training_jobs.trainer.strategies, without torch.
STRATEGIES = ("single", "ddp", "fsdp", "pipeline", "diloco", "dilocox")
AGGREGATIONS = ("mean", "trimmed_mean", "centred_clipping", "krum")
# Of the strategies, those whose workers compute alone for `local_steps` and then exchange.
EXCHANGING = ("diloco", "dilocox")
# Those whose workers are processes of one machine: one assignment, started by `training_jobs.trainer.site`.
ON_ONE_SITE = ("ddp", "fsdp", "pipeline")


@dataclass(frozen=True)
class BaseModel:
    """The exact version that training starts from."""

    model: str
    revision: str
    manifest_sha256: str


@dataclass(frozen=True)
class DatasetUse:
    """One dataset by its digest, the languages whose rows are used, and how often it is repeated in each epoch."""

    digest: str
    languages: tuple[str, ...]
    weight: int = 1


@dataclass(frozen=True)
class Lora:
    """Size and strength of a low-rank adapter."""

    rank: int
    alpha: int


@dataclass(frozen=True)
class Preference:
    """How strongly preference tuning holds on to the base model (beta of DPO, arXiv 2305.18290, equation 7)."""

    beta: Decimal


@dataclass(frozen=True)
class Topology:
    """How several workers share a run. Inside one site only the workers are said; the rest is of diloco and dilocox.

    `local_steps`: optimizer steps between two exchanges (H of DiLoCo, arXiv 2311.08105). `rank` (0: full), `bits`,
    `delay` and `adaptive` are the compression and the one-step delay of DiLoCoX (arXiv 2506.21263, sections 3.2, 3.3);
    one of `bits` is a sign alone.
    `stages`: into how many pipeline stages a site cuts the model, one for each of its devices (there too).
    """

    workers: int
    local_steps: int | None = None
    outer_learning_rate: Decimal | None = None
    outer_momentum: Decimal | None = None
    rank: int | None = None
    bits: int | None = None
    delay: int | None = None
    adaptive: bool | None = None
    aggregation: str | None = None
    stages: int | None = None


@dataclass(frozen=True)
class Money:
    """The most that a run may cost, in a currency by its ISO 4217 code."""

    amount: Decimal
    currency: str


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
    objective: str = "supervised"
    preference: Preference | None = None
    betas: tuple[Decimal, Decimal] = (Decimal("0.9"), Decimal("0.95"))
    epsilon: Decimal = Decimal("0.00000001")
    gradient_clip: Decimal | None = None
    accumulation: int = 1
    packing: bool = False
    template: str = "plain-turns"
    topology: Topology | None = None
    checkpoint_steps: int = 100
    environment: str | None = None
    code: str | None = None
    carbon_grams: int | None = None
    money: Money | None = None
    deadline_seconds: int | None = None

    @property
    def workers(self) -> int:
        """How many workers compute at the same time."""
        return 1 if self.topology is None else self.topology.workers

    @property
    def stages(self) -> int:
        """In how many processes each site of those that exchange holds the model."""
        return 1 if self.topology is None else self.topology.stages or 1

    @property
    def batches_at_once(self) -> int:
        """How many batches the workers learn from at the same time: in a pipeline all work on one."""
        return 1 if self.strategy == "pipeline" else self.workers

    def to_dict(self) -> dict[str, Any]:
        """Return the canonical JSON form, which `from_payload` reads back to an equal value."""
        flat: dict[str, Any] = plain(asdict(self))
        budget = {key: flat.pop(key) for key in ("device_seconds", "carbon_grams", "money")}
        evaluation = {"suite": flat.pop("suite")}
        return {"version": SPEC_VERSION, **flat, "evaluation": evaluation, "budget": budget}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical form: the name of this specification."""
        return digest(self.to_dict())


def plain(value: Any) -> Any:  # noqa: ANN401 - JSON in, JSON out
    """Return a value as JSON: decimals in their one spelling, tuples as lists."""
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def decimal_text(value: Decimal) -> str:
    """Return a decimal in its one plain spelling: no exponent, no trailing zeros, no negative zero."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
