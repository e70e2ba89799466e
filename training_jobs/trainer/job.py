"""One training job, from the files in RUN_DIR to the artifact in RUN_DIR.

1. Read the specification. 2. Hash every input again. 3. Train. 4. Write the artifact. 5. Describe it, last of all.
"""

import sys
import time
from pathlib import Path

from governance.evidence.canonical import CanonicalError, strict_loads
from training_jobs.spec import SpecError, TrainingSpec, from_payload
from training_jobs.trainer import data, loop, model, outputs
from training_jobs.trainer.failures import PERMANENT_EXIT, PermanentFailure
from training_jobs.trainer.strategies import STRATEGIES

SPEC_BYTES_MAX = 200_000


def run(run_dir: Path) -> int:
    """Do the job and return the exit status; a permanent failure becomes a `failed` event."""
    with outputs.Events(run_dir) as events:
        try:
            _run(run_dir, events)
        except PermanentFailure as failure:
            events.emit("failed", code=failure.code, detail=failure.detail, permanent=True)
            sys.stderr.write(f"{failure}\n")
            return PERMANENT_EXIT
    return 0


def _run(run_dir: Path, events: outputs.Events) -> None:
    spec = read_spec(run_dir / "spec.json")  # 1

    base = run_dir / "inputs" / "base"
    require_base(base, spec)  # 2
    chat = data.ChatFormat(base / "tokenizer.json")
    examples = [
        example
        for use in spec.datasets
        for example in data.encode(
            data.read_rows(run_dir / "inputs" / "datasets" / f"{use.digest}.jsonl", use), chat, spec.sequence_length
        )
    ]
    if not examples:
        raise PermanentFailure("nothing_to_learn", "no dataset has a row in the chosen languages")
    steps = data.steps_total(examples, spec)
    events.emit("started", step=0, steps=steps, records=len(examples), spec=spec.digest)

    loop.seed_everything(spec.seed)  # 3
    trained = model.trainable(model.load(base), spec)
    meter = Meter()
    with outputs.Trace(run_dir) as trace:

        def on_step(step: loop.Step) -> None:
            meter.add(step)
            trace.add(step)
            events.step(step, steps, meter.tokens_per_second)

        loop.train(trained, spec, data.batches(examples, spec, chat.pad), steps, STRATEGIES[spec.strategy](), on_step)
        speed = meter.tokens_per_second()
        trace_sha256 = trace.sha256()

    files = outputs.write_artifact(run_dir, model.merged(trained), base)  # 4
    outputs.write_description(  # 5
        run_dir,
        {
            "files": files,
            "steps": steps,
            "tokens": meter.tokens,
            "code_digest": outputs.code_digest(),
            "environment": outputs.environment(),
            "trace_sha256": trace_sha256,
        },
    )
    events.emit("finished", step=steps, steps=steps, loss=meter.last_loss, tokens=meter.tokens, tokens_per_second=speed)


def read_spec(file: Path) -> TrainingSpec:
    """Read the specification; anything wrong with it is permanent, with the specification's own code."""
    try:
        return from_payload(strict_loads(file.read_bytes(), max_bytes=SPEC_BYTES_MAX))
    except FileNotFoundError as error:
        raise PermanentFailure("input_missing", "spec.json") from error
    except (SpecError, CanonicalError) as error:
        raise PermanentFailure(error.code, str(error)) from error


def require_base(base: Path, spec: TrainingSpec) -> None:
    """Check that the base folder is the one that was voted on, file by file."""
    if not base.is_dir():
        raise PermanentFailure("input_missing", f"the base model {spec.base.model}")
    found = outputs.manifest_sha256(base)
    if found != spec.base.manifest_sha256:
        raise PermanentFailure(
            "payload_changed", f"the base model has the manifest {found}, not {spec.base.manifest_sha256}"
        )


class Meter:
    """Counts tokens and time."""

    def __init__(self) -> None:
        """Start the clock."""
        self.tokens = 0
        self.last_loss = ""
        self._started = time.monotonic()

    def add(self, step: loop.Step) -> None:
        """Count one step."""
        self.tokens += step.tokens
        self.last_loss = outputs.loss_text(step.loss)

    def tokens_per_second(self) -> int:
        """Return the mean speed since the start, in whole tokens."""
        return int(self.tokens / max(time.monotonic() - self._started, 0.001))
