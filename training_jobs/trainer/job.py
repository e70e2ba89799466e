"""One training job, from the files in RUN_DIR to the artifact in RUN_DIR.

1. Read the specification. 2. Check that this machine is what it asks for, and hash every input again. 3. Turn rows into
a plan. 4. Load the model. 5. Go on from the newest checkpoint that verifies. 6. Train. 7. Write the artifact. 8.
Describe it, last of all.
"""

import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from governance.evidence.canonical import CanonicalError, digest, strict_loads
from training_jobs.spec import ROWS, SpecError, TrainingSpec, from_payload
from training_jobs.trainer import data, loop, model, outputs, preview
from training_jobs.trainer.bookkeeping import Bookkeeping
from training_jobs.trainer.chat import ChatFormat
from training_jobs.trainer.failures import STOPPED_EXIT, Failure, PermanentFailure, Stopped, recognise
from training_jobs.trainer.objectives import encode
from training_jobs.trainer.slice import Slice
from training_jobs.trainer.slice import read as read_slice
from training_jobs.trainer.strategies import STRATEGIES

SPEC_BYTES_MAX = 200_000


def run(run_dir: Path, should_stop: Callable[[], bool] = lambda: False) -> int:
    """Do the job and return the exit status; a failure that has a name becomes a `failed` event."""
    with outputs.Events(run_dir) as events:
        try:
            _run(run_dir, events, should_stop)
        except Stopped as stopped:
            events.emit("stopped", step=stopped.step)
            return STOPPED_EXIT
        except Exception as error:
            failure = error if isinstance(error, Failure) else recognise(error)
            if failure is None:
                raise
            sys.stderr.write(f"{failure}\n")
            outputs.remove_partial(run_dir)  # on a full disk, this makes room for the event
            events.emit("failed", code=failure.code, detail=failure.detail, permanent=failure.permanent)
            return failure.exit_status
    return 0


def _run(run_dir: Path, events: outputs.Events, should_stop: Callable[[], bool]) -> None:
    outputs.remove_partial(run_dir)
    spec = read_spec(run_dir / "spec.json")  # 1
    code_digest, environment = outputs.code_digest(), outputs.environment()
    require_machine(spec, code_digest, environment)  # 2
    base = run_dir / "inputs" / "base"
    require_base(base, spec)

    chat = ChatFormat(base / "tokenizer.json", spec.template)  # 3
    examples = read_examples(run_dir / "inputs" / "datasets", spec, chat)
    bounds = preview.read(run_dir)
    part = _slice(run_dir)
    chosen = STRATEGIES[spec.strategy] if bounds is None else preview.Alone
    strategy = chosen(spec, run_dir, should_stop)
    steps = strategy.steps(data.steps_total(examples, spec))
    last = steps if bounds is None else min(steps, bounds.steps)
    events.emit("started", step=0, steps=steps, records=len(examples), spec=spec.digest)

    loop.seed_everything(spec.seed)  # 4
    loaded = model.load(base, as_stored=spec.method == "qlora")
    chat.require_room(loaded.get_input_embeddings().num_embeddings)
    training = loop.Training(model.trainable(loaded, spec), spec, steps, strategy)

    identity = {"spec": spec.digest, "code_digest": code_digest, "environment": environment}
    with Bookkeeping(run_dir, training, events, identity, should_stop, part) as books:  # 5
        rest = islice(strategy.share(data.plan(examples, spec)), training.done, last)  # 6
        loop.train(training, data.batches(rest, chat.pad), books.on_step)
        meter, trace_sha256 = books.meter, books.trace.sha256()
        speed = meter.tokens_per_second()
    if strategy.rank > 0:  # the first process of a site writes what it leaves behind
        return

    files = outputs.write_artifact(run_dir, model.merged(training.model), base, chat)  # 7
    outputs.write_description(  # 8
        run_dir,
        {
            "files": files,
            "steps": last,
            "tokens": meter.tokens,
            "code_digest": code_digest,
            "environment": environment,
            "trace_sha256": trace_sha256,
            **({} if bounds is None else {"preview": True, "steps_total": steps}),
        },
    )
    events.emit("finished", step=last, steps=steps, loss=meter.last_loss, tokens=meter.tokens, tokens_per_second=speed)


def _slice(run_dir: Path) -> Slice | None:
    try:
        return read_slice(run_dir)
    except (ValueError, CanonicalError) as error:
        raise PermanentFailure("malformed_request", str(error)) from error


def read_spec(file: Path) -> TrainingSpec:
    """Read the specification; anything wrong with it is permanent, with the specification's own code."""
    try:
        return from_payload(strict_loads(file.read_bytes(), max_bytes=SPEC_BYTES_MAX))
    except FileNotFoundError as error:
        raise PermanentFailure("input_missing", "spec.json") from error
    except (SpecError, CanonicalError) as error:
        raise PermanentFailure(error.code, str(error)) from error


def read_examples(folder: Path, spec: TrainingSpec, chat: ChatFormat) -> list[data.Example]:
    """Read every dataset of the mixture, each as often as its weight says."""
    examples = []
    for use in spec.datasets:
        rows = data.read_rows(folder / f"{use.digest}.jsonl", use, ROWS[spec.objective])
        examples += encode(rows, spec, chat) * use.weight
    if not examples:
        raise PermanentFailure("nothing_to_learn", "no dataset has a row in the chosen languages")
    return examples


def require_machine(spec: TrainingSpec, code_digest: str, environment: dict[str, str]) -> None:
    """Check that the code and the environment are those that were voted on."""
    if spec.code not in {None, code_digest}:
        raise PermanentFailure("code_changed", f"the trainer here has the digest {code_digest}, not {spec.code}")
    found = digest(environment)
    if spec.environment not in {None, found}:
        raise PermanentFailure("environment_changed", f"the environment here is {found}, not {spec.environment}")


def require_base(base: Path, spec: TrainingSpec) -> None:
    """Check that the base folder is the one that was voted on, file by file."""
    if not base.is_dir():
        raise PermanentFailure("input_missing", f"the base model {spec.base.model}")
    found = outputs.manifest_sha256(base)
    if found != spec.base.manifest_sha256:
        raise PermanentFailure(
            "payload_changed", f"the base model has the manifest {found}, not {spec.base.manifest_sha256}"
        )
