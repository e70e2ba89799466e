"""What a request of computing is called: in its community's log, and among those of all communities."""

from training_jobs.models import ComputeRequest, Preview, Run


def of_run(run: Run, slot: int) -> str:
    """Return the name for a place of a run."""
    return f"run:{run.pk}/{slot}" if slot else f"run:{run.pk}"


def of_preview(preview: Preview) -> str:
    """Return the name for a preview."""
    return f"preview:{preview.pk}"


def id_of(request: ComputeRequest) -> str:
    """Return how the scheduler tells a request from those of all communities."""
    return request.name
