"""`python -m training_jobs.evaluation RUN_DIR`: measure RUN_DIR/artifact and its base on the suite of evaluation.json.

Exit 0: RUN_DIR/report.json is there. Exit 3: a permanent failure, named in the last event. Anything else: trying again
may help.
"""

import sys
from pathlib import Path

from training_jobs.trainer.child import prepare_process


def main(arguments: list[str]) -> int:
    """Settle the surroundings, then do the job; torch is imported in between."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m training_jobs.evaluation RUN_DIR\n")
        return 2
    prepare_process()
    from training_jobs.evaluation import job

    return job.run(Path(arguments[0]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
