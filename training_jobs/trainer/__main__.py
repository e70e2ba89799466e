"""`python -m training_jobs.trainer RUN_DIR`: train what RUN_DIR/spec.json says, going on from a checkpoint if it can.

Exit 0: RUN_DIR/artifact.json is there. Exit 3: a permanent failure, named in the last event. Exit 4: stopped by
SIGTERM, with a checkpoint. Anything else: trying again may help; the last event says why if it is `failed`.
"""

import signal
import sys
import threading
from pathlib import Path

from training_jobs.trainer.child import leave_after, prepare_process


def main(arguments: list[str]) -> int:
    """Settle the surroundings, then do the job; torch is imported in between."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m training_jobs.trainer RUN_DIR\n")
        return 2
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    prepare_process()
    from training_jobs.trainer import job

    return job.run(Path(arguments[0]), should_stop=stop.is_set)


if __name__ == "__main__":
    leave_after(lambda: main(sys.argv[1:]))
