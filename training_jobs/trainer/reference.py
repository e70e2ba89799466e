"""`python -m training_jobs.trainer.reference RUN_DIR KIND`: how many tokens a second one device learns from.

One fixed workload: a small transformer, written out here so that it never changes with a library's; forward, backward
and a step of plain gradient descent on the same tokens, again and again. RUN_DIR/reference.json gets the tokens per
second of each repeat, as whole numbers, and what it ran on. KIND is the kind of device, as the machine says hello:
`cuda`, or anything else for the processor. It takes seconds; the first steps, in which all is loaded, do not count.

Exit 0: the file is there. Exit 3: the device cannot be used.
"""

import hashlib
import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training_jobs.trainer.child import prepare_process

BENCHMARK = 1  # changes whenever the workload does
VOCABULARY, WIDTH, HEADS, LAYERS, LENGTH = 2_048, 256, 4, 3, 128
# As many rows at once as keep a device busy; what is done for a token is the same.
ROWS, ROWS_ON_CUDA = 8, 256
REPEATS, WARM_STEPS = 5, 2
SECONDS_PER_REPEAT = 1.0
STEPS_MAX = 100_000
SEED = 7
CANNOT = 3
OUTPUT = "reference.json"


def measure(kind: str) -> dict[str, Any]:
    """Return tokens per second of each repeat on the first device of a kind, and what it ran on."""
    import torch

    device = torch.device("cuda" if kind == "cuda" else "cpu")
    torch.manual_seed(SEED)
    rows = ROWS_ON_CUDA if kind == "cuda" else ROWS
    step, wait = _workload(device, rows)
    for _ in range(WARM_STEPS):
        step()
    wait()
    return {
        "benchmark": BENCHMARK,
        "device_kind": kind,
        "repeats": [_repeat(step, wait, rows * LENGTH) for _ in range(REPEATS)],
        "software": {
            "code": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
            "python": platform.python_version(),
            "torch": str(torch.__version__),
        },
    }


def _repeat(step: Callable[[], None], wait: Callable[[], None], tokens: int) -> int:
    """Return tokens per second over about SECONDS_PER_REPEAT."""
    began, steps = time.perf_counter(), 0
    while steps < STEPS_MAX and time.perf_counter() - began < SECONDS_PER_REPEAT:
        step()
        steps += 1
        wait()
    return max(1, int(steps * tokens / (time.perf_counter() - began)))


def _workload(device: Any, rows: int) -> tuple[Callable[[], None], Callable[[], None]]:  # noqa: ANN401 - torch's
    """Return what does one step of training, and what waits until the device is done."""
    import torch
    from torch.nn import functional

    shapes = {"qkv": (3 * WIDTH, WIDTH), "out": (WIDTH, WIDTH), "up": (4 * WIDTH, WIDTH), "down": (WIDTH, 4 * WIDTH)}
    layers = [
        {name: (torch.randn(shape, device=device) * 0.02).requires_grad_() for name, shape in shapes.items()}
        for _ in range(LAYERS)
    ]
    embedding = (torch.randn((VOCABULARY, WIDTH), device=device) * 0.02).requires_grad_()
    weights = [embedding, *(weight for layer in layers for weight in layer.values())]
    tokens = torch.randint(0, VOCABULARY, (rows, LENGTH + 1), device=device)

    def forward() -> Any:  # noqa: ANN401
        found = embedding[tokens[:, :-1]]
        for layer in layers:
            normed = functional.layer_norm(found, (WIDTH,))
            split = functional.linear(normed, layer["qkv"]).view(rows, LENGTH, 3, HEADS, WIDTH // HEADS)
            query, key, value = (part.transpose(1, 2) for part in split.unbind(2))
            seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            found = found + functional.linear(seen.transpose(1, 2).reshape(rows, LENGTH, WIDTH), layer["out"])
            wide = functional.gelu(functional.linear(functional.layer_norm(found, (WIDTH,)), layer["up"]))
            found = found + functional.linear(wide, layer["down"])
        scores = functional.linear(functional.layer_norm(found, (WIDTH,)), embedding)
        return functional.cross_entropy(scores.flatten(0, 1), tokens[:, 1:].flatten())

    def step() -> None:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            loss = forward()
        gradients = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.sub_(0.01 * gradient)

    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    return step, wait


def main(arguments: list[str]) -> int:
    """Settle the surroundings, measure, write it down."""
    if len(arguments) != 2:  # noqa: PLR2004 - the folder and the kind
        sys.stderr.write("usage: python -m training_jobs.trainer.reference RUN_DIR KIND\n")
        return 2
    prepare_process()
    folder, kind = Path(arguments[0]), arguments[1]
    try:
        found = measure(kind)
    except (RuntimeError, AssertionError, ImportError) as error:  # torch's ways to say that there is no such device
        sys.stderr.write(f"it cannot be measured: {error}\n")
        return CANNOT
    (folder / OUTPUT).write_text(json.dumps(found), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
