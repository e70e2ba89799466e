"""What a machine says that it made, in the form that a run's record has: read here, believed nowhere."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from governance.clock import unix
from governance.errors import Invalid
from models_registry.provenance import shapes
from training_jobs.models import Attempt

# What a description says beside its files.
REPORTED = ("steps", "tokens", "code_digest", "environment", "trace_sha256")


def run_body(attempt: Attempt, description: Mapping[str, Any], isolation: str, finished_at: datetime) -> dict[str, Any]:
    """Return the body of a run's record; raise Invalid for a description of another form."""
    body = {
        "run": attempt.run_id,
        "attempt": attempt.number,
        "started_at": unix(attempt.started_at),
        "finished_at": unix(finished_at),
        "artifact": description.get("files"),
        "isolation": isolation,
        **{name: description.get(name) for name in REPORTED},
    }
    require_form("run", body)
    return body


def require_whole(said: Mapping[str, Any]) -> None:
    """Refuse what was made under the bounds of a preview: it is no part of what was voted on."""
    if "preview" in said:
        raise Invalid("preview_not_a_result", "this was made for a preview, and is no result of a run", field="preview")


def require_form(kind: str, body: dict[str, Any]) -> None:
    """Refuse what a child reported in another form than its record has: no verifier would read it."""
    wrong = shapes.BODIES[kind](body)
    if wrong:
        raise Invalid("malformed_result", f"what was reported for the {kind} cannot be read: {wrong}")
