"""`python -m training_jobs.trial RUN_DIR`: train what RUN_DIR/spec.json says with and without one of its datasets.

RUN_DIR is laid out as for a run (spec.json, inputs/, evaluation.json), and has trial-of.json beside it:
{"dataset": digest, "steps": N, "samples": K}. Exit 0: RUN_DIR/trial.json is there, and no weights are. Exit 3: a
permanent failure, named in the last event. Anything else: trying again may help.
"""

import sys
from pathlib import Path

from training_jobs.trainer.child import leave_after, prepare_process


def main(arguments: list[str]) -> int:
    """Settle the surroundings, then do the job; torch is imported in between."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m training_jobs.trial RUN_DIR\n")
        return 2
    prepare_process()
    from training_jobs.trial import job

    return job.run(Path(arguments[0]))


if __name__ == "__main__":
    leave_after(lambda: main(sys.argv[1:]))
