"""A machine that speaks the runner protocol by hand, for tests: what a bot sends, and whatever else somebody might."""

import hashlib
import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import Client

from models_registry.provenance import manifest
from tests.simulators import tiny_model
from training_jobs.models import Attempt, Run, RunEvent, Runner, RunnerToken

HELLO = {
    "devices": [{"kind": "cpu", "name": "a laptop", "memory_bytes": 8 * 2**30}],
    "cpus": 4,
    "memory_bytes": 8 * 2**30,
    "speed_tokens_per_second": 1_000,
    "isolation": "bubblewrap",
    "protocol": 1,
}


class Machine:
    """A client with a token in its header."""

    def __init__(self, token: str) -> None:
        self.http = Client(headers={"Authorization": f"Bearer {token}"})

    def post(self, path: str, body: Any = None, **extra: Any) -> Any:
        content = body if isinstance(body, bytes | str) else json.dumps(body if body is not None else {})
        return self.http.post(f"/api/v1/runner/{path}", content, content_type="application/json", **extra)

    def get(self, path: str, **headers: str) -> Any:
        return self.http.get(f"/api/v1/runner/{path}", headers=headers)

    def claim(self, run: Run) -> dict[str, Any]:
        answer = self.post(f"runs/{run.pk}/claim")
        assert answer.status_code == 200, answer.content
        return answer.json()

    def put(self, run: Run, fence: int, data: bytes, sha256: str = "", content_range: str = "", **extra: Any) -> Any:
        name = sha256 or hashlib.sha256(data).hexdigest()
        header = content_range or f"bytes 0-{len(data) - 1}/{len(data)}"
        return self.http.put(
            f"/api/v1/runner/runs/{run.pk}/uploads/{name}?fence={fence}",
            data,
            content_type=extra.pop("content_type", "application/octet-stream"),
            headers={"Content-Range": header, **extra},
        )

    def upload(self, run: Run, fence: int, folder: Path) -> dict[str, Any]:
        """Send every file of a folder whole; return what a trainer would say of it."""
        for path in sorted(folder.iterdir()):
            answer = self.put(run, fence, path.read_bytes())
            assert answer.status_code == 201, answer.content
        return description(folder)


def description(folder: Path) -> dict[str, Any]:
    """Return the artifact.json of a folder."""
    return {
        "files": manifest.build(folder)["files"],
        "steps": 2,
        "tokens": 64,
        "code_digest": "1" * 64,
        "environment": {"python": "3.11"},
        "trace_sha256": "2" * 64,
    }


def report(run: Run) -> dict[str, Any]:
    """Return the report.json of a good model."""

    def value(numerator: int) -> dict[str, object]:
        ends = {"low": {"numerator": 0, "denominator": 1}, "high": {"numerator": 1, "denominator": 1}}
        return {"numerator": numerator, "denominator": 2, "unit": "share", "samples": 2, **ends}

    return {
        "suite": run.spec_record.body["evaluation"]["suite"],
        "samples": 2,
        "samples_sha256": "3" * 64,
        "candidate": {"answer_accuracy": value(2), "language_gap": value(0)},
        "parent": {"answer_accuracy": value(1), "language_gap": value(0)},
        "difference": {"answer_accuracy": value(1), "language_gap": value(0)},
        "further": {},
    }


def model_in(folder: Path, seed: int = 1) -> Path:
    """Write a tiny model and return its folder."""
    return tiny_model.write(folder, seed=seed)


def files_below(run: Run) -> list[str]:
    """Return every file that lies in the folders of a run, by path."""
    root = Path(settings.RUNS_DIR) / str(run.pk)
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def rows() -> dict[str, int]:
    """Return how many rows the tables that a runner can reach have."""
    return {model.__name__: model.objects.count() for model in (Run, Attempt, RunEvent, Runner, RunnerToken)}
