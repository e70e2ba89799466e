"""A stand-in for the trainer and the evaluator of previews: what `tests.simulators.trainer` does, marked as a preview.

`python -m tests.simulators.preview_trainer RUN_DIR`. Its modes are those of the other stand-in, and: "nan" (the loss is
no number), "unmarked" (does not say that it is a preview), "too many steps", "other questions", "broken trace", "broken
samples", "samples lack answers", "loss is a number", "stubborn" (takes checkpoints and hangs), "link" (leaves a link).
"""

import json
import sys
import time
from pathlib import Path

from tests.simulators import trainer
from tests.simulators.trainer import say


def main(folder: Path) -> int:
    """Train or evaluate, depending on what is asked for."""
    mode = json.loads((folder / "inputs/base/config.json").read_text()).get("simulate", "")
    bounds = json.loads((folder / "preview.json").read_text())
    if (folder / "evaluation.json").exists():
        return evaluate(folder, mode)
    if mode == "nan":
        say(folder, event="failed", code="loss_not_finite", detail="the loss is nan", permanent=True)
        return 3
    if mode == "stubborn":
        (folder / "checkpoints" / "00000001").mkdir(parents=True)
        (folder / "checkpoints" / "00000001" / "weights.safetensors").write_bytes(b"weights")
        time.sleep(600)
    status = trainer.main(folder)
    if status != 0:
        return status
    steps = bounds["steps"] + 1 if mode == "too many steps" else bounds["steps"]
    said = json.loads((folder / "artifact.json").read_text())
    said |= {"steps": steps, "steps_total": 500} | ({} if mode == "unmarked" else {"preview": True})
    (folder / "artifact.json").write_text(json.dumps(said))
    loss = 1.5 if mode == "loss is a number" else "1.500000"
    trace = [{"step": step, "rows_sha256": "0" * 64, "tokens": 8, "loss": loss} for step in range(1, steps + 1)]
    text = "".join(json.dumps(line) + "\n" for line in trace)
    (folder / "trace.jsonl").write_text("{" if mode == "broken trace" else text)
    if mode == "link":
        (folder / "model.safetensors").symlink_to(folder / "artifact" / "model.safetensors")
        (folder / "hidden.bin").write_bytes(b"weights")
    return 0


def evaluate(folder: Path, mode: str) -> int:
    """Measure, and write two questions down with both answers."""
    trainer.evaluate(folder, mode if mode.startswith("report") else "")
    report = json.loads((folder / "report.json").read_text())
    if not isinstance(report, dict):
        return 0
    report |= {"preview": True, "samples_total": 20}
    if mode == "other questions":
        report["suite"] = "4" * 64
    (folder / "report.json").write_text(json.dumps(report))
    both = {"candidate": {"answer": "Dig <b>deep</b>.", "millibits": 1}, "parent": {"answer": "", "millibits": 9}}
    lines = [
        {"id": f"q{number}", "language": "en", "question": f"Where is well {number}?", "expected": "Here."}
        | ({} if mode == "samples lack answers" else both)
        for number in range(2)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "samples.jsonl").write_text("[]" if mode == "broken samples" else text)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
