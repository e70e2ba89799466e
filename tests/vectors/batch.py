"""Asks a peer script many questions at once: one node process, one JSON line for each question and each answer."""

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def ask_all(script: str, questions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the answers of a script of this folder, in the order of the questions."""
    lines = [json.dumps(question) for question in questions]
    finished = subprocess.run(
        ["node", str(Path(__file__).with_name(script))],
        input="\n".join(lines).encode(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    answers = [json.loads(line) for line in finished.stdout.splitlines()]  # bytes: text has other line ends too
    assert len(answers) == len(lines)
    return answers
