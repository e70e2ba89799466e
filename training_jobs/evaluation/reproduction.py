"""Put one question to a version and to the one before it, as anybody would who uses them; keep what they answer.

The first answer is the likeliest, the others are drawn with the seeds 1 to N - 1 at temperature 1, so that whoever asks
again gets the same. The question (`question`) is text and nothing else: it goes through the chat template that the
model was published with, and no part of it is run, looked up or fetched.
"""

from pathlib import Path
from typing import Any

from training_jobs.evaluation import question, report
from training_jobs.evaluation.question import Question
from training_jobs.serving.asked import NotAnswered
from training_jobs.serving.engine import Answer, Bounds, Engine
from training_jobs.trainer.failures import PermanentFailure
from training_jobs.trainer.outputs import Events

TOKENS_MAX = 256
SECONDS_OF_ONE = 120.0


def run(run_dir: Path, events: Events) -> None:
    """Ask both models and write report.json; a version that cannot be asked is a permanent failure."""
    wanted = question.read(run_dir)
    asked = {"version": run_dir / "artifact", "parent": run_dir / "inputs" / "base"}
    found: dict[str, Any] = {"tokens_max": TOKENS_MAX, "version": [], "parent": []}
    for who, folder in asked.items():
        try:
            found[who] = _answers(folder, wanted, who, events)
        except NotAnswered as error:
            if who == "version":
                raise PermanentFailure("question_not_answered", f"{error.code}: {error.message}") from error
            events.emit("not_asked", model=who, reason=error.code)
    report.write(run_dir, found)
    events.emit("evaluated", samples=len(found["version"]) + len(found["parent"]))


def _answers(folder: Path, wanted: Question, who: str, events: Events) -> list[dict[str, Any]]:
    """Return the answers of one model; `seed` is None for the likeliest."""
    engine, found = Engine(Bounds(models=1, seconds=SECONDS_OF_ONE)), []
    for number in range(wanted.answers):
        answer = Answer()
        asked = {
            "messages": [{"role": "user", "content": wanted.question}],
            "prompt": "",
            "max_tokens": TOKENS_MAX,
            "temperature": 1.0 if number else 0.0,
            "top_p": 1.0,
            "seed": number,
            "stop": [],
        }
        text = "".join(engine.answer(folder, asked, answer, lambda: True))
        ended = answer.finish_reason == "stop"
        found.append({"seed": number or None, "answer": text, "tokens": answer.completion_tokens, "ended": ended})
        events.emit("evaluating", model=who, samples=number + 1, samples_total=wanted.answers)
    return found
