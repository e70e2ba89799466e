"""The question of an incident on its way to the models that are asked: RUN_DIR/incident.json, written and read.

{"question": text, "answers": N}. The platform writes it; in the folder of any other evaluation there is none.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads
from training_jobs.trainer.failures import PermanentFailure

FILE = "incident.json"
BYTES_MAX = 100_000
ANSWERS_MAX = 100


@dataclass(frozen=True)
class Question:
    """What is asked, and how many answers are wanted."""

    question: str
    answers: int


def is_asked(run_dir: Path) -> bool:
    """Say whether a question is to be put in this folder, and nothing measured."""
    return (run_dir / FILE).exists()


def write(run_dir: Path, asked: Question) -> None:
    """Write the file."""
    (run_dir / FILE).write_bytes(canonical_bytes(asdict(asked)))


def read(run_dir: Path) -> Question:
    """Return what is asked; PermanentFailure for a file of another form."""
    try:
        said = strict_loads((run_dir / FILE).read_bytes(), max_bytes=BYTES_MAX)
    except CanonicalError as error:
        raise PermanentFailure(error.code, f"{FILE}: {error.detail}") from error
    if not isinstance(said, dict) or set(said) != {"question", "answers"}:
        raise PermanentFailure("malformed_request", f"{FILE} has exactly the keys question and answers")
    question, count = said["question"], said["answers"]
    if not isinstance(question, str) or not question or type(count) is not int or not 1 <= count <= ANSWERS_MAX:
        raise PermanentFailure("malformed_request", f"{FILE}: a question, and 1 to {ANSWERS_MAX} answers")
    return Question(question, count)
