"""How a child process ends: with the status of its work, whatever would happen while the interpreter is taken apart."""

import subprocess
import sys

import pytest

ABORTING = """
import atexit, os
atexit.register(os.abort)
from training_jobs.trainer.child import leave_after
def work():
    print("said", flush=False)
    {ends}
leave_after(work)
"""


@pytest.mark.parametrize(
    ("ends", "status", "complaint"),
    [("return 0", 0, ""), ("return 4", 4, ""), ("raise ValueError('wrong')", 1, "ValueError: wrong")],
)
def test_the_status_is_that_of_the_work_and_nothing_said_is_lost(ends: str, status: int, complaint: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", ABORTING.format(ends=ends)], capture_output=True, text=True, check=False
    )
    assert finished.returncode == status
    assert finished.stdout == "said\n"
    assert complaint in finished.stderr
