"""What a proposal of an update promised, with what its run measured. Reads only; `promises` compares."""

from governance.models import Proposal
from models_registry.promises import Delivered, delivered
from training_jobs.models import Run


def promises_of(proposal: Proposal, run: Run | None) -> tuple[Delivered, ...]:
    """Return each promise with what became of it; nothing before the result is measured."""
    if run is None or run.evaluation_record is None:
        return ()
    return delivered(proposal.payload, run.evaluation_record.body, run.model.name)
