"""How much memory each device of a run needs at most, in bytes, from the shape of its base and its specification. Pure.

    needed = RUNTIME + numbers that stay + activations of one part + logits of one part

Numbers that stay, N trained ones in float32: weights, gradients and the two moments of AdamW, 16 N bytes (as counted in
ZeRO, arXiv 1910.02054, section 3.1, where mixed precision comes to the same 16). With lora the base is frozen (4 N) and
only the adapters are trained, on every linear layer: rank x (inputs + outputs) numbers each (arXiv 2106.09685, section
4.1). With qlora the linear layers are held in 4.13 bits (arXiv 2305.14314, section 3; `trainer.nf4`), and one at a time
is whole while it is multiplied. Autocast to bfloat16 keeps a second copy of what it multiplies, 2 bytes each.
Preference tuning of all weights compares with a frozen copy (4 N); an adapter is its own base.

ddp adds the sums of gradients that travel (8 N). fsdp shards all of it over the workers, but for one layer and what
stands outside of the layers, which are whole with their gradients. A pipeline cuts the layers into stages; the first
and the last hold what stands outside. diloco and dilocox hold the global weights, their momentum, where a round began
and what compression left unsaid, and take up one update of each member while they average: in main memory, which is a
device's own where the device is a processor.

Activations that a layer keeps for its backward pass: 34 bytes x hidden size for each token in 16 bits where the inner
size is four times the hidden one (arXiv 2205.05198, equation 1); here in float32, for any inner size, and with what
the backward pass itself takes: `_KEPT_OF_HIDDEN` and `_KEPT_OF_INNER` numbers, as measured. An adapter keeps about as
much as its layer reads and writes. The scores of attention (length x heads for each token) are kept only where the
family drops some of them at random; torch's own attention makes them again otherwise. Packing adds a mask of length x
length to each row. The logits stand several times: as computed, in float32, their logarithms and their gradients.

What is not counted: scores where a family has an attention of its own that keeps them, experts of one layer that see
the same token, and the main memory in which a model is read (whole and in float32, also with qlora) and a checkpoint
gathered. An estimate places a run; where it was too low, the attempt ends with `out_of_memory`, and the request asks
for more (`commons.memory`). `tests/integration/test_memory_needed.py` holds it against trainings that were measured:
on a processor it was 1.0 to 1.7 times what they took beyond RUNTIME. No GPU was at hand.
"""

from dataclasses import dataclass
from typing import Final

from training_jobs.spec.shape import EXCHANGING, TrainingSpec

MIB: Final = 2**20
# Python, torch and its threads, tokenizer and rows; on a GPU its driver's context and the workspaces of its kernels.
RUNTIME: Final = 768 * MIB
FLOAT: Final = 4  # bytes
_TRAINED: Final = 4 * FLOAT  # weight, gradient, two moments
_BFLOAT: Final = 2
_KEPT_IN_BFLOAT: Final = 3  # bytes of a number that is kept: products in bfloat16, norms and losses in float32
_PACKED_PERMILLE_OF_BYTE: Final = 517  # 4.13 bits
_WHOLE_ONE: Final = 3 * FLOAT  # a packed weight while it is made whole: table places, numbers, their transpose
_KEPT_OF_HIDDEN: Final = 20
_KEPT_OF_INNER: Final = 8
_SCORES: Final = 3  # as computed, as shares, and which of them were dropped
_LOGITS: Final = 5  # numbers for each token and word
_MEETING: Final = 2 * FLOAT  # of ddp: a gradient on its way, and its average
_OUTER: Final = 5 * FLOAT  # global weight, momentum, start, error, the average of a round


@dataclass(frozen=True)
class BaseShape:
    """How large a base model is: numbers counted from the headers of its weights, sizes from its config.json.

    `outside`: numbers that stand in no layer (embeddings, output head). `linear`: those of the layers' linear weights;
    `sides`: the sum of inputs and outputs of these; `largest`: numbers of the largest of them. `dropping`: the heads of
    a layer's attention that drops scores at random in training; 0 where it drops none.
    """

    parameters: int
    outside: int
    linear: int
    sides: int
    largest: int
    hidden: int
    inner: int
    layers: int
    vocabulary: int
    dropping: int = 0


def of_device(base: BaseShape, spec: TrainingSpec) -> int:
    """Return the bytes that each device of a run needs; where they differ, those of the one that needs most."""
    return RUNTIME + _staying(base, spec) + _activations(base, spec) + _logits(base, spec)


def _staying(base: BaseShape, spec: TrainingSpec) -> int:
    """Return the bytes of what stays from step to step on one device."""
    stages = _stages(spec)
    held = _ceiling(_in_layers(base, spec), stages) + _of_numbers(base.outside, spec)
    if spec.strategy == "fsdp":
        held = _ceiling(held, spec.workers) + 2 * FLOAT * (base.outside + _ceiling(_inside(base), base.layers))
    if spec.method == "qlora":
        held += _WHOLE_ONE * base.largest
    return held


def _in_layers(base: BaseShape, spec: TrainingSpec) -> int:
    """Return the bytes of all layers: their own numbers and their adapters'."""
    if spec.lora is None:
        return _of_numbers(_inside(base), spec)
    adapters = spec.lora.rank * base.sides
    frozen = FLOAT * _inside(base)
    if spec.method == "qlora":
        frozen -= FLOAT * base.linear - _ceiling(base.linear * _PACKED_PERMILLE_OF_BYTE, 1_000)
    elif spec.precision == "bfloat16":
        frozen += _BFLOAT * base.linear
    return frozen + adapters * (_TRAINED + _shared(spec))


def _of_numbers(count: int, spec: TrainingSpec) -> int:
    """Return the bytes of numbers of the base itself: trained with all that belongs to them, or frozen."""
    cast = _BFLOAT if spec.precision == "bfloat16" else 0
    if spec.lora is not None:
        return count * (FLOAT + cast)
    reference = FLOAT if spec.objective == "preference" else 0
    return count * (_TRAINED + cast + reference + _shared(spec))


def _shared(spec: TrainingSpec) -> int:
    """Return the bytes for each trained number that working together takes."""
    if spec.strategy in EXCHANGING:
        return _OUTER
    return _MEETING if spec.strategy == "ddp" else 0


def _activations(base: BaseShape, spec: TrainingSpec) -> int:
    """Return the bytes that the layers of one device keep for the backward pass of one part."""
    of_layer = _KEPT_OF_HIDDEN * base.hidden + _KEPT_OF_INNER * base.inner
    of_layer += _SCORES * base.dropping * spec.sequence_length
    of_token = of_layer * base.layers + (base.sides if spec.lora is not None else 0)
    mask = spec.batch_size * spec.sequence_length**2 if spec.packing else 0
    kept = _KEPT_IN_BFLOAT if spec.precision == "bfloat16" else FLOAT
    return _ceiling(_tokens(spec) * of_token * kept, _stages(spec)) + FLOAT * mask


def _logits(base: BaseShape, spec: TrainingSpec) -> int:
    return FLOAT * _LOGITS * _tokens(spec) * base.vocabulary


def _stages(spec: TrainingSpec) -> int:
    """Return into how many devices the layers are cut."""
    return spec.workers if spec.strategy == "pipeline" else spec.stages


def _tokens(spec: TrainingSpec) -> int:
    """Return the tokens of what goes through the model at once; of preference tuning two answers to each question."""
    answers = 2 if spec.objective == "preference" else 1
    return answers * spec.batch_size * spec.sequence_length


def _inside(base: BaseShape) -> int:
    return base.parameters - base.outside


def _ceiling(amount: int, unit: int) -> int:
    return -(-amount // unit)
